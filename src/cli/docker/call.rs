//! A call of docker: under its name, or as our command.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use super::place::Docker;
use super::refusal::Refusal;
use crate::cli::args::{Cli, Command, Global};
use crate::cli::context::output_of;
use crate::cli::environment::Environment;
use crate::cli::output::Failure;
use crate::docker::command_line::Trust;

/// Docker's words, and our own options before them.
pub(in crate::cli) struct Call {
    pub(super) words: Vec<OsString>,
    pub(super) global: Global,
}

/// What is left to do once everything is checked.
pub(super) enum Next {
    /// Nothing; this is the exit code.
    End(u8),
    /// Docker does the rest in our place.
    Docker(Vec<OsString>),
}

impl Call {
    /// Recognises a call: under the name `docker`, or `countersign [options] docker …`, unless that
    /// asks for help or for the shim.
    pub(in crate::cli) fn of(words: &[OsString]) -> Option<Self> {
        let name = words.first().and_then(|word| Path::new(word).file_name());
        if name == Some(OsStr::new("docker")) {
            return Some(Self { words: words[1..].to_vec(), global: Global::default() });
        }
        let at = words.iter().skip(1).position(|word| word == "docker")? + 1;
        let rest = &words[at + 1..];
        if rest.first().is_some_and(is_ours) {
            return None;
        }
        let global = match at {
            1 => Global::default(),
            _ => match Cli::try_parse_from(&words[..=at]).ok()? {
                Cli { global, command: Command::Docker(_) } => global,
                Cli { .. } => return None,
            },
        };
        Some(Self { words: rest.to_vec(), global })
    }

    /// Whether an option may turn content trust on where the environment does not.
    pub(super) fn may_turn_trust_on(&self) -> bool {
        self.words.iter().any(|word| word.as_bytes().starts_with(b"--disable-content-trust"))
    }

    /// Docker in our place, with the words and the environment as they came.
    pub(super) fn pass_through(&self) -> ExitCode {
        let failure = match Docker::plain() {
            Ok(docker) => docker.become_it(&self.words),
            Err(failure) => failure,
        };
        self.no_docker(&failure)
    }

    /// The same for whom content trust is on: nobody else may have put docker there.
    pub(super) fn pass_through_carefully(&self) -> ExitCode {
        match Environment::read().and_then(|environment| Docker::careful(&environment)) {
            Ok(_) => self.pass_through(),
            Err(failure) => self.no_docker(&failure),
        }
    }

    fn no_docker(&self, failure: &Failure) -> ExitCode {
        Refusal::of(failure).with_code(NOT_FOUND).told(output_of(&self.global))
    }
}

/// What the environment says about content trust.
#[expect(clippy::disallowed_methods, reason = "decided before the rest of it is read")]
pub(super) fn default_trust() -> Trust {
    let variable = std::env::var_os("DOCKER_CONTENT_TRUST");
    Trust::of_variable(variable.as_deref().map(OsStrExt::as_bytes))
}

fn is_ours(word: &OsString) -> bool {
    let text = word.to_str().unwrap_or_default();
    matches!(text, "--help" | "-h")
        || ["--install-shim", "--remove-shim"].iter().any(|option| text.starts_with(option))
}

/// As shells say it.
const NOT_FOUND: u8 = 127;
