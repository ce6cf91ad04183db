//! What a folder holds from an earlier export.

use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp as Instant};

use super::FORM;
use crate::client::{self, Refreshed, Wish};
use crate::docker::Error;
use crate::docker::earlier::Earlier;
use crate::net::{Remote, RemoteFile, StaticRepository};
use crate::storage::MemoryCache;
use crate::tuf::{RoleName, Root, Snapshot, Targets, Timestamp, Version};
use crate::verify::{self, Anchor, Baseline, FirstUse, Policy, TrustedRoot};

/// A repository as its readers know it, whatever of it expired since.
pub(super) struct Published {
    /// What a reader keeps who has seen it.
    pub(super) cache: MemoryCache,
    policy: Policy,
    root: Option<Root>,
    collection: Option<Refreshed>,
}

impl Published {
    /// Reads it, verified from its first root on. That root is believed: whoever can replace it can
    /// replace all that is written here, and its readers have pins.
    ///
    /// # Errors
    ///
    /// If what is there is no repository that a client would follow.
    pub(super) async fn read(source: &Policy, folder: &Path) -> Result<Self, Error> {
        let anchor = Anchor::unpinned(FirstUse::Allow);
        let policy = Policy { dialect: FORM, anchor, max_age: None, ..source.clone() };
        let files = StaticRepository::folder(folder);
        let cache = MemoryCache::new();
        let collection = match read_expired(&policy, &cache, &files).await {
            Ok(collection) => Some(collection),
            Err(client::Error::NoTrustData { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let root = match &collection {
            Some(collection) => Some(collection.targets.root().content().clone()),
            None => first_root(&policy, &files).await?,
        };
        Ok(Self { cache, policy, root, collection })
    }

    /// What the repository is measured against.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its root. It alone may be there, if its founding was interrupted.
    pub(super) fn root(&self) -> Option<&Root> {
        self.root.as_ref()
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        Some(self.collection.as_ref()?.targets.snapshot().content())
    }

    pub(super) fn timestamp(&self) -> Option<&Timestamp> {
        Some(self.collection.as_ref()?.targets.snapshot().timestamp().content())
    }

    pub(super) fn targets(&self, role: &RoleName) -> Option<&Targets> {
        Some(self.collection.as_ref()?.targets.role(role)?.content())
    }

    /// The version that the next file of a role must have; one that is listed no more goes on where
    /// it ended.
    pub(super) fn next_version(&self, role: &RoleName) -> Option<Version> {
        let known = match role {
            RoleName::Timestamp => self.timestamp().map(|it| it.version),
            RoleName::Snapshot => self.snapshot().map(|it| it.version),
            role => self.snapshot().and_then(|snapshot| snapshot.meta.get(role)?.version),
        };
        known.map_or(Some(Version::ONE), Version::next)
    }
}

/// Reads a repository of which something expired as of the moment before it did.
async fn read_expired(
    policy: &Policy,
    cache: &MemoryCache,
    files: &StaticRepository,
) -> Result<Refreshed, client::Error> {
    let (earlier, wish) = (Earlier(cache), Wish::EVERYTHING);
    let mut then = policy.now;
    loop {
        let policy = Arc::new(Policy { now: then, ..policy.clone() });
        let error = match client::refresh(policy, &earlier, Some(files), wish).await {
            Err(client::Error::Verify(error)) => error,
            other => return other,
        };
        let verify::Error::Expired { at, .. } = error else { return Err(error.into()) };
        let before = at.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Instant::MIN);
        if before >= then {
            return Err(error.into());
        }
        then = before;
    }
}

/// The newest root of a repository that has no timestamp.
async fn first_root(policy: &Policy, files: &StaticRepository) -> Result<Option<Root>, Error> {
    let file = RemoteFile::ByVersion(RoleName::Root, Version::ONE);
    let bytes = files.fetch(&file, policy.limits.root_bytes).await.map_err(client::Error::from)?;
    let Some(bytes) = bytes else { return Ok(None) };
    let root = TrustedRoot::establish(Arc::new(policy.clone()), &bytes);
    let root = root.and_then(|root| root.current(&Baseline::default()));
    Ok(Some(root.map_err(client::Error::from)?.content().clone()))
}
