//! The environment and the clock, read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::exit::Kind;
use super::output::Failure;
use crate::net::Proxies;

/// What the environment says.
pub(super) struct Environment {
    variables: BTreeMap<String, Zeroizing<String>>,
    path: OsString,
}

impl Environment {
    /// Reads every variable; those that are no text count as absent.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub(super) fn read() -> Self {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, Zeroizing::new(value.into_string().ok()?)))
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self { variables: std::env::vars_os().filter_map(text).collect(), path }
    }

    /// The same with another value for a variable.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), Zeroizing::new(value.to_owned()));
        self
    }

    /// A variable; an empty one counts as absent, as it does for docker.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every variable whose name starts so, and is not empty.
    pub(super) fn starting_with(&self, start: &str) -> BTreeMap<String, Zeroizing<String>> {
        let variables = self.variables.iter();
        let wanted = variables.filter(|(name, value)| name.starts_with(start) && !value.is_empty());
        wanted.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Takes a variable to have this value, as if it had been set.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), Zeroizing::new(value.to_owned()));
    }

    /// Where programs are looked for.
    pub(super) fn path(&self) -> &OsString {
        &self.path
    }

    /// The proxies that it names.
    pub(super) fn proxies(&self) -> Proxies {
        Proxies::from_environment(|name| self.variable(name).map(str::to_owned))
    }

    /// Docker's directory of configuration.
    ///
    /// # Errors
    ///
    /// If nothing says where it is, or only a `HOME` that cannot be meant.
    pub(super) fn docker_config(&self) -> Result<PathBuf, Failure> {
        match self.variable("DOCKER_CONFIG") {
            Some(directory) => absolute(Path::new(directory)),
            None => self.home().map(|home| home.join(".docker")),
        }
    }

    /// The home directory: absolute, there, ours, and not the root of everything.
    ///
    /// # Errors
    ///
    /// If it is not; nothing is ever written somewhere else instead.
    pub(super) fn home(&self) -> Result<PathBuf, Failure> {
        let refuse = |problem: String| {
            Failure::new(Kind::State, format!("no usable home directory: {problem}"))
                .advise("Set HOME, or name the place with --trust-dir DIR or DOCKER_CONFIG.")
        };
        let Some(home) = self.variable("HOME") else {
            return Err(refuse("HOME is not set".into()));
        };
        let path = Path::new(home);
        if !path.is_absolute() || path == Path::new("/") {
            return Err(refuse(format!("HOME is {home:?}")));
        }
        let found = path.metadata().map_err(|error| refuse(format!("{home}: {error}")))?;
        let us = rustix::process::geteuid().as_raw();
        if !found.is_dir() || found.uid() != us {
            return Err(refuse(format!("{home} is not a directory of user {us}")));
        }
        Ok(path.to_owned())
    }
}

/// One reading of the clock, UTC.
#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
pub(super) fn clock() -> Timestamp {
    Timestamp::now()
}

/// The path from the root, whatever the working directory will be.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::new(Kind::Usage, format!("{}: {error}", path.display())))
}
