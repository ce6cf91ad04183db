//! Looking a name up through delegations, fetching each role when the look-up comes to it.

use std::sync::Arc;

use super::Error;
use super::files::Files;
use super::refresh::Refreshed;
use crate::net::Remote;
use crate::storage::{self, Accepted, Cache};
use crate::tuf::{RoleName, Target};
use crate::verify::{self, Lookup, Wanted};

/// What a role signs under a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The role.
    pub role: RoleName,
    /// Its entry.
    pub target: Target,
}

/// Looks a name up in a refreshed collection (TUF 1.0.34 §5.6.7). Roles that it has to load are
/// kept, in the cache and in `collection`. `None` if no role signs the name.
///
/// # Errors
///
/// [`Error`], also when a role on the way cannot be used: what lies behind it might be the answer.
pub async fn search(
    collection: &mut Refreshed,
    cache: &impl Cache,
    remote: Option<&impl Remote>,
    name: &str,
) -> Result<Option<Found>, Error> {
    loop {
        let (role, delegator) = match collection.targets.find(name)? {
            Lookup::Found { role, target } => {
                return Ok(Some(Found { role: role.clone(), target: target.clone() }));
            }
            Lookup::Absent => return Ok(None),
            Lookup::Needs { role, delegator } => (role, delegator),
        };
        let delegator = delegator.ok_or_else(|| not_loaded(&role))?;
        load(collection, cache, remote, &role, &delegator).await?;
    }
}

async fn load(
    collection: &mut Refreshed,
    cache: &impl Cache,
    remote: Option<&impl Remote>,
    role: &RoleName,
    delegator: &RoleName,
) -> Result<(), Error> {
    let policy = Arc::new(collection.targets.root().policy().clone());
    let files = Files::of_role(&policy, cache, remote, role)?;
    let loaded = files.load(role, collection.targets.snapshot()).await?;
    let mut baseline = collection.before.clone();
    if let Some(replaced) = files.stored(role).filter(|_| loaded.new) {
        collection.targets.observe_delegation(role, replaced, &mut baseline);
    }
    let targets = &mut collection.targets;
    targets.delegation_by(delegator, role, &loaded.file, &baseline, Wanted::Everything)?;
    let seen = targets.role(role).ok_or_else(|| not_loaded(role))?.seen().clone();
    if !loaded.new && collection.before.seen().get(role) == Some(&seen) {
        return Ok(());
    }
    let bytes = loaded.new.then(|| loaded.file.into_bytes());
    let kept = cache.keep(&Accepted {
        root: None,
        begun: targets.root().trusted().file().sha256(),
        files: vec![(role.clone(), bytes, seen)],
        behind: false,
        dropped: Vec::new(),
        root_asked: false,
        confirmed: remote.is_some(),
        now: policy.now,
    });
    match kept {
        // It is worth nothing under the root of now, and still what this look-up is about.
        Err(storage::Error::Overtaken) => Ok(()),
        other => Ok(other?),
    }
}

fn not_loaded(role: &RoleName) -> verify::Error {
    verify::Error::NotListed { role: role.clone(), reason: "not loaded" }
}
