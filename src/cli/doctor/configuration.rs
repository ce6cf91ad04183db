//! A look at configuration files: whether each can be read, and what it gives away.

use super::trust::Places;
use crate::cli::args::Global;
use crate::cli::config::{Config, WhenUnreachable, is_notary};
use crate::cli::environment::Environment;
use crate::cli::output::Failure;
use crate::docker::checkup::{Finding, Id, Severity};
use crate::docker::config::{self, Keychain};
use crate::docker::pins::{PinFile, Pins};
use crate::verify::FirstUse;

/// What is to be said of the configuration.
pub(super) fn findings(
    places: &Places,
    global: &Global,
    environment: &Environment,
) -> Vec<Finding> {
    let own = own(places, global, environment);
    own.into_iter().chain(pins(places, environment)).chain(docker(places, environment)).collect()
}

fn own(places: &Places, global: &Global, environment: &Environment) -> Option<Finding> {
    let named = global.config.clone();
    let named = named.or_else(|| environment.place("COUNTERSIGN_CONFIG"));
    let (path, config) = match named {
        Some(path) if is_notary(&path) => return None,
        Some(path) => (path.clone(), Config::read(&path)),
        None => {
            let path = places.trust.join("countersign.toml");
            (path.clone(), Config::read_if_there(&path))
        }
    };
    let subject = path.display().to_string();
    match config {
        Err(failure) => {
            let remedy = format!("correct it, or: mv {subject} {subject}.broken");
            Some(Finding::new(
                Id::ConfigurationBroken,
                Severity::Broken,
                subject,
                failure.message,
                remedy,
            ))
        }
        Ok(config) if config.when_unreachable == WhenUnreachable::Cache => {
            let message =
                "a trust server that does not answer is replaced by the cache, while that is valid";
            let remedy = "when_unreachable = \"refuse\"";
            Some(Finding::new(Id::CacheWhenUnreachable, Severity::Note, subject, message, remedy))
        }
        Ok(_) => None,
    }
}

fn pins(places: &Places, environment: &Environment) -> Option<Finding> {
    let own = PinFile::in_trust_directory(&places.trust);
    let read = || Ok(Pins::read(&own, &places.notary(environment), FirstUse::Allow)?);
    let failure: Failure = environment.notary_config().and_then(|_| read()).err()?;
    let subject = places.trust.join("pins.toml").display().to_string();
    let remedy = "correct it; countersign pin list shows whether it can be read";
    Some(Finding::new(Id::PinsBroken, Severity::Broken, subject, failure.message, remedy))
}

/// docker's own file: whether its credentials can be had.
fn docker(places: &Places, environment: &Environment) -> Vec<Finding> {
    let lookup = |name: &str| environment.variable(name).map(str::to_owned);
    let keychain = Keychain::new(&places.docker, &config::Environment::new(&lookup));
    let subject = places.docker.config_file().display().to_string();
    let missing = match keychain.missing_helpers() {
        Ok(missing) => missing,
        Err(error) => {
            let message = match error {
                config::Error::Read { source, .. } => format!("cannot be read: {source}"),
                config::Error::Malformed { line, column, .. } => {
                    format!("is no configuration: line {line}, column {column}")
                }
                other => other.to_string(),
            };
            let remedy = format!("mv {subject} {subject}.broken && docker login");
            let id = Id::DockerConfigurationBroken;
            return vec![Finding::new(id, Severity::Broken, subject, message, remedy)];
        }
    };
    let tell = |name: String| {
        let message = format!(
            "docker-credential-{name} is not in PATH: docker goes on without a name, we refuse"
        );
        let remedy = format!("install docker-credential-{name}, or take it out of {subject}");
        Finding::new(Id::CredentialHelperMissing, Severity::Warning, &subject, message, remedy)
    };
    missing.into_iter().map(tell).collect()
}
