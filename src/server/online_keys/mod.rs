//! The keys with which the server signs timestamps, and snapshots that are left to it: computed from
//! one secret, or those that notary-signer keeps.

mod own;
mod shut;
mod signer;

use std::sync::Arc;

use super::{Clock, Error, MasterSecret};
use crate::crypto::{self, Algorithm, PrivateKey};
use crate::storage::metadata::{KeyRecord, MetadataStore};
use crate::storage::signer::SignerTable;
use crate::tuf::{Gun, Key, RoleName, Root};
use own::OwnKeys;
use shut::Shut;
use signer::SignerKeys;

pub use signer::Passphrases;

/// The online keys of all collections.
pub struct OnlineKeys {
    source: Source,
    pub(super) shut: Shut,
}

enum Source {
    Own(Box<OwnKeys>),
    Signer(SignerKeys),
}

/// Keys at hand for a root, and those among them that are not stored yet.
pub(super) struct Found {
    pub(super) keys: Vec<Arc<PrivateKey>>,
    pub(super) new: Vec<KeyRecord>,
}

impl OnlineKeys {
    /// Keys under this secret; new ones are of this algorithm, P-256 or Ed25519.
    ///
    /// # Errors
    ///
    /// [`crypto::Error::NotGenerated`] for other algorithms.
    pub fn new(master: &MasterSecret, algorithm: Algorithm) -> Result<Self, crypto::Error> {
        let keys = OwnKeys::new(master, supported(algorithm)?)?;
        Ok(Self { source: Source::Own(Box::new(keys)), shut: Shut::default() })
    }

    /// The keys in notary-signer's table, whose passphrases are these; new ones are of this
    /// algorithm, P-256 or Ed25519.
    ///
    /// # Errors
    ///
    /// [`crypto::Error::NotGenerated`] for other algorithms.
    pub fn of_signer(
        table: Arc<dyn SignerTable>,
        passphrases: Passphrases,
        algorithm: Algorithm,
        clock: Clock,
    ) -> Result<Self, crypto::Error> {
        let keys = SignerKeys::new(table, passphrases, supported(algorithm)?, clock);
        Ok(Self { source: Source::Signer(keys), shut: Shut::default() })
    }

    /// The key with which the next root may have this role signed.
    pub(super) async fn next(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        role: &RoleName,
    ) -> Result<Key, Error> {
        match &self.source {
            Source::Own(keys) => keys.next(store, gun, role).await,
            Source::Signer(keys) => keys.next(gun, role).await,
        }
    }

    /// The key of that role that this root names and that is at hand, if there is one.
    pub(super) async fn current(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        role: &RoleName,
        root: &Root,
    ) -> Result<Option<Key>, Error> {
        let found = match &self.source {
            Source::Own(keys) => keys.current(store, gun, role, root).await,
            Source::Signer(keys) => keys.current(gun, role, root).await,
        };
        found.inspect_err(|error| self.shut.note(gun, error))
    }

    /// The online keys that this root names and that are at hand, to sign with.
    pub(super) async fn of_root(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        root: &Root,
    ) -> Result<Found, Error> {
        let found = match &self.source {
            Source::Own(keys) => keys.of_root(store, gun, root).await,
            Source::Signer(keys) => keys.of_root(gun, root).await,
        };
        match &found {
            Ok(_) => self.shut.forget(gun),
            Err(error) => self.shut.note(gun, error),
        }
        found
    }
}

fn supported(algorithm: Algorithm) -> Result<Algorithm, crypto::Error> {
    match ALGORITHMS.contains(&algorithm) {
        true => Ok(algorithm),
        false => Err(crypto::Error::NotGenerated { algorithm }),
    }
}

const ALGORITHMS: [Algorithm; 2] = [Algorithm::EcdsaP256, Algorithm::Ed25519];
