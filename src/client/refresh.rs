//! The loop around the verifier (TUF 1.0.34 §5).
//!
//! Files that do not depend on each other are fetched side by side: on first contact root and timestamp, then the next
//! root and the snapshot, then all targets files. What is fetched ahead on the word of a file that is not verified yet
//! is only ever used after that file was. A collection that did not change costs one question.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp as Instant};

use super::Error;
use super::files::{Files, Loaded, is_listed};
use super::rooting::{self, Start};
use crate::crypto::Sha256;
use crate::net::{Remote, RemoteFile};
use crate::storage::{Accepted, Cache, Memory};
use crate::tuf::RoleName;
use crate::verify::{
    self, Baseline, CurrentRoot, Policy, TrustedRoot, TrustedSnapshot, TrustedTargets,
    TrustedTimestamp, Wanted,
};

/// What to load.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'w> {
    /// Which delegated roles, besides `targets`.
    pub roles: Roles<'w>,
    /// How much of each.
    pub wanted: Wanted<'w>,
}

/// Which delegated roles to load.
#[derive(Clone, Copy, Debug)]
pub enum Roles<'w> {
    /// Those of these that are delegated and listed.
    These(&'w [RoleName]),
    /// All that are delegated and listed.
    All,
}

/// A collection as it is now.
#[derive(Debug)]
pub struct Refreshed {
    /// The trusted roles.
    pub targets: TrustedTargets,
    /// Delegated roles that were wished for and cannot be used, with the reason.
    pub unusable: BTreeMap<RoleName, verify::Error>,
    /// What was seen before this refresh.
    pub before: Baseline,
    /// Whether the root was believed on first use just now.
    pub first_use: bool,
    /// How fresh it is.
    pub freshness: Freshness,
}

/// Where the answer comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// The server was asked just now.
    Server,
    /// From the cache alone; it was last confirmed then, if that is known.
    Cache(Option<Instant>),
}

/// Brings a collection up to date and loads what is wished for. Without a remote, from the cache alone.
///
/// Every file that passed all its checks is kept, also when a later one fails; no file that failed is.
///
/// # Errors
///
/// [`Error`]. A failed journey is never reported as a lack of trust, nor the other way round.
pub async fn refresh(
    policy: Arc<Policy>,
    cache: &impl Cache,
    remote: Option<&impl Remote>,
    wish: Wish<'_>,
) -> Result<Refreshed, Error> {
    match attempt(&policy, cache, remote, wish).await {
        // While we asked, another process may have published, and left in the cache what is newer than our answers.
        Err(Error::Verify(verify::Error::Rollback { role, .. })) if role.lists_targets() => {
            attempt(&policy, cache, remote, wish).await
        }
        outcome => outcome,
    }
}

async fn attempt(
    policy: &Arc<Policy>,
    cache: &impl Cache,
    remote: Option<&impl Remote>,
    wish: Wish<'_>,
) -> Result<Refreshed, Error> {
    let memory = cache.memory()?;
    check_clock(policy, &memory)?;
    let accepted = Accepted {
        root: None,
        files: Vec::new(),
        root_asked: false,
        confirmed: remote.is_some(),
        now: policy.now,
    };
    let mut update = Update {
        policy,
        files: Files { policy, cache, remote },
        baseline: memory.baseline.clone(),
        accepted,
        first_use: false,
        root_on_trial: false,
    };
    let result = update.run(&memory, wish).await;
    update.withdraw(result.as_ref().err());
    let first_use = update.first_use;
    let kept = update.keep(&memory);
    let (targets, unusable) = result?;
    kept?;
    let freshness = match remote {
        Some(_) => Freshness::Server,
        None => Freshness::Cache(memory.clock),
    };
    Ok(Refreshed { targets, unusable, before: memory.baseline, first_use, freshness })
}

/// An update under way.
struct Update<'u, C, R> {
    policy: &'u Arc<Policy>,
    files: Files<'u, C, R>,
    baseline: Baseline,
    accepted: Accepted,
    first_use: bool,
    /// Whether the root is new here without a predecessor, and pins and dates were not looked at yet.
    root_on_trial: bool,
}

