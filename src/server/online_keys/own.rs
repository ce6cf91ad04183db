//! The keys with which the server signs timestamps, and snapshots that are left to it.
//!
//! A key that is not in use yet is not stored: it is computed from the master secret, the
//! collection, the role and how many keys were in use before. So asking for the key of a collection
//! that will never be costs nothing and leaves nothing, every replica gives the same answer, and
//! asking twice gives the same key. From the publication whose root first names it, a key lies in
//! the store, encrypted under the master secret.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};
use ring::{aead, hkdf};
use zeroize::Zeroizing;

use super::{ALGORITHMS, Error, Kept, MasterSecret, ROLES};
use crate::crypto::{self, Algorithm, PrivateKey, SecretBytes, Signer};
use crate::server::secret::expand;
use crate::storage::metadata::{KeyRecord, MetadataStore};
use crate::tuf::{Dialect, Gun, Key, KeyId, RoleName, Root};

pub(super) struct OwnKeys {
    prk: hkdf::Prk,
    algorithm: Algorithm,
    sealing: aead::LessSafeKey,
    open: Mutex<HashMap<(Gun, RoleName, KeyId), Arc<PrivateKey>>>,
    asked: Mutex<HashMap<Unused, Arc<PrivateKey>>>,
}

/// Of what a key that is not in use is computed: collection, role, how many were used before,
/// algorithm.
type Unused = (Gun, RoleName, usize, String);

impl OwnKeys {
    pub(super) fn new(master: &MasterSecret, algorithm: Algorithm) -> Result<Self, crypto::Error> {
        let prk = master.extracted();
        let sealing = Zeroizing::new(expand(&prk, &[b"seal"]));
        let sealing = aead::UnboundKey::new(&aead::AES_256_GCM, sealing.as_slice())
            .map_err(|_| crypto::Error::NoRandom)?;
        let sealing = aead::LessSafeKey::new(sealing);
        Ok(Self { prk, algorithm, sealing, open: Mutex::default(), asked: Mutex::default() })
    }

    /// The key with which the next root may have this role signed.
    pub(super) async fn next(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        role: &RoleName,
    ) -> Result<Key, Error> {
        let used = of_role(&store.keys(gun).await?, role).count();
        let key = self.unused(gun, role, used, self.algorithm)?;
        Ok(Dialect::Notary.key(key.public()))
    }

    /// The key of that role that this root names and that is at hand, if there is one.
    pub(super) async fn current(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        role: &RoleName,
        root: &Root,
    ) -> Result<Option<Key>, Error> {
        let stored = store.keys(gun).await?;
        let found = self.of_role(&stored, gun, role, root)?;
        Ok(found.keys.first().map(|key| Dialect::Notary.key(key.public())))
    }

    /// The online keys that this root names and that are at hand.
    pub(super) async fn of_root(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        root: &Root,
    ) -> Result<Kept, Error> {
        let known = |role| self.opened(gun, role, root);
        let (timestamp, snapshot) = (known(&RoleName::Timestamp), known(&RoleName::Snapshot));
        if let (Some(timestamp), Some(snapshot)) = (timestamp, snapshot) {
            return Ok(Kept { keys: vec![timestamp, snapshot], new: Vec::new() });
        }
        if let Some(first) = self.first(gun, root)? {
            return Ok(first);
        }
        let stored = store.keys(gun).await?;
        let mut found = self.of_role(&stored, gun, &RoleName::Timestamp, root)?;
        let snapshot = self.of_role(&stored, gun, &RoleName::Snapshot, root)?;
        found.keys.extend(snapshot.keys);
        found.new.extend(snapshot.new);
        Ok(found)
    }

    /// The first keys of a collection, if both were asked for and are named now. The store has
    /// nothing to say of them: they were not in use, and now they are.
    fn first(&self, gun: &Gun, root: &Root) -> Result<Option<Kept>, Error> {
        let mut first = Kept { keys: Vec::new(), new: Vec::new() };
        for role in ROLES {
            let place = (gun.clone(), role.clone(), 0, self.algorithm.to_string());
            let Some(key) = self.asked().remove(&place) else { return Ok(None) };
            let id = Dialect::Notary.key(key.public()).id();
            if !root.role(&role).is_some_and(|role| role.keyids().contains(&id)) {
                return Ok(None);
            }
            first.new.push(self.seal(gun, &role, id, &key)?);
            first.keys.push(key);
        }
        Ok(Some(first))
    }

