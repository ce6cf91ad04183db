//! What went wrong, in docker's words (docker/cli `cli/trust/trust.go`, `NotaryError`): scripts
//! look for parts of them.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use crate::cli::exit::Kind;
use crate::cli::output::{Failure, Output};
use crate::tuf::{Gun, KeyId, RoleName};
use crate::{client, docker, edit, keys};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) struct Refusal {
    /// In docker's words; may have several lines.
    text: String,
    /// What we would do about it.
    advice: Vec<String>,
}

impl Refusal {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), advice: Vec::new() }
    }

    /// The same, after docker's words for what was being done.
    pub(super) fn while_doing(self, what: impl std::fmt::Display) -> Self {
        Self { text: format!("{what}: {}", self.text), ..self }
    }

    /// The words alone.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// On stderr; advice is for people.
    pub(super) fn tell(&self, output: Output) -> ExitCode {
        self.text.lines().for_each(|line| output.reply(line));
        if io::stderr().is_terminal() {
            self.advice.iter().for_each(|line| output.reply(&format!("  {line}")));
        }
        ExitCode::FAILURE
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let text = match failure.kind {
            // Options of ours that were wrong are told as we tell them.
            Kind::Network => format!("error contacting notary server: {}", failure.message),
            _ => failure.message,
        };
        Self { text, advice: failure.advice }
    }
}

/// What docker's library says of an error, as docker shows it where it adds nothing.
pub(super) fn inner(error: docker::Error, gun: &Gun, host: &str) -> Refusal {
    use docker::Error as E;
    let text = match &error {
        E::Client(client::Error::NoTrustData { .. }) => {
            format!("{host} does not have trust data for {gun}")
        }
        E::NoSuchTag { tag, .. } => format!("No valid trust data for {tag}"),
        E::NoSigningKey { roles, .. } => no_key(roles),
        E::Edit(edit::Error::Keys { possible, .. }) => needed(possible),
        E::Keys(keys::Error::Unopened { id, .. }) => locked(id),
        E::Keys(keys::Error::NoPassphrase { id: Some(id), .. }) => locked(id),
        _ => return Refusal::from(Failure::from(error)),
    };
    Refusal { text, advice: Failure::from(error).advice }
}

/// The same with docker's verdict before it.
pub(super) fn judged(error: docker::Error, gun: &Gun, host: &str) -> Refusal {
    let is_unknown = matches!(error, docker::Error::Client(client::Error::NoTrustData { .. }));
    let failure = Failure::from(error);
    let message = &failure.message;
    let is_root = failure.role.as_deref() == Some("root");
    let text = match failure.kind {
        Kind::NoTrustData if is_unknown => format!(
            "Error: remote trust data does not exist for {gun}: {host} does not have trust data for {gun}"
        ),
        Kind::NoSuchTag => {
            format!("No valid trust data for {}", failure.found.as_deref().unwrap_or_default())
        }
        Kind::Expired => format!("Error: remote repository {gun} out-of-date: {message}"),
        Kind::Rollback => format!(
            "Warning: potential malicious behavior - trust data version is lower than expected for remote repository {gun}: {message}"
        ),
        Kind::Threshold if is_root => {
            format!("could not rotate trust to a new trusted root: {message}")
        }
        Kind::Threshold => format!(
            "Warning: potential malicious behavior - trust data has insufficient signatures for remote repository {gun}: {message}"
        ),
        Kind::BadKey | Kind::Pin | Kind::FirstUse if is_root => {
            format!("could not validate the path to a trusted root: {message}")
        }
        Kind::Network => format!("Error: error contacting notary server: {message}"),
        Kind::Auth => format!("you are not authorized to perform this operation: {message}"),
        _ => message.clone(),
    };
    Refusal { text, advice: failure.advice }
}

/// Of delegations docker does not say which key would do.
fn no_key(roles: &[(RoleName, Vec<KeyId>)]) -> String {
    match roles {
        [(RoleName::Targets, ids)] => needed(ids),
        _ => "no valid signing keys for delegation roles".to_owned(),
    }
}

fn needed(ids: &[KeyId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("{NO_KEYS}: {}", ids.join(", "))
}

/// docker does not tell a wrong passphrase from a missing key; we do.
fn locked(id: &KeyId) -> String {
    format!("{NO_KEYS}: {id} (it is here, but no passphrase opened it)")
}

const NO_KEYS: &str =
    "could not find necessary signing keys, at least one of these keys must be available";
