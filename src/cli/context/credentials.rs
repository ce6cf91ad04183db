//! Who we are to trust servers.

use std::sync::Arc;

use crate::docker::config::{Keychain, NotaryAuth};
use crate::net::{self, Credential, Credentials};

/// What docker keeps, else Notary's variable, which is meant for trust servers.
pub(super) struct TrustServerCredentials {
    pub(super) keychain: Arc<Keychain>,
    pub(super) notary: Option<NotaryAuth>,
}

impl Credentials for TrustServerCredentials {
    fn for_host(&self, key: &str) -> Result<Option<Credential>, net::Error> {
        match (self.keychain.for_host(key)?, &self.notary) {
            (None, Some(notary)) => notary.for_host(key),
            (found, _) => Ok(found),
        }
    }
}
