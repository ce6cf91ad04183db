//! The credentials that `docker login` keeps (docker CLI, `cli/config/configfile/file.go`).
//!
//! Order for a key: `auths` of `DOCKER_AUTH_CONFIG`, then the key's credential helper or the
//! general one, then `auths` of `config.json`. Unlike docker we tell when a helper or an entry is
//! broken, and do not mind what else stands in the variable.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::helper::{Helper, PATIENCE};
use super::{Environment, Error, Location};
use crate::net::{self, Credential, Credentials, Secret};
use crate::storage::read_regular;

/// Docker's credentials. Files are read and helpers run when a credential is asked for.
pub struct Keychain {
    file: PathBuf,
    variable: Option<Secret>,
    /// Of the environment, for finding helpers.
    path: Option<String>,
    patience: Duration,
}

impl Keychain {
    /// The credentials below `location`, and those of the environment.
    pub fn new(location: &Location, environment: &Environment<'_>) -> Self {
        let variable = environment.variable(VARIABLE).map(Secret::new);
        let (file, path) = (location.config_file(), environment.variable("PATH"));
        Self { file, variable, path, patience: PATIENCE }
    }

    /// How long a helper may take, at most three quarters of a minute: it may ask the user.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience: patience.min(PATIENCE), ..self }
    }

    /// The credential kept under `key`.
    ///
    /// # Errors
    ///
    /// If a source is there and broken; the next one is not asked then.
    pub fn credential(&self, key: &str) -> Result<Option<Credential>, Error> {
        if let Some(found) = self.in_variable(key)? {
            return Ok(Some(found));
        }
        let file = self.read_file()?;
        match file.helper_for(key) {
            Some(name) => Helper::new(name, self.path.as_deref())?.credential(key, self.patience),
            None => entry(&self.file.display().to_string(), file.auths.as_ref(), key),
        }
    }

    /// The helpers that `config.json` names and that cannot be found.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be read.
    pub fn missing_helpers(&self) -> Result<BTreeSet<String>, Error> {
        let ConfigFile { cred_helpers, creds_store, .. } = self.read_file()?;
        let named = cred_helpers.into_iter().flat_map(BTreeMap::into_values).chain(creds_store);
        let is_missing = |name: &String| Helper::new(name, self.path.as_deref()).is_err();
        Ok(named.filter(|name| !name.is_empty()).filter(is_missing).collect())
    }

    fn in_variable(&self, key: &str) -> Result<Option<Credential>, Error> {
        let Some(text) = &self.variable else { return Ok(None) };
        let config: ConfigFile = parse(VARIABLE, text.expose().as_bytes())?;
        entry(VARIABLE, config.auths.as_ref(), key)
    }

    fn read_file(&self) -> Result<ConfigFile, Error> {
        match read(&self.file)? {
            Some(bytes) => parse(&self.file.display().to_string(), &bytes),
            None => Ok(ConfigFile::default()),
        }
    }
}

impl Credentials for Keychain {
    fn for_host(&self, key: &str) -> Result<Option<Credential>, net::Error> {
        let failed = |source| net::Error::Credentials { key: key.to_owned(), source };
        self.credential(key).map_err(|error| failed(Box::new(error)))
    }
}

/// The part of `config.json` that is about credentials. Go writes `null` for what is empty, and reads
/// it so.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigFile {
    auths: Option<Entries>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

type Entries = BTreeMap<String, Option<Entry>>;

impl ConfigFile {
    fn helper_for(&self, key: &str) -> Option<&str> {
        let general = self.creds_store.as_ref();
        let own = self.cred_helpers.as_ref().and_then(|helpers| {
            let in_capitals = || helpers.iter().find(|(found, _)| found.eq_ignore_ascii_case(key));
            helpers.get(key).or_else(|| in_capitals().map(|(_, helper)| helper))
        });
        let name = own.or(general)?;
        (!name.is_empty()).then_some(name)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<Secret>,
    /// What tools write that are not docker, and docker reads.
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

impl Entry {
    /// `None` if the entry is empty, as beside a credential helper; an error if it is broken.
    fn credential(&self) -> Option<Result<Credential, ()>> {
        let filled = |secret: &Option<Secret>| secret.clone().filter(|it| !it.expose().is_empty());
        let identity = filled(&self.identitytoken).map(Credential::Identity);
        let registry = || filled(&self.registrytoken).map(Credential::Registry);
        let password = || filled(&self.auth).map(|auth| decode(auth.expose()).ok_or(()));
        identity.or_else(registry).map(Ok).or_else(password).or_else(|| self.in_the_open().map(Ok))
    }

    fn in_the_open(&self) -> Option<Credential> {
        let user = self.username.clone().filter(|user| !user.is_empty())?;
        let password = self.password.clone().filter(|it| !it.expose().is_empty())?;
        Some(Credential::Password { user, password })
    }
}

/// The entry with this key, or else one whose key is an older spelling of the same host.
fn entry(place: &str, auths: Option<&Entries>, key: &str) -> Result<Option<Credential>, Error> {
    let Some(auths) = auths else { return Ok(None) };
    let host = host_of(key);
    let same_host = || auths.iter().find(|(found, _)| host_of(found).eq_ignore_ascii_case(host));
    let Some((found, entry)) = auths.get_key_value(key).or_else(same_host) else { return Ok(None) };
    let broken = |()| Error::Entry { place: place.to_owned(), key: found.clone() };
    entry.as_ref().and_then(Entry::credential).transpose().map_err(broken)
}

/// `host:port` of `https://host:port/v1/`.
fn host_of(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    bare.split('/').next().unwrap_or(bare)
}

/// Base64 of `user:password`, the password perhaps with NULs after it.
pub(super) fn decode(auth: &str) -> Option<Credential> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(auth).ok()?);
    let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let password = Secret::new(password.trim_end_matches('\0').to_owned());
    (!user.is_empty()).then(|| Credential::Password { user: user.to_owned(), password })
}

