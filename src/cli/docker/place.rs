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
    #[expect(clippy::disallowed_methods, reason = "decided before the rest of it is read")]
    pub(super) fn plain() -> Option<Self> {
        let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = || std::env::var_os("PATH").unwrap_or_default();
        named.or_else(|| first_on(&path(), ourselves().as_ref())).map(Self)
    }

    /// The docker that gets what was checked. Nobody else may have put it there.
    pub(super) fn careful(environment: &Environment) -> Result<Program, Failure> {
        match environment.place(VARIABLE) {
            Some(path) => Ok(Program::at(&absolute(&path)?)?),
            None => Ok(Program::find(environment.path(), ourselves().as_ref())?),
        }
    }

    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn not_found() -> Failure {
        let failure = Failure::new(Kind::Docker, "docker was not found in PATH");
        failure.advise(format!("Name it with {VARIABLE}."))
    }

    /// Docker in our place; that it could not be started, if it comes back.
    pub(super) fn become_it(&self, words: &[OsString]) -> Failure {
        self.failure(&Command::new(&self.0).args(words).exec())
    }

    /// The same, without variables.
    pub(super) fn become_it_without(&self, words: &[OsString], variables: &[&str]) -> Failure {
        let mut command = Command::new(&self.0);
        command.args(words);
        for variable in variables {
            command.env_remove(variable);
        }
        self.failure(&command.exec())
    }

    fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::new(Kind::Docker, format!("cannot run {}: {error}", self.0.display()))
    }
}

/// This program's file.
pub(in crate::cli) fn ourselves() -> Option<Ourselves> {
    Ourselves::at(std::env::current_exe().ok()?)
}

const VARIABLE: &str = "COUNTERSIGN_DOCKER";
