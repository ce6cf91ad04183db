//! Who we are to a trust server: `NOTARY_AUTH`, or whoever sits there (Notary 0.7
//! `cmd/notary/tuf.go`, `passwordStore`).

use std::io::IsTerminal;

use super::prompt::line;
use crate::cli::output::Output;
use crate::cli::prompt::ask;
use crate::docker::config::NotaryAuth;
use crate::net::{self, Credential, Credentials, Secret};

/// The variable, else two questions. Asked after a refusal only.
pub(super) struct Asking {
    output: Output,
    known: Option<NotaryAuth>,
}

impl Asking {
    /// Nobody is asked yet.
    pub(super) fn new(output: Output, known: Option<NotaryAuth>) -> Self {
        Self { output, known }
    }
}

impl Credentials for Asking {
    fn for_host(&self, key: &str) -> Result<Option<Credential>, net::Error> {
        if let Some(known) = &self.known {
            return known.for_host(key);
        }
        self.output.page("Enter username: ");
        let Some(user) = line().filter(|user| !user.is_empty()) else { return Ok(None) };
        let password = match std::io::stdin().is_terminal() {
            true => ask("Enter password: ").ok().map(|password| password.as_str().to_owned()),
            false => {
                self.output.page("Enter password: ");
                let password = line();
                self.output.page("\n");
                password
            }
        };
        Ok(password.map(|password| Credential::Password { user, password: Secret::new(password) }))
    }
}
