//! Founding a collection on a server.

use futures_util::future::join;

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
    let timestamp = server_key(policy, remote, RoleName::Timestamp);
    let (timestamp, snapshot) = match foundation.snapshot {
        Some(signer) => (timestamp.await?, SnapshotKey::Local(signer)),
        None => {
            let (timestamp, snapshot) =
                join(timestamp, server_key(policy, remote, RoleName::Snapshot)).await;
            (timestamp?, SnapshotKey::Server(snapshot?))
        }
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
