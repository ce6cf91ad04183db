//! What ends when, and signing again what ends soon.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp as Instant};

use super::{Amended, Collection, Error, Workbench};
use crate::client::{self, Refreshed, Wish};
use crate::crypto::PublicKey;
use crate::edit;
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Key, KeyId, OnlineRoles, Role, RoleName, canonical_key_id, distinct_keys};
use crate::verify::{self, TrustedTargets};

/// Something that ends to be valid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lifetime {
    /// What.
    pub what: Ending,
    /// When it ends, UTC.
    pub at: Instant,
    /// Who can prevent it.
    pub keeper: Keeper,
}

/// What ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// A role's file.
    Role(RoleName),
    /// The certificate of a role's key, by the canonical id of the key. A root whose certificates
    /// ended is believed by nobody; of delegations nobody looks at their dates.
    Certificate(RoleName, KeyId),
}

/// Who can sign something again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keeper {
    /// Enough keys are here.
    Here,
    /// The server does it by itself.
    Server,
    /// Somebody else.
    Elsewhere,
}

/// When a timestamp is signed again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// Once half of its life is over.
    Due,
    /// Now.
    Now,
}

/// What a renewal did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Renewal {
    /// Roles that were signed again, with the end that they had.
    pub renewed: Vec<(RoleName, Instant)>,
    /// Roles that end soon, and whose keys are not here.
    pub left: Vec<(RoleName, Instant)>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// What ends when, the first to end first. A timestamp that no server signs is told once it
    /// should have been signed again.
    ///
    /// # Errors
    ///
    /// As [`Collection::refresh`]; what expired already fails it, unless it is a delegation.
    pub async fn lifetimes(&self, store: &dyn KeyStore) -> Result<Vec<Lifetime>, Error> {
        let collection = self.refresh(Wish::EVERYTHING).await?;
        let held: Vec<KeyId> = store.ids()?;
        let mut lifetimes = roles(&collection, &held, self.now());
        lifetimes.extend(certificates(&collection.targets));
        lifetimes.sort_by_key(|it| it.at);
        Ok(lifetimes)
    }

    /// Signs again what ends within this time, as far as its keys are here: root, targets,
    /// delegations, and a snapshot that is ours. Also what expired already, and a timestamp that
    /// no server signs once half of its life is over.
    ///
    /// # Errors
    ///
    /// [`Error`]; nothing is published then.
    pub async fn renew(
        &self,
        within: SignedDuration,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Renewal>, Error> {
        let limit = self.now().checked_add(within).unwrap_or(Instant::MAX);
        let (now, mut done) = (self.now(), Renewal::default());
        let renew = |bench: &mut Workbench<'_>| {
            let renewal = renew(bench, limit, now)?;
            if bench.draft.touched().next().is_some() {
                done = renewal.clone();
            }
            // Nothing ends soon the second time: nobody told us that the server had taken it.
            Ok(Renewal { left: renewal.left, ..done.clone() })
        };
        self.amend_expired(store, passphrases, renew).await
    }

    /// Signs again the timestamp alone, where no server does, once half of its life is over, or at
    /// any time when that is wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] where a server signs it, or without its key; any other [`Error`].
    pub async fn renew_timestamp(
        &self,
        when: When,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Renewal>, Error> {
        let (now, before) = (self.now(), Cell::new(None));
        let renew = |bench: &mut Workbench<'_>| {
            let Some(at) = bench.draft.timestamp_expires() else {
                return Err(edit::Error::ServersRole { role: RoleName::Timestamp }.into());
            };
            let role = RoleName::Timestamp;
            let again = before.get().is_some_and(|before| at > before);
            if !again && (when == When::Now || is_half_over(&role, at, now)) {
                before.set(Some(at));
                bench.draft.renew(&role)?;
            }
            let renewed = before.get().map(|at| (role, at)).into_iter().collect();
            Ok(Renewal { renewed, left: Vec::new() })
        };
        self.amend_expired(store, passphrases, renew).await
    }
}

/// Whether half of the life that a role's files are given is over.
pub(super) fn is_half_over(role: &RoleName, expires: Instant, now: Instant) -> bool {
    let life = edit::expiry(role, now).duration_since(now);
    expires.duration_since(now) < life / 2
}

fn renew(bench: &mut Workbench<'_>, limit: Instant, now: Instant) -> Result<Renewal, Error> {
    let mut renewal = Renewal::default();
    let timestamp = bench.draft.timestamp_expires();
    if let Some(at) = timestamp.filter(|at| is_half_over(&RoleName::Timestamp, *at, now)) {
        match bench.can_sign(&RoleName::Timestamp)? {
            true => {
                bench.draft.renew(&RoleName::Timestamp)?;
                renewal.renewed.push((RoleName::Timestamp, at));
            }
            false => renewal.left.push((RoleName::Timestamp, at)),
        }
    }
    for (role, at) in bench.endings().into_iter().filter(|(_, at)| *at <= limit) {
        let owner = bench.draft.owner(&role);
        if bench.can_sign(&role)? {
            bench.witness(&role)?;
            note(&mut renewal.renewed, owner, at);
        } else if role != RoleName::Snapshot {
            note(&mut renewal.left, owner, at);
        }
    }
    Ok(renewal)
}