    fn of_role(
        &self,
        stored: &[KeyRecord],
        gun: &Gun,
        role: &RoleName,
        root: &Root,
    ) -> Result<Kept, Error> {
        let mut found = Kept { keys: Vec::new(), new: Vec::new() };
        found.keys.extend(self.opened(gun, role, root));
        let named = root.role(role).map(|role| role.keyids()).unwrap_or_default();
        if found.keys.is_empty() {
            for record in of_role(stored, role).filter(|record| named.contains(&record.id)) {
                found.keys.push(self.keep(record, Arc::new(self.unseal(record)?)));
            }
        }
        let used = of_role(stored, role).count();
        for algorithm in self.algorithms() {
            if !found.keys.is_empty() {
                break;
            }
            let key = self.unused(gun, role, used, algorithm)?;
            let id = Dialect::Notary.key(key.public()).id();
            if named.contains(&id) {
                found.new.push(self.seal(gun, role, id, &key)?);
                found.keys.push(key);
            }
        }
        Ok(found)
    }

    /// A key that is not in use yet; whoever asks for one is likely to come back with a root that
    /// names it.
    fn unused(
        &self,
        gun: &Gun,
        role: &RoleName,
        used: usize,
        algorithm: Algorithm,
    ) -> Result<Arc<PrivateKey>, crypto::Error> {
        let place = (gun.clone(), role.clone(), used, algorithm.to_string());
        if let Some(key) = self.asked().get(&place) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.derive(gun, role, used, algorithm)?);
        let mut asked = self.asked();
        if asked.len() >= MAX_ASKED {
            asked.clear();
        }
        asked.insert(place, Arc::clone(&key));
        Ok(key)
    }

    /// The usual algorithm, and then the other one, which may have been usual before.
    fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let usual = self.algorithm;
        let others = ALGORITHMS.into_iter().filter(move |algorithm| *algorithm != usual);
        std::iter::once(usual).chain(others)
    }

    /// A key that no one else can compute, and that we can compute again.
    fn derive(
        &self,
        gun: &Gun,
        role: &RoleName,
        used: usize,
        algorithm: Algorithm,
    ) -> Result<PrivateKey, crypto::Error> {
        let (number, name) = (used.to_string(), algorithm.to_string());
        let mut answer = Err(crypto::Error::NoRandom);
        // Of the values that are tried, one in four thousand million is no scalar of the curve.
        for attempt in 0..4_u8 {
            let place = [
                name.as_bytes(),
                gun.as_str().as_bytes(),
                role.as_str().as_bytes(),
                number.as_bytes(),
                &[attempt],
            ];
            let info =
                place.map(|part| [&(part.len() as u32).to_be_bytes(), part].concat()).concat();
            let secret = Zeroizing::new(expand(&self.prk, &[b"key", &info]));
            answer = PrivateKey::from_secret(algorithm, &secret);
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    fn seal(
        &self,
        gun: &Gun,
        role: &RoleName,
        id: KeyId,
        key: &PrivateKey,
    ) -> Result<KeyRecord, crypto::Error> {
        let mut nonce = [0; aead::NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| crypto::Error::NoRandom)?;
        let mut record = KeyRecord { id, gun: gun.clone(), role: role.clone(), sealed: Vec::new() };
        let mut secret = key.to_notary_pkcs8();
        let tag = self
            .sealing
            .seal_in_place_separate_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(place(&record)),
                &mut secret,
            )
            .map_err(|_| crypto::Error::NoRandom)?;
        record.sealed = [&[FORM], nonce.as_slice(), &secret, tag.as_ref()].concat();
        Ok(record)
    }

    fn unseal(&self, record: &KeyRecord) -> Result<PrivateKey, Error> {
        let shut = || Error::Sealed { role: record.role.clone(), id: record.id };
        let sealed = record.sealed.strip_prefix(&[FORM]).ok_or_else(shut)?;
        let (nonce, sealed) = sealed.split_at_checked(aead::NONCE_LEN).ok_or_else(shut)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| shut())?;
        let mut buffer = SecretBytes::from(sealed);
        let plain = self
            .sealing
            .open_in_place(nonce, aead::Aad::from(place(record)), &mut buffer)
            .map_err(|_| shut())?;
        PrivateKey::from_pkcs8(plain).map_err(|_| shut())
    }

    fn opened(&self, gun: &Gun, role: &RoleName, root: &Root) -> Option<Arc<PrivateKey>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let named = root.role(role)?.keyids().iter();
        let place = |id: &KeyId| (gun.clone(), role.clone(), *id);
        named.filter_map(|id| open.get(&place(id))).next().map(Arc::clone)
    }

    fn keep(&self, record: &KeyRecord, key: Arc<PrivateKey>) -> Arc<PrivateKey> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        let place = (record.gun.clone(), record.role.clone(), record.id);
        open.insert(place, Arc::clone(&key));
        key
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<Unused, Arc<PrivateKey>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_role<'k>(stored: &'k [KeyRecord], role: &'k RoleName) -> impl Iterator<Item = &'k KeyRecord> {
    stored.iter().filter(move |record| record.role == *role)
}

