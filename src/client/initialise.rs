//! Founding a collection on a server.
use super::Error;
use crate::crypto::Signer;
use crate::edit::{Draft, Founding, SnapshotKey};
use crate::net::Remote;
use crate::tuf::{Key, RoleName};
use crate::verify::Policy;

/// The publisher's keys of a new collection.
#[derive(Clone, Copy)]
pub struct Foundation<'s> {
    /// Signs the root.
    pub root: &'s dyn Signer,
    /// Signs targets.
    pub targets: &'s dyn Signer,
    /// Signs snapshots; without it the server does, as docker wants.
    pub snapshot: Option<&'s dyn Signer>,
}

/// Asks the server for its keys and starts a draft on a new, signed root. Nothing is published.
///
/// # Errors
///
/// [`Error::Net`], [`Error::ServerKey`] or [`Error::Edit`].
pub async fn initialise(
    policy: &Policy,
    remote: &impl Remote,
    foundation: Foundation<'_>,
) -> Result<Draft, Error> {
    // One after the other: a notary-server that keeps its keys in itself dies of two at a time
    // (Notary 0.7 `tuf/signed/ed25519.go`, `addKey`, an unguarded map).
    let timestamp = server_key(policy, remote, RoleName::Timestamp).await?;
    let snapshot = match foundation.snapshot {
        Some(signer) => SnapshotKey::Local(signer),
        None => SnapshotKey::Server(server_key(policy, remote, RoleName::Snapshot).await?),
    };
    let founding = Founding {
        gun: &policy.gun,
        root: foundation.root,
        targets: foundation.targets,
        snapshot,
        timestamp,
        now: policy.now,
    };
    Ok(founding.draft(policy.dialect)?)
}

async fn server_key(policy: &Policy, remote: &impl Remote, role: RoleName) -> Result<Key, Error> {
    let bytes = remote.public_key(&role).await?;
    policy.dialect.read_key(&role, &bytes).map_err(Error::ServerKey)
}
