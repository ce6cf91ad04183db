//! Who we are to a server.

use std::sync::Arc;

use super::{Error, Realms, Secret};
use crate::image::Name;

/// What proves who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password.
    Password {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token that a token server changes into others (docker's `identitytoken`).
    Identity(Secret),
    /// A token for a registry itself (docker's `registrytoken`); trust servers are not given it.
    Registry(Secret),
}

/// Where credentials come from. Asked after a 401 only, at most once for a server.
pub trait Credentials: Send + Sync {
    /// The credential kept under `key`: a registry's host and port, or docker's key for its Hub.
    ///
    /// It may block: it is called on a thread for that.
    ///
    /// # Errors
    ///
    /// [`Error::Credentials`] if the source is there and cannot be read.
    fn for_host(&self, key: &str) -> Result<Option<Credential>, Error>;
}

/// No credentials for anyone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

impl Credentials for Anonymous {
    fn for_host(&self, _key: &str) -> Result<Option<Credential>, Error> {
        Ok(None)
    }
}

/// Whose credentials to use for an image, and where they may go.
#[derive(Clone)]
pub struct Account {
    pub(super) key: String,
    pub(super) registry: String,
    pub(super) credentials: Arc<dyn Credentials>,
    pub(super) realms: Arc<Realms>,
}

impl Account {
    /// The account at the registry of `name`; trust servers are given the same, as docker does.
    pub fn for_image(name: &Name, credentials: Arc<dyn Credentials>, realms: Arc<Realms>) -> Self {
        let key = Self::key_of(name).to_owned();
        Self { key, registry: name.domain().to_owned(), credentials, realms }
    }

    /// What docker calls the credentials for an image's registry.
    pub fn key_of(name: &Name) -> &str {
        if name.domain() == HUB { HUB_KEY } else { name.domain() }
    }

    /// The account at one server, known by its host and port.
    pub fn at(host: &str, credentials: Arc<dyn Credentials>, realms: Arc<Realms>) -> Self {
        Self { key: host.to_owned(), registry: host.to_owned(), credentials, realms }
    }

    /// Asks for the credential on a thread that may block.
    pub(super) async fn credential(&self) -> Result<Option<Credential>, Error> {
        let (credentials, key) = (Arc::clone(&self.credentials), self.key.clone());
        let asked = tokio::task::spawn_blocking(move || credentials.for_host(&key)).await;
        let failed = |source: tokio::task::JoinError| {
            let source = Box::new(source);
            Error::Credentials { key: self.key.clone(), source }
        };
        asked.map_err(failed)?
    }
}

const HUB: &str = "docker.io";
/// docker's key for the credentials of its Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";
