//! Founding a collection that is not there yet, and what becomes of the keys made for it.

use super::Error;
use super::signers::KeyRing;
use crate::client::{self, Foundation, Refreshed};
use crate::crypto::Certificate;
use crate::edit::Draft;
use crate::net::{self, Remote};
use crate::tuf::{KeyId, OnlineRoles};
use crate::verify::Policy;

/// What to do when the server has no such collection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfAbsent {
    /// There is nothing to change.
    Refuse,
    /// Found it, as docker's push does.
    Found {
        /// The root key; else the first one here, else a new one.
        root_key: Option<KeyId>,
        /// Whether the snapshot key is kept here instead of at the server.
        local_snapshot: bool,
    },
}

/// Keys made for a collection that is being founded.
#[derive(Clone, Copy)]
pub(super) struct FoundingKeys {
    pub(super) root: KeyId,
    targets: KeyId,
    snapshot: Option<KeyId>,
    timestamp: Option<KeyId>,
}

impl FoundingKeys {
    /// Makes the collection's own keys, all or none, and finds or makes the root key. Where no server
    /// signs, the keys of snapshot and timestamp are among them.
    pub(super) fn make(
        keys: &mut KeyRing<'_>,
        policy: &Policy,
        root_key: Option<KeyId>,
        local_snapshot: bool,
    ) -> Result<Self, Error> {
        let root = keys.root_key(root_key)?;
        let targets = keys.generate("targets", Some(&policy.gun))?;
        let mut made = Self { root, targets, snapshot: None, timestamp: None };
        if let Err(error) = made.complete(keys, policy, local_snapshot) {
            made.abandon(keys)?;
            return Err(error);
        }
        Ok(made)
    }

    fn complete(
        &mut self,
        keys: &mut KeyRing<'_>,
        policy: &Policy,
        local_snapshot: bool,
    ) -> Result<(), Error> {
        let gun = Some(&policy.gun);
        let serverless = policy.dialect.online_roles() == OnlineRoles::Publisher;
        if local_snapshot || serverless {
            self.snapshot = Some(keys.generate("snapshot", gun)?);
        }
        if serverless {
            self.timestamp = Some(keys.generate("timestamp", gun)?);
        }
        Ok(())
    }

    /// Drafts the first root, with that certificate of the root key if one is given.
    pub(super) async fn draft(
        &self,
        keys: &KeyRing<'_>,
        policy: &Policy,
        remote: &impl Remote,
        certificate: Option<&Certificate>,
    ) -> Result<Draft, Error> {
        let signer = |id: &KeyId| {
            keys.signer(id).ok_or(Error::Keys(crate::keys::Error::NoSuchKey { id: *id }))
        };
        let snapshot = self.snapshot.as_ref().map(signer).transpose()?;
        let timestamp = self.timestamp.as_ref().map(signer).transpose()?;
        let (root, targets) = (signer(&self.root)?, signer(&self.targets)?);
        let foundation = Foundation { root, targets, snapshot, timestamp, certificate };
        Ok(client::initialise(policy, remote, foundation).await?)
    }

    /// Whether this collection was founded with these keys.
    pub(super) fn founded(&self, known: &Refreshed) -> bool {
        known.targets.root().content().targets.keyids().contains(&self.targets)
    }

    /// Removes the collection's own keys, after a founding that did not happen.
    pub(super) fn abandon(self, keys: &mut KeyRing<'_>) -> Result<(), Error> {
        keys.discard(&self.targets)?;
        self.snapshot.into_iter().chain(self.timestamp).try_for_each(|id| keys.discard(&id))
    }
}

/// Whether the server certainly took nothing.
pub(super) fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Client(client::Error::Net(error)) => matches!(
            error,
            net::Error::Refused { .. }
                | net::Error::Unauthorised { .. }
                | net::Error::Conflict { .. }
        ),
        Error::Client(_) => false,
        _ => true,
    }
}
