//! Everything of a collection that a server still serves, to be kept when the server is gone.
//!
//! Nothing is decided here: what is fetched is kept as it came, whatever it is worth. That is seen
//! when it is refreshed from what was kept ([`net::Kept`]), now or in years.

use std::collections::BTreeSet;

use super::Error;
use crate::crypto::Sha256;
use crate::net::{self, KeptFile, Remote, RemoteFile};
use crate::tuf::{RoleName, Version};
use crate::verify::Policy;

/// What was fetched of a collection.
#[derive(Debug, Default)]
pub struct Rescue {
    /// Its files, in the order in which they were fetched.
    pub files: Vec<KeptFile>,
    /// What the server named and did not give, in words.
    pub problems: Vec<String>,
}

/// Fetches the roots, the current files, and of each role at most `depth` older versions; each file
/// goes to `keep` as it comes, and none is held in memory. A server that names versions without end
/// is left after `MAX_GAP` in a row that it does not have, or after `MAX_FILES`.
///
/// # Errors
///
/// [`Error::NoTrustData`] if the server has no such collection; a failed journey, or what `keep`
/// says.
pub async fn rescue<E: From<Error>>(
    policy: &Policy,
    remote: &impl Remote,
    depth: u64,
    keep: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Rescue, E> {
    let mut gathering = Gathering {
        policy,
        remote,
        keep,
        depth,
        known: BTreeSet::new(),
        snapshots: BTreeSet::new(),
        rescue: Rescue::default(),
    };
    gathering.run().await?;
    Ok(gathering.rescue)
}

struct Gathering<'g, R, K> {
    policy: &'g Policy,
    remote: &'g R,
    keep: K,
    depth: u64,
    known: BTreeSet<(RoleName, Sha256)>,
    /// Older snapshots, as timestamps name them.
    snapshots: BTreeSet<Sha256>,
    rescue: Rescue,
}

/// A file that came, and its version.
struct Came {
    bytes: Vec<u8>,
    version: Option<Version>,
}

impl<R: Remote, E: From<Error>, K: FnMut(&[u8]) -> Result<(), E>> Gathering<'_, R, K> {
    async fn run(&mut self) -> Result<(), E> {
        self.roots().await?;
        let current = RemoteFile::Current(RoleName::Timestamp);
        let Some(timestamp) = self.take(current, true).await? else {
            self.missing("the server has no timestamp for it".to_owned());
            return Ok(());
        };
        let snapshot = self.named_snapshot(&timestamp.bytes, true).await?;
        self.older(RoleName::Timestamp, timestamp.version).await?;
        self.older(RoleName::Snapshot, snapshot).await
    }

    async fn roots(&mut self) -> Result<(), E> {
        let root = self.take(RemoteFile::Current(RoleName::Root), true).await?;
        let absent = || Error::NoTrustData {
            gun: self.policy.gun.clone(),
            server: self.remote.name(),
            seen_before: false,
        };
        let newest = root.ok_or_else(absent)?.version.map_or(1, Version::number);
        for number in 1..newest.min(self.policy.limits.root_chain as u64) {
            let version = Version::new(number).expect("from 1 up");
            let file = RemoteFile::ByVersion(RoleName::Root, version);
            // Clients walk through all of them.
            if self.take(file, true).await?.is_none() {
                self.missing(format!(
                    "root {number} is not served: clients that know an older one stop there"
                ));
            }
        }
        Ok(())
    }

    /// The versions below that one, newest first, as far as the server has them.
    async fn older(&mut self, role: RoleName, newest: Option<Version>) -> Result<(), E> {
        let newest = newest.map_or(1, Version::number);
        let oldest = newest.saturating_sub(self.depth).max(1);
        let mut gap = 0;
        for number in (oldest..newest).rev() {
            if gap == MAX_GAP || self.rescue.files.len() >= MAX_FILES {
                self.missing(format!("{role}: versions up to {number} were not asked for"));
                break;
            }
            let version = Version::new(number).expect("from 1 up");
            let Some(came) = self.take(RemoteFile::ByVersion(role.clone(), version), false).await?
            else {
                gap += 1;
                continue;
            };
            gap = 0;
            match role {
                RoleName::Timestamp => {
                    self.named_snapshot(&came.bytes, false).await?;
                }
                _ => self.listed(&came.bytes, false).await?,
            }
        }
        Ok(())
    }

    /// The snapshot that a timestamp names, with all that it lists.
    async fn named_snapshot(
        &mut self,
        timestamp: &[u8],
        current: bool,
    ) -> Result<Option<Version>, E> {
        let listed = self.policy.unverified_snapshot_file(timestamp);
        let Some(sha256) = listed.and_then(|listed| listed.sha256()) else {
            self.missing("a timestamp names no snapshot".to_owned());
            return Ok(None);
        };
        if !self.snapshots.insert(sha256) {
            return Ok(None);
        }
        let file = RemoteFile::ByHash(RoleName::Snapshot, sha256);
        let Some(snapshot) = self.take(file, current).await? else {
            self.missing(format!("snapshot {sha256} is named and not served"));
            return Ok(None);
        };
        self.listed(&snapshot.bytes, current).await?;
        Ok(snapshot.version)
    }

    /// What a snapshot lists and we do not have.
    async fn listed(&mut self, snapshot: &[u8], current: bool) -> Result<(), E> {
        for (role, listed) in self.policy.unverified_listing(snapshot).unwrap_or_default() {
            let Some(sha256) = listed.sha256() else { continue };
            if self.known.contains(&(role.clone(), sha256)) {
                continue;
            }
            let missing = format!("{role} {sha256} is listed and not served");
            if self.take(RemoteFile::ByHash(role, sha256), current).await?.is_none() && current {
                self.missing(missing);
            }
        }
        Ok(())
    }

    /// Fetches a file and keeps it; `None` if there is none, or none that can be kept.
    async fn take(&mut self, file: RemoteFile, current: bool) -> Result<Option<Came>, E> {
        let role = file.role().clone();
        let bytes = match self.remote.fetch(&file, self.policy.limits.bytes(&role)).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error @ net::Error::TooLarge { .. }) => {
                self.missing(format!("{role}: {error}"));
                return Ok(None);
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        (self.keep)(&bytes)?;
        let (sha256, length) = (Sha256::of(&bytes), bytes.len() as u64);
        let version = self.policy.unverified_version(&role, &bytes);
        if self.known.insert((role.clone(), sha256)) {
            self.rescue.files.push(KeptFile { role, version, sha256, length, current });
        }
        Ok(Some(Came { bytes, version }))
    }

    fn missing(&mut self, what: String) {
        if self.rescue.problems.len() < MAX_PROBLEMS {
            self.rescue.problems.push(what);
        }
    }
}

/// So many versions in a row that a server does not have, and it has none below.
const MAX_GAP: u32 = 64;
/// Of one collection: a publication each hour for twenty years.
const MAX_FILES: usize = 500_000;
const MAX_PROBLEMS: usize = 1000;
