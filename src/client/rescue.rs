//! Everything of a collection that a server still serves, to be kept when the server is gone.
//!
//! Nothing is decided here: what is fetched is kept as it came, whatever it is worth. That is seen when it is
//! refreshed from what was kept ([`Kept`]), now or in years.

use std::collections::{BTreeSet, HashMap};

use super::Error;
use crate::crypto::Sha256;
use crate::net::{self, Remote, RemoteFile};
use crate::tuf::{Dialect, Limits, RoleName, Version};
use crate::verify::Policy;

/// A file that was kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RescuedFile {
    /// The role it was served for.
    pub role: RoleName,
    /// The version that it gives itself; `None` if it cannot be read.
    pub version: Option<Version>,
    /// Of its bytes.
    pub sha256: Sha256,
    /// Bytes.
    pub length: u64,
    /// Whether it is of the state that the server shows now.
    pub current: bool,
}

/// What was fetched of a collection.
#[derive(Debug, Default)]
pub struct Rescue {
    /// Its files, in the order in which they were fetched.
    pub files: Vec<RescuedFile>,
    /// What the server named and did not give, in words.
    pub problems: Vec<String>,
    /// The bytes that a client would ask for now: the chain of roots and the current files.
    pub current: HashMap<Sha256, Vec<u8>>,
}

/// Fetches the roots, the current files, and of each role at most `depth` older versions; each file goes to
/// `keep` as it comes.
///
/// # Errors
///
/// [`Error::NoTrustData`] if the server has no such collection; a failed journey, or what `keep` says.
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
        snapshots: Vec::new(),
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
    snapshots: Vec<Sha256>,
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
        for number in (oldest..newest).rev() {
            let version = Version::new(number).expect("from 1 up");
            let Some(came) = self.take(RemoteFile::ByVersion(role.clone(), version), false).await?
            else {
                continue;
            };
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
        if self.snapshots.contains(&sha256) {
            return Ok(None);
        }
        self.snapshots.push(sha256);
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
        let version = version(self.policy.dialect, &role, &bytes, &self.policy.limits);
        if self.known.insert((role.clone(), sha256)) {
            self.rescue.files.push(RescuedFile { role, version, sha256, length, current });
        }
        if current {
            self.rescue.current.insert(sha256, bytes.clone());
        }
        Ok(Some(Came { bytes, version }))
    }

    fn missing(&mut self, what: String) {
        self.rescue.problems.push(what);
    }
}

/// The version that a file gives itself. Nothing depends on whether that is true.
fn version(dialect: Dialect, role: &RoleName, bytes: &[u8], limits: &Limits) -> Option<Version> {
    let version = match role {
        RoleName::Root => dialect.open_root(bytes, limits).ok()?.unverified_content().version,
        RoleName::Timestamp => {
            dialect.open_timestamp(bytes, limits).ok()?.unverified_content().version
        }
        RoleName::Snapshot => {
            dialect.open_snapshot(bytes, limits).ok()?.unverified_content().version
        }
        role => dialect.open_targets(role, bytes, limits).ok()?.unverified_content().version,
    };
    Some(version)
}

/// Where kept bytes are.
pub trait Shelf: Send + Sync {
    /// The bytes with this hash, at most `limit` of them; `None` if they are not there.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or are others.
    fn bytes(&self, sha256: &Sha256, limit: u64) -> Result<Option<Vec<u8>>, net::Error>;
}

impl Shelf for &HashMap<Sha256, Vec<u8>> {
    fn bytes(&self, sha256: &Sha256, _: u64) -> Result<Option<Vec<u8>>, net::Error> {
        Ok(self.get(sha256).cloned())
    }
}

/// What was kept of a collection, in the place of the server that served it. Nothing can be published
/// there.
pub struct Kept<S> {
    name: String,
    files: HashMap<RemoteFile, Sha256>,
    shelf: S,
}

impl<S> Kept<S> {
    /// These files, whose bytes are on that shelf. `name` is what errors call the place.
    pub fn new<'f>(
        name: String,
        files: impl IntoIterator<Item = &'f RescuedFile>,
        shelf: S,
    ) -> Self {
        let mut named = HashMap::new();
        for RescuedFile { role, version, sha256, current, .. } in files {
            named.insert(RemoteFile::ByHash(role.clone(), *sha256), *sha256);
            if let Some(version) = version {
                named.entry(RemoteFile::ByVersion(role.clone(), *version)).or_insert(*sha256);
            }
            // Of the roots all are of the current state; the newest was fetched first.
            if *current {
                named.entry(RemoteFile::Current(role.clone())).or_insert(*sha256);
            }
        }
        Self { name, files: named, shelf }
    }

    fn nothing_but_files(&self) -> net::Error {
        net::Error::Unavailable { host: self.name.clone(), status: 405 }
    }
}

impl<S: Shelf> Remote for Kept<S> {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, net::Error> {
        self.files.get(file).map_or(Ok(None), |sha256| self.shelf.bytes(sha256, limit))
    }

    async fn public_key(&self, _: &RoleName) -> Result<Vec<u8>, net::Error> {
        Err(self.nothing_but_files())
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, net::Error> {
        Err(self.nothing_but_files())
    }

    async fn publish(&self, _: &[(RoleName, Vec<u8>)]) -> Result<(), net::Error> {
        Err(self.nothing_but_files())
    }

    async fn delete(&self) -> Result<(), net::Error> {
        Err(self.nothing_but_files())
    }
}
