//! Delegations of a collection: who may sign what beside the keys of its owner (Notary
//! `client/delegations.go`).
//!
//! Whoever loses a key here must not take pulls down with it: a role that the remaining signatures
//! do not carry is signed again in the same publication, if its keys are here, and else the change
//! is refused unless it is forced.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp as Instant;

use super::{Amended, Collection, Error, IfAbsent, Workbench};
use crate::client::{Refreshed, Wish};
use crate::edit::{Edited, Grant, Withdrawal};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Delegation, Delegations, Key, KeyId, RoleName, Threshold, Version};

/// What to take from a delegation.
#[derive(Clone, Debug)]
pub enum Cut {
    /// Keys or paths, or another threshold.
    Part(Withdrawal),
    /// The delegation itself, with what it delegates to.
    Whole,
}

/// Whether a change may leave a role that nobody can read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Care {
    /// Refuse it.
    Careful,
    /// Do it: pulls from that role are refused until it is signed again.
    Forced,
}

/// What a cut did besides.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Aftermath {
    /// Delegations from which something was taken.
    pub changed: Vec<RoleName>,
    /// Delegations that are gone.
    pub gone: Vec<RoleName>,
    /// Roles that were signed again, because the keys that they have left had not signed them.
    pub resigned: Vec<RoleName>,
    /// Roles that need to be signed again, and whose keys are not here.
    pub weakened: Vec<RoleName>,
    /// Roles with fewer keys than must sign them.
    pub starved: Vec<RoleName>,
    /// Delegations that still have the key, because the role that delegates cannot be signed here.
    pub beyond: Vec<RoleName>,
}

/// A delegation as one may want to see it.
#[derive(Clone, Debug)]
pub struct DelegationState {
    /// Its name.
    pub name: RoleName,
    /// The role that delegates to it.
    pub delegator: RoleName,
    /// Canonical ids of its keys, in its order.
    pub keys: Vec<KeyId>,
    /// How many must sign.
    pub threshold: Threshold,
    /// Prefixes of names that it may sign.
    pub paths: Vec<String>,
    /// What is published of it, if it can be used.
    pub published: Option<Published>,
    /// Why it cannot be used, if something is published.
    pub unusable: Option<String>,
}

impl DelegationState {
    /// The signer whose role it is: one that `targets` delegates to, other than `targets/releases`.
    pub fn signer(&self) -> Option<&str> {
        let named = self.delegator == RoleName::Targets
            && self.name.parent() == Some(RoleName::Targets)
            && self.name != RoleName::releases();
        self.name.signer_name().filter(|_| named)
    }
}

/// A published file of a role.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its version.
    pub version: Version,
    /// When it ends to be valid, UTC.
    pub expires: Instant,
    /// How many names it signs.
    pub names: usize,
    /// Canonical ids of the keys that signed it.
    pub signers: Vec<KeyId>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Delegates to a role, or adds to the delegation that is there.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] for a delegation that nobody could use, or without the key of the role that
    /// delegates.
    pub async fn delegate(
        &self,
        role: &RoleName,
        grant: &Grant,
        if_absent: IfAbsent,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Edited>, Error> {
        let mut first = None;
        let delegate = |bench: &mut Workbench<'_>| {
            let edited = bench.draft.grant(role, grant)?;
            // Unchanged the second time: nobody told us that the server had taken it.
            Ok(*first.get_or_insert(edited))
        };
        self.amend(if_absent, store, passphrases, delegate).await
    }

    /// Takes from a delegation, or removes it.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] for a role that nobody delegates to; [`Error::Breaks`] if a role would be
    /// left that nobody can read, unless it is forced.
    pub async fn cut(
        &self,
        role: &RoleName,
        cut: &Cut,
        care: Care,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Aftermath>, Error> {
        let mut done = None;
        let take = |bench: &mut Workbench<'_>| {
            if let (Some(done), None) = (&done, bench.draft.delegation(role)) {
                return Ok(Aftermath::clone(done));
            }
            let mut aftermath = Aftermath::default();
            match cut {
                Cut::Whole => aftermath.gone = bench.draft.remove_delegation(role)?,
                Cut::Part(part) => {
                    if bench.draft.withdraw(role, part)? == Edited::Changed {
                        aftermath.changed.push(role.clone());
                    }
                }
            }
            bench.settle(&mut aftermath, care)?;
            done = Some(aftermath.clone());
            Ok(aftermath)
        };
        self.amend(IfAbsent::Refuse, store, passphrases, take).await
    }

    /// Takes keys out of every delegation, by either of their ids. A delegation that has no other
    /// key is removed, but for `targets/releases`. Delegations of roles that cannot be signed here
    /// keep them, and are named.
    ///
    /// # Errors
    ///
    /// As [`Collection::cut`].
    pub async fn purge(
        &self,
        keys: &[KeyId],
        care: Care,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Aftermath>, Error> {
        let mut done = Aftermath::default();
        let purge = |bench: &mut Workbench<'_>| {
            let mut aftermath = Aftermath::default();
            purge(bench, keys, &mut aftermath)?;
            bench.settle(&mut aftermath, care)?;
            if bench.draft.touched().next().is_some() {
                done = aftermath.clone();
            }
            // Nothing to do the second time: nobody told us that the server had taken it.
            Ok(Aftermath { beyond: aftermath.beyond, ..done.clone() })
        };
        self.amend(IfAbsent::Refuse, store, passphrases, purge).await
    }

    /// The delegations, by name.
    ///
    /// # Errors
    ///
    /// As [`Collection::refresh`].
    pub async fn delegations(&self) -> Result<Vec<DelegationState>, Error> {
        let collection = self.refresh(Wish::EVERYTHING).await?;
        let targets = &collection.targets;
        let counts = |by: &RoleName, it: &Delegation| targets.delegator_of(&it.name) == Some(by);
        let states: BTreeMap<_, _> = targets
            .delegations()
            .filter(|(by, _, it)| !it.is_bin() && counts(by, it))
            .map(|(by, all, it)| (&it.name, state_of(&collection, by, all, it)))
            .collect();
        Ok(states.into_values().collect())
    }
}

