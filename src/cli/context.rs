//! What a command stands on: options, environment and configuration brought together, and one
//! reading of the clock.

mod announced;
mod credentials;
mod holders;
#[cfg(feature = "pkcs11")]
pub(in crate::cli) use holders::token;
mod listings;
mod open;
mod opened;
mod place;
mod places;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub(super) use announced::{Announced, tell_of_first_use};
use credentials::TrustServerCredentials;
pub(super) use holders::key_set;
pub(super) use opened::Opened;
use place::Place;
pub(super) use places::{docker_location, trust_directory};

use super::args::Global;
use super::config::{Config, WhenUnreachable, is_notary};
use super::environment::{Environment, absolute, clock};
use super::exit::Kind;
use super::output::{Failure, Output, Verbosity};
use super::passphrases::in_file;
use super::subject::Subject;
use crate::docker::SignerName;
use crate::docker::config::{self, Keychain, Location, NotaryAuth};
use crate::docker::engine::Endpoint;
use crate::docker::pins::{PinFile, Pins};
use crate::keys::{KeyDirectory, PassphraseFile};
use crate::net::{Account, Credential, Http, HttpOptions, PlainHttp, Realms, TlsDirectory};
use crate::storage::{CollectionDirectory, LOCK_PATIENCE, TrustDirectory};
use crate::tuf::{Dialect, Gun, Limits};
use crate::verify::{FirstUse, Policy};

/// What a command stands on.
pub(super) struct Context {
    /// Where to write.
    pub(super) output: Output,
    /// The environment.
    pub(super) environment: Environment,
    /// The one reading of the clock, UTC.
    pub(super) now: Timestamp,
    global: Global,
    config: Config,
    /// `--config` of Notary's form.
    notary_config: Option<PathBuf>,
    trust: PathBuf,
    docker_config: PathBuf,
    http: Http,
    keychain: Arc<Keychain>,
    notary_auth: Option<NotaryAuth>,
    realms: Arc<Realms>,
    /// Read once: it may be a pipe.
    passphrase_file: OnceLock<Option<PassphraseFile>>,
}

impl Context {
    /// docker's own configuration file.
    pub(super) fn docker_config(&self) -> &Path {
        &self.docker_config
    }

    /// The daemon that docker's program would speak to.
    pub(super) fn docker_endpoint(&self) -> Endpoint {
        let variable = |name: &str| self.environment.variable(name).map(str::to_owned);
        Endpoint::find(variable, self.docker_config())
    }

    /// Reads environment and configuration.
    ///
    /// # Errors
    ///
    /// If there is no place to keep trust data, or the configuration is broken.
    pub(super) fn new(global: Global, environment: Environment) -> Result<Self, Failure> {
        let location = Location::at(docker_location(&global, &environment)?);
        let trust = trust_directory(&global, &environment, &location)?;
        let named = global.config.clone();
        let named = named.or_else(|| environment.place("COUNTERSIGN_CONFIG"));
        let (notary_config, own) = match named {
            Some(path) if is_notary(&path) => (Some(absolute(&path)?), None),
            other => (None, other),
        };
        let config = match own {
            Some(path) => Config::read(&path)?,
            None => Config::read_if_there(&trust.join("countersign.toml"))?,
        };
        let http = Http::new(HttpOptions {
            tls_directories: vec![
                TlsDirectory::new(location.tls()),
                TlsDirectory::of_the_daemon(DAEMON_TLS),
            ],
            extra_authorities: global.tls_ca.clone(),
            plain_hosts: match global.insecure_http {
                true => config.insecure_http.clone(),
                false => Vec::new(),
            },
            proxies: environment.proxies(),
            ..HttpOptions::default()
        });
        let lookup = |name: &str| environment.variable(name).map(str::to_owned);
        let variables = config::Environment::new(&lookup);
        let timeout = global.timeout.or(config.timeout).map(|span| span.duration());
        let keychain = Keychain::new(&location, &variables);
        // Who hangs is told of, and ended, before the time for all is over.
        let keychain = match timeout {
            Some(timeout) => keychain.with_patience(timeout / 2),
            None => keychain,
        };
        let notary_auth = NotaryAuth::from_environment(&variables)?;
        Ok(Self {
            output: output_of(&global),
            keychain: Arc::new(keychain),
            notary_auth,
            realms: Arc::new(realms(&config)),
            now: clock(),
            global,
            config,
            notary_config,
            trust,
            docker_config: location.config_file(),
            http,
            environment,
            passphrase_file: OnceLock::new(),
        })
    }

