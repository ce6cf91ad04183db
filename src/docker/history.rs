//! What a collection was: its earlier states, each verified as of the time when the server signed
//! it, and what changed from one to the next.
//!
//! A server keeps every version of every file. The timestamp of a state says when it was made, by
//! its expiry; it names the snapshot, and that all other files. Old roots are believed because the
//! chain of roots ends in the one that is trusted today.

mod difference;

pub use difference::{Difference, SignedRole};

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp as Instant};

use super::{Collection, Error};
use crate::client::{self, Roles, Wish};
use crate::crypto::Sha256;
use crate::net::{Remote, RemoteFile};
use crate::storage::Cache;
use crate::tuf::{RoleName, Version};
use crate::verify::{
    self, Anchor, Baseline, FirstUse, Policy, TrustedRoot, TrustedTargets, Wanted,
};

/// An earlier state of a collection.
#[derive(Debug)]
pub struct State {
    /// The version of its timestamp, by which it is called.
    pub version: Version,
    /// When the server signed it, UTC.
    pub at: Instant,
    /// Its roles.
    pub targets: TrustedTargets,
    /// Delegated roles that could not be used then, with the reason.
    pub unusable: BTreeMap<RoleName, String>,
}

/// One step in the life of a collection.
#[derive(Debug)]
pub struct Revision {
    /// The version of the timestamp that it begins with.
    pub version: Version,
    /// When the server signed it, UTC, as far as can be read.
    pub at: Option<Instant>,
    /// What happened.
    pub what: Happened,
}

/// What happened in a revision.
#[derive(Debug)]
pub enum Happened {
    /// These roles were signed, and this is what changed.
    Changed {
        /// Who signed which role.
        signed: Vec<SignedRole>,
        /// What changed.
        differences: Vec<Difference>,
    },
    /// What the server shows of it does not verify, or is not there.
    Unverified(String),
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// The last revisions, the newest first; those in which nothing but dates changed are left out.
    /// At most `limit` versions are looked at.
    ///
    /// # Errors
    ///
    /// If the collection cannot be read as it is now, or a journey fails.
    pub async fn history(&self, limit: usize) -> Result<Vec<Revision>, Error> {
        let mut archive = Archive::open(self).await?;
        let newest = archive.newest.number();
        let oldest = newest.saturating_sub(limit as u64).max(1);
        let mut before: Option<State> = None;
        let mut revisions = Vec::new();
        for version in (oldest..=newest).filter_map(Version::new) {
            let read = archive.state(version).await?;
            let state = match read {
                Ok(state) => state,
                Err(reason) => {
                    let what = Happened::Unverified(reason);
                    revisions.push(Revision { version, at: None, what });
                    continue;
                }
            };
            let from_the_start = before.is_some() || version == Version::ONE;
            let (signed, differences) =
                (state.signed_since(before.as_ref()), state.since(before.as_ref()));
            if from_the_start && !(signed.is_empty() && differences.is_empty()) {
                let what = Happened::Changed { signed, differences };
                revisions.push(Revision { version, at: Some(state.at), what });
            }
            before = Some(state);
        }
        revisions.reverse();
        Ok(revisions)
    }

    /// What changed from one version to another.
    ///
    /// # Errors
    ///
    /// As [`Collection::history`]; [`Error::NoSuchVersion`] for a state that is not there or does
    /// not verify.
    pub async fn difference(&self, from: Version, to: Version) -> Result<(State, State), Error> {
        let mut archive = Archive::open(self).await?;
        let gone = |version| move |reason| Error::NoSuchVersion { version, reason };
        let from = archive.state(from).await?.map_err(gone(from))?;
        let to = archive.state(to).await?.map_err(gone(to))?;
        Ok((from, to))
    }
}

/// Everything that the server keeps of a collection.
struct Archive<'a, R> {
    remote: &'a R,
    policy: &'a Policy,
    newest: Version,
    roots: Vec<Vec<u8>>,
    /// Files that were fetched by their hash, for the next state.
    files: BTreeMap<Sha256, Vec<u8>>,
}

impl<'a, R: Remote> Archive<'a, R> {
    async fn open<C: Cache>(collection: &'a Collection<'_, C, R>) -> Result<Self, Error> {
        collection.needs_server("older versions")?;
        let wish = Wish { roles: Roles::These(&[]), wanted: Wanted::Names(&[]) };
        let known = collection.refresh(wish).await?;
        let newest = known.targets.snapshot().timestamp().content().version;
        let trusted = known.targets.root().trusted();
        let (remote, policy) = (collection.server()?, collection.policy());
        let mut archive =
            Self { remote, policy, newest, roots: Vec::new(), files: BTreeMap::new() };
        archive.fetch_roots(trusted).await?;
        Ok(archive)
    }

    /// The roots that lead to the trusted one; as many of the last ones as the server has.
    async fn fetch_roots(&mut self, trusted: &TrustedRoot) -> Result<(), Error> {
        let last = trusted.content().version.number();
        let first = last.saturating_sub(self.policy.limits.root_chain as u64).max(1);
        for version in (first..=last).filter_map(Version::new) {
            let file = RemoteFile::ByVersion(RoleName::Root, version);
            match self.fetch(&file, self.policy.limits.root_bytes).await? {
                Some(bytes) => self.roots.push(bytes),
                None => self.roots.clear(),
            }
        }
        if self.roots.last().map(|bytes| Sha256::of(bytes)) == trusted.file().sha256() {
            return Ok(());
        }
        let what = "the root that is trusted".to_owned();
        Err(client::Error::Missing { role: RoleName::Root, what }.into())
    }

