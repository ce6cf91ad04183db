//! The first root of a collection (Notary `client/client.go`, `Initialize`).

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::rotation::{RootSheet, root_key};
use super::{Draft, Error, Signers, expiry};
use crate::crypto::Signer;
use crate::tuf::{Dialect, Gun, Key, Naming, Role, RoleName, Root, Version};

/// What a new collection is made of.
pub struct Founding<'s> {
    /// Its name.
    pub gun: &'s Gun,
    /// Signs the root; its certificate for this collection is made here.
    pub root: &'s dyn Signer,
    /// Signs targets.
    pub targets: &'s dyn Signer,
    /// Signs snapshots.
    pub snapshot: SnapshotKey<'s>,
    /// The server's timestamp key.
    pub timestamp: Key,
    /// The time of signing.
    pub now: Instant,
}

/// Who signs snapshots.
pub enum SnapshotKey<'s> {
    /// The server, with this key: what docker always asks for.
    Server(Key),
    /// The publisher.
    Local(&'s dyn Signer),
}

impl Founding<'_> {
    /// Signs the first root and starts a draft on it, with no targets yet.
    ///
    /// The root key's certificate is valid for ten years from now and names only the collection.
    ///
    /// # Errors
    ///
    /// [`Error::Signing`] when the root key cannot sign.
    pub fn draft(&self, dialect: Dialect) -> Result<Draft, Error> {
        let root_key = root_key(dialect, self.gun, self.root, self.now)?;
        let targets = dialect.key(self.targets.public());
        let snapshot = match &self.snapshot {
            SnapshotKey::Server(key) => key.clone(),
            SnapshotKey::Local(signer) => dialect.key(signer.public()),
        };
        let timestamp = self.timestamp.clone();
        let root = Root {
            version: Version::ONE,
            expires: expiry(&RoleName::Root, self.now),
            naming: Naming::ByHash,
            root: Role::single(root_key.id()),
            targets: Role::single(targets.id()),
            snapshot: Role::single(snapshot.id()),
            timestamp: Role::single(timestamp.id()),
            keys: BTreeMap::from_iter(
                [root_key, targets, snapshot, timestamp].map(|key| (key.id(), key)),
            ),
        };
        let message = dialect.root_message(&root);
        let keys: Vec<&Key> = root.keys_of(&root.root).collect();
        let signers: Signers<'_> = [self.root].into_iter().collect();
        let sealed = signers.seal(&RoleName::Root, &root.root, &keys, dialect, &message)?;
        Ok(Draft::found(dialect, RootSheet::first(root, sealed)))
    }
}
