//! The server's configuration.
//!
//! ```toml
//! listen = "0.0.0.0:4443"
//! data = "/var/lib/countersign"
//! database = "sqlite:/var/lib/countersign/trust.db"
//! log = "info"                       # error, info, debug
//! gun_prefixes = ["registry.example.com/"]
//! key_algorithm = "ecdsa"            # or "ed25519"
//! upload_bytes = 33554432
//!
//! [signer]                           # the keys of a notary-signer
//! database = "postgres://signer@db.example.com/notarysigner"
//! default_alias = "alias1"           # its passphrase is in NOTARY_SIGNER_ALIAS1
//!
//! [token]                            # online keys on a token, shared by all collections
//! label = "trust"
//! module = "/usr/lib/x86_64-linux-gnu/libykcs11.so"
//! keys = ["online"]                  # their labels: new roots name the first
//! pin_file = "/etc/countersign/pin"  # or COUNTERSIGN_TOKEN_PIN
//! timeout = "10s"                    # of one operation
//!
//! [tls]
//! certificate = "/etc/countersign/server.crt"
//! key = "/etc/countersign/server.key"
//! client_authorities = "/etc/countersign/clients.crt"   # whoever shows none of theirs is not let in
//!
//! [limits]
//! requests_per_second = 5000         # of all callers; twice that at once
//! requests_per_second_each = 200     # of each
//! connections = 10000
//! connections_each = 2000
//!
//! [proxies]                          # whose word is taken for who called
//! trusted = ["10.0.0.0/8"]
//! header = "x-forwarded-for"         # or "forwarded"
//!
//! [caching]                          # seconds for which others may keep files
//! current = 300
//! consistent = 2592000
//!
//! [auth.htpasswd]
//! file = "/etc/countersign/htpasswd"
//! anonymous_read = true
//!
//! [auth.token]                       # instead of htpasswd
//! realm = "https://auth.example.com/token"
//! issuer = "auth.example.com"
//! service = "notary-server"
//! certificates = "/etc/countersign/token.crt"
//! ```

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::database::Database;
use super::signer::{Signer, SignerFile};
use super::token::TokenFile;
use super::{read_small, unusable};
use crate::cli::output::Failure;
use crate::crypto::Algorithm;
use crate::server::{ForwardedHeader, Level, Limits, Options, Proxies, Rate};

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

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    database: Option<String>,
    signer: Option<SignerFile>,
    token: Option<TokenFile>,
    tls: Option<Tls>,
    auth: Option<Auth>,
    #[serde(default)]
    log: LogLevel,
    #[serde(default)]
    gun_prefixes: Vec<String>,
    #[serde(default)]
    key_algorithm: KeyAlgorithm,
    upload_bytes: Option<usize>,
    #[serde(default)]
    caching: Caching,
    #[serde(default)]
    limits: Asking,
    proxies: Option<Between>,
    #[serde(default)]
    drain_seconds: u16,
}

/// Where the certificate is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    #[serde(default)]
    pub(super) client_authorities: Option<PathBuf>,
}

/// How much callers may ask for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    pub(super) requests_per_second: Option<NonZeroU32>,
    pub(super) requests_per_second_each: Option<NonZeroU32>,
    pub(super) connections: Option<usize>,
    pub(super) connections_each: Option<usize>,
}

impl Asking {
    fn limits(self) -> Limits {
        let usual = Limits::default();
        let rate =
            |count: Option<NonZeroU32>| count.and_then(|count| Rate::per_second(count.get()));
        Limits {
            requests: rate(self.requests_per_second),
            requests_each: rate(self.requests_per_second_each),
            connections: self.connections.unwrap_or(usual.connections),
            connections_each: self.connections_each.unwrap_or(usual.connections_each),
            ..usual
        }
    }
}

/// The proxies that stand between.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    trusted: Vec<String>,
    #[serde(default)]
    header: Header,
}

/// Where proxies say who called.
#[derive(Clone, Copy, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Header {
    /// Addresses, with or without a port.
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl Header {
    pub(super) fn forwarded(self) -> ForwardedHeader {
        match self {
            Self::XForwardedFor => ForwardedHeader::XForwardedFor,
            Self::Forwarded => ForwardedHeader::Forwarded,
        }
    }
}