/// Errors give the place of the fault and not the text there, which may be a password.
fn parse<T: DeserializeOwned>(place: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Malformed {
        place: place.to_owned(),
        line: error.line(),
        column: error.column(),
    })
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    match read_regular(path, MAX_FILE).map(Zeroizing::new) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            Err(Error::TooLarge { path: path.to_owned(), limit: MAX_FILE })
        }
        Err(error) => Err(failed(error)),
    }
}

const VARIABLE: &str = "DOCKER_AUTH_CONFIG";
/// Bytes.
const MAX_FILE: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HUB: &str = "https://index.docker.io/v1/";

    /// Docker's credentials with this `config.json` and `DOCKER_AUTH_CONFIG`.
    fn lookup(file: &str, variable: &str, key: &str) -> Result<Option<Credential>, Error> {
        let directory = tempfile::tempdir().expect("a temporary folder");
        fs::write(directory.path().join("config.json"), file).expect("a file");
        let lookup = |name: &str| (name == VARIABLE).then(|| variable.to_owned());
        let environment = Environment::new(&lookup);
        Keychain::new(&Location::at(directory.path()), &environment).credential(key)
    }

    fn shown(found: Option<Credential>) -> String {
        match found {
            None => "none".into(),
            Some(Credential::Password { user, password }) => {
                format!("{user}:{}", password.expose())
            }
            Some(Credential::Identity(token)) => format!("identity {}", token.expose()),
            Some(Credential::Registry(token)) => format!("registry {}", token.expose()),
        }
    }

    #[test]
    fn auths_table() {
        for (file, key, expected) in [
            ("{}", "h", "none"),
            (r#"{"auths":{}}"#, "h", "none"),
            (r#"{"auths":{"h:1":{"auth":"YTpi"}}}"#, "h:1", "a:b"),
            (r#"{"auths":{"h:1":{"auth":"YTpi"}}}"#, "h:2", "none"),
            (r#"{"auths":{"h:1":{"auth":"YTpi"}}}"#, "h", "none"),
            (r#"{"auths":{"https://h:1/v1/":{"auth":"YTpi"}}}"#, "h:1", "a:b"),
            (r#"{"auths":{"http://h":{"auth":"YTpi"}}}"#, "h", "a:b"),
            (r#"{"auths":{"https://H.Example:1/v1/":{"auth":"YTpi"}}}"#, "h.example:1", "a:b"),
            (r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}}"#, HUB, "a:b"),
            (r#"{"auths":{"index.docker.io":{"auth":"YTpi"}}}"#, HUB, "a:b"),
            (r#"{"auths":{"h":{"auth":"YTpiOmM="}}}"#, "h", "a:b:c"),
            (r#"{"auths":{"h":{"auth":"YTpiAAA="}}}"#, "h", "a:b"),
            (r#"{"auths":{"h":{}}}"#, "h", "none"),
            (r#"{"auths":null,"credHelpers":null}"#, "h", "none"),
            (r#"{"auths":{"h":null}}"#, "h", "none"),
            (r#"{"auths":{"h":{"username":"a","password":"b"}}}"#, "h", "a:b"),
            (r#"{"auths":{"h":{"auth":"YTpi","username":"x","password":"y"}}}"#, "h", "a:b"),
            (r#"{"auths":{"h":{"username":"a"}}}"#, "h", "none"),
            (r#"{"auths":{"h":{"auth":"YTpi","identitytoken":"t"}}}"#, "h", "identity t"),
            (r#"{"auths":{"h":{"registrytoken":"t"}}}"#, "h", "registry t"),
            (r#"{"auths":{"h":{"auth":"YTpi","email":"x"}},"HttpHeaders":{}}"#, "h", "a:b"),
        ] {
            assert_eq!(shown(lookup(file, "", key).expect(file)), expected, "{file}");
        }
    }

    #[test]
    fn variable_comes_first_and_others_fall_through() {
        let file = r#"{"auths":{"h":{"auth":"YTpi"},"i":{"auth":"YTpi"}}}"#;
        let variable = r#"{"auths":{"h":{"auth":"eDp5","username":"x"}},"credHelpers":{}}"#;
        assert_eq!(shown(lookup(file, variable, "h").expect("valid")), "x:y");
        assert_eq!(shown(lookup(file, variable, "i").expect("valid")), "a:b");
    }

    #[test]
    fn broken_configuration_is_told_without_its_secrets() {
        let large = " ".repeat((1 << 20) + 1);
        for (file, variable) in [
            (r#"{"auths":{"h":{"auth":"s3cret"}}}"#, ""),
            (r#"{"auths":{"h":{"auth":"czNjcmV0"}}}"#, ""),
            (r#"{"auths":{"h":"s3cret"}}"#, ""),
            ("s3cret", ""),
            ("", ""),
            (&large, ""),
            ("{}", r#"{"auths":{"h":{"auth":"s3cret"}}}"#),
            ("{}", "s3cret"),
            (r#"{"credsStore":"../../evil"}"#, ""),
        ] {
            let error = lookup(file, variable, "h").err().expect(file);
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn absent_file_means_no_credentials() {
        let directory = tempfile::tempdir().expect("a temporary folder");
        let nothing = |_: &str| None;
        let keychain = Keychain::new(&Location::at(directory.path()), &Environment::new(&nothing));
        assert!(keychain.credential("h").expect("no file").is_none());
    }
}
