//! One collection, ready to be asked.

use std::sync::Arc;
use std::time::Duration;

use crate::docker::Collection;
use crate::net::{NotaryServer, Paced, Rate};
use crate::storage::CollectionDirectory;
use crate::verify::Policy;

/// A collection with all that it stands on.
pub(in crate::cli) struct Opened {
    pub(super) policy: Policy,
    pub(super) cache: CollectionDirectory,
    pub(super) server: Option<NotaryServer>,
}

impl Opened {
    /// What it is measured against.
    pub(in crate::cli) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its server, read at a pace; `None` offline.
    pub(in crate::cli) fn paced(&self, rate: Arc<Rate>, patience: Duration) -> Option<Paced> {
        Some(Paced::new(self.server.clone()?, rate, patience))
    }

    /// The collection.
    pub(in crate::cli) fn collection(&self) -> Collection<'_, CollectionDirectory, NotaryServer> {
        match &self.server {
            Some(server) => Collection::new(self.policy.clone(), &self.cache, server),
            None => self.cached(),
        }
    }

    /// The collection as it lies in the cache.
    pub(in crate::cli) fn cached(&self) -> Collection<'_, CollectionDirectory, NotaryServer> {
        Collection::offline(self.policy.clone(), &self.cache)
    }
}
