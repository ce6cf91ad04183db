//! Founding a collection on a server.

use std::sync::Arc;

use super::Error;
use crate::crypto::{Certificate, Signer};
use crate::edit::{Draft, Founding, SnapshotKey};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Key, RoleName, Version};
use crate::verify::{Baseline, Policy, TrustedRoot};

/// The publisher's keys of a new collection.
#[derive(Clone, Copy)]
pub struct Foundation<'s> {
    /// Signs the root.
    pub root: &'s dyn Signer,
    /// Signs targets.
    pub targets: &'s dyn Signer,
    /// Signs snapshots; without it the server does, as docker wants.
    pub snapshot: Option<&'s dyn Signer>,
    /// Signs timestamps; without it the server does.
    pub timestamp: Option<&'s dyn Signer>,
    /// The root key's certificate for this collection; without one it is made here.
    pub certificate: Option<&'s Certificate>,
}

impl<'s> Foundation<'s> {
    /// As docker founds: the server signs snapshots, and the root key certifies itself.
    pub fn new(root: &'s dyn Signer, targets: &'s dyn Signer) -> Self {
        Self { root, targets, snapshot: None, timestamp: None, certificate: None }
    }
}

/// Asks the server for the keys that it is to sign with, and starts a draft on a new, signed root.
/// Nothing is published.
///
/// # Errors
///
/// [`Error::Net`], [`Error::ServerKey`] or [`Error::Edit`]; and of `verify`, if the hosts that pin the
/// collection as this one does would refuse the root.
pub async fn initialise(
    policy: &Policy,
    remote: &impl Remote,
    foundation: Foundation<'_>,
) -> Result<Draft, Error> {
    // One after the other: a notary-server that keeps its keys in itself dies of two at a time
    // (Notary 0.7 `tuf/signed/ed25519.go`, `addKey`, an unguarded map).
    let timestamp = match foundation.timestamp {
        Some(signer) => policy.dialect.key(signer.public()),
        None => server_key(policy, remote, RoleName::Timestamp).await?,
    };
    let snapshot = match foundation.snapshot {
        Some(signer) => SnapshotKey::Local(signer),
        None => SnapshotKey::Server(server_key(policy, remote, RoleName::Snapshot).await?),
    };
    let founding = Founding {
        gun: &policy.gun,
        root: foundation.root,
        certificate: foundation.certificate,
        targets: foundation.targets,
        snapshot,
        timestamp,
        now: policy.now,
    };
    let draft = founding.draft(policy.dialect)?;
    let root = draft.root();
    policy.check_pins(root, root.keys_of(&root.root))?;
    Ok(draft)
}

/// A draft on a first root that was signed earlier and never published; `None` if the cache has
/// none. That is how Notary's `init` leaves a collection (Notary `client/client.go`,
/// `bootstrapRepo`): with a root and no timestamp, which only a server makes.
///
/// # Errors
///
/// [`Error`] if there is such a root and it is not one of this collection, or does not satisfy its
/// pin.
pub fn resume(policy: &Arc<Policy>, cache: &impl Cache) -> Result<Option<Draft>, Error> {
    let Some(bytes) = cache.read(&RoleName::Root, policy.limits.root_bytes)? else {
        return Ok(None);
    };
    let root = TrustedRoot::restore(Arc::clone(policy), &bytes)?.current(&Baseline::default())?;
    match root.content().version {
        Version::ONE => Ok(Some(Draft::resume(&root, bytes))),
        _ => Ok(None),
    }
}

async fn server_key(policy: &Policy, remote: &impl Remote, role: RoleName) -> Result<Key, Error> {
    let bytes = remote.public_key(&role).await?;
    policy.dialect.read_key(&role, &bytes).map_err(Error::ServerKey)
}
