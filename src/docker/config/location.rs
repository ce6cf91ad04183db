//! Where docker's files lie.

use std::path::{Path, PathBuf};

use super::Error;

/// Environment variables, looked up by name. An empty one counts as absent.
pub struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Environment<'a> {
    /// Variables as `lookup` gives them.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// The value of a variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

/// Docker's configuration directory: `~/.docker`, or what `DOCKER_CONFIG` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(PathBuf);

impl Location {
    /// The directory at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory that the environment names.
    ///
    /// # Errors
    ///
    /// [`Error::NoHome`] if it names none, or a home that is not absolute.
    pub fn from_environment(environment: &Environment<'_>) -> Result<Self, Error> {
        if let Some(config) = environment.variable("DOCKER_CONFIG") {
            return Ok(Self::at(config));
        }
        let home = environment.variable("HOME").map(PathBuf::from);
        let home = home.filter(|home| home.is_absolute()).ok_or(Error::NoHome)?;
        Ok(Self::at(home.join(".docker")))
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Docker's settings and credentials.
    pub fn config_file(&self) -> PathBuf {
        self.0.join("config.json")
    }

    /// The trust directory.
    pub fn trust(&self) -> PathBuf {
        self.0.join("trust")
    }

    /// TLS material, a folder for each trust server.
    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(config: &'static str, home: &'static str) -> Option<PathBuf> {
        let lookup = |name: &str| match name {
            "DOCKER_CONFIG" => Some(config.to_owned()),
            "HOME" => Some(home.to_owned()),
            _ => None,
        };
        Location::from_environment(&Environment::new(&lookup)).ok().map(|found| found.config_file())
    }

    #[test]
    fn docker_config_beats_home() {
        assert_eq!(location("/c", "/h"), Some("/c/config.json".into()));
        assert_eq!(location("", "/h"), Some("/h/.docker/config.json".into()));
        assert_eq!(location("", ""), None);
        assert_eq!(location("", "h"), None);
    }
}