    /// The passphrases in the file that `COUNTERSIGN_PASSPHRASE_FILE` names.
    ///
    /// # Errors
    ///
    /// If that file cannot be read or understood.
    pub(super) fn passphrase_file(&self) -> Result<Option<&PassphraseFile>, Failure> {
        if self.passphrase_file.get().is_none() {
            let named = self.environment.place("COUNTERSIGN_PASSPHRASE_FILE");
            let read = named.map(|path| in_file(&path)).transpose()?;
            return Ok(self.passphrase_file.get_or_init(|| read).as_ref());
        }
        Ok(self.passphrase_file.get().and_then(Option::as_ref))
    }

    /// The trust directory.
    pub(super) fn trust(&self) -> &Path {
        &self.trust
    }

    /// The key directory.
    pub(super) fn keys(&self) -> KeyDirectory {
        KeyDirectory::new(&self.trust)
    }

    /// Reads what the user calls an image, or with `--raw-gun` a collection.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub(super) fn subject(&self, text: &str) -> Result<Subject, Failure> {
        match self.global.raw_gun {
            true => Subject::raw(text),
            false => Subject::image(text),
        }
    }

    /// A collection by its name, as an image where it can be one.
    pub(super) fn subject_of(&self, gun: &Gun) -> Result<Subject, Failure> {
        match self.global.raw_gun {
            true => Subject::raw(gun.as_str()),
            false => Subject::of(gun),
        }
    }

    /// Whether names are those of collections, and not of images.
    pub(super) fn takes_names_as_they_are(&self) -> bool {
        self.global.raw_gun
    }

    /// Whether the user asked for nothing but the cache.
    pub(super) fn is_offline(&self) -> bool {
        self.global.offline
    }

    /// Refuses `--offline` where nothing can be done without the server.
    ///
    /// # Errors
    ///
    /// With these words, if the user asked for nothing but the cache.
    pub(super) fn not_offline(&self, because: &str) -> Result<(), Failure> {
        let message = || format!("{because}: --offline makes no sense");
        match self.global.offline {
            true => Err(Failure::new(Kind::Usage, message())),
            false => Ok(()),
        }
    }

    /// Whether the cache may answer when the server does not.
    pub(super) fn falls_back_to_cache(&self) -> bool {
        self.config.when_unreachable == WhenUnreachable::Cache
    }

    /// Whether keys may be looked for in the desktop's keyring.
    pub(super) fn uses_keyring(&self) -> bool {
        self.config.keyring
    }

    /// How long the user lets a command run.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.global.timeout.or(self.config.timeout).map(|span| span.duration())
    }

    /// The signers who must sign a tag alike.
    ///
    /// # Errors
    ///
    /// If the configuration names one that is none.
    pub(super) fn required_signers(&self) -> Result<Vec<SignerName>, Failure> {
        let mut signers = self.config.required_signers()?;
        signers.extend(self.global.require_signer.iter().cloned());
        Ok(signers)
    }

    /// Our file of pins.
    pub(super) fn pin_file(&self) -> PinFile {
        PinFile::in_trust_directory(&self.trust).with_patience(self.lock_patience())
    }

    /// All pins.
    ///
    /// # Errors
    ///
    /// If any of their files is broken.
    pub(super) fn pins(&self) -> Result<Pins, Failure> {
        let strict = self.global.require_pin || self.config.require_pin;
        let first_use = if strict { FirstUse::Refuse } else { FirstUse::Allow };
        Ok(Pins::read(&self.pin_file(), &self.notary_configs()?, first_use)?)
    }

    /// What is cached and staged of a collection.
    pub(super) fn directory(&self, gun: &Gun) -> CollectionDirectory {
        self.trust_directory().collection(gun)
    }

    /// The trust directory. Whoever writes there is waited for no longer than for a server.
    pub(super) fn trust_directory(&self) -> TrustDirectory {
        TrustDirectory::new(&self.trust).with_patience(self.lock_patience())
    }

    fn lock_patience(&self) -> Duration {
        self.timeout().map_or(LOCK_PATIENCE, |timeout| timeout.min(LOCK_PATIENCE))
    }

    /// What trust data of a collection is measured against.
    pub(super) fn policy(&self, gun: &Gun) -> Result<Policy, Failure> {
        let max_age = self.global.max_age.or(self.config.max_age);
        Ok(Policy {
            dialect: Dialect::Notary,
            gun: gun.clone(),
            anchor: self.pins()?.anchor(gun)?,
            now: self.now,
            limits: Limits::default(),
            max_age: max_age.and_then(|span| SignedDuration::try_from(span.duration()).ok()),
        })
    }

    /// The trust server of a collection, for messages; empty if it has none.
    pub(super) fn server_host(&self, subject: &Subject) -> String {
        match self.place(subject) {
            Ok(Place::Notary(url) | Place::Web(url)) => host_of(url.as_str()).to_owned(),
            Ok(Place::Registry) => {
                let name = subject.image_name();
                name.map(|name| name.domain().to_owned()).unwrap_or_default()
            }
            Ok(Place::Folder(_) | Place::Bundle(_)) | Err(_) => String::new(),
        }
    }

    /// Who we are at the registry of an image, as docker's login says; `None` if that is a token,
    /// or nobody.
    pub(super) fn user(&self, subject: &Subject) -> Option<String> {
        let name = subject.image_name().ok()?;
        match self.keychain.credential(Account::key_of(name)).ok()?? {
            Credential::Password { user, .. } => Some(user),
            _ => None,
        }
    }

    /// Option, variable, configuration, docker's default, in this order.
    fn place(&self, subject: &Subject) -> Result<Place, Failure> {
        let variable = || self.environment.variable("DOCKER_CONTENT_TRUST_SERVER");
        let set = self.global.server.as_deref().or_else(variable);
        let set = set.or_else(|| self.config.server(subject.gun.as_str()));
        self.place_at(subject, set)
    }

    fn place_at(&self, subject: &Subject, set: Option<&str>) -> Result<Place, Failure> {
        let plain = set.map_or(PlainHttp::Refused, |url| self.plain_http(url));
        let image = subject.image.as_ref().map(|image| image.name());
        Place::of(image, &subject.gun, set, plain)
    }

    /// The option alone is for this machine; other hosts must stand in the configuration, too.
    fn plain_http(&self, url: &str) -> PlainHttp {
        match self.global.insecure_http {
            true => self.http.plain_http(host_of(url)),
            false => PlainHttp::Refused,
        }
    }

    fn notary_configs(&self) -> Result<Vec<PathBuf>, Failure> {
        if let Some(named) = &self.notary_config {
            return Ok(vec![named.clone()]);
        }
        let usual = self.environment.notary_config()?;
        Ok([Some(self.trust.join("config.json")), usual].into_iter().flatten().collect())
    }
}

pub(super) fn output_of(global: &Global) -> Output {
    let verbosity = match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Usual,
    };
    Output::new(global.format.of_answers(), verbosity)
}

/// Who else may be given credentials.
pub(super) fn realms(config: &Config) -> Realms {
    let mut realms = Realms::default();
    for (server, allowed) in &config.realms {
        allowed.iter().for_each(|realm| realms.allow(server, realm));
    }
    realms
}

/// Where collections of that form are cached.
pub(super) fn cache_of(trust: &TrustDirectory, gun: &Gun, dialect: Dialect) -> CollectionDirectory {
    match dialect {
        Dialect::Notary => trust.collection(gun),
        Dialect::Tuf1 => trust.repository(gun),
    }
}

/// Host and port of a server's address.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Where docker's daemon keeps the authorities of registries.
const DAEMON_TLS: &str = "/etc/docker/certs.d";
/// For everything that is asked of a trust server in one command.
const UPDATE_PATIENCE: Duration = Duration::from_secs(120);
