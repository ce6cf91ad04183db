//! The loop around the verifier (TUF 1.0.34 §5): root, newer roots, timestamp, snapshot, targets.
//!
//! Where a place wants to be asked ahead (`ahead`), other files are fetched meanwhile; what comes
//! early is only ever used after the file that names it was verified.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp as Instant};

use super::Error;
use super::files::{Files, Loaded};
use super::rooting::{self, Start};
use crate::crypto::Sha256;
use crate::net::{Pace, Remote, RemoteFile};
use crate::storage::{Accepted, Cache, Memory};
use crate::tuf::{Delegation, RoleName};
use crate::verify::{
    self, Baseline, CurrentRoot, Policy, SuspendedRole, TrustedRoot, TrustedSnapshot,
    TrustedTargets, TrustedTimestamp, Wanted,
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
    /// All that are delegated and listed, but of hashed bins only those that hold these names.
    For(&'w [&'w str]),
    /// All that are delegated and listed.
    All,
}

impl Roles<'_> {
    /// Whether a delegation, found in a loaded role, is to be loaded.
    fn reach(self, delegation: &Delegation) -> bool {
        match self {
            Self::These(_) => false,
            Self::For(names) => {
                !delegation.is_bin() || names.iter().any(|name| delegation.paths.allow(name))
            }
            Self::All => true,
        }
    }
}

/// A collection as it is now.
#[derive(Debug)]
pub struct Refreshed {
    /// The trusted roles.
    pub targets: TrustedTargets,
    /// Delegated roles that were wished for and cannot be used, with the reason.
    pub unusable: BTreeMap<RoleName, Error>,
    /// Those of them that lack nothing but signatures, or expired: they can be signed again.
    pub suspended: BTreeMap<RoleName, SuspendedRole>,
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

/// Delegated roles that cannot be used.
#[derive(Default)]
struct Unusable {
    reasons: BTreeMap<RoleName, Error>,
    suspended: BTreeMap<RoleName, SuspendedRole>,
}

/// Brings a collection up to date and loads what is wished for. Without a remote, from the cache
/// alone.
///
/// Every file that passed all its checks is kept, also when a later one fails; no file that failed
/// is.
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
    let (refreshed, accepted) = refresh_and_leave(policy, cache, remote, wish).await?;
    accepted.map_or(Ok(()), |accepted| cache.keep(&accepted))?;
    Ok(refreshed)
}

/// The same, leaving it to the caller to store what was accepted, if it is anything new.
pub(super) async fn refresh_and_leave(
    policy: Arc<Policy>,
    cache: &impl Cache,
    remote: Option<&impl Remote>,
    wish: Wish<'_>,
) -> Result<(Refreshed, Option<Accepted>), Error> {
    let (memory, files) = {
        let _steady = cache.steady()?;
        (cache.memory()?, Files::picture(&policy, cache, remote, wish)?)
    };
    check_clock(&policy, &memory)?;
    let mut update = Update::new(&policy, &memory, remote.is_some());
    let result = update.run(&files, &memory, wish).await;
    update.withdraw(result.as_ref().err());
    let differs = update.differs(&files, &memory);
    let (first_use, accepted) = (update.first_use, Some(update.accepted).filter(|_| differs));
    let (targets, unusable) = match result {
        Ok(loaded) => loaded,
        Err(error) => {
            // That it cannot be kept, too, is the lesser news.
            let _ = accepted.map(|accepted| cache.keep(&accepted));
            return Err(error);
        }
    };
    let freshness = match remote {
        Some(_) => Freshness::Server,
        None => Freshness::Cache(memory.clock),
    };
    let before = memory.baseline;
    let Unusable { reasons: unusable, suspended } = unusable;
    Ok((Refreshed { targets, unusable, suspended, before, first_use, freshness }, accepted))
}

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
    accepted: Accepted,
    first_use: bool,
    /// Whether the root is new here without a predecessor, and pins and dates were not looked at
    /// yet.
    root_on_trial: bool,
}

