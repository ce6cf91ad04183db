//! The keys with which the server signs timestamps, and snapshots that are left to it: computed from
//! one secret, or those that notary-signer keeps; before either those on a token, if there is one.

mod held;
mod own;
mod shut;
mod signer;

use std::sync::Arc;

use super::publish::judged;
use super::{Clock, Error, MasterSecret};
use crate::crypto::{self, Algorithm, PrivateKey, Signer, Unjudged};
use crate::edit::Signers;
use crate::storage::metadata::{KeyRecord, MetadataStore};
use crate::storage::signer::SignerTable;
use crate::tuf::{Dialect, Gun, Key, RoleName, Root};
use held::Wanted;
use own::OwnKeys;
use shut::Shut;
use signer::SignerKeys;

pub use held::HeldKeys;
pub use signer::Passphrases;

/// The online keys of all collections.
pub struct OnlineKeys {
    source: Source,
    held: Option<HeldKeys>,
    pub(super) shut: Shut,
}

enum Source {
    Own(Box<OwnKeys>),
    Signer(SignerKeys),
}

/// Keys at hand for a root, and those among them that are not stored yet.
pub(super) struct Found {
    pub(super) keys: AtHand,
    pub(super) new: Vec<KeyRecord>,
}

/// Keys to sign with.
#[derive(Default)]
pub(super) struct AtHand {
    keys: Vec<Arc<dyn Signer>>,
    /// Where to sign, if some of them are on a token.
    token: Option<HeldKeys>,
}

impl AtHand {
    /// Does work that signs, over so many bytes.
    pub(super) async fn sign<T: Send + 'static>(
        self,
        bytes: usize,
        work: impl FnOnce(&Signers<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let Self { keys, token } = self;
        let work = move || work(&keys.iter().map(|key| &**key).collect());
        match token {
            Some(token) => token.sign(work).await,
            None => judged(bytes, work).await,
        }
    }

    fn is_for(&self, root: &Root, role: &RoleName) -> bool {
        let named = root.role(role).map(|role| role.keyids()).unwrap_or_default();
        let id = |key: &Arc<dyn Signer>| Dialect::Notary.key(key.public()).id();
        self.keys.iter().any(|key| named.contains(&id(key)))
    }
}

impl OnlineKeys {
    /// Keys under this secret; new ones are of this algorithm, P-256 or Ed25519.
    ///
    /// # Errors
    ///
    /// [`crypto::Error::NotGenerated`] for other algorithms.
    pub fn new(master: &MasterSecret, algorithm: Algorithm) -> Result<Self, crypto::Error> {
        let keys = OwnKeys::new(master, supported(algorithm)?)?;
        Ok(Self::of(Source::Own(Box::new(keys))))
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
        Ok(Self::of(Source::Signer(keys)))
    }

    fn of(source: Source) -> Self {
        Self { source, held: None, shut: Shut::default() }
    }

    /// From now on new roots name a key that is kept elsewhere; the others go on for those that
    /// name them.
    #[must_use]
    pub fn with_held(self, held: HeldKeys) -> Self {
        Self { held: Some(held), ..self }
    }

    /// What keeps the keys on a token from signing now, if there is one.
    pub(super) async fn problem(&self) -> Option<Error> {
        self.held.as_ref()?.problem().await
    }

    /// The key with which the next root may have this role signed.
    pub(super) async fn next(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        role: &RoleName,
    ) -> Result<Key, Error> {
        if let Some(held) = &self.held {
            return held.next().await;
        }
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
        let roles = std::slice::from_ref(role);
        let (held, missing) = self.held_for(root, roles).await?;
        if let Some(key) = held.keys.first() {
            return Ok(Some(Dialect::Notary.key(key.public())));
        }
        let found = match &self.source {
            Source::Own(keys) => keys.current(store, gun, role, root).await,
            Source::Signer(keys) => keys.current(gun, role, root).await,
        };
        let found = found.inspect_err(|error| self.shut.note(gun, error))?;
        match (found, missing) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// The online keys that this root names and that are at hand, to sign with.
    pub(super) async fn of_root(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        root: &Root,
    ) -> Result<Found, Error> {
        let (mut keys, missing) = self.held_for(root, &ROLES).await?;
        if ROLES.iter().all(|role| keys.is_for(root, role)) {
            return Ok(Found { keys, new: Vec::new() });
        }
        let kept = self.kept_of_root(store, gun, root).await?;
        // What they sign is verified as a client would, before it is stored.
        let unjudged = kept.keys.into_iter().map(Unjudged::new);
        keys.keys.extend(unjudged.map(|key| Arc::new(key) as Arc<dyn Signer>));
        match missing {
            Some(error) if !keys.is_for(root, &RoleName::Timestamp) => Err(error),
            _ => Ok(Found { keys, new: kept.new }),
        }
    }

    async fn kept_of_root(
        &self,
        store: &dyn MetadataStore,
        gun: &Gun,
        root: &Root,
    ) -> Result<Kept, Error> {
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

    /// The keys on a token that a root names for these roles. If the token is out of reach and
    /// nobody knows whether it is needed, why, too.
    async fn held_for(
        &self,
        root: &Root,
        roles: &[RoleName],
    ) -> Result<(AtHand, Option<Error>), Error> {
        let Some(held) = &self.held else { return Ok(Default::default()) };
        let wanted = held.wanted(root, roles);
        if let Wanted::No = wanted {
            return Ok(Default::default());
        }
        match (held.named(root, roles).await, wanted) {
            (Ok(keys), _) => {
                let token = (!keys.is_empty()).then(|| held.clone());
                Ok((AtHand { keys, token }, None))
            }
            (Err(error), Wanted::Perhaps) => Ok((AtHand::default(), Some(error))),
            (Err(error), _) => Err(error),
        }
    }
}

/// Keys that the server or its database has.
struct Kept {
    keys: Vec<Arc<PrivateKey>>,
    new: Vec<KeyRecord>,
}

fn supported(algorithm: Algorithm) -> Result<Algorithm, crypto::Error> {
    match ALGORITHMS.contains(&algorithm) {
        true => Ok(algorithm),
        false => Err(crypto::Error::NotGenerated { algorithm }),
    }
}

/// What the server may have to sign.
const ROLES: [RoleName; 2] = [RoleName::Timestamp, RoleName::Snapshot];
const ALGORITHMS: [Algorithm; 2] = [Algorithm::EcdsaP256, Algorithm::Ed25519];
