//! Finding the newest root, and judging one that somebody else says is it.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Error;
use crate::crypto::Sha256;
use crate::net::{Pace, Remote, RemoteFile};
use crate::storage::{Cache, Memory};
use crate::tuf::{RoleName, Version};
use crate::verify::{self, Baseline, Policy, TrustedRoot};

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

    /// Whether a root is the one where the chain begins, or the next one.
    fn judge(self, policy: &Arc<Policy>, bytes: &[u8]) -> Result<TrustedRoot, verify::Error> {
        let (version, sha256) = match &self {
            Self::FirstUse => return TrustedRoot::establish(Arc::clone(policy), bytes),
            Self::Stored(root) => (root.content().version, root.file().sha256()),
            Self::Lost(version, sha256) => (*version, Some(*sha256)),
        };
        let root = TrustedRoot::restore(Arc::clone(policy), bytes)?;
        let found = root.content().version;
        if root.file().sha256() == sha256 {
            return Ok(root);
        }
        match (self, found.cmp(&version)) {
            (_, Ordering::Less) => {
                Err(verify::Error::Rollback { role: RoleName::Root, found, expected: version })
            }
            (_, Ordering::Equal) => Err(another_root(&root, sha256)),
            (Self::Stored(known), Ordering::Greater) => known.advance(bytes),
            (_, Ordering::Greater) => {
                let expected = version.next().unwrap_or(version);
                Err(verify::Error::RootGap { found, expected })
            }
        }
    }
}

fn another_root(root: &TrustedRoot, expected: Option<Sha256>) -> verify::Error {
    let text = |sha256: Option<Sha256>| sha256.map(|it| it.to_string()).unwrap_or_default();
    verify::Error::Mismatch {
        role: RoleName::Root,
        what: "sha256",
        expected: text(expected),
        found: text(root.file().sha256()),
    }
}

/// A root that came in a file, believed as far as that can be told here.
#[derive(Debug)]
pub struct PresentedRoot {
    /// The root; whether it is still valid was not asked.
    pub root: TrustedRoot,
    /// What was seen before.
    pub before: Baseline,
    /// Whether nothing was known to compare it with.
    pub first_use: bool,
}

/// Believes a root that came in a file, without a server: it is the one that is known here or the
/// one after it, or nothing is known here and the policy allows first use; and the pins admit it.
///
/// # Errors
///
/// [`verify::Error::Rollback`] for a root older than the known one, [`verify::Error::Mismatch`] for
/// another of its version, [`verify::Error::RootGap`] for one that is too far ahead to be judged;
/// those of [`TrustedRoot::establish`] and [`TrustedRoot::advance`]; [`verify::Error::Pin`].
pub fn presented_root(
    policy: &Arc<Policy>,
    cache: &impl Cache,
    bytes: &[u8],
) -> Result<PresentedRoot, Error> {
    let (memory, stored) = {
        let _steady = cache.steady()?;
        (cache.memory()?, cache.read(&RoleName::Root, policy.limits.root_bytes)?)
    };
    let start = Start::of(policy, stored.as_deref(), &memory)?;
    let first_use = matches!(start, Start::FirstUse);
    let root = start.judge(policy, bytes)?;
    root.check_signers()?;
    Ok(PresentedRoot { root, before: memory.baseline, first_use })
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
