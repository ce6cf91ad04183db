//! What a role said, for showing what a change would change.

use std::collections::BTreeMap;

use super::root::{TrustedRoot, check_floor};
use super::{Baseline, Error, threshold};
use crate::tuf::{Key, Role, RoleName, Targets};

/// What a role said: signed by enough of the keys that the root, or its delegator among `known`,
/// names for it, and not older than what was seen of it.
///
/// Nothing says that it is the newest, nor that it is still valid: it may be shown beside a change
/// that follows it, and is never an answer.
///
/// # Errors
///
/// [`Error::Threshold`] if too few keys signed it, [`Error::NotListed`] if nobody delegates to the
/// role, [`Error::Rollback`]; [`Error::Metadata`].
pub fn signed_role(
    root: &TrustedRoot,
    known: &BTreeMap<RoleName, Targets>,
    role: &RoleName,
    bytes: &[u8],
    baseline: &Baseline,
) -> Result<Targets, Error> {
    let current = root.regardless_of_dates();
    let policy = current.policy();
    let envelope = policy.dialect.open_targets(role, bytes, &policy.limits)?;
    let (own, keys) = rulers(root, known, role)?;
    let (targets, _) = threshold::open(role, own, keys, envelope)?;
    check_floor(role, targets.version, baseline.floor(role, &current.governance(own)))?;
    Ok(targets)
}

/// Who signs a role, by the word of the root or of its delegator.
fn rulers<'k>(
    root: &'k TrustedRoot,
    known: &'k BTreeMap<RoleName, Targets>,
    role: &RoleName,
) -> Result<(&'k Role, Vec<&'k Key>), Error> {
    let content = root.content();
    if let Some(own) = content.role(role) {
        return Ok((own, content.keys_of(own).collect()));
    }
    let parent = role.parent().and_then(|parent| known.get(&parent));
    let delegation = parent.and_then(|parent| Some((parent, parent.delegations.role(role)?)));
    let reason = "nobody delegates to it";
    let (parent, delegation) =
        delegation.ok_or_else(|| Error::NotListed { role: role.clone(), reason })?;
    Ok((&delegation.role, parent.delegations.keys_of(delegation).collect()))
}
