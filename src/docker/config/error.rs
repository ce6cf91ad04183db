//! What can be wrong with docker's configuration.

use std::path::PathBuf;

/// Why docker's configuration, or a credential in it, cannot be used. Never shows a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no directory for the configuration.
    #[error("neither DOCKER_CONFIG nor an absolute HOME is set")]
    NoHome,
    /// A file is there, and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than any configuration.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes accepted.
        limit: u64,
    },
    /// What should be JSON of a known form is not.
    #[error("{place} is malformed at line {line}, column {column}")]
    Malformed {
        /// A file or the name of an environment variable.
        place: String,
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
    },
    /// An entry for a server is not base64 of `user:password`.
    #[error("{place}: the credentials for {key} are malformed")]
    Entry {
        /// A file or the name of an environment variable.
        place: String,
        /// The entry's key.
        key: String,
    },
    /// The name of a credential helper is not `[a-z0-9-]+`.
    #[error("{name:?} is no name of a credential helper")]
    HelperName {
        /// The name as configured.
        name: String,
    },
    /// A credential helper cannot be started or talked to.
    #[error("cannot run {program}")]
    HelperStart {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A credential helper failed, hung, or gave an answer that is none.
    #[error("{program} {problem}")]
    Helper {
        /// The program.
        program: String,
        /// What it did.
        problem: String,
    },
}
