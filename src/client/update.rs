//! An update under way, from the root to the snapshot; what it accepts, and what of that is kept.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp as Instant};

use super::Error;
use super::files::Files;
use super::refresh::Wish;
use super::roles::Unusable;
use super::rooting::{self, Start};
use crate::crypto::Sha256;
use crate::net::{Pace, Remote, RemoteFile};
use crate::storage::{Accepted, Memory};
use crate::tuf::{RoleName, Version};
use crate::verify::{
    self, Baseline, CurrentRoot, Policy, TrustedRoot, TrustedSnapshot, TrustedTargets,
    TrustedTimestamp,
};

/// The newest root, the timestamp to judge by it, and perhaps a snapshot that was fetched on the
/// unverified timestamp's word.
pub(super) struct Opening {
    pub(super) root: CurrentRoot,
    pub(super) timestamp: Vec<u8>,
    pub(super) ahead: Option<Vec<u8>>,
}

/// An update under way: what it found out so far.
pub(super) struct Update<'u> {
    pub(super) policy: &'u Arc<Policy>,
    pub(super) baseline: Baseline,
    pub(super) accepted: Accepted,
    /// The newest root that follows from one that was believed on first use, without a pin.
    pub(super) believed: Option<TrustedRoot>,
    /// The version of a stored root that is not the one we know.
    left: Option<Version>,
    /// Whether anything says that a server had the collection before. A stored root alone does not:
    /// one that is neither remembered nor has a timestamp beside it was made here, by notary's
    /// `init`, and never published.
    seen_before: bool,
    /// Whether the root is new here without a predecessor, and pins and dates were not looked at
    /// yet.
    root_on_trial: bool,
}

impl<'u> Update<'u> {
    pub(super) fn new<R: Remote>(
        policy: &'u Arc<Policy>,
        memory: &Memory,
        files: &Files<'_, R>,
    ) -> Self {
        let accepted = Accepted {
            root: None,
            begun: memory.root,
            files: Vec::new(),
            behind: false,
            dropped: Vec::new(),
            root_asked: false,
            confirmed: files.remote().is_some(),
            now: policy.now,
        };
        let baseline = memory.baseline.clone();
        let seen_before = baseline.root().is_some() || files.stored(&RoleName::Timestamp).is_some();
        let (believed, root_on_trial, left) = (None, false, None);
        Self { policy, baseline, accepted, believed, left, seen_before, root_on_trial }
    }

    pub(super) async fn run<R: Remote>(
        &mut self,
        files: &Files<'_, R>,
        memory: &Memory,
        wish: Wish<'_>,
    ) -> Result<(TrustedTargets, Unusable), Error> {
        let start = self.start(files, memory)?;
        let mut opening = match files.remote() {
            None => self.cached_opening(start, files)?,
            Some(remote) => match remote.pace() {
                Pace::InTurn => self.in_turn(start, remote).await?,
                Pace::Ahead => self.ahead(start, files, remote, memory).await?,
            },
        };
        self.root_on_trial = false;
        for _ in 0..MAX_OVERTAKEN {
            let root = opening.root.trusted().clone();
            let outcome = self.close(opening, files, wish).await;
            let (Err(error), Some(remote)) = (&outcome, files.remote()) else { return outcome };
            if !error.is_of_another_root() {
                return outcome;
            }
            match self.overtaken(root, remote).await? {
                Some(newer) => opening = newer,
                None => return outcome,
            }
        }
        self.close(opening, files, wish).await
    }

    /// Where the chain of roots begins.
    pub(super) fn start<R: Remote>(
        &mut self,
        files: &Files<'_, R>,
        memory: &Memory,
    ) -> Result<Start, Error> {
        let stored = files.stored(&RoleName::Root);
        let start = Start::of(self.policy, stored, memory)?;
        if let (Start::Stored(root), Some(bytes)) = (&start, stored)
            && root.file().sha256() != memory.root
        {
            // Stored by docker or notary, who share this cache: from now on we remember it too.
            self.take_root(root.content().version, bytes.to_vec());
            self.root_on_trial = true;
        }
        if let (Start::Lost(..), Some(bytes)) = (&start, stored) {
            self.left = self.policy.unverified_version(&RoleName::Root, bytes);
        }
        Ok(start)
    }

    /// Takes a root for the newest, to be kept. Another program that shares the cache may be ahead
    /// of it: its files are nothing to fall behind, whatever a server shows us.
    fn take_root(&mut self, version: Version, bytes: Vec<u8>) {
        self.accepted.behind = self.left.is_some_and(|left| left > version);
        self.accepted.root = Some((version, bytes));
    }

    /// All that follows from a root.
    async fn close<R: Remote>(
        &mut self,
        opening: Opening,
        files: &Files<'_, R>,
        wish: Wish<'_>,
    ) -> Result<(TrustedTargets, Unusable), Error> {
        let Opening { root, timestamp, ahead } = opening;
        let timestamp = self.timestamp(&root, timestamp, files)?;
        let snapshot = self.snapshot(&timestamp, ahead, files).await?;
        self.targets(&snapshot, files, wish).await
    }

