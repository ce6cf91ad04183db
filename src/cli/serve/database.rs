//! Where collections are kept, as it is said on the command line, in the environment and in files.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::config::Config;
use crate::cli::environment::Environment;
use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::storage::DataDirectory;
use crate::storage::metadata::{Address, Error, MemoryStore, MetadataStore, Outlook, SqliteStore};

/// The file in the data directory.
pub(super) const NAME: &str = "trust.db";

/// Where collections are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Database {
    /// Nowhere for long.
    Memory,
    /// In one file.
    Sqlite(PathBuf),
    /// On a server, together with others.
    Server(Address),
}

impl FromStr for Database {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Self::Sqlite(path.trim_start_matches("//").into()))
            }
            Some(("postgres" | "postgresql" | "mysql" | "mariadb", _)) => url
                .parse()
                .map(Self::Server)
                .map_err(|error: crate::storage::metadata::BadAddress| error.to_string()),
            _ => {
                Err("use sqlite:FILE, postgres://USER@HOST/NAME, mysql://USER@HOST/NAME or memory:"
                    .to_owned())
            }
        }
    }
}

impl Database {
    /// What the command line says, or else the environment, where passwords may stand.
    ///
    /// # Errors
    ///
    /// If it is no address, or shows everybody a password.
    pub(super) fn said(
        argument: Option<&str>,
        environment: &Environment,
    ) -> Result<Option<Self>, Failure> {
        let usage =
            |place: &str, problem: String| Failure::new(Kind::Usage, format!("{place}: {problem}"));
        if let Some(url) = argument {
            if shows_password(url) {
                let problem = "everybody on this host could read its password there";
                return Err(usage("--database", problem.to_owned()).advise(
                    "Put the address into COUNTERSIGN_DATABASE or into the configuration.",
                ));
            }
            return url.parse().map(Some).map_err(|problem| usage("--database", problem));
        }
        let url = environment.variable("COUNTERSIGN_DATABASE").map(str::parse).transpose();
        url.map_err(|problem| usage("COUNTERSIGN_DATABASE", problem))
    }

    /// What would be kept where.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Memory => "keep collections in memory, and forget them at the end".to_owned(),
            Self::Sqlite(path) => format!("keep collections in {}", path.display()),
            Self::Server(address) => format!("keep collections in {address}"),
        }
    }
}

fn shows_password(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    let in_front = place.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    in_front || url.contains("password=")
}

/// Opens the store, and makes it if need be.
pub(super) async fn open(
    config: &Config,
    data: &DataDirectory,
) -> Result<Arc<dyn MetadataStore>, Failure> {
    let store: Result<Arc<dyn MetadataStore>, Error> = match &config.database {
        Some(Database::Memory) => Ok(Arc::new(MemoryStore::new())),
        Some(Database::Server(address)) => address.open().await,
        Some(Database::Sqlite(path)) => SqliteStore::open(path).await.map(|it| Arc::new(it) as _),
        None => SqliteStore::open(&data.path_of(NAME)).await.map(|it| Arc::new(it) as _),
    };
    store.map_err(|error| failure(&error))
}

/// What opening it would do to a database on a server; nothing is touched.
pub(super) async fn outlook(config: &Config) -> Result<Outlook, Failure> {
    match &config.database {
        Some(Database::Server(address)) => address.outlook().await.map_err(|error| failure(&error)),
        _ => Ok(Outlook::default()),
    }
}

/// What it means for the exit code.
pub(super) fn failure(error: &Error) -> Failure {
    Failure::of(kind(error), error)
}

/// What kind of trouble that is.
pub(super) fn kind(error: &Error) -> Kind {
    match error {
        Error::Unusable { .. } | Error::Unfit { .. } | Error::Damaged { .. } => Kind::State,
        Error::Conflict | Error::Taken { .. } => Kind::State,
        Error::Unreachable { .. } => Kind::Network,
        _ => Kind::Disk,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_seen_wherever_it_stands() {
        for shown in [
            "postgres://a:secret@b/c",
            "mysql://a:secret@tcp(b:1)/c",
            "mysql://a:p@ss@b/c",
            "postgres://b/c?user=a&password=secret",
        ] {
            assert!(shows_password(shown), "{shown}");
        }
        for hidden in ["postgres://a@b:5432/c", "mysql://a@tcp(b:3306)/c", "sqlite:/a:b", "memory:"]
        {
            assert!(!shows_password(hidden), "{hidden}");
        }
    }
}
