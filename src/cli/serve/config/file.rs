//! The configuration's file.
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

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Config, checked_prefixes};
use crate::cli::output::Failure;
use crate::cli::serve::files::{read_small, unusable};
use crate::cli::serve::signer::SignerFile;
use crate::cli::serve::token::TokenFile;
use crate::crypto::Algorithm;
use crate::docker::toml;
use crate::server::{ForwardedHeader, Level, Limits, Proxies, Rate};

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
    upload_bytes: Option<NonZeroUsize>,
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
pub(in crate::cli) struct Tls {
    pub(in crate::cli) certificate: PathBuf,
    pub(in crate::cli) key: PathBuf,
    #[serde(default)]
    pub(in crate::cli) client_authorities: Option<PathBuf>,
}

/// How much callers may ask for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::serve) struct Asking {
    pub(in crate::cli::serve) requests_per_second: Option<NonZeroU32>,
    pub(in crate::cli::serve) requests_per_second_each: Option<NonZeroU32>,
    pub(in crate::cli::serve) connections: Option<NonZeroUsize>,
    pub(in crate::cli::serve) connections_each: Option<NonZeroUsize>,
}

impl Asking {
    pub(in crate::cli::serve) fn limits(self) -> Limits {
        let usual = Limits::default();
        let rate =
            |count: Option<NonZeroU32>| count.and_then(|count| Rate::per_second(count.get()));
        Limits {
            requests: rate(self.requests_per_second),
            requests_each: rate(self.requests_per_second_each),
            connections: self.connections.map_or(usual.connections, NonZeroUsize::get),
            connections_each: self
                .connections_each
                .map_or(usual.connections_each, NonZeroUsize::get),
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
pub(in crate::cli::serve) enum Header {
    /// Addresses, with or without a port.
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl Header {
    pub(in crate::cli::serve) fn forwarded(self) -> ForwardedHeader {
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
#[serde(try_from = "Doors")]
pub(in crate::cli::serve) enum Auth {
    /// Names and passwords.
    Htpasswd(Htpasswd),
    /// Tokens of a token service.
    Token(Token),
}

/// The same as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct Doors {
    htpasswd: Option<Htpasswd>,
    token: Option<Token>,
}

impl TryFrom<Doors> for Auth {
    type Error = &'static str;

    fn try_from(doors: Doors) -> Result<Self, &'static str> {
        match (doors.htpasswd, doors.token) {
            (Some(htpasswd), None) => Ok(Self::Htpasswd(htpasswd)),
            (None, Some(token)) => Ok(Self::Token(token)),
            (None, None) => Err("auth says nothing: write [auth.htpasswd] or [auth.token]"),
            (Some(_), Some(_)) => Err("auth.htpasswd and auth.token: only one of them"),
        }
    }
}

/// Names and passwords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::serve) struct Htpasswd {
    pub(in crate::cli::serve) file: PathBuf,
    #[serde(default)]
    pub(in crate::cli::serve) anonymous_read: bool,
}

/// Tokens of a token service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::serve) struct Token {
    pub(in crate::cli::serve) realm: String,
    pub(in crate::cli::serve) issuer: String,
    pub(in crate::cli::serve) service: String,
    pub(in crate::cli::serve) certificates: PathBuf,
}

/// Seconds for which others may keep files.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::serve) struct Caching {
    pub(in crate::cli::serve) current: Option<u32>,
    pub(in crate::cli::serve) consistent: Option<u32>,
}

/// What new online keys are.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli::serve) enum KeyAlgorithm {
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
    pub(in crate::cli::serve) fn algorithm(self) -> Algorithm {
        match self {
            Self::Ecdsa => Algorithm::EcdsaP256,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }
}

impl Config {
    /// Reads the file.
    pub(in crate::cli::serve) fn read(path: &Path) -> Result<Self, Failure> {
        let text = String::from_utf8(read_small(path)?).map_err(|_| unusable(path, "no text"))?;
        let file: File = toml::parsed(&text).map_err(|problem| unusable(path, &problem))?;
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
            upload_bytes: file.upload_bytes.map(NonZeroUsize::get),
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
}