    /// The newer root that a publisher put there after we asked for one, and the timestamp of now;
    /// `None` if there is none, or none to believe. That we could not hear is no answer.
    async fn overtaken(
        &mut self,
        root: TrustedRoot,
        remote: &impl Remote,
    ) -> Result<Option<Opening>, Error> {
        let before = root.content().version;
        let newest = self.newest_root(root, remote).await;
        let is_newer = self.accepted.root.as_ref().is_some_and(|(version, _)| *version > before);
        if !is_newer && !matches!(newest, Err(Error::Net(_))) {
            return Ok(None);
        }
        if is_newer {
            // They were accepted under the older one, and are looked at again.
            self.accepted.files.clear();
        }
        let root = newest?;
        let timestamp = self.current_timestamp(remote).await?;
        let timestamp = timestamp.ok_or_else(|| self.absent(remote))?;
        Ok(Some(Opening { root, timestamp, ahead: None }))
    }

    /// The cached root and timestamp.
    fn cached_opening<R: Remote>(
        &self,
        start: Start,
        files: &Files<'_, R>,
    ) -> Result<Opening, Error> {
        let Start::Stored(root) = start else { return Err(files.not_stored(RoleName::Root)) };
        let root = root.current(&self.baseline)?;
        let timestamp = files.stored(&RoleName::Timestamp);
        let timestamp = timestamp.ok_or_else(|| files.not_stored(RoleName::Timestamp))?.to_vec();
        Ok(Opening { root, timestamp, ahead: None })
    }

    /// Newer roots, and only then the timestamp: TUF 1.0's order (TUF 1.0.34 §5.3, §5.4).
    async fn in_turn<R: Remote>(&mut self, start: Start, remote: &R) -> Result<Opening, Error> {
        let root = self.root_alone(start, remote).await?;
        let timestamp = self.current_timestamp(remote).await?;
        let timestamp = timestamp.ok_or_else(|| self.absent(remote))?;
        Ok(Opening { root, timestamp, ahead: None })
    }

    /// The newest root.
    pub(super) async fn root_alone<R: Remote>(
        &mut self,
        start: Start,
        remote: &R,
    ) -> Result<CurrentRoot, Error> {
        if let Start::FirstUse = start {
            self.policy.check_first_use()?;
        }
        let first = match start.file(remote.pace()) {
            Some(file) => remote.fetch(&file, self.policy.limits.root_bytes).await?,
            None => None,
        };
        let root = self.first_root(start, first, remote)?;
        let newest = self.newest_root(root, remote).await?;
        self.root_on_trial = false;
        Ok(newest)
    }

    /// The root to begin with.
    pub(super) fn first_root<R: Remote>(
        &mut self,
        start: Start,
        fetched: Option<Vec<u8>>,
        remote: &R,
    ) -> Result<TrustedRoot, Error> {
        match (start, fetched) {
            (Start::Stored(root), _) => Ok(root),
            (Start::FirstUse, Some(bytes)) => self.establish(bytes),
            (Start::FirstUse, None) => Err(self.absent(remote)),
            (Start::Lost(version, sha256), Some(bytes)) if Sha256::of(&bytes) == sha256 => {
                let root = TrustedRoot::restore(Arc::clone(self.policy), &bytes)?;
                self.take_root(version, bytes);
                Ok(root)
            }
            (Start::Lost(version, _), _) => {
                let (gun, dialect) = (self.policy.gun.clone(), self.policy.dialect);
                Err(Error::RootLost { gun, dialect, version })
            }
        }
    }

    pub(super) fn absent(&self, remote: &impl Remote) -> Error {
        let (gun, seen_before) = (self.policy.gun.clone(), self.seen_before);
        Error::NoTrustData { gun, server: remote.name(), seen_before }
    }

    pub(super) async fn current_timestamp(
        &self,
        remote: &impl Remote,
    ) -> Result<Option<Vec<u8>>, Error> {
        let current = RemoteFile::Current(RoleName::Timestamp);
        Ok(remote.fetch(&current, self.policy.limits.timestamp_bytes).await?)
    }

    fn establish(&mut self, bytes: Vec<u8>) -> Result<TrustedRoot, Error> {
        let root = TrustedRoot::establish(Arc::clone(self.policy), &bytes)?;
        self.take_root(root.content().version, bytes);
        self.believed = Some(root.clone()).filter(|_| !self.policy.anchor.is_pinned());
        self.root_on_trial = true;
        Ok(root)
    }

    /// Follows the server to the newest root, which must be current.
    pub(super) async fn newest_root(
        &mut self,
        root: TrustedRoot,
        remote: &impl Remote,
    ) -> Result<CurrentRoot, Error> {
        let (newest, bytes, outcome) = rooting::walk(root, self.policy, remote).await;
        if let Some(bytes) = bytes {
            self.take_root(newest.content().version, bytes);
        }
        if let Some(believed) = &mut self.believed {
            believed.clone_from(&newest);
        }
        outcome?;
        let current = newest.current(&self.baseline)?;
        self.accepted.root_asked = true;
        Ok(current)
    }

