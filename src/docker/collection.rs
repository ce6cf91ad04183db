//! A collection as docker's commands see it.

use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::Error;
use crate::client::{self, Refreshed, Wish};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Gun, OnlineRoles};
use crate::verify::Policy;

/// One repository's trust data: where it is cached, which server has it, and what it is measured
/// against.
///
/// Without a server only the cache is used, as `--offline` wants.
#[derive(Clone, Debug)]
pub struct Collection<'c, C, R> {
    policy: Arc<Policy>,
    cache: &'c C,
    remote: Option<&'c R>,
    /// The time of signing: the reading of the clock, whatever time the policy reads the
    /// collection as of.
    now: Instant,
}

impl<'c, C: Cache, R: Remote> Collection<'c, C, R> {
    /// A collection behind a server.
    pub fn new(policy: Policy, cache: &'c C, remote: &'c R) -> Self {
        let now = policy.now;
        Self { policy: Arc::new(policy), cache, remote: Some(remote), now }
    }

    /// A collection as it lies in the cache.
    pub fn offline(policy: Policy, cache: &'c C) -> Self {
        let now = policy.now;
        Self { policy: Arc::new(policy), cache, remote: None, now }
    }

    /// The same, changed and written at another time than it is read as of.
    pub fn signing_at(self, now: Instant) -> Self {
        Self { now, ..self }
    }

    /// Brings it up to date and loads roles.
    ///
    /// # Errors
    ///
    /// See [`client::refresh`].
    pub async fn refresh(&self, wish: Wish<'_>) -> Result<Refreshed, client::Error> {
        client::refresh(Arc::clone(&self.policy), self.cache, self.remote, wish).await
    }

    /// Has the server forget it; what is here stays.
    ///
    /// # Errors
    ///
    /// See [`Remote::delete`].
    pub async fn delete(&self) -> Result<(), client::Error> {
        Ok(self.server()?.delete().await?)
    }

    /// Its name.
    pub fn gun(&self) -> &Gun {
        &self.policy.gun
    }

    pub(super) fn reading(
        policy: Arc<Policy>,
        cache: &'c C,
        remote: Option<&'c R>,
        now: Instant,
    ) -> Self {
        Self { policy, cache, remote, now }
    }

    /// The time of signing.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(super) fn cache(&self) -> &'c C {
        self.cache
    }

    /// The server, if it may be asked.
    pub(super) fn remote(&self) -> Option<&'c R> {
        self.remote
    }

    /// Refuses what only collections on a trust server have.
    pub(super) fn needs_server(&self, what: &'static str) -> Result<(), Error> {
        match self.policy.dialect.online_roles() {
            OnlineRoles::Server => Ok(()),
            OnlineRoles::Publisher => Err(Error::NeedsServer { gun: self.gun().clone(), what }),
        }
    }

    /// The server; a collection that may not ask it cannot be changed.
    pub(super) fn server(&self) -> Result<&'c R, client::Error> {
        let role = crate::tuf::RoleName::Timestamp;
        self.remote.ok_or_else(|| client::Error::NotStored { gun: self.gun().clone(), role })
    }
}