/// Binds a sealed key to its place: it opens nowhere else.
fn place(record: &KeyRecord) -> Vec<u8> {
    format!("{}\0{}\0{}", record.id, record.gun, record.role).into_bytes()
}

/// The form of a sealed key: AES-256-GCM, nonce first.
const FORM: u8 = 1;
const MAX_OPEN: usize = 4096;
const MAX_ASKED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> OwnKeys {
        let master = MasterSecret::new(Zeroizing::new([byte; 32]));
        OwnKeys::new(&master, Algorithm::EcdsaP256).expect("P-256 can be made")
    }

    fn gun(name: &str) -> Gun {
        Gun::raw(name).expect("a name")
    }

    #[test]
    fn every_place_has_a_key_of_its_own_and_always_the_same() {
        let (keys, role) = (keys(1), RoleName::Timestamp);
        let id = |keys: &OwnKeys, name: &str, role: &RoleName, used, algorithm| {
            let key = keys.derive(&gun(name), role, used, algorithm).expect("a key");
            Dialect::Notary.key(key.public()).id()
        };
        let p256 = Algorithm::EcdsaP256;
        let first = id(&keys, "a", &role, 0, p256);
        assert_eq!(first, id(&keys, "a", &role, 0, p256));
        for other in [
            id(&keys, "b", &role, 0, p256),
            id(&keys, "a", &RoleName::Snapshot, 0, p256),
            id(&keys, "a", &role, 1, p256),
            id(&keys, "a", &role, 0, Algorithm::Ed25519),
            id(&self::keys(2), "a", &role, 0, p256),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_sealed_key_opens_only_in_its_place_and_under_its_secret() {
        let (ours, role) = (keys(1), RoleName::Timestamp);
        let key = ours.derive(&gun("a"), &role, 0, Algorithm::Ed25519).expect("a key");
        let id = Dialect::Notary.key(key.public()).id();
        let record = ours.seal(&gun("a"), &role, id, &key).expect("sealed");
        let opened = ours.unseal(&record).expect("opened");
        assert_eq!(opened.public(), key.public());
        assert!(keys(2).unseal(&record).is_err());
        assert!(ours.unseal(&KeyRecord { gun: gun("b"), ..record.clone() }).is_err());
        assert!(ours.unseal(&KeyRecord { role: RoleName::Snapshot, ..record.clone() }).is_err());
        for length in 0..record.sealed.len() {
            let sealed = record.sealed[..length].to_vec();
            assert!(ours.unseal(&KeyRecord { sealed, ..record.clone() }).is_err());
        }
    }
}
