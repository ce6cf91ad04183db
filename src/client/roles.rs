//! The last step of an update: `targets`, and the roles that it and others delegate to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream;

use super::Error;
use super::files::{Files, Loaded};
use super::refresh::{Roles, Wish};
use super::update::Update;
use crate::net::Remote;
use crate::tuf::{self, Delegation, Limits, RoleName};
use crate::verify::{
    self, Baseline, Glance, SuspendedRole, TrustedSnapshot, TrustedTargets, Wanted,
};

/// Delegated roles that cannot be used.
pub(super) struct Unusable {
    pub(super) reasons: BTreeMap<RoleName, Error>,
    pub(super) suspended: BTreeMap<RoleName, SuspendedRole>,
    /// How many delegations of suspended roles are still kept.
    room: usize,
}

impl Unusable {
    fn new(limits: &Limits) -> Self {
        let (reasons, suspended) = (BTreeMap::new(), BTreeMap::new());
        Self { reasons, suspended, room: limits.delegated }
    }

    /// Notes why a role cannot be used, and what it says if it lacks nothing but signatures or
    /// time.
    fn note(
        &mut self,
        role: &RoleName,
        error: verify::Error,
        suspended: impl FnOnce() -> Option<SuspendedRole>,
    ) {
        use verify::Error::{Expired, Threshold};
        if matches!(error, Threshold { .. } | Expired { .. })
            && let Some(suspended) = suspended()
            && let Some(room) = self.room.checked_sub(suspended.delegated())
        {
            self.room = room;
            self.suspended.insert(role.clone(), suspended);
        }
        self.reasons.insert(role.clone(), error.into());
    }
}

