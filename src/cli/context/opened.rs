//! One collection, ready to be asked.

use std::sync::Arc;
use std::time::Duration;

use super::super::exit::Kind;
use super::super::output::Failure;
use super::Announced;
use crate::client::{self, Freshness};
use crate::docker::Collection;
use crate::net::{Paced, Rate, TrustSource};
use crate::storage::{Cache as _, CollectionDirectory};
use crate::tuf::{KeyId, RoleName};
use crate::verify::{Policy, TrustedRoot};

/// A collection with all that it stands on.
pub(in crate::cli) struct Opened {
    pub(super) policy: Policy,
    pub(super) cache: Announced<CollectionDirectory>,
    pub(super) server: Option<TrustSource>,
}

impl Opened {
    /// What it is measured against.
    pub(in crate::cli) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where it is read from.
    ///
    /// # Errors
    ///
    /// Offline.
    pub(in crate::cli) fn source(&self) -> Result<&TrustSource, Failure> {
        let offline = || Failure::new(Kind::Usage, "this cannot be done offline");
        self.server.as_ref().ok_or_else(offline)
    }

    /// The keys that signed the root in the cache, as pins name them.
    ///
    /// # Errors
    ///
    /// If none is there, or it is not one of this collection.
    pub(in crate::cli) fn root_keys(&self) -> Result<Vec<KeyId>, Failure> {
        let none = || {
            let message = format!("{}: no root is in the cache", self.policy.gun);
            Failure::new(Kind::NoTrustData, message)
        };
        let limit = self.policy.limits.root_bytes;
        let bytes = self.cache.read(&RoleName::Root, limit)?.ok_or_else(none)?;
        let policy = Arc::new(self.policy.clone());
        let root = TrustedRoot::restore(policy, &bytes).map_err(client::Error::from)?;
        Ok(root.signers().to_vec())
    }

    /// Its trust server, read at a pace; `None` offline, and where files take its place.
    pub(in crate::cli) fn paced(&self, rate: Arc<Rate>, patience: Duration) -> Option<Paced> {
        match self.server.clone()? {
            TrustSource::Notary(server) => Some(Paced::new(server, rate, patience)),
            TrustSource::Files(_)
            | TrustSource::Folder(_)
            | TrustSource::Oci(_)
            | TrustSource::Kept(_) => None,
        }
    }

    /// The collection.
    pub(in crate::cli) fn collection(
        &self,
    ) -> Collection<'_, Announced<CollectionDirectory>, TrustSource> {
        match &self.server {
            Some(server) => Collection::new(self.policy.clone(), &self.cache, server),
            None => self.cached(),
        }
    }

    /// How fresh an answer from it is.
    ///
    /// # Errors
    ///
    /// If what is remembered of it cannot be read.
    pub(in crate::cli) fn freshness(&self) -> Result<Freshness, Failure> {
        match self.server {
            Some(_) => Ok(Freshness::Server),
            None => Ok(Freshness::Cache(self.cache.memory()?.clock)),
        }
    }

    /// Forgets what is cached and remembered of the collection.
    ///
    /// # Errors
    ///
    /// If something cannot be removed.
    pub(in crate::cli) fn forget(&self) -> Result<(), Failure> {
        self.cache.quietly().forget().map_err(|error| Failure::of(Kind::Disk, &error))
    }

    /// The collection as it lies in the cache.
    pub(in crate::cli) fn cached(
        &self,
    ) -> Collection<'_, Announced<CollectionDirectory>, TrustSource> {
        Collection::offline(self.policy.clone(), &self.cache)
    }
}
