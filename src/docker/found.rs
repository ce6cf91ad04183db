//! What a look-up finds: docker's way, or the way of TUF 1.0.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use crate::client;
use crate::crypto::Sha256;
use crate::edit::Draft;
use crate::tuf::{RoleName, SearchOrder, Target};
use crate::verify::{Lookup, TrustedTargets};

/// The roles that docker asks, in turn; no other role counts there.
pub(super) fn dockers() -> [RoleName; 2] {
    [RoleName::releases(), RoleName::Targets]
}

/// Whether a role may be asked in a look-up of that order.
pub(super) fn is_asked(order: SearchOrder, role: &RoleName) -> bool {
    order == SearchOrder::DepthFirst || dockers().contains(role)
}

/// What a look-up finds for a name: the role in whose name it is signed, and what it says.
pub(super) type Found<'t> = (&'t RoleName, &'t Target);

/// What a look-up of one name finds among the loaded roles.
pub(super) fn look_up<'t>(targets: &'t TrustedTargets, name: &str) -> Option<Found<'t>> {
    if targets.root().policy().dialect.search_order() == SearchOrder::DepthFirst {
        return match targets.find(name) {
            Ok(Lookup::Found { role, target }) => Some((targets.owner(role), target)),
            _ => None,
        };
    }
    dockers().iter().find_map(|role| {
        let (role, loaded) = targets.roles().find(|(name, _)| *name == role)?;
        Some((role, loaded.target(name)?))
    })
}

/// What a look-up of one name will find once a draft is published.
///
/// # Errors
///
/// [`Error::Unusable`] if it will be refused, because it comes to a role that is not to be read.
pub(super) fn look_up_in<'d>(
    draft: &'d Draft,
    name: &str,
) -> Result<Option<(RoleName, &'d Target)>, Error> {
    if draft.search_order() == SearchOrder::BreadthFirst {
        let says =
            |role: &RoleName| draft.target(role, name).filter(|_| draft.may_sign(role, name));
        return Ok(dockers().into_iter().find_map(|role| says(&role).map(|it| (role, it))));
    }
    match draft.find(name).map_err(client::Error::from)? {
        Lookup::Found { role, target } => Ok(Some((draft.owner(role), target))),
        Lookup::Absent => Ok(None),
        Lookup::Needs { role, .. } => {
            let reason = format!("cannot be read, and is asked for {name}");
            Err(Error::Unusable { role, reason })
        }
    }
}

/// What an entry means to whoever finds it.
pub(super) fn means(target: &Target) -> (Option<Sha256>, u64) {
    (target.hashes.sha256(), target.length)
}

/// The names that a look-up finds among the loaded roles.
pub(super) fn found(targets: &TrustedTargets) -> BTreeMap<&str, Found<'_>> {
    match targets.root().policy().dialect.search_order() {
        SearchOrder::BreadthFirst => as_docker_asks(targets),
        SearchOrder::DepthFirst if is_one_role(targets) => of_role(targets, &RoleName::Targets),
        SearchOrder::DepthFirst => in_turn(targets),
    }
}

/// `targets/releases`, then `targets`, and nobody else.
fn as_docker_asks(targets: &TrustedTargets) -> BTreeMap<&str, Found<'_>> {
    dockers().iter().rev().flat_map(|role| of_role(targets, role)).collect()
}

/// Each name where the delegations lead to it.
fn in_turn(targets: &TrustedTargets) -> BTreeMap<&str, Found<'_>> {
    let names: BTreeSet<&str> =
        targets.roles().flat_map(|(_, role)| role.targets().map(|(name, _)| name)).collect();
    let with_name = |name| Some((name, look_up(targets, name)?));
    names.into_iter().filter_map(with_name).collect()
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