impl Between {
    fn proxies(self) -> Result<Proxies, String> {
        let trusted = self.trusted.iter().map(|network| network.parse());
        let header = self.header.forwarded();
        Ok(Proxies { trusted: trusted.collect::<Result<_, String>>()?, header })
    }
}

/// How callers are let in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Auth {
    /// Names and passwords.
    Htpasswd(Htpasswd),
    /// Tokens of a token service.
    Token(Token),
}

/// Names and passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Htpasswd {
    pub(super) file: PathBuf,
    #[serde(default)]
    pub(super) anonymous_read: bool,
}

/// Tokens of a token service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) realm: String,
    pub(super) issuer: String,
    pub(super) service: String,
    pub(super) certificates: PathBuf,
}

/// Seconds for which others may keep files.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caching {
    pub(super) current: Option<u32>,
    pub(super) consistent: Option<u32>,
}

/// What new online keys are.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeyAlgorithm {
    #[default]
    Ecdsa,
    Ed25519,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LogLevel {
    Error,
    #[default]
    Info,
    Debug,
}

impl KeyAlgorithm {
    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::Ecdsa => Algorithm::EcdsaP256,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }
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
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = String::from_utf8(read_small(path)?).map_err(|_| unusable(path, "no text"))?;
        let file: File =
            toml::from_str(&text).map_err(|error| unusable(path, error.to_string().trim_end()))?;
        let mut config = Self {
            data: file.data,
            tls: file.tls,
            auth: file.auth,
            level: match file.log {
                LogLevel::Error => Level::Error,
                LogLevel::Info => Level::Info,
                LogLevel::Debug => Level::Debug,
            },
            key_algorithm: file.key_algorithm,
            upload_bytes: file.upload_bytes,
            caching: file.caching,
            limits: file.limits,
            drain: Duration::from_secs(file.drain_seconds.into()),
            ..Self::default()
        };
        config.listen = file.listen.unwrap_or(config.listen);
        let database = file.database.map(|url| url.parse());
        config.database =
            database.transpose().map_err(|problem: String| unusable(path, &problem))?;
        config.signer = file.signer.map(|signer| signer.signer(path)).transpose()?;
        let token = file.token.map(|token| token.named_in(path)).transpose();
        config.token = token.map_err(|problem| unusable(path, &problem))?;
        let proxies = file.proxies.map(Between::proxies).transpose();
        config.proxies = proxies.map_err(|problem| unusable(path, &problem))?.unwrap_or_default();
        config.gun_prefixes =
            checked_prefixes(file.gun_prefixes).map_err(|problem| unusable(path, &problem))?;
        Ok(config)
    }

    /// Where everything is kept.
    pub(super) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new("."))
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

    /// What would be done.
    pub(super) fn describe(&self) -> String {
        let mut text =
            format!("listen on {}\nkeep everything in {}\n", self.listen, self.data().display());
        let _ = match &self.database {
            None => writeln!(text, "keep collections in trust.db there"),
            Some(database) => writeln!(text, "{}", database.describe()),
        };
        if let Some(token) = &self.token {
            let _ = writeln!(text, "{}", token.describe());
        }
        let _ = match &self.tls {
            None => writeln!(text, "use a certificate of an authority of its own"),
            Some(tls) => writeln!(text, "use the certificate {}", tls.certificate.display()),
        };
        if let Some(clients) = self.tls.as_ref().and_then(|tls| tls.client_authorities.as_ref()) {
            let _ =
                writeln!(text, "answer only clients with a certificate of {}", clients.display());
        }
        let _ = match &self.auth {
            None => writeln!(text, "let everybody read and publish"),
            Some(Auth::Token(token)) => writeln!(text, "let in who has a token of {}", token.realm),
            Some(Auth::Htpasswd(htpasswd)) => {
                let others = if htpasswd.anonymous_read { "; others may read" } else { "" };
                writeln!(text, "let in who has a password in {}{others}", htpasswd.file.display())
            }
        };
        let Proxies { trusted, header } = &self.proxies;
        if !trusted.is_empty() {
            let trusted: Vec<String> = trusted.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "believe {header} of {}", trusted.join(" and "));
        }
        if !self.gun_prefixes.is_empty() {
            let _ = writeln!(
                text,
                "serve only collections that begin with {}",
                self.gun_prefixes.join(" or ")
            );
        }
        if !self.drain.is_zero() {
            let _ = writeln!(text, "after SIGTERM, serve on for {} s", self.drain.as_secs());
        }
        text
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
