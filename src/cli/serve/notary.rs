//! notary-server's own configuration, taken over (Notary 0.7.0 `cmd/notary-server/config.go`).

mod address;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::config::{Auth, Config, KeyAlgorithm, Tls, Token, checked_prefixes};
use super::database::Database;
use super::files::{read_small, unusable};
use crate::cli::environment::Environment;
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::server::Level;
use crate::storage::metadata::Address;

/// The configuration, and a remark on everything that is not as it was. Notary's variables stand
/// above it.
pub(super) fn read(
    path: &Path,
    environment: &Environment,
) -> Result<(Config, Vec<String>), Failure> {
    let value = document(path)?;
    let mut taking = Taking {
        path,
        config: Config::default(),
        remarks: Vec::new(),
        backend: String::new(),
        db_url: String::new(),
        auth_type: None,
    };
    for (section, content) in value.as_object().ok_or_else(|| unusable(path, "no JSON object"))? {
        let members = content.as_object().ok_or_else(|| taking.refuse(section, "no section"))?;
        for (name, value) in members {
            taking.take(&format!("{section}.{name}"), value)?;
        }
    }
    for key in VARIABLES {
        if let Some(value) = environment.variable(&variable(key)) {
            taking.take(key, &Value::from(value))?;
        }
    }
    taking.other_variables(environment)?;
    taking.database()?;
    taking.access()?;
    Ok((taking.config, taking.remarks))
}

/// A configuration of Notary's. Names count in any case, as for viper, which reads it there: an
/// `Auth` that nobody understood would let everybody in.
pub(super) fn document(path: &Path) -> Result<Value, Failure> {
    let document = serde_json::from_slice(&read_small(path)?);
    document.map(in_lower_case).map_err(|error| unusable(path, &error.to_string()))
}

fn in_lower_case(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let lower =
                |(name, value): (String, Value)| (name.to_lowercase(), in_lower_case(value));
            Value::Object(members.into_iter().map(lower).collect())
        }
        other => other,
    }
}

struct Taking<'p> {
    path: &'p Path,
    config: Config,
    remarks: Vec<String>,
    backend: String,
    db_url: String,
    auth_type: Option<String>,
}