    /// A state, or why it is not one.
    async fn state(&mut self, version: Version) -> Result<Result<State, String>, Error> {
        let file = RemoteFile::ByVersion(RoleName::Timestamp, version);
        let fetched = self.fetch(&file, self.policy.limits.timestamp_bytes).await?;
        let Some(timestamp) = fetched else {
            return Ok(Err("the server does not have it".to_owned()));
        };
        match self.read(version, &timestamp).await {
            Ok(state) => Ok(Ok(state)),
            Err(Error::Client(client::Error::Verify(error))) => Ok(Err(error.to_string())),
            Err(Error::Client(error @ client::Error::Missing { .. })) => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    async fn read(&mut self, version: Version, timestamp: &[u8]) -> Result<State, Error> {
        let Policy { dialect, limits, .. } = self.policy;
        let opened = dialect.open_timestamp(timestamp, limits).map_err(verified)?;
        let expires = opened.unverified_content().expires;
        let at = expires.checked_sub(TIMESTAMP_LIFETIME).unwrap_or(expires);
        let listed = opened.unverified_content().snapshot.sha256();
        let snapshot = self.by_hash(&RoleName::Snapshot, listed).await?;
        let opened = dialect.open_snapshot(&snapshot, limits).map_err(verified)?;
        let listing = opened.into_unverified_content().meta;
        let named = listing.get(&RoleName::Root).and_then(|file| file.sha256());
        let none = Baseline::default();
        let root = self.root(named, at)?.current(&none).map_err(client::Error::Verify)?;
        let trusted = root.timestamp(timestamp, &none).map_err(client::Error::Verify)?;
        let snapshot = trusted.snapshot(&snapshot, &none).map_err(client::Error::Verify)?;
        let listed = |role: &RoleName| listing.get(role).and_then(|file| file.sha256());
        let bytes = self.by_hash(&RoleName::Targets, listed(&RoleName::Targets)).await?;
        let mut targets =
            snapshot.targets(&bytes, &none, Wanted::Everything).map_err(client::Error::Verify)?;
        let mut unusable = BTreeMap::new();
        let mut delegated: Vec<&RoleName> =
            listing.keys().filter(|role| role.parent().is_some()).collect();
        delegated.sort_by_key(|role| role.as_str().matches('/').count());
        for role in delegated {
            if targets.delegation_to(role).is_none() {
                continue;
            }
            let bytes = self.by_hash(role, listed(role)).await?;
            if let Err(error) = targets.delegation(role, &bytes, &none, Wanted::Everything) {
                unusable.insert(role.clone(), error.to_string());
            }
        }
        Ok(State { version, at, targets, unusable })
    }

    /// The root of that hash, or the first one if none is named, believed as of that time.
    fn root(&self, named: Option<Sha256>, at: Instant) -> Result<TrustedRoot, Error> {
        // The pins are for the root that is in force; these only lead there.
        let anchor = Anchor::unpinned(FirstUse::Allow);
        let policy = Arc::new(Policy { now: at, anchor, max_age: None, ..self.policy.clone() });
        let missing = || client::Error::Missing {
            role: RoleName::Root,
            what: named.map_or_else(|| "any".to_owned(), |hash| format!("sha256 {hash}")),
        };
        let (first, rest) = self.roots.split_first().ok_or_else(missing)?;
        let mut root = TrustedRoot::restore(policy, first).map_err(client::Error::Verify)?;
        let mut rest = rest.iter();
        while named.is_some() && root.file().sha256() != named {
            let next = rest.next().ok_or_else(missing)?;
            root = root.advance(next).map_err(client::Error::Verify)?;
        }
        Ok(root)
    }

    async fn by_hash(&mut self, role: &RoleName, hash: Option<Sha256>) -> Result<Vec<u8>, Error> {
        let missing = |what: String| client::Error::Missing { role: role.clone(), what };
        let hash = hash.ok_or_else(|| missing("no sha256 to ask by".to_owned()))?;
        if let Some(known) = self.files.get(&hash) {
            return Ok(known.clone());
        }
        let file = RemoteFile::ByHash(role.clone(), hash);
        let fetched = self.fetch(&file, self.policy.limits.bytes(role)).await?;
        let bytes = fetched.ok_or_else(|| missing(format!("sha256 {hash}")))?;
        if self.files.len() >= FILES_KEPT {
            self.files.clear();
        }
        self.files.insert(hash, bytes.clone());
        Ok(bytes)
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.remote.fetch(file, limit).await.map_err(client::Error::Net)?)
    }
}

fn verified(error: crate::tuf::Error) -> Error {
    client::Error::Verify(verify::Error::Metadata(error)).into()
}

/// How long notary-server's timestamps are valid (Notary `const.go`, `NotaryTimestampExpiry`).
const TIMESTAMP_LIFETIME: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Most files of a state are those of the state before.
const FILES_KEPT: usize = 64;
