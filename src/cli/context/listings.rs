//! Which collections there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Context, TrustServerCredentials, UPDATE_PATIENCE, host_of};
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::net::listing::{self, Bounds};
use crate::net::{Account, Deadline, ServerUrl};

impl Context {
    /// The names of all collections that the trust server's changefeed tells of.
    ///
    /// # Errors
    ///
    /// If no server is named, or it does not tell.
    pub(in crate::cli) async fn collections(&self) -> Result<BTreeSet<String>, Failure> {
        let named = self.global.server.as_deref();
        let named = named.or_else(|| self.environment.variable("DOCKER_CONTENT_TRUST_SERVER"));
        let Some(named) = named else {
            let message = "a changefeed is a trust server's, and none is named";
            return Err(Failure::new(Kind::Usage, message).advise("Name one with --server URL."));
        };
        let url = ServerUrl::parse(named, self.plain_http(named))?;
        let credentials = Arc::new(TrustServerCredentials {
            keychain: Arc::clone(&self.keychain),
            notary: self.notary_auth.clone(),
        });
        let account = Account::at(host_of(url.as_str()), credentials, Arc::clone(&self.realms));
        let (http, deadline) = (self.http.clone(), self.listing_deadline());
        Ok(listing::collections(http, &url, account, deadline, Bounds::default()).await?)
    }

    /// The paths of all repositories that a registry's catalogue names.
    ///
    /// # Errors
    ///
    /// If the registry does not tell.
    pub(in crate::cli) async fn repositories(
        &self,
        domain: &str,
    ) -> Result<BTreeSet<String>, Failure> {
        let account = Account::at(domain, self.keychain.clone(), Arc::clone(&self.realms));
        let (http, deadline) = (self.http.clone(), self.listing_deadline());
        Ok(listing::repositories(http, domain, account, deadline, Bounds::default()).await?)
    }

    fn listing_deadline(&self) -> Deadline {
        Deadline::after(self.timeout().unwrap_or(UPDATE_PATIENCE))
    }
}
