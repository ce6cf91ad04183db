//! Finding the newest root.

use std::sync::Arc;

use super::Error;
use crate::crypto::Sha256;
use crate::net::{Pace, Remote, RemoteFile};
use crate::storage::Memory;
use crate::tuf::{RoleName, Version};
use crate::verify::{self, Policy, TrustedRoot};

/// Where the chain of roots begins.
#[derive(Debug)]
pub(super) enum Start {
    /// At the stored root.
    Stored(TrustedRoot),
    /// At the root that we stored once, and that is lost or was replaced: to be fetched by its
    /// version, and known by its hash.
    Lost(Version, Sha256),
    /// At whatever the server shows first.
    FirstUse,
}

impl Start {
    /// Looks at what is stored.
    ///
    /// # Errors
    ///
    /// [`Error::RootDamaged`] when a root is stored that is none, and we do not know which it was:
    /// then a person must decide, because going on would be trust on first use once more.
    pub(super) fn of(
        policy: &Arc<Policy>,
        stored: Option<&[u8]>,
        memory: &Memory,
    ) -> Result<Self, Error> {
        let remembered = memory.baseline.root().zip(memory.root);
        let Some(bytes) = stored else {
            return Ok(
                remembered.map_or(Self::FirstUse, |(version, sha256)| Self::Lost(version, sha256))
            );
        };
        match (TrustedRoot::restore(Arc::clone(policy), bytes), remembered) {
            (Ok(root), None) => Ok(Self::Stored(root)),
            (Ok(root), Some((_, sha256))) if root.file().sha256() == Some(sha256) => {
                Ok(Self::Stored(root))
            }
            // Not what we left there. Whoever put it there may have trusted on first use: we follow
            // from ours.
            (_, Some((version, sha256))) => Ok(Self::Lost(version, sha256)),
            (Err(source), None) => {
                let (gun, dialect) = (policy.gun.clone(), policy.dialect);
                Err(Error::RootDamaged { gun, dialect, source })
            }
        }
    }

    /// The root to ask the server for before anything else: on first use the current one, which
    /// Notary's servers give, or where files are asked for in turn the first one, which is the one
    /// that every TUF 1.0 repository keeps.
    pub(super) fn file(&self, pace: Pace) -> Option<RemoteFile> {
        match (self, pace) {
            (Self::Stored(_), _) => None,
            (Self::Lost(version, _), _) => Some(RemoteFile::ByVersion(RoleName::Root, *version)),
            (Self::FirstUse, Pace::Ahead) => Some(RemoteFile::Current(RoleName::Root)),
            (Self::FirstUse, Pace::InTurn) => {
                Some(RemoteFile::ByVersion(RoleName::Root, Version::ONE))
            }
        }
    }
}

/// Follows the chain as far as the server leads. Only a 404 ends it; any other failure might hide a
/// newer root.
///
/// Returns the newest root, with its bytes if it is newer than `start`. When a root on the way
/// fails, the one before it is returned together with the reason.
pub(super) async fn walk(
    start: TrustedRoot,
    policy: &Policy,
    remote: &impl Remote,
) -> (TrustedRoot, Option<Vec<u8>>, Result<(), Error>) {
    let mut newest = (start, None);
    for _ in 0..policy.limits.root_chain {
        let step = step(&newest.0, policy, remote).await;
        match step {
            Ok(Some((root, bytes))) => newest = (root, Some(bytes)),
            Ok(None) => return (newest.0, newest.1, Ok(())),
            Err(error) => return (newest.0, newest.1, Err(error)),
        }
    }
    let limit = policy.limits.root_chain;
    let more = match step(&newest.0, policy, remote).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(verify::Error::RootChainTooLong { limit }.into()),
        Err(error) => Err(error),
    };
    (newest.0, newest.1, more)
}

async fn step(
    root: &TrustedRoot,
    policy: &Policy,
    remote: &impl Remote,
) -> Result<Option<(TrustedRoot, Vec<u8>)>, Error> {
    let Some(version) = root.next_version() else { return Ok(None) };
    let file = RemoteFile::ByVersion(RoleName::Root, version);
    let Some(bytes) = remote.fetch(&file, policy.limits.root_bytes).await? else { return Ok(None) };
    Ok(Some((root.advance(&bytes)?, bytes)))
}
