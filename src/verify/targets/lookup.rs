//! Looking a name up in roles, from `targets` on (Notary `tuf/tuf.go`, `WalkTargets`; TUF 1.0.34
//! §5.6.7).

use std::collections::{BTreeSet, VecDeque};

use super::{TrustedRole, TrustedTargets};
use crate::tuf::{Delegations, Limits, RoleName, Scope, SearchOrder, Target};
use crate::verify::Error;

/// Where a name is.
#[derive(Clone, Debug)]
pub enum Lookup<'t> {
    /// Signed by this role.
    Found {
        /// The first role, in lookup order, that signs the name.
        role: &'t RoleName,
        /// What it says.
        target: &'t Target,
    },
    /// Undecided until this file is loaded.
    Needs {
        /// The role.
        role: RoleName,
        /// The role that delegates to it here; none for `targets`.
        delegator: Option<RoleName>,
    },
    /// No role signs the name.
    Absent,
}

/// What a role answers to who looks a name up.
pub(crate) enum Answer<'t> {
    /// It signs the name.
    Signed(&'t RoleName, &'t Target),
    /// It does not; these may.
    Delegated(&'t Delegations),
    /// It has no file yet.
    Unpublished,
    /// Its file is not loaded.
    NotLoaded,
}

/// One step of a look-up.
pub(crate) struct Visit {
    /// The role that is asked.
    pub(crate) role: RoleName,
    /// The role that leads here; none for `targets`.
    pub(crate) by: Option<RoleName>,
    /// Which names it may sign here.
    pub(crate) scope: Scope,
    depth: usize,
}

/// Looks a name up from `targets` on: asks each role once, in this order and that of the
/// delegations (Notary `WalkTargets`; TUF 1.0.34 §5.6.7).
///
/// # Errors
///
/// [`Error::TooManyDelegations`] when the tree is larger than the limits.
pub(crate) fn look_up<'t>(
    name: &str,
    order: SearchOrder,
    limits: &Limits,
    ask: impl Fn(&Visit) -> Answer<'t>,
) -> Result<Lookup<'t>, Error> {
    let mut queue = VecDeque::from([Visit::first()]);
    let mut visited = BTreeSet::new();
    while let Some(visit) = queue.pop_front() {
        if visited.len() >= limits.visited || visit.depth > limits.delegation_depth {
            return Err(Error::TooManyDelegations { limit: limits.visited });
        }
        if !visited.insert(visit.role.clone()) {
            continue;
        }
        match ask(&visit) {
            Answer::Signed(role, target) => return Ok(Lookup::Found { role, target }),
            Answer::Delegated(to) => visit.enqueue_children(to, name, order, &mut queue),
            Answer::Unpublished => {}
            Answer::NotLoaded => {
                return Ok(Lookup::Needs { role: visit.role, delegator: visit.by });
            }
        }
    }
    Ok(Lookup::Absent)
}

impl TrustedTargets {
    /// Looks a name up in the roles that are loaded, in the order of the dialect.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyDelegations`] when the tree is larger than the policy's limits.
    pub fn find(&self, name: &str) -> Result<Lookup<'_>, Error> {
        let policy = self.root().policy();
        let ask = |visit: &Visit| match self.loaded_by(visit) {
            None if self.was_never_published(&visit.role) => Answer::Unpublished,
            None => Answer::NotLoaded,
            Some((role, loaded)) => match loaded.target(name) {
                Some(target) => Answer::Signed(role, target),
                None => Answer::Delegated(&loaded.content.delegations),
            },
        };
        look_up(name, policy.dialect.search_order(), &policy.limits, ask)
    }

    /// Whether the role's absence from the snapshot says that it has no file yet. In TUF 1.0 it
    /// says that somebody took it out.
    fn was_never_published(&self, role: &RoleName) -> bool {
        let listed = self.snapshot.listed(role).is_some();
        !listed && !self.root().policy().dialect.lists_every_role()
    }

    /// The role, if it was loaded on the word of the one that the look-up comes from.
    fn loaded_by(&self, visit: &Visit) -> Option<(&RoleName, &TrustedRole)> {
        let (role, loaded) = self.roles.get_key_value(&visit.role)?;
        (loaded.delegator == visit.by).then_some((role, loaded))
    }
}

impl Visit {
    fn first() -> Self {
        Self { role: RoleName::Targets, by: None, scope: Scope::everything(), depth: 0 }
    }

    /// Queues the delegations that may sign a name. One that ends the look-up ends the queue, too.
    fn enqueue_children(
        &self,
        delegations: &Delegations,
        name: &str,
        order: SearchOrder,
        queue: &mut VecDeque<Self>,
    ) {
        let mut children = Vec::new();
        for child in &delegations.roles {
            let scope = self.scope.restrict(&child.paths);
            if !scope.allows(name) {
                continue;
            }
            let (role, by) = (child.name.clone(), Some(self.role.clone()));
            children.push(Self { role, by, scope, depth: self.depth.saturating_add(1) });
            if child.terminating {
                queue.clear();
                break;
            }
        }
        match order {
            SearchOrder::BreadthFirst => queue.extend(children),
            SearchOrder::DepthFirst => {
                children.into_iter().rev().for_each(|child| queue.push_front(child));
            }
        }
    }
}
