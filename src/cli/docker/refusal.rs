//! What docker says when it refuses, and how it ends (docker/cli `trust.NotaryError`).

use std::process::ExitCode;

use crate::cli::exit::Kind;
use crate::cli::output::{Failure, Output};
use crate::docker::command_line::{Error, Verb};
use crate::image::{Name, Tag};

/// Why docker was not let go on.
#[derive(Debug)]
pub(super) struct Refusal {
    message: String,
    advice: Vec<String>,
    code: Option<u8>,
    verb: Option<Verb>,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), advice: Vec::new(), code: None, verb: None }
    }

    /// Something failed that docker has no words for.
    pub(super) fn of(failure: &Failure) -> Self {
        Self { advice: failure.advice.clone(), ..Self::new(failure.message.clone()) }
    }

    /// The words of the command line are not understood.
    pub(super) fn of_words(error: &Error) -> Self {
        let refusal = Self::new(error.to_string());
        match error {
            Error::UnknownOption { .. }
            | Error::MissingValue { .. }
            | Error::NotBool { .. }
            | Error::CommandUnclear { .. }
            | Error::HelpFirst { .. } => refusal.with_code(BAD_FLAG),
            _ => refusal,
        }
        .advise("Content trust is on; without it, docker itself would judge this line.")
    }

    /// A tag has no trusted digest.
    pub(super) fn of_image(name: &Name, tag: &Tag, typed: &str, failure: &Failure) -> Self {
        let known = Self { advice: failure.advice.clone(), ..Self::new(words(name, tag, failure)) };
        known.advise(format!("`countersign explain {typed}` shows where the chain breaks."))
    }

    pub(super) fn advise(mut self, line: impl Into<String>) -> Self {
        self.advice.push(line.into());
        self
    }

    pub(super) fn with_code(self, code: u8) -> Self {
        Self { code: self.code.or(Some(code)), ..self }
    }

    /// Where it stands, before the message.
    pub(super) fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// The command whose manner it takes.
    pub(super) fn under(self, verb: Verb) -> Self {
        Self { verb: Some(verb), ..self }
    }

    /// Says it, and how to end.
    pub(super) fn told(self, output: Output) -> ExitCode {
        let is_run = self.verb == Some(Verb::Run);
        match self.verb {
            Some(Verb::Run) => output.reply(&format!("docker: {}", self.message)),
            Some(Verb::ServiceCreate | Verb::ServiceUpdate) => output.reply(&format!(
                "failed to resolve image digest using content trust: {}",
                self.message
            )),
            _ => output.reply(&self.message),
        }
        for line in &self.advice {
            output.reply(&format!("  {line}"));
        }
        if is_run {
            output.reply("");
            output.reply("Run 'docker run --help' for more information");
        }
        ExitCode::from(self.code.or(self.verb.map(failed)).unwrap_or(FAILED))
    }
}

/// What a command ends with that failed.
pub(super) fn failed(verb: Verb) -> u8 {
    if verb == Verb::Run { RUN_FAILED } else { FAILED }
}

pub(super) fn of_disk(error: std::io::Error) -> Refusal {
    Refusal::new(error.to_string())
}

/// Docker's words, which scripts look for.
fn words(name: &Name, tag: &Tag, failure: &Failure) -> String {
    let message = &failure.message;
    match failure.kind {
        Kind::NoTrustData => {
            format!("Error: remote trust data does not exist for {name}: {message}")
        }
        Kind::NoSuchTag if message.contains("(signed in") => {
            format!("No trust data for {tag}: {message}")
        }
        Kind::NoSuchTag => format!("No valid trust data for {tag}"),
        Kind::Expired => format!("Error: remote repository {name} out-of-date: {message}"),
        Kind::Rollback => format!(
            "Warning: potential malicious behavior - trust data version is lower than expected for \
             remote repository {name}: {message}"
        ),
        Kind::Threshold => format!(
            "Warning: potential malicious behavior - trust data has insufficient signatures for \
             remote repository {name}: {message}"
        ),
        Kind::Network => format!("Error: error contacting notary server: {message}"),
        Kind::Auth => {
            format!("you are not authorized to perform this operation: {message}")
        }
        _ => message.clone(),
    }
}

/// What docker ends with, mostly.
const FAILED: u8 = 1;
/// What docker ends with if it does not know an option.
const BAD_FLAG: u8 = 125;
/// What `docker run` ends with if there is no container.
const RUN_FAILED: u8 = 125;