impl Update<'_> {
    /// `targets`, and beside it `targets/releases` if it is wished for; then, if all are, what
    /// these delegate to.
    pub(super) async fn targets<R: Remote>(
        &mut self,
        snapshot: &TrustedSnapshot,
        files: &Files<'_, R>,
        wish: Wish<'_>,
    ) -> Result<(TrustedTargets, Unusable), Error> {
        let beside = wished_beside(snapshot, wish.roles);
        let targets = self.top_level(snapshot, files, wish.wanted);
        let (targets, delegated) = join(targets, load_all(files, snapshot, beside)).await;
        let mut targets = targets?;
        self.accepted.dropped = no_longer_delegated(&targets, &self.baseline);
        let mut unusable = Unusable::new(&snapshot.root().policy().limits);
        self.delegations(&mut targets, delegated, files, wish.wanted, &mut unusable).await?;
        for _ in 0..snapshot.root().policy().limits.delegation_depth {
            let next = next_roles(&targets, &mut unusable.reasons, wish.roles);
            if next.is_empty() {
                break;
            }
            let delegated = load_all(files, snapshot, next).await;
            self.delegations(&mut targets, delegated, files, wish.wanted, &mut unusable).await?;
        }
        if let Some(seen) = targets.settled_snapshot() {
            self.settle(RoleName::Snapshot, seen);
        }
        let forgotten = no_longer_known(&targets, &self.baseline);
        self.accepted.dropped.extend(forgotten);
        Ok((targets, unusable))
    }

    /// `targets` itself.
    async fn top_level<R: Remote>(
        &mut self,
        snapshot: &TrustedSnapshot,
        files: &Files<'_, R>,
        wanted: Wanted<'_>,
    ) -> Result<TrustedTargets, Error> {
        let role = RoleName::Targets;
        let glimpse = |glance| snapshot.glimpse_targets(glance, &self.baseline);
        if let Some(targets) = files.glance(&role, snapshot).and_then(glimpse) {
            self.accept_known(&role, &targets);
            return Ok(targets);
        }
        let loaded = files.load(&role, snapshot).await?;
        if let Some(replaced) = files.stored(&role).filter(|_| loaded.new) {
            snapshot.root().observe_targets(replaced, &mut self.baseline);
        }
        let targets = snapshot.targets(&loaded.file, &self.baseline, wanted)?;
        self.accept_loaded(&role, loaded, &targets);
        Ok(targets)
    }

    /// Takes in delegated roles. One that fails its checks is reported, and costs the others
    /// nothing.
    async fn delegations<R: Remote>(
        &mut self,
        targets: &mut TrustedTargets,
        delegated: Vec<(RoleName, Delegated<'_>)>,
        files: &Files<'_, R>,
        wanted: Wanted<'_>,
        unusable: &mut Unusable,
    ) -> Result<(), Error> {
        for (role, delegated) in delegated {
            if targets.delegation_to(&role).is_none() {
                continue;
            }
            let loaded = match delegated {
                Delegated::Loaded(loaded) => loaded,
                Delegated::Glimpsed(glance) => {
                    if targets.glimpse_delegation(&role, glance, &self.baseline) {
                        self.accept_known(&role, targets);
                        continue;
                    }
                    files.load(&role, targets.snapshot()).await
                }
            };
            match loaded {
                Ok(loaded) => self.delegation(&role, loaded, targets, files, wanted, unusable),
                Err(error @ (Error::Verify(_) | Error::Missing { .. })) => {
                    unusable.reasons.insert(role, error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn delegation<R: Remote>(
        &mut self,
        role: &RoleName,
        loaded: Loaded<'_>,
        targets: &mut TrustedTargets,
        files: &Files<'_, R>,
        wanted: Wanted<'_>,
        unusable: &mut Unusable,
    ) {
        if let Some(replaced) = files.stored(role).filter(|_| loaded.new) {
            targets.observe_delegation(role, replaced, &mut self.baseline);
        }
        match targets.delegation(role, &loaded.file, &self.baseline, wanted) {
            Ok(()) => self.accept_loaded(role, loaded, targets),
            Err(error) => unusable.note(role, error, || targets.suspended(role, &loaded.file)),
        }
    }

    fn accept_loaded(&mut self, role: &RoleName, loaded: Loaded<'_>, targets: &TrustedTargets) {
        if let Some(trusted) = targets.role(role) {
            let bytes = loaded.new.then(|| loaded.file.into_bytes());
            self.accept(role.clone(), bytes, trusted.seen().clone());
        }
    }

    /// Accepts a file that is stored, and was accepted before.
    fn accept_known(&mut self, role: &RoleName, targets: &TrustedTargets) {
        if let Some(trusted) = targets.role(role) {
            self.accept(role.clone(), None, trusted.seen().clone());
        }
    }
}

/// The listed file of a delegated role, or what a glance saw of it, which may have to do or not.
enum Delegated<'f> {
    Glimpsed(&'f Glance),
    Loaded(Result<Loaded<'f>, Error>),
}

impl Delegated<'_> {
    /// Bytes of the file.
    fn size(&self) -> u64 {
        match self {
            Self::Glimpsed(glance) => glance.length(),
            Self::Loaded(Ok(loaded)) => loaded.file.as_bytes().len() as u64,
            Self::Loaded(Err(_)) => 0,
        }
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

/// Roles that were seen, and that the snapshot neither lists nor has to account for any more, nor
/// does a loaded role delegate to them.
fn no_longer_known(targets: &TrustedTargets, baseline: &Baseline) -> Vec<RoleName> {
    let snapshot = baseline.seen().get(&RoleName::Snapshot);
    let forgotten = |role: &&RoleName| {
        matches!(role, RoleName::Delegation(_))
            && snapshot.is_some_and(|snapshot| !snapshot.listed.contains_key(*role))
            && targets.delegation_to(role).is_none()
    };
    baseline.seen().keys().filter(forgotten).cloned().collect()
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

/// The roles to load next. Those that are too many are noted as unusable: whoever delegates to them
/// keeps nobody from the others.
fn next_roles(
    targets: &TrustedTargets,
    unusable: &mut BTreeMap<RoleName, Error>,
    wished: Roles<'_>,
) -> Vec<RoleName> {
    let limits = &targets.root().policy().limits;
    let loaded_bins = targets.roles().filter(|(name, _)| targets.is_bin(name)).count();
    let loaded_others = targets.roles().count().saturating_sub(loaded_bins);
    let mut bins = limits.bins.saturating_sub(loaded_bins);
    let mut others = limits.delegations.saturating_add(1).saturating_sub(loaded_others);
    let mut next = Vec::new();
    for it in delegated_and_listed(targets, unusable, wished) {
        let (room, limit) = match it.is_bin() {
            true => (&mut bins, limits.bins),
            false => (&mut others, limits.delegations),
        };
        if *room == 0 {
            let error = verify::Error::TooManyDelegations { limit };
            unusable.insert(it.name.clone(), error.into());
        } else {
            *room = room.saturating_sub(1);
            next.push(it.name.clone());
        }
    }
    next
}

/// The roles that loaded roles delegate to and the snapshot lists, as far as they were not tried
/// yet: of each role the first, then of each the second, so that the many of one do not displace the
/// few of another. Those nested too deep are left out; a look-up that comes to one says so.
fn delegated_and_listed<'t>(
    targets: &'t TrustedTargets,
    unusable: &BTreeMap<RoleName, Error>,
    wished: Roles<'_>,
) -> Vec<&'t Delegation> {
    let depth = targets.root().policy().limits.delegation_depth;
    let mut next: Vec<(usize, &Delegation)> = targets
        .roles()
        .flat_map(|(_, role)| role.content().delegations.roles.iter().enumerate())
        .filter(|(_, it)| wished.reach(it))
        .filter(|(_, it)| targets.role(&it.name).is_none() && !unusable.contains_key(&it.name))
        .filter(|(_, it)| targets.snapshot().listed(&it.name).is_some())
        .filter(|(_, it)| it.name.as_str().matches('/').count() <= depth)
        .collect();
    next.sort_by_key(|(place, _)| *place);
    let mut seen = BTreeSet::new();
    next.into_iter().map(|(_, it)| it).filter(|it| seen.insert(&it.name)).collect()
}

/// The listed files of these roles, a few at a time, until they are too much together.
async fn load_all<'f, R: Remote>(
    files: &'f Files<'_, R>,
    snapshot: &TrustedSnapshot,
    roles: Vec<RoleName>,
) -> Vec<(RoleName, Delegated<'f>)> {
    let limit = snapshot.root().policy().limits.collection_bytes;
    let taken = AtomicU64::new(0);
    let load = async |role: RoleName| {
        let found = taken.load(Ordering::Relaxed);
        if found > limit {
            let error = tuf::Error::TooLarge { role: role.clone(), limit, found };
            return (role, Delegated::Loaded(Err(verify::Error::from(error).into())));
        }
        let delegated = match files.glance(&role, snapshot) {
            Some(glance) => Delegated::Glimpsed(glance),
            None => Delegated::Loaded(files.load(&role, snapshot).await),
        };
        taken.fetch_add(delegated.size(), Ordering::Relaxed);
        (role, delegated)
    };
    stream::iter(roles).map(load).buffered(AT_ONCE).collect().await
}

/// Requests under way for delegated roles.
const AT_ONCE: usize = 8;
