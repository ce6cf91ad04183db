//! What the command line says of the server, and the environment: a flag stands above its variable, and that above
//! the file.
//!
//! Who is let in, how much callers may ask for and whose keys sign stands in the file alone, where it is read and
//! reviewed as a whole: a flag that somebody leaves out would open the server.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum as _};

use super::config::{Config, Header, Tls, checked_prefixes};
use super::database::Database;
use crate::cli::environment::{Environment, absolute};
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::server::{Network, Proxies};

// Not a comment of documentation: clap would have it in the place of what `serve` is.
#[derive(Args)]
pub(super) struct Settings {
    /// Where to listen [env: COUNTERSIGN_LISTEN] [default: 127.0.0.1:4443]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Where everything is kept [env: COUNTERSIGN_DATA] [default:
    /// ~/.local/share/countersign/server]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Where collections are kept: sqlite:FILE, postgres://USER@HOST/NAME, mysql://USER@HOST/NAME,
    /// or memory: to forget them [env: COUNTERSIGN_DATABASE] [default: in the data directory]
    #[arg(long, value_name = "URL")]
    database: Option<String>,

    /// Certificate, and those that lead to its authority (PEM) [env: COUNTERSIGN_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// Its private key (PEM) [env: COUNTERSIGN_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Serve only collections whose names begin so, with a slash at the end; may be repeated
    /// [env: COUNTERSIGN_GUN_PREFIXES, commas between them]
    #[arg(long, value_name = "PREFIX")]
    gun_prefix: Vec<String>,

    /// A proxy, or a network of them, whose word is taken for who called; may be repeated
    /// [env: COUNTERSIGN_TRUSTED_PROXIES, commas between them]
    #[arg(long, value_name = "NETWORK")]
    trusted_proxy: Vec<Network>,

    /// The header in which they say it [env: COUNTERSIGN_FORWARDED_HEADER] [default: x-forwarded-for]
    #[arg(long, value_name = "HEADER", value_enum, hide_default_value = true)]
    forwarded_header: Option<Header>,

    /// After SIGTERM, say "not ready" and go on serving for so many seconds
    /// [env: COUNTERSIGN_DRAIN_SECONDS] [default: 0]
    #[arg(long, value_name = "SECONDS")]
    drain_seconds: Option<u16>,
}

impl Settings {
    /// Puts what is said here in the place of what the file says.
    pub(super) fn over(self, file: Config, environment: &Environment) -> Result<Config, Failure> {
        let said = Said(environment);
        let drain = said.one(self.drain_seconds, "COUNTERSIGN_DRAIN_SECONDS")?;
        Ok(Config {
            listen: said.one(self.listen, "COUNTERSIGN_LISTEN")?.unwrap_or(file.listen),
            data: Some(data(
                said.one(self.data, "COUNTERSIGN_DATA")?.or(file.data),
                "server",
                environment,
            )?),
            database: Database::said(self.database.as_deref(), environment)?.or(file.database),
            tls: tls(
                said.one(self.tls_cert, "COUNTERSIGN_TLS_CERT")?,
                said.one(self.tls_key, "COUNTERSIGN_TLS_KEY")?,
                file.tls,
            )?,
            gun_prefixes: said.prefixes(self.gun_prefix)?.unwrap_or(file.gun_prefixes),
            proxies: said.proxies(self.trusted_proxy, self.forwarded_header, file.proxies)?,
            drain: drain.map_or(file.drain, |seconds| Duration::from_secs(seconds.into())),
            ..file
        })
    }
}

/// What is said by a flag or else by its variable.
pub(in crate::cli) struct Said<'e>(pub(in crate::cli) &'e Environment);

impl Said<'_> {
    pub(in crate::cli) fn one<T: FromStr<Err: Display>>(
        &self,
        flag: Option<T>,
        name: &str,
    ) -> Result<Option<T>, Failure> {
        match flag {
            Some(value) => Ok(Some(value)),
            None => self.0.variable(name).map(|text| parsed(name, text)).transpose(),
        }
    }

    /// `None` where nothing is said.
    fn several<T: FromStr<Err: Display>>(
        &self,
        flags: Vec<T>,
        name: &str,
    ) -> Result<Option<Vec<T>>, Failure> {
        match self.0.variable(name) {
            _ if !flags.is_empty() => Ok(Some(flags)),
            None => Ok(None),
            Some(texts) => {
                let said = texts.split(',').map(|text| parsed(name, text.trim()));
                said.collect::<Result<Vec<T>, Failure>>().map(Some)
            }
        }
    }

    fn prefixes(&self, flags: Vec<String>) -> Result<Option<Vec<String>>, Failure> {
        let said = self.several(flags, "COUNTERSIGN_GUN_PREFIXES")?;
        let checked = said.map(checked_prefixes).transpose();
        checked.map_err(|problem| refused("--gun-prefix, COUNTERSIGN_GUN_PREFIXES", problem))
    }

    fn proxies(
        &self,
        flags: Vec<Network>,
        header: Option<Header>,
        file: Proxies,
    ) -> Result<Proxies, Failure> {
        let name = "COUNTERSIGN_FORWARDED_HEADER";
        let variable = |text| {
            Header::from_str(text, true).map_err(|_| {
                refused(name, format!("{text:?} is none of x-forwarded-for, forwarded"))
            })
        };
        let header = match header {
            Some(header) => Some(header),
            None => self.0.variable(name).map(variable).transpose()?,
        };
        let trusted = self.several(flags, "COUNTERSIGN_TRUSTED_PROXIES")?;
        Ok(Proxies {
            trusted: trusted.unwrap_or(file.trusted),
            header: header.map_or(file.header, Header::forwarded),
        })
    }
}

/// The data directory, whatever the working directory will be; `usual` is what it is called where
/// ours are.
pub(in crate::cli) fn data(
    named: Option<PathBuf>,
    usual: &str,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    match named {
        Some(path) => absolute(&path),
        None => {
            let nowhere = |failure: Failure| Failure {
                advice: vec!["Set HOME, or name the place with --data DIR.".to_owned()],
                ..failure
            };
            let home = environment.home().map_err(nowhere)?;
            Ok(home.join(".local/share/countersign").join(usual))
        }
    }
}

/// Another certificate leaves the authorities of clients as they are.
pub(in crate::cli) fn tls(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    file: Option<Tls>,
) -> Result<Option<Tls>, Failure> {
    match (certificate, key) {
        (None, None) => Ok(file),
        (Some(certificate), Some(key)) => {
            let client_authorities = file.and_then(|tls| tls.client_authorities);
            Ok(Some(Tls { certificate, key, client_authorities }))
        }
        _ => Err(Failure::new(Kind::Usage, "a certificate and its key are named together")
            .advise("Give both --tls-cert and --tls-key.")),
    }
}

fn parsed<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| refused(name, error.to_string()))
}

fn refused(name: &str, problem: String) -> Failure {
    Failure::new(Kind::Usage, format!("{name}: {problem}"))
}
