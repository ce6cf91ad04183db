//! The loop around the verifier (TUF 1.0.34 §5): root, newer roots, timestamp, snapshot, targets.
//!
//! Where a place wants to be asked ahead (`ahead`), other files are fetched meanwhile; what comes
//! early is only ever used after the file that names it was verified.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp as Instant};

use super::Error;
use super::files::Files;
use super::roles::Unusable;
use super::update::{MAX_OVERTAKEN, Update};
use crate::net::Remote;
use crate::storage::{self, Accepted, Cache, Memory};
use crate::tuf::{Delegation, RoleName};
use crate::verify::{Baseline, CurrentRoot, Policy, SuspendedRole, TrustedTargets, Wanted};

/// What to load.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'w> {
    /// Which delegated roles, besides `targets`.
    pub roles: Roles<'w>,
    /// How much of each.
    pub wanted: Wanted<'w>,
}

impl Wish<'static> {
    /// All that there is.
    pub const EVERYTHING: Self = Self { roles: Roles::All, wanted: Wanted::Everything };
    /// `targets` alone.
    pub const TARGETS: Self = Self { roles: Roles::These(&[]), wanted: Wanted::Everything };
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
    pub(super) fn reach(self, delegation: &Delegation) -> bool {
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

/// Brings a collection up to date and loads what is wished for. Without a remote, from the cache
/// alone.
///
/// Every file that passed all its checks is kept, also when a later one fails; no file that failed
/// is. If another process trusted another root meanwhile, the update begins again with that one.
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
    for _ in 1..MAX_OVERTAKEN {
        match refresh_and_keep(&policy, cache, remote, wish).await {
            Err(Error::Storage(storage::Error::Overtaken)) => {}
            outcome => return outcome,
        }
    }
    refresh_and_keep(&policy, cache, remote, wish).await
}

async fn refresh_and_keep(
    policy: &Arc<Policy>,
    cache: &impl Cache,
    remote: Option<&impl Remote>,
    wish: Wish<'_>,
) -> Result<Refreshed, Error> {
    let (refreshed, accepted) = refresh_and_leave(Arc::clone(policy), cache, remote, wish).await?;
    accepted.map_or(Ok(()), |accepted| cache.keep(&accepted))?;
    if let Some(remote) = remote {
        remote.believed();
    }
    Ok(refreshed)
}

/// The newest root alone, whatever is wrong with the files that follow from it.
///
/// # Errors
///
/// [`Error`], as far as the root is concerned.
pub async fn newest_root(
    policy: Arc<Policy>,
    cache: &impl Cache,
    remote: &impl Remote,
) -> Result<CurrentRoot, Error> {
    for _ in 1..MAX_OVERTAKEN {
        match newest_root_and_keep(&policy, cache, remote).await {
            Err(Error::Storage(storage::Error::Overtaken)) => {}
            outcome => return outcome,
        }
    }
    newest_root_and_keep(&policy, cache, remote).await
}

async fn newest_root_and_keep(
    policy: &Arc<Policy>,
    cache: &impl Cache,
    remote: &impl Remote,
) -> Result<CurrentRoot, Error> {
    let (memory, files) = {
        let _steady = cache.steady()?;
        (cache.memory()?, Files::of_role(policy, cache, Some(remote), &RoleName::Root)?)
    };
    check_clock(policy, &memory)?;
    let mut update = Update::new(policy, &memory, &files);
    let newest = match update.start(&files, &memory) {
        Ok(start) => update.root_alone(start, remote).await,
        Err(error) => Err(error),
    };
    update.withdraw(newest.as_ref().err());
    tell_of_first_use(&update, cache);
    let kept = match update.differs(&files, &memory) {
        true => cache.keep(&update.accepted),
        false => Ok(()),
    };
    // That it cannot be kept, too, is the lesser news.
    let newest = newest?;
    Ok(kept.map(|()| newest)?)
}

/// [`refresh`], leaving it to the caller to store what was accepted, if it is anything new.
pub(super) async fn refresh_and_leave(
    policy: Arc<Policy>,
    cache: &impl Cache,
    remote: Option<&impl Remote>,
    wish: Wish<'_>,
) -> Result<(Refreshed, Option<Accepted>), Error> {
    let (memory, files) = {
        let _steady = cache.steady()?;
        let memory = cache.memory()?;
        let files = Files::picture(&policy, cache, remote, wish, &memory.baseline)?;
        (memory, files)
    };
    check_clock(&policy, &memory)?;
    let mut update = Update::new(&policy, &memory, &files);
    let result = update.run(&files, &memory, wish).await;
    update.withdraw(result.as_ref().err());
    tell_of_first_use(&update, cache);
    let differs = update.differs(&files, &memory);
    let (first_use, accepted) =
        (update.believed.is_some(), Some(update.accepted).filter(|_| differs));
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
    let Unusable { reasons: unusable, suspended, .. } = unusable;
    Ok((Refreshed { targets, unusable, suspended, before, first_use, freshness }, accepted))
}

/// A first root that is believed is, whatever becomes of the rest.
fn tell_of_first_use(update: &Update<'_>, cache: &impl Cache) {
    if let Some(root) = &update.believed {
        cache.first_use(root);
    }
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

const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
