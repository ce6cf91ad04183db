//! What those have alike that answer for others whether images are signed: `admit`, `proxy`.

mod fresh;
mod post;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::output::Failure;
use super::serve::settings::{Said, tls};
use super::serve::tls::Identity;

pub(super) use fresh::{in_context_of_its_own, told, too_late};
pub(super) use post::{Post, looking_up};

// With which certificate, and how it ends. (As a doc comment it would be what the commands say of
// themselves.)
#[derive(Args)]
pub(super) struct Options {
    /// Certificate, and those that lead to its authority (PEM) [env: COUNTERSIGN_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// Its private key (PEM) [env: COUNTERSIGN_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// After SIGTERM, let /healthz say so and go on serving for so many seconds
    /// [env: COUNTERSIGN_DRAIN_SECONDS] [default: 0]
    #[arg(long, value_name = "SECONDS")]
    drain_seconds: Option<u16>,
}

impl Options {
    /// Whom it shows itself as: with the certificate that was given, else with one for these names.
    pub(super) fn identity(
        &self,
        said: &Said<'_>,
        names: Vec<String>,
    ) -> Result<Identity, Failure> {
        let certificate = said.one(self.tls_cert.clone(), "COUNTERSIGN_TLS_CERT")?;
        let key = said.one(self.tls_key.clone(), "COUNTERSIGN_TLS_KEY")?;
        Ok(Identity { given: tls(certificate, key, None)?, names })
    }

    /// How long it goes on when it was told to end.
    pub(super) fn drain(&self, said: &Said<'_>) -> Result<Duration, Failure> {
        let seconds = said.one(self.drain_seconds, "COUNTERSIGN_DRAIN_SECONDS")?;
        Ok(Duration::from_secs(seconds.unwrap_or(0).into()))
    }
}