impl<C: Cache, R: Remote> Update<'_, C, R> {
    async fn run(
        &mut self,
        memory: &Memory,
        wish: Wish<'_>,
    ) -> Result<(TrustedTargets, BTreeMap<RoleName, verify::Error>), Error> {
        let stored_root = self.files.stored(&RoleName::Root)?;
        let start = Start::of(self.policy, stored_root.as_deref(), memory)?;
        if let (Start::Stored(root), Some(bytes)) = (&start, stored_root)
            && root.file().sha256() != memory.root
        {
            // Stored by docker or notary, who share this cache: from now on we remember it too.
            self.accepted.root = Some((root.content().version, bytes));
            self.root_on_trial = true;
        }
        let stored = self.files.stored(&RoleName::Timestamp)?;
        let (root, timestamp) = self.first_files(start, stored.as_deref()).await?;
        let (root, ahead) = self.newest_root(root, &timestamp, stored.as_deref(), memory).await?;
        self.root_on_trial = false;
        let timestamp = self.timestamp(&root, timestamp, stored.as_deref())?;
        let snapshot = self.snapshot(&timestamp, ahead).await?;
        self.targets(&snapshot, wish).await
    }

    /// The root to begin with, and the server's timestamp (or the stored one, offline).
    async fn first_files(
        &mut self,
        start: Start,
        stored: Option<&[u8]>,
    ) -> Result<(TrustedRoot, Vec<u8>), Error> {
        let Some(remote) = self.files.remote else {
            return self.first_files_offline(start, stored);
        };
        let limits = &self.policy.limits;
        let current = RemoteFile::Current(RoleName::Timestamp);
        let timestamp = remote.fetch(&current, limits.timestamp_bytes);
        let (root, timestamp) = match start.file() {
            None => (None, timestamp.await),
            Some(file) => {
                let root = remote.fetch(&file, limits.root_bytes);
                let (root, timestamp) = join(root, timestamp).await;
                (Some(root?), timestamp)
            }
        };
        let seen_before = !matches!(start, Start::FirstUse) || stored.is_some();
        let absent = || Error::NoTrustData {
            gun: self.policy.gun.clone(),
            server: remote.name(),
            seen_before,
        };
        let root = match (start, root) {
            (Start::Stored(root), _) => root,
            (Start::FirstUse, Some(Some(bytes))) => self.establish(bytes)?,
            (Start::FirstUse, _) => return Err(absent()),
            (Start::Lost(version, sha256), Some(Some(bytes))) if Sha256::of(&bytes) == sha256 => {
                let root = TrustedRoot::restore(Arc::clone(self.policy), &bytes)?;
                self.accepted.root = Some((version, bytes));
                root
            }
            (Start::Lost(version, _), _) => {
                return Err(Error::RootLost { gun: self.policy.gun.clone(), version });
            }
        };
        Ok((root, timestamp?.ok_or_else(absent)?))
    }

    fn first_files_offline(
        &self,
        start: Start,
        stored: Option<&[u8]>,
    ) -> Result<(TrustedRoot, Vec<u8>), Error> {
        match (start, stored) {
            (Start::Stored(root), Some(timestamp)) => Ok((root, timestamp.to_vec())),
            (Start::Stored(_), None) => Err(self.files.not_stored(RoleName::Timestamp)),
            _ => Err(self.files.not_stored(RoleName::Root)),
        }
    }

    fn establish(&mut self, bytes: Vec<u8>) -> Result<TrustedRoot, Error> {
        let root = TrustedRoot::establish(Arc::clone(self.policy), &bytes)?;
        self.accepted.root = Some((root.content().version, bytes));
        self.first_use = true;
        self.root_on_trial = true;
        Ok(root)
    }

    /// Asks for newer roots, unless nothing changed since we last did and that was not long ago. Meanwhile the snapshot
    /// that the timestamp names is fetched ahead.
    ///
    /// An unchanged timestamp carries nothing new that a retired key could have signed, so it can do no harm before it
    /// expires; a changed one is judged only under the newest root.
    async fn newest_root(
        &mut self,
        root: TrustedRoot,
        timestamp: &[u8],
        stored: Option<&[u8]>,
        memory: &Memory,
    ) -> Result<(CurrentRoot, Option<Vec<u8>>), Error> {
        let asked_lately = memory
            .root_asked
            .is_some_and(|at| self.policy.now.duration_since(at).abs() < ROOT_QUESTION_EVERY);
        let unchanged = stored == Some(timestamp);
        let settled = root.current(&self.baseline);
        if let (Ok(current), true, true) = (&settled, unchanged, asked_lately) {
            return Ok((current.clone(), None));
        }
        let Some(remote) = self.files.remote else { return Ok((settled?, None)) };
        let (walked, ahead) =
            join(rooting::walk(root, self.policy, remote), self.fetch_ahead(timestamp)).await;
        let (newest, bytes, outcome) = walked;
        if let Some(bytes) = bytes {
            self.accepted.root = Some((newest.content().version, bytes));
        }
        outcome?;
        let current = newest.current(&self.baseline)?;
        self.accepted.root_asked = true;
        Ok((current, ahead))
    }

    /// The snapshot that an unverified timestamp names, if it is not stored. Failures show when it is needed.
    async fn fetch_ahead(&self, timestamp: &[u8]) -> Option<Vec<u8>> {
        let file = self.policy.unverified_snapshot_file(timestamp)?;
        if self.files.stored_as(&RoleName::Snapshot, &file).ok()?.is_some() {
            return None;
        }
        self.files.fetch_listed(&RoleName::Snapshot, &file).await.ok()
    }

    fn timestamp(
        &mut self,
        root: &CurrentRoot,
        fetched: Vec<u8>,
        stored: Option<&[u8]>,
    ) -> Result<TrustedTimestamp, Error> {
        let stored = stored.filter(|stored| *stored != fetched);
        if let Some(stored) = stored {
            root.observe_timestamp(stored, &mut self.baseline);
        }
        let fresh = root.timestamp(&fetched, &self.baseline)?;
        let kept = stored.and_then(|stored| root.timestamp(stored, &self.baseline).ok());
        if let Some(kept) = kept.filter(|kept| kept.content().version == fresh.content().version) {
            return Ok(kept);
        }
        self.accept(RoleName::Timestamp, Some(fetched), fresh.seen().clone());
        Ok(fresh)
    }

    async fn snapshot(
        &mut self,
        timestamp: &TrustedTimestamp,
        ahead: Option<Vec<u8>>,
    ) -> Result<TrustedSnapshot, Error> {
        let (role, file) = (RoleName::Snapshot, &timestamp.content().snapshot);
        let stored = self.files.stored(&role)?;
        let matching = stored.as_ref().filter(|bytes| is_listed(bytes, file)).is_some();
        if let (Some(stored), false) = (&stored, matching) {
            timestamp.root().observe_snapshot(stored, &mut self.baseline);
        }
        let (bytes, new) = match (stored.filter(|_| matching), ahead) {
            (Some(stored), _) => (stored, false),
            (None, Some(ahead)) => (ahead, true),
            (None, None) => (self.files.fetch_listed(&role, file).await?, true),
        };
        let snapshot = timestamp.snapshot(&bytes, &self.baseline)?;
        self.accept(role, new.then_some(bytes), snapshot.seen().clone());
        Ok(snapshot)
    }

    async fn targets(
        &mut self,
        snapshot: &TrustedSnapshot,
        wish: Wish<'_>,
    ) -> Result<(TrustedTargets, BTreeMap<RoleName, verify::Error>), Error> {
        let roles = wished(snapshot, wish.roles);
        let mut files = self.files.load(snapshot, &roles).await?;
        let role = RoleName::Targets;
        let loaded = files.remove(&role).ok_or_else(|| self.files.not_stored(role.clone()))??;
        if let Some(replaced) = &loaded.replaced {
            snapshot.root().observe_targets(replaced, &mut self.baseline);
        }
        let mut targets = snapshot.targets(&loaded.file, &self.baseline, wish.wanted)?;
        let seen = targets.role(&role).map(|role| role.seen().clone());
        self.accept_loaded(role, loaded, seen);
        let unusable = self.delegations(&mut targets, files, wish.wanted)?;
        Ok((targets, unusable))
    }

    /// Loads delegated roles, parents first. One that fails its checks is reported, and costs the others nothing.
    fn delegations(
        &mut self,
        targets: &mut TrustedTargets,
        mut files: BTreeMap<RoleName, Result<Loaded, Error>>,
        wanted: Wanted<'_>,
    ) -> Result<BTreeMap<RoleName, verify::Error>, Error> {
        let mut unusable = BTreeMap::new();
        let mut waiting: Vec<RoleName> = files.keys().cloned().collect();
        waiting.sort_by_key(|role| role.as_str().matches('/').count());
        for role in waiting {
            let Some(file) = files.remove(&role) else { continue };
            if targets.delegation_to(&role).is_none() {
                continue;
            }
            let loaded = file?;
            if let Some(replaced) = &loaded.replaced {
                targets.observe_delegation(&role, replaced, &mut self.baseline);
            }
            match targets.delegation(&role, &loaded.file, &self.baseline, wanted) {
                Ok(()) => {
                    let seen = targets.role(&role).map(|role| role.seen().clone());
                    self.accept_loaded(role, loaded, seen);
                }
                Err(error) => {
                    unusable.insert(role, error);
                }
            }
        }
        Ok(unusable)
    }

    fn accept_loaded(&mut self, role: RoleName, loaded: Loaded, seen: Option<verify::Seen>) {
        if let Some(seen) = seen {
            self.accept(role, loaded.new.then(|| loaded.file.into_bytes()), seen);
        }
    }

    fn accept(&mut self, role: RoleName, bytes: Option<Vec<u8>>, seen: verify::Seen) {
        self.baseline.remember(role.clone(), seen.clone());
        self.accepted.files.push((role, bytes, seen));
    }

    /// Takes back what passed its own checks but turned out to be worth nothing: a first root of which we do not know
    /// that it satisfies the pins, which would bar the way to the right one; and a timestamp with a snapshot that goes
    /// back or drops a role, which the next update would take for what was seen. Whatever else was accepted stays.
    fn withdraw(&mut self, error: Option<&Error>) {
        if self.root_on_trial {
            self.accepted.root = None;
        }
        let goes_back = |error: &verify::Error| match error {
            verify::Error::Rollback { role, .. } => *role == RoleName::Snapshot,
            verify::Error::Vanished { .. } => true,
            _ => false,
        };
        if matches!(error, Some(Error::Verify(error)) if goes_back(error)) {
            self.accepted.files.clear();
        }
    }

    /// Stores what was accepted, if that differs from what is stored.
    fn keep(self, memory: &Memory) -> Result<(), Error> {
        let accepted = &self.accepted;
        let new_file = |(role, bytes, seen): &(RoleName, Option<Vec<u8>>, verify::Seen)| {
            memory.baseline.seen().get(role) != Some(seen)
                || bytes.as_ref().is_some_and(|bytes| {
                    self.files.stored(role).ok().flatten().as_ref() != Some(bytes)
                })
        };
        let clock_moved = memory
            .clock
            .is_none_or(|clock| self.policy.now.duration_since(clock) > CLOCK_NOTED_EVERY);
        let confirmed = self.files.remote.is_some() && clock_moved && !accepted.files.is_empty();
        if accepted.root.is_some()
            || accepted.root_asked
            || confirmed
            || accepted.files.iter().any(new_file)
        {
            self.files.cache.keep(accepted)?;
        }
        Ok(())
    }
}

/// `targets`, and the wished-for delegations that the snapshot lists.
fn wished(snapshot: &TrustedSnapshot, roles: Roles<'_>) -> Vec<RoleName> {
    let limit = snapshot.root().policy().limits.delegations;
    let delegated = snapshot.content().meta.keys().filter(|role| role.parent().is_some());
    let delegated = delegated.filter(|role| match roles {
        Roles::These(these) => these.contains(role),
        Roles::All => true,
    });
    std::iter::once(RoleName::Targets).chain(delegated.take(limit).cloned()).collect()
}

/// A clock that stands well before the last time anything was accepted makes every expiry meaningless.
fn check_clock(policy: &Policy, memory: &Memory) -> Result<(), Error> {
    match memory.clock {
        Some(seen) if seen.duration_since(policy.now) > CLOCK_TOLERANCE => {
            Err(Error::Clock { now: policy.now, seen })
        }
        _ => Ok(()),
    }
}

const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
const CLOCK_NOTED_EVERY: SignedDuration = SignedDuration::from_mins(30);
const ROOT_QUESTION_EVERY: SignedDuration = SignedDuration::from_hours(1);
