//! What a role said, for showing what a change would change.

use std::collections::BTreeMap;

use super::root::TrustedRoot;
use super::{Error, threshold};
use crate::tuf::{RoleName, Targets};

/// What a role said: signed by enough of the keys that the root, or its delegator among `known`,
/// names for it.
///
/// Nothing says that it is the newest, nor that it is still valid: it may be shown beside a change
/// that follows it, and is never an answer.
///
/// # Errors
///
/// [`Error::Threshold`] if too few keys signed it, [`Error::NotListed`] if nobody delegates to the
/// role; [`Error::Metadata`].
pub fn signed_role(
    root: &TrustedRoot,
    known: &BTreeMap<RoleName, Targets>,
    role: &RoleName,
    bytes: &[u8],
) -> Result<Targets, Error> {
    let current = root.regardless_of_dates();
    let policy = current.policy();
    let envelope = policy.dialect.open_targets(role, bytes, &policy.limits)?;
    let content = root.content();
    if let Some(keys) = content.role(role) {
        return Ok(threshold::open(role, keys, content.keys_of(keys), envelope)?.0);
    }
    let parent = role.parent().and_then(|parent| known.get(&parent));
    let delegation = parent.and_then(|parent| Some((parent, parent.delegations.role(role)?)));
    let Some((parent, delegation)) = delegation else {
        let reason = "nobody delegates to it";
        return Err(Error::NotListed { role: role.clone(), reason });
    };
    let keys = parent.delegations.keys_of(delegation);
    Ok(threshold::open(role, &delegation.role, keys, envelope)?.0)
}
