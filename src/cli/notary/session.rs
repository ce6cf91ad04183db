//! What a command of the `notary` grammar stands on.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::config::Settings;
use super::credentials::Asking;
use super::grammar::Call;
use super::prompt::Retriever;
use super::stop::Stop;
use crate::cli::config::{Config, WhenUnreachable};
use crate::cli::context::{host_of, key_set, realms};
use crate::cli::environment::{Environment, clock};
use crate::cli::output::{Failure, Format, Output, Verbosity};
use crate::client::{Refreshed, Wish};
use crate::docker::config::{self, NotaryAuth};
use crate::docker::pins::{PinFile, Pins};
use crate::docker::{Collection, SignerName};
use crate::image::Reference;
use crate::keys::{KeyDirectory, KeySet};
use crate::net::{
    Access, Account, Deadline, Http, HttpOptions, NotaryServer, PlainHttp, Realms, ServerUrl,
    SystemAuthorities,
};
use crate::storage::{CollectionDirectory, TrustDirectory};
use crate::tuf::{Dialect, Gun, KeyId, Limits};
use crate::verify::{FirstUse, Policy};

/// What a command stands on: settings, environment, one reading of the clock.
pub(super) struct Session {
    /// Where to write.
    pub(super) output: Output,
    /// The one reading of the clock, UTC.
    pub(super) now: Timestamp,
    environment: Environment,
    settings: Settings,
    own: Config,
    realms: Arc<Realms>,
    http: Http,
}

/// A collection and all that it stands on.
pub(super) struct Opened {
    policy: Policy,
    cache: CollectionDirectory,
    server: NotaryServer,
}

impl Opened {
    /// The collection.
    pub(super) fn collection(&self) -> Collection<'_, CollectionDirectory, NotaryServer> {
        Collection::new(self.policy.clone(), &self.cache, &self.server)
    }
}

impl Session {
    /// Reads environment and configuration.
    ///
    /// # Errors
    ///
    /// If there is no place for keys, or a configuration is broken.
    pub(super) fn open(call: &Call) -> Result<Self, Stop> {
        let environment = Environment::read()?;
        let output = output_of(call);
        let settings = Settings::read(call, &environment)?;
        let own = Config::read_if_there(&settings.trust.join("countersign.toml"))?;
        if settings.skips_tls {
            output.notice("skipTLSVerify is not heeded: name the server's authority in root_ca");
        }
        let system = match settings.root_ca {
            Some(_) => SystemAuthorities::Ignored,
            None => SystemAuthorities::Believed,
        };
        let http = Http::new(HttpOptions {
            extra_authorities: settings.root_ca.clone(),
            system_authorities: system,
            client_certificate: settings.client.clone(),
            plain_hosts: own.insecure_http.clone(),
            proxies: environment.proxies(),
            ..HttpOptions::default()
        });
        let realms = Arc::new(realms(&own));
        Ok(Self { output, now: clock(), environment, settings, own, realms, http })
    }

    /// Writes lines that end to stdout, as the original does with all it says.
    pub(super) fn say(&self, lines: &str) {
        self.output.page(lines);
    }

    /// The private keys: the files here, and what `countersign.toml` and the environment name.
    ///
    /// # Errors
    ///
    /// If a source that is named cannot be what it should be. None is asked yet.
    pub(super) fn keys(&self) -> Result<KeySet, Stop> {
        Ok(key_set(self.key_files(), &self.own, &self.environment)?)
    }

    /// The key files alone.
    pub(super) fn key_files(&self) -> KeyDirectory {
        KeyDirectory::new(&self.settings.trust)
    }

    /// What is cached and staged of a collection.
    pub(super) fn directory(&self, gun: &Gun) -> CollectionDirectory {
        self.trust().collection(gun)
    }

    /// What is kept of all collections.
    pub(super) fn trust(&self) -> TrustDirectory {
        TrustDirectory::new(&self.settings.trust)
    }