/// One of those delegations as it is in the collection.
fn state_of(
    collection: &Refreshed,
    delegator: &RoleName,
    all: &Delegations,
    it: &Delegation,
) -> DelegationState {
    let known = |id: &KeyId| all.keys.get(id).map_or(*id, Key::known_as);
    let published = collection.targets.role(&it.name).map(|role| Published {
        version: role.content().version,
        expires: role.content().expires,
        names: collection.targets.signed_by(&it.name).count(),
        signers: role.signers().iter().map(known).collect(),
    });
    DelegationState {
        name: it.name.clone(),
        delegator: delegator.clone(),
        keys: it.role.keyids().iter().map(known).collect(),
        threshold: it.role.threshold(),
        paths: it.paths.prefixes().to_vec(),
        published,
        unusable: collection.unusable.get(&it.name).map(ToString::to_string),
    }
}

fn purge(
    bench: &mut Workbench<'_>,
    keys: &[KeyId],
    aftermath: &mut Aftermath,
) -> Result<(), Error> {
    let with = |id: &KeyId| bench.draft.delegations_with(id);
    let holders: BTreeSet<RoleName> = keys.iter().flat_map(with).collect();
    for role in holders {
        if bench.draft.delegation(&role).is_none() {
            // Gone with the role that delegated to it.
            continue;
        }
        if !bench.can_sign_parent(&role)? {
            aftermath.beyond.push(role);
            continue;
        }
        let taken = Withdrawal { keys: keys.to_vec(), ..Withdrawal::default() };
        bench.draft.withdraw(&role, &taken)?;
        let has_keys = |(_, it): (_, &Delegation)| !it.role.keyids().is_empty();
        if bench.draft.delegation(&role).is_some_and(has_keys) || role == RoleName::releases() {
            aftermath.changed.push(role);
        } else {
            aftermath.gone.extend(bench.draft.remove_delegation(&role)?);
        }
    }
    Ok(())
}

impl Workbench<'_> {
    /// Whether the role that delegates to this one can be signed here.
    pub(super) fn can_sign_parent(&self, role: &RoleName) -> Result<bool, Error> {
        role.parent().map_or(Ok(false), |parent| self.can_sign(&parent))
    }

    /// Looks after the roles that a cut leaves without enough signatures: signs them again, or says
    /// which it cannot.
    ///
    /// # Errors
    ///
    /// [`Error::Breaks`] for a role that nobody could read then, unless that is forced.
    pub fn settle(&mut self, aftermath: &mut Aftermath, care: Care) -> Result<(), Error> {
        for role in self.draft.weakened() {
            if self.can_sign(&role)? {
                self.draft.renew(&role)?;
                aftermath.resigned.push(role);
            } else {
                aftermath.weakened.push(role);
            }
        }
        aftermath.starved = self.draft.starved().into_iter().map(|(role, ..)| role).collect();
        let broken = aftermath.weakened.iter().chain(&aftermath.starved).next();
        match (broken, care) {
            (Some(role), Care::Careful) => Err(Error::Breaks { role: role.clone() }),
            _ => Ok(()),
        }
    }
}
