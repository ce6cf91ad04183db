//! One collection, ready to be asked.

use crate::docker::Collection;
use crate::net::TrustSource;
use crate::storage::CollectionDirectory;
use crate::verify::Policy;

/// A collection with all that it stands on.
pub(in crate::cli) struct Opened {
    pub(super) policy: Policy,
    pub(super) cache: CollectionDirectory,
    pub(super) server: Option<TrustSource>,
}

impl Opened {
    /// The collection.
    pub(in crate::cli) fn collection(&self) -> Collection<'_, CollectionDirectory, TrustSource> {
        match &self.server {
            Some(server) => Collection::new(self.policy.clone(), &self.cache, server),
            None => self.cached(),
        }
    }

    /// The collection as it lies in the cache.
    pub(in crate::cli) fn cached(&self) -> Collection<'_, CollectionDirectory, TrustSource> {
        Collection::offline(self.policy.clone(), &self.cache)
    }
}
