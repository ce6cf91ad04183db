//! Where the real docker is: never we ourselves under its name.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::environment::{Environment, absolute};
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::docker::engine::{Ourselves, Program, first_on};

/// The real docker, to be executed in our place.
pub(super) struct Docker(PathBuf);

impl Docker {
    /// The docker that would run if we were not there, for whom content trust is off.
    ///
    /// # Errors
    ///
    /// If there is none, or it leads back to us.
    #[expect(clippy::disallowed_methods, reason = "decided before the rest of it is read")]
    pub(super) fn plain() -> Result<Self, Failure> {
        let (named, ourselves) = (std::env::var_os(VARIABLE), ourselves());
        let Some(named) = named.filter(|path| !path.is_empty()) else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            return first_on(&path, ourselves.as_ref()).map(Self).ok_or_else(not_found);
        };
        let path = absolute(Path::new(&named))?;
        match ourselves.is_some_and(|ourselves| ourselves.are_at(&path)) {
            true => Err(leads_back(&path)),
            false => Ok(Self(path)),
        }
    }

    /// The docker that gets what was checked. Nobody else may have put it there.
    pub(super) fn careful(environment: &Environment) -> Result<Program, Failure> {
        match environment.place(VARIABLE) {
            Some(path) => Ok(Program::named(&absolute(&path)?, ourselves().as_ref())?),
            None => Ok(Program::find(environment.path(), ourselves().as_ref())?),
        }
    }

    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Docker in our place; that it could not be started, if it comes back.
    pub(super) fn become_it(&self, words: &[OsString]) -> Failure {
        self.become_it_without(words, &[])
    }

    /// The same, without variables.
    pub(super) fn become_it_without(&self, words: &[OsString], variables: &[&str]) -> Failure {
        let round = round();
        if round > MAX_ROUNDS {
            return leads_back(&self.0);
        }
        let mut command = Command::new(&self.0);
        command.args(words).env(ROUND, round.to_string());
        for variable in variables {
            command.env_remove(variable);
        }
        self.failure(&command.exec())
    }

    fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::new(Kind::Docker, format!("cannot run {}: {error}", self.0.display()))
    }
}

/// How often we were passed on the way here, this time included. Another build of this program, or a
/// script, may call us again as its docker.
#[expect(clippy::disallowed_methods, reason = "decided before the rest of it is read")]
fn round() -> u32 {
    let before = std::env::var(ROUND).ok().and_then(|text| text.parse().ok());
    before.unwrap_or(0_u32).saturating_add(1)
}

fn not_found() -> Failure {
    let failure = Failure::new(Kind::Docker, "docker was not found in PATH");
    failure.advise(format!("Name it with {VARIABLE}."))
}

fn leads_back(path: &Path) -> Failure {
    let message = format!("docker: {} leads back to countersign, not to docker", path.display());
    Failure::new(Kind::Docker, message).advise(format!("Name docker itself with {VARIABLE}."))
}

/// This program's file.
pub(in crate::cli) fn ourselves() -> Option<Ourselves> {
    Ourselves::at(std::env::current_exe().ok()?)
}

const VARIABLE: &str = "COUNTERSIGN_DOCKER";
/// Counts the rounds, in the environment of docker.
const ROUND: &str = "COUNTERSIGN_DOCKER_ROUND";
/// A plugin of docker, or a script that it runs, may well call docker again.
const MAX_ROUNDS: u32 = 16;
