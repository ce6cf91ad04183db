//! The first root of a collection (Notary `client/client.go`, `Initialize`).

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::root::{RootSheet, check_key, root_key};
use super::{Draft, Error, Signers, expiry};
use crate::crypto::{Certificate, CertificateBundle, PublicKey, Signer};
use crate::tuf::{Dialect, Gun, Key, Role, RoleName, Root, Unknown, Version};
use crate::verify::is_certificate_for;

/// What a new collection is made of.
pub struct Founding<'s> {
    /// Its name.
    pub gun: &'s Gun,
    /// Signs the root.
    pub root: &'s dyn Signer,
    /// Its certificate for this collection; without one it is made here. Where root keys are bare
    /// it has none.
    pub certificate: Option<&'s Certificate>,
    /// Signs targets.
    pub targets: &'s dyn Signer,
    /// Signs snapshots.
    pub snapshot: SnapshotKey<'s>,
    /// Whose timestamps are believed: the server's key, or the publisher's own.
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
    /// A certificate that is made here is valid for ten years from now and names only the
    /// collection.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`] when the given certificate cannot speak for the collection,
    /// [`Error::UnusableKey`] for a kind of key that the dialect has no form for,
    /// [`Error::Signing`] when the root key cannot sign.
    pub fn draft(&self, dialect: Dialect) -> Result<Draft, Error> {
        let root_key = match self.certificate {
            Some(certificate) => self.certified(dialect, certificate)?,
            None => root_key(dialect, self.gun, self.root, self.now)?,
        };
        let targets = dialect.key(self.targets.public());
        let snapshot = match &self.snapshot {
            SnapshotKey::Server(key) => key.clone(),
            SnapshotKey::Local(signer) => dialect.key(signer.public()),
        };
        let timestamp = self.timestamp.clone();
        for (role, key) in [
            (RoleName::Root, &root_key),
            (RoleName::Targets, &targets),
            (RoleName::Snapshot, &snapshot),
            (RoleName::Timestamp, &timestamp),
        ] {
            check_key(dialect, &role, key)?;
        }
        let root = Root {
            version: Version::ONE,
            expires: expiry(&RoleName::Root, self.now),
            naming: dialect.naming(),
            root: Role::single(root_key.id()),
            targets: Role::single(targets.id()),
            snapshot: Role::single(snapshot.id()),
            timestamp: Role::single(timestamp.id()),
            keys: BTreeMap::from_iter(
                [root_key, targets, snapshot, timestamp].map(|key| (key.id(), key)),
            ),
            unknown: Unknown::default(),
        };
        let message = dialect.root_message(&root);
        let keys: Vec<&Key> = root.keys_of(&root.root).collect();
        let signers: Signers<'_> = [self.root].into_iter().collect();
        let sealed = signers.seal(&RoleName::Root, &root.root, &keys, dialect, &message)?;
        Ok(Draft::found(dialect, RootSheet::first(root, sealed)))
    }

    /// The root key with its given certificate. What clients would refuse is refused before
    /// anything is signed with it.
    fn certified(&self, dialect: Dialect, certificate: &Certificate) -> Result<Key, Error> {
        let refuse = |problem: String| Err(Error::Certificate { problem });
        let public = certificate.public_key().map(PublicKey::fingerprint);
        if public.ok() != Some(self.root.public().fingerprint()) {
            return refuse("it is not of the root key".to_owned());
        }
        if !certificate.is_valid_at(self.now) {
            let (from, to) = (certificate.not_before(), certificate.not_after());
            return refuse(format!("it is valid from {from:.0} to {to:.0}"));
        }
        if !is_certificate_for(certificate, self.gun) {
            let name = certificate.common_name().unwrap_or_default();
            return refuse(format!("it is for {name:?}, or signed with SHA-1"));
        }
        let failed = |source| Error::Signing { role: RoleName::Root, source };
        let bundle = CertificateBundle::of_leaf(certificate.clone()).map_err(failed)?;
        dialect.certified_key(&bundle).ok_or(Error::Role { role: RoleName::Root })
    }
}
