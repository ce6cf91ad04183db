//! What can go wrong on the way to a server and back.

use std::path::PathBuf;

use super::failure::Fault;
use crate::image::ImageDigest;
use crate::storage;

/// Why a server's answer was not had, or not taken.
///
/// Hosts are shown as `https://host:port`. Texts of servers are escaped and cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of a server cannot be used.
    #[error("{url}: {problem}")]
    Url {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A certificate or key file for TLS cannot be used.
    #[error("{}: {problem}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate or key file for TLS, or its folder, may not be read.
    #[error("{}: permission denied", path.display())]
    TlsDenied {
        /// The file or folder.
        path: PathBuf,
    },
    /// The proxy that the environment names cannot be used.
    #[error("the proxy for {host} is no http or https URL")]
    Proxy {
        /// The server that was to be reached.
        host: String,
    },
    /// No connection, or it broke: name lookup, TCP, TLS or HTTP.
    #[error("no answer from {host}")]
    Unreachable {
        /// The server.
        host: String,
        /// Whether it was asked as a registry of images, and not for trust data.
        registry: bool,
        /// What the layer below said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server's certificate is not accepted.
    #[error("the certificate of {host} is not accepted")]
    Certificate {
        /// The server.
        host: String,
        /// What it lacks.
        fault: Fault,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server was silent too long, or the time for the whole operation is over.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// The server.
        host: String,
    },
    /// The answer ended before its announced length.
    #[error("the answer of {host} broke off after {found} bytes")]
    Truncated {
        /// The server.
        host: String,
        /// Bytes that arrived.
        found: u64,
        /// What the layer below said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server answered with a status that is no answer: 3xx, 4xx, 5xx.
    #[error("{host} answered with status {status}")]
    Unavailable {
        /// The server.
        host: String,
        /// HTTP status.
        status: u16,
    },
    /// The server does not let us: 401 after credentials were given (or none were at hand), or 403.
    #[error("{host} refuses access (status {status}{}{message})", separator(message))]
    Unauthorised {
        /// The server.
        host: String,
        /// HTTP status.
        status: u16,
        /// What the server said; may be empty.
        message: String,
    },
    /// The server asks for credentials in a way that we do not follow.
    #[error("{host}: its request for credentials cannot be followed: {problem}")]
    Challenge {
        /// The server.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Credentials were asked for at a place that may not have them.
    #[error(
        "{host} wants its credentials sent to {realm}, which is not allowed; \
         if that is right, add to the configuration, under [realms]: {line}"
    )]
    Realm {
        /// The server.
        host: String,
        /// Where it wants them sent.
        realm: String,
        /// The line that allows it.
        line: String,
    },
    /// The source of credentials failed.
    #[error("no credentials for {key}")]
    Credentials {
        /// The key under which they were looked for.
        key: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer does not have the form that it must have.
    #[error("{host}: {problem}")]
    Malformed {
        /// The server.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The answer is longer than allowed; not more than `limit` bytes of it were read.
    #[error("the answer of {host} is longer than {limit} bytes")]
    TooLarge {
        /// The server.
        host: String,
        /// Bytes allowed.
        limit: u64,
    },
    /// A newer version is already published.
    #[error("{host} already has a newer version of what was published")]
    Conflict {
        /// The server.
        host: String,
    },
    /// What was published is not there, although it was said to be taken.
    #[error("{host} said that it took what was published, and does not have it")]
    NotTaken {
        /// The server.
        host: String,
    },
    /// The trust server judged what was published, and refused it.
    #[error("{host} refuses the update: {name}{}{message}", separator(message))]
    Refused {
        /// The server.
        host: String,
        /// Notary's name for the reason: `ErrBadTargets`, `INVALID_GUN`.
        name: String,
        /// The server's words; may be empty.
        message: String,
    },
    /// It is read, and never changed.
    #[error("{host}: nothing can be signed there")]
    ReadOnly {
        /// The place.
        host: String,
    },
    /// A folder or an archive, in the place of a server, could not be read or published into.
    #[error(transparent)]
    Storage(storage::Error),
    /// The registry does not have this tag or digest.
    #[error("{host} does not have {reference}")]
    NotFound {
        /// The registry.
        host: String,
        /// Repository with tag or digest.
        reference: String,
    },
    /// What arrived is not what was asked for.
    #[error("{host} sent {found} for {expected}")]
    DigestMismatch {
        /// The registry.
        host: String,
        /// The digest that was asked for, or announced.
        expected: String,
        /// The digest of what arrived.
        found: ImageDigest,
    },
    /// What arrived has another size than was promised.
    #[error("{host} sent {found} bytes of {digest}, {expected} were promised")]
    SizeMismatch {
        /// The registry.
        host: String,
        /// What was asked for.
        digest: ImageDigest,
        /// Bytes promised.
        expected: u64,
        /// Bytes that arrived.
        found: u64,
    },
    /// More arrived than was promised.
    #[error("{host} sent more than the {expected} bytes of {digest} that were promised")]
    Overlong {
        /// The registry.
        host: String,
        /// What was asked for.
        digest: ImageDigest,
        /// Bytes promised.
        expected: u64,
    },
    /// What arrived could not be written.
    #[error("cannot write what {host} sent")]
    Write {
        /// The server.
        host: String,
        /// Why.
        source: std::io::Error,
    },
}

fn separator(message: &str) -> &'static str {
    if message.is_empty() { "" } else { ": " }
}

impl Error {
    /// The same error, if it is that a registry did not answer, saying so.
    pub(super) fn of_registry(self) -> Self {
        match self {
            Self::Unreachable { host, source, .. } => {
                Self::Unreachable { host, registry: true, source }
            }
            other => other,
        }
    }

    /// Whether the server did not answer; that it refuses us or lies is another matter.
    pub fn is_no_answer(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Certificate { .. }
                | Self::TimedOut { .. }
                | Self::Truncated { .. }
                | Self::Unavailable { .. }
        )
    }
}
