//! Private keys that live as long as the program.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Error, KeyEntry, KeyStore, PassphraseSource};
use crate::crypto::{PrivateKey, SecretBytes, Signer};
use crate::tuf::{Gun, KeyId, canonical_key_id};

/// Keys in memory, which need no passphrase.
#[derive(Default)]
pub struct MemoryKeys {
    keys: Mutex<BTreeMap<KeyId, Kept>>,
}

struct Kept {
    entry: KeyEntry,
    pkcs8: SecretBytes,
}

impl MemoryKeys {
    /// No keys.
    pub fn new() -> MemoryKeys {
        MemoryKeys::default()
    }

    /// Puts a key in.
    pub fn insert(&self, key: &PrivateKey, role: &str, gun: Option<&Gun>) -> KeyId {
        let id = canonical_key_id(key.public());
        let role = Some(role.to_owned()).filter(|role| !role.is_empty());
        let gun = gun.map(|gun| gun.as_str().to_owned());
        let entry = KeyEntry { id, role, gun, is_unreadable: false };
        self.keys().insert(id, Kept { entry, pkcs8: key.to_notary_pkcs8() });
        id
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<KeyId, Kept>> {
        // Each change is a single insertion or removal: nothing is ever half done.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for MemoryKeys {
    fn list(&self) -> Result<Vec<KeyEntry>, Error> {
        Ok(self.keys().values().map(|kept| kept.entry.clone()).collect())
    }

    fn signer(&self, id: &KeyId, _: &mut dyn PassphraseSource) -> Result<Box<dyn Signer>, Error> {
        let keys = self.keys();
        let kept = keys.get(id).ok_or(Error::NoSuchKey { id: *id })?;
        let key = PrivateKey::from_pkcs8(&kept.pkcs8).map_err(|source| Error::Key { source })?;
        Ok(Box::new(key))
    }

    fn store(
        &self,
        key: &PrivateKey,
        role: &str,
        gun: Option<&Gun>,
        _: &mut dyn PassphraseSource,
    ) -> Result<KeyId, Error> {
        Ok(self.insert(key, role, gun))
    }

    fn remove(&self, id: &KeyId) -> Result<(), Error> {
        self.keys().remove(id).map(|_| ()).ok_or(Error::NoSuchKey { id: *id })
    }
}