    fn timestamp<R: Remote>(
        &mut self,
        root: &CurrentRoot,
        fetched: Vec<u8>,
        files: &Files<'_, R>,
    ) -> Result<TrustedTimestamp, Error> {
        let stored = files.stored(&RoleName::Timestamp).filter(|stored| *stored != fetched);
        if let Some(stored) = stored {
            root.observe_timestamp(stored, &mut self.baseline);
        }
        let fresh = root.timestamp(&fetched, &self.baseline);
        let fresh = fresh.map_err(|error| match (&error, files.remote()) {
            (verify::Error::Metadata(_), None) => files.not_stored(RoleName::Timestamp),
            _ => error.into(),
        })?;
        let kept = stored.and_then(|stored| root.timestamp(stored, &self.baseline).ok());
        if let Some(kept) = kept.filter(|kept| kept.content().version == fresh.content().version) {
            return Ok(kept);
        }
        self.accept(RoleName::Timestamp, Some(fetched), fresh.seen().clone());
        Ok(fresh)
    }

    async fn snapshot<R: Remote>(
        &mut self,
        timestamp: &TrustedTimestamp,
        ahead: Option<Vec<u8>>,
        files: &Files<'_, R>,
    ) -> Result<TrustedSnapshot, Error> {
        let (role, listed) = (RoleName::Snapshot, &timestamp.content().snapshot);
        if let Some(stored) = files.stored(&role) {
            if self.policy.is_listed(&role, listed, &stored.into()) {
                let snapshot = timestamp.snapshot(stored, &self.baseline)?;
                self.accept(role, None, snapshot.seen().clone());
                return Ok(snapshot);
            }
            timestamp.root().observe_snapshot(stored, &mut self.baseline);
        }
        let fits = |ahead: &Vec<u8>| self.policy.is_listed(&role, listed, &ahead.into());
        let bytes = match ahead.filter(fits) {
            Some(ahead) => ahead,
            None => files.fetch(&role, listed, timestamp.root().content().naming).await?,
        };
        let snapshot = timestamp.snapshot(&bytes, &self.baseline)?;
        self.accept(role, Some(bytes), snapshot.seen().clone());
        Ok(snapshot)
    }

    pub(super) fn accept(&mut self, role: RoleName, bytes: Option<Vec<u8>>, seen: verify::Seen) {
        self.baseline.remember(role.clone(), seen.clone());
        self.accepted.files.push((role, bytes, seen));
    }

    /// Notes what else turned out about an accepted file.
    pub(super) fn settle(&mut self, role: RoleName, seen: verify::Seen) {
        let accepted = self.accepted.files.iter_mut().filter(|(name, ..)| *name == role);
        accepted.for_each(|(_, _, noted)| noted.clone_from(&seen));
        self.baseline.remember(role, seen);
    }

    /// Takes back what passed its own checks but turned out to be worth nothing: a first root of
    /// which we do not know that it satisfies the pins, which would bar the way to the right one;
    /// and a timestamp with a snapshot that goes back or drops a role, which the next update would
    /// take for what was seen. Whatever else was accepted stays.
    pub(super) fn withdraw(&mut self, error: Option<&Error>) {
        if self.root_on_trial {
            (self.accepted.root, self.believed) = (None, None);
        }
        if error.is_some() {
            // Perhaps it failed because the clock is wrong: it proves no time.
            (self.accepted.confirmed, self.accepted.root_asked) = (false, false);
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

    /// Whether what was accepted differs from what is stored.
    pub(super) fn differs<R: Remote>(&self, files: &Files<'_, R>, memory: &Memory) -> bool {
        let accepted = &self.accepted;
        let differs = |(role, bytes, seen): &(RoleName, Option<Vec<u8>>, verify::Seen)| {
            memory.baseline.seen().get(role) != Some(seen)
                || bytes.as_deref().is_some_and(|bytes| files.stored(role) != Some(bytes))
        };
        let is_old = |noted: Option<Instant>| {
            noted.is_none_or(|at| self.policy.now.duration_since(at) > CLOCK_NOTED_EVERY)
        };
        let confirmed = accepted.confirmed && is_old(memory.clock) && !accepted.files.is_empty();
        // Where roots are asked for each time, a look-up that brings nothing new writes nothing.
        let asked = accepted.root_asked && is_old(memory.root_asked);
        let rooted = accepted.root.is_some() || asked || !accepted.dropped.is_empty();
        rooted || confirmed || accepted.files.iter().any(differs)
    }
}

/// How often in one update a publisher may replace the root between two answers, and how often
/// another process may go on to another one meanwhile.
pub(super) const MAX_OVERTAKEN: u32 = 4;

/// How often it is noted that nothing changed.
const CLOCK_NOTED_EVERY: SignedDuration = SignedDuration::from_mins(30);
