//! A collection signed here and not published yet (Notary 0.7 `client/client.go`, `initialize`).

use crate::client;
use crate::crypto::Certificate;
use crate::docker::founding::FoundingKeys;
use crate::docker::signers::KeyRing;
use crate::docker::{Collection, Error};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::{Remote, RemoteFile};
use crate::storage::Cache;
use crate::tuf::{KeyId, RoleName};

/// How to prepare a collection.
#[derive(Clone, Debug, Default)]
pub struct Preparation {
    /// The root key; else the first one here, else a new one.
    pub root_key: Option<KeyId>,
    /// The root key's certificate for the collection; else one is made.
    pub certificate: Option<Certificate>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prepared {
    /// Keys were made and a first root was signed with this root key.
    Made(KeyId),
    /// It was prepared before, and is as it was.
    Before,
    /// The server has it, or had it when it was looked at from here; nothing was touched.
    Published,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Makes the keys of a new collection, targets and snapshot keys to be kept here, and leaves a
    /// signed root, targets and snapshot in the cache; the first publication takes them up.
    ///
    /// Nothing that is there is touched: Notary's `init` would take the trusted root away from a
    /// collection that is published.
    ///
    /// # Errors
    ///
    /// [`Error`]; then no key of the collection is left behind.
    pub async fn prepare(
        &self,
        preparation: &Preparation,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Prepared, Error> {
        if let Some(found) = self.before()? {
            return Ok(found);
        }
        let root = RemoteFile::Current(RoleName::Root);
        let fetched = self.server()?.fetch(&root, self.policy().limits.root_bytes).await;
        if fetched.map_err(client::Error::from)?.is_some() {
            return Ok(Prepared::Published);
        }
        let mut ring = KeyRing::new(store, passphrases)?;
        let keys = FoundingKeys::make(&mut ring, self.policy(), preparation.root_key, true)?;
        match self.sign_and_keep(&keys, preparation.certificate.as_ref(), &ring).await {
            Ok(()) => Ok(Prepared::Made(keys.root)),
            Err(error) => {
                keys.abandon(&mut ring)?;
                Err(error)
            }
        }
    }

    /// What the cache has of it already.
    fn before(&self) -> Result<Option<Prepared>, Error> {
        let cache = self.cache();
        let memory = cache.memory().map_err(client::Error::from)?;
        let has = |role: RoleName| {
            let found = cache.read(&role, self.policy().limits.bytes(&role));
            found.map(|found| found.is_some()).map_err(client::Error::from)
        };
        let published = has(RoleName::Timestamp)? || memory.root.is_some();
        Ok(match (has(RoleName::Root)?, published) {
            (_, true) => Some(Prepared::Published),
            (true, false) => Some(Prepared::Before),
            (false, false) => None,
        })
    }

    async fn sign_and_keep(
        &self,
        keys: &FoundingKeys,
        certificate: Option<&Certificate>,
        ring: &KeyRing<'_>,
    ) -> Result<(), Error> {
        let policy = self.policy();
        let draft = keys.draft(ring, policy, self.server()?, certificate).await?;
        let update = draft.sign(policy.now, &ring.signers())?;
        Ok(self.cache().prepare(update.files()).map_err(client::Error::from)?)
    }
}