    /// Whoever knows passphrases.
    pub(super) fn passphrases(&self) -> Retriever<'_> {
        Retriever::new(self.output, &self.environment)
    }

    /// A collection for an operation that needs this access.
    ///
    /// # Errors
    ///
    /// If its pin cannot be used or the server has no address.
    pub(super) fn collection(&self, gun: &Gun, access: Access) -> Result<Opened, Stop> {
        let policy = self.policy(gun)?;
        Ok(Opened { policy, cache: self.directory(gun), server: self.server(gun, access)? })
    }

    /// Brings a collection up to date, with all its roles.
    ///
    /// If the server does not answer, the cache does only where the configuration wants it.
    ///
    /// # Errors
    ///
    /// As [`Collection::refresh`].
    pub(super) async fn refresh(&self, gun: &Gun) -> Result<Refreshed, Stop> {
        let opened = self.collection(gun, Access::Pull)?;
        let wish = Wish::EVERYTHING;
        let refreshed = match opened.collection().refresh(wish).await {
            Err(crate::client::Error::Net(error)) if self.falls_back(&error) => {
                let failure = Failure::from(error);
                self.output.notice(&format!("warning: {gun}: {}", failure.message));
                let policy = self.policy(gun)?;
                let offline: Collection<'_, _, NotaryServer> =
                    Collection::offline(policy, &opened.cache);
                offline.refresh(wish).await?
            }
            other => other?,
        };
        self.tell_of_first_use(gun, &refreshed);
        Ok(refreshed)
    }

    /// The signers who must sign a name alike.
    ///
    /// # Errors
    ///
    /// If the configuration names one that is none.
    pub(super) fn required_signers(&self) -> Result<Vec<SignerName>, Stop> {
        Ok(self.own.required_signers()?)
    }

    fn falls_back(&self, error: &crate::net::Error) -> bool {
        self.own.when_unreachable == WhenUnreachable::Cache && error.is_no_answer()
    }

    fn tell_of_first_use(&self, gun: &Gun, collection: &Refreshed) {
        if collection.first_use {
            let root = collection.targets.root().content();
            let ids: Vec<String> = root.root.keyids().iter().map(ToString::to_string).collect();
            self.output.notice(&format!(
                "{gun}: trusted on first use, root key {}; trust_pinning in the configuration pins it",
                ids.join(", ")
            ));
        }
    }

    fn policy(&self, gun: &Gun) -> Result<Policy, Stop> {
        let first_use = if self.own.require_pin { FirstUse::Refuse } else { FirstUse::Allow };
        let notary: Vec<_> = self.settings.file.iter().cloned().collect();
        let own = PinFile::in_trust_directory(&self.settings.trust);
        Ok(Policy {
            dialect: Dialect::Notary,
            gun: gun.clone(),
            anchor: Pins::read(&own, &notary, first_use)?.anchor(gun)?,
            now: self.now,
            limits: Limits::default(),
            max_age: self
                .own
                .max_age
                .and_then(|span| SignedDuration::try_from(span.duration()).ok()),
        })
    }

    fn server(&self, gun: &Gun, access: Access) -> Result<NotaryServer, Stop> {
        let text = &self.settings.url;
        if !text.contains("://") {
            return Err(Stop::fatal(format!(
                "Trust server url has to be in the form of http(s)://URL:PORT. Got: {text}"
            )));
        }
        let host = host_of(text);
        let plain = match self.own.insecure_http.iter().any(|named| named == host) {
            true => PlainHttp::Named,
            false => PlainHttp::Loopback,
        };
        let url = ServerUrl::parse(text, plain)?;
        let lookup = |name: &str| self.environment.variable(name).map(str::to_owned);
        let known = NotaryAuth::from_environment(&config::Environment::new(&lookup))?;
        let credentials = Arc::new(Asking::new(self.output, known));
        let realms = Arc::clone(&self.realms);
        // An image's trust server may send us to the token server of its registry.
        let account = match gun.as_str().parse::<Reference>() {
            Ok(image) if image.name().to_string() == gun.as_str() => {
                Account::for_image(image.name(), credentials, realms)
            }
            _ => Account::at(host, credentials, realms),
        };
        let deadline = Deadline::after(self.own.timeout.map_or(PATIENCE, |span| span.duration()));
        let server = NotaryServer::new(self.http.clone(), &url, gun, account, deadline)?;
        Ok(server.for_access(access))
    }
}

/// Text on stdout, and more on stderr for who asks for it.
pub(super) fn output_of(call: &Call) -> Output {
    let verbosity = match call.has("verbose") || call.has("debug") {
        true => Verbosity::Verbose,
        false => Verbosity::Usual,
    };
    Output::new(Format::Text, verbosity).ending_with(super::FAILED)
}

/// Reads the name of a collection.
///
/// # Errors
///
/// If it could leave the trust directory, or cannot stand in a path of the server.
pub(super) fn gun(text: &str) -> Result<Gun, Stop> {
    Ok(Gun::raw(text)?)
}

/// Reads a key id; where the original stages any word, that would match no key.
///
/// # Errors
///
/// If it is none.
pub(super) fn key_id(text: &str) -> Result<KeyId, Stop> {
    text.parse().map_err(|_| Stop::fatal(format!("invalid key ID provided: {text}")))
}

/// For everything that is asked of the server in one command.
const PATIENCE: Duration = Duration::from_secs(120);