/// Notes the end of a role, or of the first of its bins to end.
fn note(ends: &mut Vec<(RoleName, Instant)>, role: RoleName, at: Instant) {
    match ends.iter_mut().find(|(known, _)| *known == role) {
        Some((_, earliest)) => *earliest = at.min(*earliest),
        None => ends.push((role, at)),
    }
}

impl Workbench<'_> {
    /// When each role ends that publishers sign; of those that cannot be used, the expired ones.
    fn endings(&self) -> Vec<(RoleName, Instant)> {
        let root = (RoleName::Root, self.draft.root().expires);
        let snapshot = self.draft.snapshot().map(|it| (RoleName::Snapshot, it.expires));
        let roles = self.draft.roles().map(|(role, targets)| (role.clone(), targets.expires));
        let expired = expired(self.unusable).filter(|(role, _)| self.suspended.contains_key(role));
        std::iter::once(root).chain(snapshot).chain(roles).chain(expired).collect()
    }
}

fn roles(collection: &Refreshed, held: &[KeyId], now: Instant) -> Vec<Lifetime> {
    let targets = &collection.targets;
    let mut ends = Vec::new();
    for (role, at) in files(targets, now).into_iter().chain(expired(&collection.unusable)) {
        note(&mut ends, targets.owner(&role).clone(), at);
    }
    let lifetime = |(role, at)| {
        let keeper = keeper(targets, &role, held);
        Lifetime { keeper, what: Ending::Role(role), at }
    };
    ends.into_iter().map(lifetime).collect()
}

/// When each file ends, but for a timestamp that has half of its life before it and that no server
/// signs.
fn files(targets: &TrustedTargets, now: Instant) -> Vec<(RoleName, Instant)> {
    let (root, snapshot) = (targets.root().content(), targets.snapshot());
    let top = [(RoleName::Root, root.expires), (RoleName::Snapshot, snapshot.content().expires)];
    let timestamp = (RoleName::Timestamp, snapshot.timestamp().content().expires);
    let is_told = is_served(targets) || is_half_over(&timestamp.0, timestamp.1, now);
    let loaded = targets.roles().map(|(name, role)| (name.clone(), role.content().expires));
    top.into_iter().chain(is_told.then_some(timestamp)).chain(loaded).collect()
}

/// The roles that cannot be used because they expired, and when they did.
fn expired(
    unusable: &BTreeMap<RoleName, client::Error>,
) -> impl Iterator<Item = (RoleName, Instant)> {
    unusable.iter().filter_map(|(role, reason)| match reason {
        client::Error::Verify(verify::Error::Expired { at, .. }) => Some((role.clone(), *at)),
        _ => None,
    })
}

fn keeper(targets: &TrustedTargets, role: &RoleName, held: &[KeyId]) -> Keeper {
    let root = targets.root().content();
    let is_here = match root.role(role) {
        Some(keys) => are_enough(keys, root.keys_of(keys), held),
        None => targets.delegation_to(role).is_some_and(|(parent, it)| {
            are_enough(&it.role, parent.content().delegations.keys_of(it), held)
        }),
    };
    match role {
        _ if is_here => Keeper::Here,
        RoleName::Snapshot | RoleName::Timestamp if is_served(targets) => Keeper::Server,
        _ => Keeper::Elsewhere,
    }
}

fn are_enough<'k>(role: &Role, keys: impl Iterator<Item = &'k Key>, held: &[KeyId]) -> bool {
    let is_held = |public: &PublicKey| held.contains(&canonical_key_id(public));
    let here = keys.filter(|key| key.public().is_some_and(is_held));
    distinct_keys(here) >= role.threshold().count()
}

fn is_served(targets: &TrustedTargets) -> bool {
    targets.root().policy().dialect.online_roles() == OnlineRoles::Server
}

/// The certificates of root keys, and of keys of delegations.
fn certificates(targets: &TrustedTargets) -> Vec<Lifetime> {
    let root = targets.root().content();
    let roots = root.keys_of(&root.root).map(|key| (RoleName::Root, key));
    let delegated = targets
        .roles()
        .flat_map(|(_, role)| role.content().delegations.each())
        .filter(|(_, it)| !it.is_bin())
        .flat_map(|(all, it)| all.keys_of(it).map(|key| (it.name.clone(), key)));
    roots
        .chain(delegated)
        .filter_map(|(role, key)| {
            let at = key.certificate()?.not_after();
            let what = Ending::Certificate(role, key.canonical_id()?);
            Some(Lifetime { what, at, keeper: Keeper::Elsewhere })
        })
        .collect()
}
