//! Looking a name up in the roles that are loaded (Notary `tuf/tuf.go`, `WalkTargets`; TUF 1.0.34
//! §5.6.7).

use std::collections::{BTreeSet, VecDeque};

use super::{TrustedRole, TrustedTargets};
use crate::tuf::{RoleName, SearchOrder, Target};
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

impl TrustedTargets {
    /// Looks a name up from `targets` on, each role once, in the order of the dialect and of the
    /// delegations (Notary `WalkTargets`; TUF 1.0.34 §5.6.7).
    ///
    /// # Errors
    ///
    /// [`Error::TooManyDelegations`] when the tree is larger than the policy's limits.
    pub fn find(&self, name: &str) -> Result<Lookup<'_>, Error> {
        let policy = self.root().policy();
        let (limits, order) = (&policy.limits, policy.dialect.search_order());
        let mut queue = VecDeque::from([Visit { role: RoleName::Targets, by: None, depth: 0 }]);
        let mut visited = BTreeSet::new();
        while let Some(visit) = queue.pop_front() {
            if visited.len() >= limits.visited || visit.depth > limits.delegation_depth {
                return Err(Error::TooManyDelegations { limit: limits.visited });
            }
            if !visited.insert(visit.role.clone()) {
                continue;
            }
            match self.loaded_by(&visit) {
                None if self.was_never_published(&visit.role) => {}
                None => return Ok(Lookup::Needs { role: visit.role, delegator: visit.by }),
                Some((role, loaded)) => match loaded.target(name) {
                    Some(target) => return Ok(Lookup::Found { role, target }),
                    None => loaded.enqueue_children(&visit, name, order, &mut queue),
                },
            }
        }
        Ok(Lookup::Absent)
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

impl TrustedRole {
    /// Queues the delegations that may sign a name. One that ends the look-up ends the queue, too.
    fn enqueue_children(
        &self,
        visit: &Visit,
        name: &str,
        order: SearchOrder,
        queue: &mut VecDeque<Visit>,
    ) {
        let mut children = Vec::new();
        for child in &self.content.delegations.roles {
            if !self.scope.restrict(&child.paths).allows(name) {
                continue;
            }
            let (role, by) = (child.name.clone(), Some(visit.role.clone()));
            children.push(Visit { role, by, depth: visit.depth.saturating_add(1) });
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

/// One step of a look-up.
struct Visit {
    role: RoleName,
    by: Option<RoleName>,
    depth: usize,
}
