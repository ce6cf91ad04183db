//! What the server is told to do, wherever that was said.

mod describe;
mod file;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::database::Database;
use super::signer::Signer;
use super::tls::{self, Identity};
use super::token::TokenFile;
use crate::server::{Level, Options, Proxies};
pub(in crate::cli) use file::Tls;
pub(super) use file::{Asking, Auth, Caching, Header, Htpasswd, KeyAlgorithm, Token};

/// Everything that can be set.
pub(super) struct Config {
    pub(super) listen: SocketAddr,
    pub(super) data: Option<PathBuf>,
    pub(super) database: Option<Database>,
    pub(super) signer: Option<Signer>,
    pub(super) token: Option<TokenFile>,
    /// Whether notary-signer has kept the keys until now.
    pub(super) had_signer: bool,
    pub(super) tls: Option<Tls>,
    pub(super) auth: Option<Auth>,
    pub(super) level: Level,
    pub(super) gun_prefixes: Vec<String>,
    pub(super) key_algorithm: KeyAlgorithm,
    pub(super) upload_bytes: Option<usize>,
    pub(super) caching: Caching,
    pub(super) limits: Asking,
    pub(super) proxies: Proxies,
    pub(super) drain: Duration,
    pub(super) check: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4443)),
            data: None,
            database: None,
            signer: None,
            token: None,
            had_signer: false,
            tls: None,
            auth: None,
            level: Level::Info,
            gun_prefixes: Vec::new(),
            key_algorithm: KeyAlgorithm::default(),
            upload_bytes: None,
            caching: Caching::default(),
            limits: Asking::default(),
            proxies: Proxies::default(),
            drain: Duration::ZERO,
            check: false,
        }
    }
}

impl Config {
    /// Where everything is kept.
    pub(super) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new("."))
    }

    /// Whom it is to show itself as.
    pub(super) fn identity(&self) -> Identity {
        Identity { given: self.tls.clone(), names: tls::names(self.listen) }
    }

    /// How the server is to behave.
    pub(super) fn options(&self) -> Options {
        let usual = Options::default();
        Options {
            gun_prefixes: self.gun_prefixes.clone(),
            upload_bytes: self.upload_bytes.unwrap_or(usual.upload_bytes),
            current_max_age: self.caching.current.unwrap_or(usual.current_max_age),
            consistent_max_age: self.caching.consistent.unwrap_or(usual.consistent_max_age),
            limits: self.limits.limits(),
            proxies: self.proxies.clone(),
            ..usual
        }
    }
}

/// Whole components, so that `a/` does not serve `ab` (Notary `cmd/notary-server/config.go`).
pub(super) fn checked_prefixes(prefixes: Vec<String>) -> Result<Vec<String>, String> {
    let good = |prefix: &String| {
        let stem = prefix.strip_suffix('/').unwrap_or_default();
        crate::tuf::Gun::raw(stem).is_ok()
    };
    match prefixes.iter().find(|prefix| !good(prefix)) {
        None => Ok(prefixes),
        Some(bad) => Err(format!("invalid GUN prefix {bad}: it must end in one slash")),
    }
}
