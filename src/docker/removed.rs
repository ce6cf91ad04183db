//! Roles that were removed, and of which nothing is listed any more: a server keeps their versions
//! all the same, and takes only higher ones.

use super::Error;
use crate::client;
use crate::net::{Remote, RemoteFile};
use crate::tuf::{RoleName, Version};
use crate::verify::Policy;

/// The last version of a role that the server has, if it has them one after the other from the
/// first; `None` if it has none.
///
/// # Errors
///
/// If a journey fails.
pub(super) async fn last_version(
    remote: &impl Remote,
    policy: &Policy,
    role: &RoleName,
) -> Result<Option<Version>, Error> {
    let (mut there, mut missing) = (0, 1);
    while has(remote, policy, role, missing).await? {
        (there, missing) = (missing, missing.saturating_mul(2));
    }
    while missing - there > 1 {
        let middle = there.midpoint(missing);
        if has(remote, policy, role, middle).await? {
            there = middle;
        } else {
            missing = middle;
        }
    }
    Ok(Version::new(there))
}

async fn has(
    remote: &impl Remote,
    policy: &Policy,
    role: &RoleName,
    version: u64,
) -> Result<bool, Error> {
    let Some(version) = Version::new(version) else { return Ok(false) };
    let file = RemoteFile::ByVersion(role.clone(), version);
    let fetched = remote.fetch(&file, policy.limits.bytes(role)).await;
    Ok(fetched.map_err(client::Error::Net)?.is_some())
}