impl Taking<'_> {
    fn take(&mut self, key: &str, value: &Value) -> Result<(), Failure> {
        match key {
            "server.http_addr" => self.config.listen = self.address(value)?,
            "server.tls_cert_file" => self.tls().certificate = self.file(value)?,
            "server.tls_key_file" => self.tls().key = self.file(value)?,
            "server.client_ca_file" => {
                self.tls().client_authorities = Some(self.file(value)?);
            }
            "trust_service.type" => self.trust_service(value),
            "trust_service.key_algorithm" => {
                self.config.key_algorithm = match text(value) {
                    "ecdsa" => KeyAlgorithm::Ecdsa,
                    "ed25519" => KeyAlgorithm::Ed25519,
                    _ => return Err(self.refuse(key, "use ecdsa or ed25519")),
                };
            }
            "storage.backend" => self.backend = text(value).to_owned(),
            "storage.db_url" => self.db_url = text(value).to_owned(),
            "auth.type" => self.auth_type = Some(text(value).to_owned()),
            "auth.options" => self.config.auth = Some(Auth::Token(self.token(value)?)),
            "caching.max_age" => {
                self.config.caching.current = self.age(value, "current_metadata")?;
                self.config.caching.consistent = self.age(value, "consistent_metadata")?;
            }
            "caching.max_age.current_metadata" => {
                self.config.caching.current = Some(self.seconds(key, value)?);
            }
            "caching.max_age.consistent_metadata" => {
                self.config.caching.consistent = Some(self.seconds(key, value)?);
            }
            "repositories.gun_prefixes" => {
                let prefixes = prefixes(value).ok_or_else(|| self.refuse(key, "no prefixes"))?;
                self.config.gun_prefixes =
                    checked_prefixes(prefixes).map_err(|problem| self.refuse(key, &problem))?;
            }
            "logging.level" => {
                self.config.level = match text(value) {
                    "debug" => Level::Debug,
                    "info" | "warning" | "warn" => Level::Info,
                    _ => Level::Error,
                };
            }
            _ if key.starts_with("reporting.") => {
                self.remark(key, "nothing is reported to anybody")
            }
            _ if key.starts_with("trust_service.") => {
                self.remark(key, "the server signs itself, and needs no notary-signer");
            }
            _ if key.starts_with("storage.") => self.remark(key, "not used by this database"),
            _ => self.remark(key, "not known"),
        }
        Ok(())
    }

    /// Variables that say nothing here. One about who is let in, or to what, must not be passed over.
    fn other_variables(&mut self, environment: &Environment) -> Result<(), Failure> {
        let known = VARIABLES.map(variable);
        for name in environment.starting_with(PREFIX).into_keys() {
            let told = name.trim_start_matches(PREFIX);
            match () {
                () if known.contains(&name) => {}
                () if told.starts_with("REPOSITORIES") || told.starts_with("AUTH") => {
                    let problem = format!("{name} is not understood: say it in the configuration");
                    return Err(Failure::new(Kind::Usage, problem));
                }
                () => self.remarks.push(format!("{name}: not known, or not used")),
            }
        }
        Ok(())
    }

    fn trust_service(&mut self, value: &Value) {
        if text(value) == "remote" {
            self.config.had_signer = true;
        } else {
            self.config.key_algorithm = KeyAlgorithm::Ed25519;
        }
    }

    /// What the two words about the database say together.
    fn database(&mut self) -> Result<(), Failure> {
        let address = match self.backend.as_str() {
            "memory" => {
                self.config.database = Some(Database::Memory);
                return Ok(());
            }
            "" | "sqlite3" => {
                if self.db_url.starts_with('/') {
                    self.config.database = Some(Database::Sqlite(self.db_url.clone().into()));
                }
                return Ok(());
            }
            "postgres" => Address::from_lib_pq(&self.db_url),
            "mysql" => Address::from_go_mysql(&self.db_url),
            other => {
                let problem = format!("{other} is not supported; leave it out for SQLite");
                return Err(self.refuse("storage.backend", &problem));
            }
        };
        let address = address.map_err(|error| self.refuse("storage.db_url", &error.to_string()))?;
        self.config.database = Some(Database::Server(address));
        Ok(())
    }

    /// Half a configuration of access is nobody's wish: it would let everybody in.
    fn access(&mut self) -> Result<(), Failure> {
        match (self.auth_type.as_deref(), &self.config.auth) {
            (None, None) | (Some("token"), Some(_)) => Ok(()),
            (Some("token"), None) => {
                Err(self.refuse("auth.options", "missing, for auth.type token"))
            }
            (_, Some(_)) => {
                Err(self
                    .refuse("auth.type", "these auth.options are for token, and for nothing else"))
            }
            (Some(_), None) => {
                self.remark("auth.type", "not `token`: as with notary-server, everybody is let in");
                Ok(())
            }
        }
    }

    fn token(&self, value: &Value) -> Result<Token, Failure> {
        let option = |name: &str| match value.get(name).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(self.refuse(&format!("auth.options.{name}"), "missing")),
        };
        if value.get("autoredirect").and_then(Value::as_bool) == Some(true) {
            return Err(self.refuse("auth.options.autoredirect", "not supported: a realm that follows the Host header sends passwords wherever it points"));
        }
        Ok(Token {
            realm: option("realm")?,
            issuer: option("issuer")?,
            service: option("service")?,
            certificates: option("rootcertbundle")?.into(),
        })
    }

    fn age(&self, ages: &Value, name: &str) -> Result<Option<u32>, Failure> {
        let age = ages.get(name);
        age.map(|age| self.seconds(&format!("caching.max_age.{name}"), age)).transpose()
    }

    /// Seconds, as a number or as text (Notary `cmd/notary-server/config.go`, `getCacheConfig`).
    fn seconds(&self, key: &str, age: &Value) -> Result<u32, Failure> {
        let seconds = age.as_str().map_or_else(|| age.as_u64(), |text| text.parse().ok());
        let fits = seconds.and_then(|it| u32::try_from(it).ok()).filter(|it| *it <= MAX_AGE);
        match fits {
            Some(seconds) => Ok(seconds),
            None => {
                let problem = format!("no number of seconds between 0 and {MAX_AGE}");
                Err(self.refuse(key, &problem))
            }
        }
    }

    fn address(&self, value: &Value) -> Result<SocketAddr, Failure> {
        let refuse = || self.refuse("server.http_addr", "use ADDRESS:PORT or :PORT");
        address::read(text(value)).ok_or_else(refuse)
    }

    /// A file beside the configuration.
    fn file(&self, value: &Value) -> Result<PathBuf, Failure> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        match text(value) {
            "" => Err(self.refuse("server", "an empty file name")),
            name => Ok(directory.join(name)),
        }
    }

    fn tls(&mut self) -> &mut Tls {
        let none =
            Tls { certificate: PathBuf::new(), key: PathBuf::new(), client_authorities: None };
        self.config.tls.get_or_insert(none)
    }

    fn remark(&mut self, key: &str, reason: &str) {
        self.remarks.push(format!("{}: {key}: {reason}", self.path.display()));
    }

    fn refuse(&self, key: &str, problem: &str) -> Failure {
        unusable(self.path, &format!("{key}: {problem}"))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A list, or words with blanks between, as viper reads a variable.
fn prefixes(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(prefixes) => Some(prefixes.iter().map(|it| text(it).to_owned()).collect()),
        Value::String(words) => Some(words.split_whitespace().map(str::to_owned).collect()),
        _ => None,
    }
    .filter(|prefixes: &Vec<String>| !prefixes.is_empty() || value.is_array())
}

/// The variable that stands above a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "_"))
}

/// A year (Notary `const.go`, `CacheMaxAgeLimit`).
const MAX_AGE: u32 = 365 * 24 * 3600;

/// What Notary's variables may say: `NOTARY_SERVER_STORAGE_DB_URL` and the like.
const VARIABLES: [&str; 13] = [
    "server.http_addr",
    "server.tls_cert_file",
    "server.tls_key_file",
    "server.client_ca_file",
    "trust_service.type",
    "trust_service.key_algorithm",
    "storage.backend",
    "storage.db_url",
    "auth.type",
    "caching.max_age.current_metadata",
    "caching.max_age.consistent_metadata",
    "repositories.gun_prefixes",
    "logging.level",
];
const PREFIX: &str = "NOTARY_SERVER_";
