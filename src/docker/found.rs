//! Every name that a look-up finds.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::{RoleName, SearchOrder, Target};
use crate::verify::{Lookup, TrustedTargets};

/// What a look-up finds for a name: the role in whose name it is signed, and what it says.
pub(super) type Found<'t> = (&'t RoleName, &'t Target);

/// The names that a look-up finds among the loaded roles: docker's way, or the way of TUF 1.0.
pub(super) fn found(targets: &TrustedTargets) -> BTreeMap<&str, Found<'_>> {
    match targets.root().policy().dialect.search_order() {
        SearchOrder::BreadthFirst => as_docker_asks(targets),
        SearchOrder::DepthFirst if is_one_role(targets) => of_role(targets, &RoleName::Targets),
        SearchOrder::DepthFirst => in_turn(targets),
    }
}

/// `targets/releases`, then `targets`, and nobody else.
fn as_docker_asks(targets: &TrustedTargets) -> BTreeMap<&str, Found<'_>> {
    let mut found = of_role(targets, &RoleName::Targets);
    found.extend(of_role(targets, &RoleName::releases()));
    found
}

/// Each name where the delegations lead to it.
fn in_turn(targets: &TrustedTargets) -> BTreeMap<&str, Found<'_>> {
    let names: BTreeSet<&str> =
        targets.roles().flat_map(|(_, role)| role.targets().map(|(name, _)| name)).collect();
    let look_up = |name| match targets.find(name) {
        Ok(Lookup::Found { role, target }) => Some((name, (targets.owner(role), target))),
        _ => None,
    };
    names.into_iter().filter_map(look_up).collect()
}

/// Whether `targets` and its bins are all there is: then nobody has to be asked in turn.
fn is_one_role(targets: &TrustedTargets) -> bool {
    targets.roles().all(|(role, _)| *targets.owner(role) == RoleName::Targets)
}

fn of_role<'t>(targets: &'t TrustedTargets, owner: &RoleName) -> BTreeMap<&'t str, Found<'t>> {
    let Some((owner, _)) = targets.roles().find(|(name, _)| *name == owner) else {
        return BTreeMap::new();
    };
    targets.signed_by(owner).map(|(name, target)| (name, (owner, target))).collect()
}