impl<'u> Update<'u> {
    fn new(policy: &'u Arc<Policy>, memory: &Memory, confirmed: bool) -> Self {
        let accepted = Accepted {
            root: None,
            under: None,
            files: Vec::new(),
            dropped: Vec::new(),
            root_asked: false,
            confirmed,
            now: policy.now,
        };
        let baseline = memory.baseline.clone();
        Self { policy, baseline, accepted, first_use: false, root_on_trial: false }
    }

    async fn run<R: Remote>(
        &mut self,
        files: &Files<'_, R>,
        memory: &Memory,
        wish: Wish<'_>,
    ) -> Result<(TrustedTargets, Unusable), Error> {
        let stored = files.stored(&RoleName::Root);
        let start = Start::of(self.policy, stored, memory)?;
        if let (Start::Stored(root), Some(bytes)) = (&start, stored)
            && root.file().sha256() != memory.root
        {
            // Stored by docker or notary, who share this cache: from now on we remember it too.
            self.accepted.root = Some((root.content().version, bytes.to_vec()));
            self.root_on_trial = true;
        }
        let Opening { root, timestamp, ahead } = match files.remote() {
            None => self.cached_opening(start, files)?,
            Some(remote) => match remote.pace() {
                Pace::InTurn => self.in_turn(start, files, remote).await?,
                Pace::Ahead => self.ahead(start, files, remote, memory).await?,
            },
        };
        self.root_on_trial = false;
        self.accepted.under = Some(root.content().version);
        let timestamp = self.timestamp(&root, timestamp, files)?;
        let snapshot = self.snapshot(&timestamp, ahead, files).await?;
        self.targets(&snapshot, files, wish).await
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
    async fn in_turn<R: Remote>(
        &mut self,
        start: Start,
        files: &Files<'_, R>,
        remote: &R,
    ) -> Result<Opening, Error> {
        let seen_before = self.seen_before(files);
        if let Start::FirstUse = start {
            self.policy.check_first_use()?;
        }
        let first = match start.file(Pace::InTurn) {
            Some(file) => remote.fetch(&file, self.policy.limits.root_bytes).await?,
            None => None,
        };
        let root = self.first_root(start, first, remote, seen_before)?;
        let root = self.newest_root(root, remote).await?;
        let timestamp = self.current_timestamp(remote).await?;
        let timestamp = timestamp.ok_or_else(|| self.absent(remote, seen_before))?;
        Ok(Opening { root, timestamp, ahead: None })
    }

    /// The root to begin with.
    pub(super) fn first_root<R: Remote>(
        &mut self,
        start: Start,
        fetched: Option<Vec<u8>>,
        remote: &R,
        seen_before: bool,
    ) -> Result<TrustedRoot, Error> {
        match (start, fetched) {
            (Start::Stored(root), _) => Ok(root),
            (Start::FirstUse, Some(bytes)) => self.establish(bytes),
            (Start::FirstUse, None) => Err(self.absent(remote, seen_before)),
            (Start::Lost(version, sha256), Some(bytes)) if Sha256::of(&bytes) == sha256 => {
                let root = TrustedRoot::restore(Arc::clone(self.policy), &bytes)?;
                self.accepted.root = Some((version, bytes));
                Ok(root)
            }
            (Start::Lost(version, _), _) => {
                let (gun, dialect) = (self.policy.gun.clone(), self.policy.dialect);
                Err(Error::RootLost { gun, dialect, version })
            }
        }
    }

    /// Whether anything says that a server had the collection before. A stored root alone does not:
    /// one that is neither remembered nor has a timestamp beside it was made here, by notary's
    /// `init`, and never published.
    pub(super) fn seen_before<R: Remote>(&self, files: &Files<'_, R>) -> bool {
        self.baseline.root().is_some() || files.stored(&RoleName::Timestamp).is_some()
    }

    pub(super) fn absent(&self, remote: &impl Remote, seen_before: bool) -> Error {
        Error::NoTrustData { gun: self.policy.gun.clone(), server: remote.name(), seen_before }
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
        self.accepted.root = Some((root.content().version, bytes));
        self.first_use = true;
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
            self.accepted.root = Some((newest.content().version, bytes));
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
        let fresh = root.timestamp(&fetched, &self.baseline)?;
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

    /// `targets`, and beside it `targets/releases` if it is wished for; then, if all are, what
    /// these delegate to.
    async fn targets<R: Remote>(
        &mut self,
        snapshot: &TrustedSnapshot,
        files: &Files<'_, R>,
        wish: Wish<'_>,
    ) -> Result<(TrustedTargets, Unusable), Error> {
        let role = RoleName::Targets;
        let beside = wished_beside(snapshot, wish.roles);
        let (loaded, delegated) =
            join(files.load(&role, snapshot), load_all(files, snapshot, beside)).await;
        let loaded = loaded?;
        if let Some(replaced) = files.stored(&role).filter(|_| loaded.new) {
            snapshot.root().observe_targets(replaced, &mut self.baseline);
        }
        let wanted = files.wanted(&role, wish.wanted);
        let mut targets = snapshot.targets(&loaded.file, &self.baseline, wanted)?;
        self.accept_loaded(&role, loaded, &targets);
        self.accepted.dropped = no_longer_delegated(&targets, &self.baseline);
        let mut unusable = Unusable::default();
        self.delegations(&mut targets, delegated, files, wish.wanted, &mut unusable)?;
        loop {
            let next = delegated_and_listed(&targets, &unusable.reasons, wish.roles)?;
            if next.is_empty() {
                break;
            }
            let delegated = load_all(files, snapshot, next).await;
            self.delegations(&mut targets, delegated, files, wish.wanted, &mut unusable)?;
        }
        Ok((targets, unusable))
    }

    /// Takes in delegated roles. One that fails its checks is reported, and costs the others
    /// nothing.
    fn delegations<R: Remote>(
        &mut self,
        targets: &mut TrustedTargets,
        delegated: Vec<(RoleName, Result<Loaded<'_>, Error>)>,
        files: &Files<'_, R>,
        wanted: Wanted<'_>,
        unusable: &mut Unusable,
    ) -> Result<(), Error> {
        for (role, loaded) in delegated {
            if targets.delegation_to(&role).is_none() {
                continue;
            }
            let loaded = match loaded {
                Ok(loaded) => loaded,
                Err(error @ (Error::Verify(_) | Error::Missing { .. })) => {
                    unusable.reasons.insert(role, error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(replaced) = files.stored(&role).filter(|_| loaded.new) {
                targets.observe_delegation(&role, replaced, &mut self.baseline);
            }
            let wanted = files.wanted(&role, wanted);
            match targets.delegation(&role, &loaded.file, &self.baseline, wanted) {
                Ok(()) => self.accept_loaded(&role, loaded, targets),
                Err(error) => {
                    use verify::Error::{Expired, Threshold};
                    if matches!(error, Threshold { .. } | Expired { .. })
                        && let Some(suspended) = targets.suspended(&role, &loaded.file)
                    {
                        unusable.suspended.insert(role.clone(), suspended);
                    }
                    unusable.reasons.insert(role, error.into());
                }
            }
        }
        Ok(())
    }

    fn accept_loaded(&mut self, role: &RoleName, loaded: Loaded<'_>, targets: &TrustedTargets) {
        if let Some(trusted) = targets.role(role) {
            let bytes = loaded.new.then(|| loaded.file.into_bytes());
            self.accept(role.clone(), bytes, trusted.seen().clone());
        }
    }

    fn accept(&mut self, role: RoleName, bytes: Option<Vec<u8>>, seen: verify::Seen) {
        self.baseline.remember(role.clone(), seen.clone());
        self.accepted.files.push((role, bytes, seen));
    }

    /// Takes back what passed its own checks but turned out to be worth nothing: a first root of
    /// which we do not know that it satisfies the pins, which would bar the way to the right one;
    /// and a timestamp with a snapshot that goes back or drops a role, which the next update would
    /// take for what was seen. Whatever else was accepted stays.
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

    /// Whether what was accepted differs from what is stored.
    fn differs<R: Remote>(&self, files: &Files<'_, R>, memory: &Memory) -> bool {
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

/// Roles that were seen, and to which a trusted `targets` does not delegate any more: should it do
/// so again, they are new.
fn no_longer_delegated(targets: &TrustedTargets, baseline: &Baseline) -> Vec<RoleName> {
    let dropped = |role: &&RoleName| {
        role.parent() == Some(RoleName::Targets) && targets.delegation_to(role).is_none()
    };
    baseline.seen().keys().filter(dropped).cloned().collect()
}

/// The delegations to load beside `targets`, before we know that it delegates to them: the few that
/// were named, or the one that docker asks first.
fn wished_beside(snapshot: &TrustedSnapshot, roles: Roles<'_>) -> Vec<RoleName> {
    let releases = [RoleName::releases()];
    let beside = match roles {
        Roles::These(these) => these,
        Roles::For(_) | Roles::All => &releases,
    };
    beside.iter().filter(|role| snapshot.listed(role).is_some()).cloned().collect()
}

/// The roles that loaded roles delegate to and the snapshot lists, as far as they were not tried
/// yet. Those nested too deep are left out; a look-up that comes to one says so.
fn delegated_and_listed(
    targets: &TrustedTargets,
    unusable: &BTreeMap<RoleName, Error>,
    wished: Roles<'_>,
) -> Result<Vec<RoleName>, Error> {
    let limits = &targets.root().policy().limits;
    let next: Vec<&Delegation> = targets
        .roles()
        .flat_map(|(_, role)| role.content().delegations.roles.iter())
        .filter(|delegation| wished.reach(delegation))
        .filter(|it| targets.role(&it.name).is_none() && !unusable.contains_key(&it.name))
        .filter(|it| targets.snapshot().listed(&it.name).is_some())
        .filter(|it| it.name.as_str().matches('/').count() <= limits.delegation_depth)
        .collect();
    let bins = next.iter().filter(|it| it.is_bin()).count();
    let loaded_bins = targets.roles().filter(|(name, _)| targets.is_bin(name)).count();
    let others = targets.roles().count() - loaded_bins + next.len() - bins;
    if others > limits.delegations + 1 {
        return Err(verify::Error::TooManyDelegations { limit: limits.delegations }.into());
    }
    if loaded_bins + bins > limits.bins {
        return Err(verify::Error::TooManyDelegations { limit: limits.bins }.into());
    }
    Ok(next.into_iter().map(|it| it.name.clone()).collect())
}

/// The listed files of these roles, a few at a time.
async fn load_all<'f, R: Remote>(
    files: &'f Files<'_, R>,
    snapshot: &TrustedSnapshot,
    roles: Vec<RoleName>,
) -> Vec<(RoleName, Result<Loaded<'f>, Error>)> {
    let load = async |role: RoleName| {
        let loaded = files.load(&role, snapshot).await;
        (role, loaded)
    };
    stream::iter(roles).map(load).buffered(AT_ONCE).collect().await
}

/// A clock that stands well before the last time anything was accepted makes every expiry
/// meaningless.
fn check_clock(policy: &Policy, memory: &Memory) -> Result<(), Error> {
    match memory.clock {
        Some(seen) if seen.duration_since(policy.now) > CLOCK_TOLERANCE => {
            let (gun, dialect) = (policy.gun.clone(), policy.dialect);
            Err(Error::Clock { gun, dialect, now: policy.now, seen })
        }
        _ => Ok(()),
    }
}

/// Requests under way for delegated roles.
const AT_ONCE: usize = 8;
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
/// How often it is noted that nothing changed.
const CLOCK_NOTED_EVERY: SignedDuration = SignedDuration::from_mins(30);
