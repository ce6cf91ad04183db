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
    /// Places whose names are no text.
    places: BTreeMap<String, PathBuf>,
    path: OsString,
}

impl Environment {
    /// Reads every variable. Places may be any bytes; what is no text otherwise counts as absent, if
    /// nobody here would heed it.
    ///
    /// # Errors
    ///
    /// A variable that is heeded and that is no text: passing over it could pass over a restriction.
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub(super) fn read() -> Result<Self, Failure> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut read = Self { variables: BTreeMap::new(), places: BTreeMap::new(), path };
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(text) => read.set(&name, &Zeroizing::new(text)),
                Err(bytes) if PLACES.contains(&name.as_str()) => {
                    read.places.insert(name, PathBuf::from(bytes));
                }
                Err(_) if is_heeded(&name) => return Err(no_text(&name)),
                Err(_) => {}
            }
        }
        Ok(read)
    }

    /// The same with another value for a variable.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// A variable that names a file or a directory; an empty one counts as absent.
    pub(super) fn place(&self, name: &str) -> Option<PathBuf> {
        let text = self.variable(name).map(PathBuf::from);
        text.or_else(|| self.places.get(name).cloned())
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
        self.places.remove(name);
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
        match self.place("DOCKER_CONFIG") {
            Some(directory) => absolute(&directory),
            None => self.home().map(|home| home.join(".docker")),
        }
    }

    /// Notary's own configuration, which may hold pins; `None` if nothing names a home directory.
    ///
    /// # Errors
    ///
    /// If it is in a home directory that cannot be meant: its pins are not passed over.
    pub(super) fn notary_config(&self) -> Result<Option<PathBuf>, Failure> {
        let Some(named) = self.place("HOME") else { return Ok(None) };
        match self.home() {
            Ok(home) => Ok(Some(home.join(NOTARY_CONFIG))),
            Err(failure) if named.join(NOTARY_CONFIG).exists() => Err(failure),
            Err(_) => Ok(None),
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
        let Some(home) = self.place("HOME") else {
            return Err(refuse("HOME is not set".into()));
        };
        if !home.is_absolute() || home == Path::new("/") {
            return Err(refuse(format!("HOME is {home:?}")));
        }
        let named = home.display();
        let found = home.metadata().map_err(|error| refuse(format!("{named}: {error}")))?;
        let us = rustix::process::geteuid().as_raw();
        if !found.is_dir() || found.uid() != us {
            return Err(refuse(format!("{named} is not a directory of user {us}")));
        }
        Ok(home)
    }
}

fn is_heeded(name: &str) -> bool {
    HEEDED.iter().any(|start| name.starts_with(start))
        || name.to_ascii_uppercase().ends_with("_PROXY")
}

fn no_text(name: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{name}: its value is no text in UTF-8"))
        .advise(format!("Set {name} to text, or unset it."))
}

/// In the home directory.
const NOTARY_CONFIG: &str = ".notary/config.json";

/// Variables that name a file or a directory.
const PLACES: [&str; 7] = [
    "COUNTERSIGN_CONFIG",
    "COUNTERSIGN_DOCKER",
    "COUNTERSIGN_PASSPHRASE_FILE",
    "COUNTERSIGN_SERVER_CONFIG",
    "COUNTERSIGN_TRUST_DIR",
    "DOCKER_CONFIG",
    "HOME",
];

/// How the names of variables begin that say what to trust, whom to ask, and what to build.
const HEEDED: [&str; 7] = [
    "BUILDKIT_",
    "BUILDX_",
    "COMPOSE_",
    "COUNTERSIGN_",
    "DOCKER_",
    "EXPERIMENTAL_BUILDKIT_",
    "NOTARY_",
];

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
