//! What a collection signs, as a list (Notary 0.7 `client/reader.go`, `ListTargets`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::tuf::{RoleName, Target};
use crate::verify::TrustedTargets;

/// Every name that these roles and those below them sign, with the role that decides.
///
/// Roles are asked in the given order, each with all below it, breadth first, in the order in which
/// they are delegated; the first that signs a name decides. A role that stands in the list itself
/// is not asked as part of another one. Roles that are not loaded sign nothing. What stands in a
/// hashed bin is signed by the role that it is a bin of.
pub fn entries<'t>(
    targets: &'t TrustedTargets,
    roles: &[RoleName],
) -> BTreeMap<&'t str, (&'t RoleName, &'t Target)> {
    let loaded: BTreeMap<_, _> = targets.roles().collect();
    let mut found = BTreeMap::new();
    for start in roles {
        let (mut queue, mut seen) = (VecDeque::from([start]), BTreeSet::new());
        while let Some(name) = queue.pop_front() {
            let Some((name, role)) = loaded.get_key_value(name) else { continue };
            if !seen.insert(*name) {
                continue;
            }
            let owner = targets.owner(name);
            for (target, entry) in role.targets() {
                found.entry(target).or_insert((owner, entry));
            }
            let children = role.content().delegations.roles.iter().map(|child| &child.name);
            queue.extend(children.filter(|child| !roles.contains(child)));
        }
    }
    found
}
