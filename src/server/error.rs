//! Statuses and Notary's error codes: chosen here and nowhere else (Notary
//! `server/errors/errors.go`).

mod told;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use super::response;
use crate::tuf::{self, RoleName};
use crate::verify::submission::Refusal;
use crate::{crypto, edit, keys, storage::metadata as storage};
pub use told::Needed;

/// Why a request was not granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such path.
    #[error("no such path")]
    NoRoute,
    /// No path has that method.
    #[error("no such method")]
    NoMethod,
    /// No such collection or file.
    #[error("no such file")]
    NoFile,
    /// The server does not serve collections of that name.
    #[error("not a collection that is served here")]
    Prefix {
        /// How names must begin.
        prefixes: Vec<String>,
    },
    /// A request that makes no sense: in its query, its headers, or that a browser made it.
    #[error("{problem}")]
    Request {
        /// What is wrong with it.
        problem: String,
    },
    /// Not the form that an upload has.
    #[error("malformed upload: {problem}")]
    Upload {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An upload longer than allowed.
    #[error("the upload is longer than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// An upload that took too long.
    #[error("the upload did not arrive in time")]
    TimedOut,
    /// Too much is going on.
    #[error("too much is being sent or received at once")]
    Busy,
    /// A caller asks more often than allowed.
    #[error("too many requests; the next one in {seconds} s")]
    TooOften {
        /// Until the next one is let in.
        seconds: u64,
    },
    /// A part of an upload does not say which role it is.
    #[error("a part without a file name")]
    FileName,
    /// A part of an upload is of no role.
    #[error("{role:?} is no role")]
    Role {
        /// What it says, shortened.
        role: String,
    },
    /// What was uploaded is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What is stored cannot be renewed.
    #[error("what is stored cannot be renewed")]
    Renewal(#[source] Refusal),
    /// The caller is not known, or may not.
    #[error("{}", problem.unwrap_or("no token or password"))]
    Unauthorised {
        /// What is wrong with what the caller showed, if anything was shown; not told to the
        /// caller.
        problem: Option<&'static str>,
        /// How to be let in.
        challenge: String,
        /// What would have been needed.
        needed: Vec<Needed>,
    },
    /// A stored file is none of its role.
    #[error("the stored {role} cannot be read")]
    Unreadable {
        /// Whose file it is.
        role: RoleName,
        /// Why not.
        source: tuf::Error,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] storage::Error),
    /// The store failed while something was being published.
    #[error("the store failed")]
    Updating(#[source] storage::Error),
    /// An online key cannot be made or used.
    #[error("the online keys failed")]
    Keys(#[from] crypto::Error),
    /// The server cannot sign what it must.
    #[error("the server cannot sign")]
    Signing(#[from] edit::Error),
    /// An online key in the store cannot be opened.
    #[error(
        "{role} key {id} cannot be opened: it is damaged, or stored under another secret of the \
         server; put that secret back, or have the collection's owner rotate the key"
    )]
    Sealed {
        /// Whose key it is.
        role: RoleName,
        /// Its id in metadata.
        id: tuf::KeyId,
    },
    /// Nobody knows the passphrase of an alias of notary-signer's keys.
    #[error("there is no passphrase for alias {alias}")]
    NoPassphrase {
        /// The alias.
        alias: String,
    },
    /// A key of notary-signer cannot be opened.
    #[error(
        "key {id} cannot be opened: it is damaged, or not under the passphrase of alias {alias}"
    )]
    Unopened {
        /// Its id in metadata.
        id: tuf::KeyId,
        /// The alias that it names.
        alias: String,
    },
    /// The online keys are kept elsewhere, and out of reach now.
    #[error("the online keys are out of reach")]
    Held(#[source] Arc<keys::Error>),
    /// An upload under a root whose online key is shut: only another root helps it.
    #[error(transparent)]
    LostKey(Box<Error>),
    /// Something ended that must not.
    #[error("{0}")]
    Internal(&'static str),
}

impl Error {
    /// The answer.
    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let (status, code, message) = self.kind();
        if matches!(self, Self::NoMethod) {
            return response::empty(status);
        }
        let mut answer = response::error(status, self.body(code, message));
        if let Self::Unauthorised { challenge, .. } = self
            && let Ok(challenge) = HeaderValue::from_str(challenge)
        {
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        let wait = match self {
            Self::TooOften { seconds } => Some(*seconds),
            Self::LostKey(_) => None,
            _ if self.is_shut_key() => Some(SOMEBODY_ACTS),
            _ if self.kind().0 == StatusCode::SERVICE_UNAVAILABLE => Some(1),
            _ => None,
        };
        if let Some(seconds) = wait {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }

    /// The same, met by an upload.
    pub(super) fn of_upload(self) -> Self {
        if self.is_shut_key() { Self::LostKey(Box::new(self)) } else { self }
    }

    /// Whether a stored online key stays shut until somebody acts.
    pub(super) fn is_shut_key(&self) -> bool {
        use Error::{LostKey, NoPassphrase, Sealed, Unopened};
        matches!(self, LostKey(_) | NoPassphrase { .. } | Sealed { .. } | Unopened { .. })
    }

    /// Whether whoever keeps the online keys elsewhere does not sign now; that may pass.
    fn is_out_of_reach(&self) -> bool {
        use crypto::Error::Elsewhere;
        let signing =
            matches!(self, Self::Signing(edit::Error::Signing { source: Elsewhere { .. }, .. }));
        signing || matches!(self, Self::Held(_))
    }

    /// Whether the store does not answer now.
    pub(super) fn is_unreachable_store(&self) -> bool {
        use storage::Error::Unreachable;
        matches!(self, Self::Store(Unreachable { .. }) | Self::Updating(Unreachable { .. }))
    }

    /// Whether the fault is ours.
    pub(super) fn is_ours(&self) -> bool {
        self.is_shut_key() || self.kind().0.is_server_error()
    }

    /// The code, for logs and metrics.
    pub(super) fn code(&self) -> &'static str {
        self.kind().1
    }

    /// Why, in one of few words, for metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => match refusal {
                Refusal::Root(_) | Refusal::RootVersion { .. } | Refusal::TimestampKey => {
                    "bad_root"
                }
                Refusal::Targets(_) => "bad_targets",
                Refusal::Snapshot(_) => "bad_snapshot",
                Refusal::Version { .. } => "old_version",
                Refusal::Jump { .. } => "version_jump",
                Refusal::Json(_) => "malformed_json",
                Refusal::Damaged(_) => "internal",
                _ => "bad_update",
            },
            Self::Upload { .. } | Self::FileName | Self::Role { .. } => "malformed_upload",
            Self::TooLarge { .. } => "too_large",
            Self::TimedOut => "too_slow",
            Self::Busy => "busy",
            Self::TooOften { .. } => "too_often",
            Self::Unauthorised { .. } => "unauthorized",
            Self::Prefix { .. } => "prefix",
            Self::Request { .. } => "parameters",
            Self::NoFile | Self::NoRoute => "not_found",
            Self::NoMethod => "no_method",
            _ if self.is_shut_key() => "shut_key",
            _ if self.is_out_of_reach() => "no_token",
            _ => "internal",
        }
    }

    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::NoRoute | Self::NoFile => (S::NOT_FOUND, "METADATA_NOT_FOUND", NOT_FOUND),
            Self::NoMethod => (S::METHOD_NOT_ALLOWED, "UNSUPPORTED", ""),
            Self::Prefix { .. } => (S::BAD_REQUEST, "INVALID_GUN", BAD_GUN),
            Self::Request { .. } => (S::BAD_REQUEST, "INVALID_PARAMETERS", BAD_PARAMETERS),
            Self::Upload { .. } => (S::BAD_REQUEST, "MALFORMED_UPLOAD", BAD_UPLOAD),
            Self::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "MALFORMED_UPLOAD", BAD_UPLOAD),
            Self::TimedOut => (S::REQUEST_TIMEOUT, "MALFORMED_UPLOAD", BAD_UPLOAD),
            Self::TooOften { .. } => (S::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", TOO_OFTEN),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "UNKNOWN", UNKNOWN),
            Self::LostKey(_) => (S::BAD_REQUEST, "INVALID_UPDATE", BAD_UPDATE),
            _ if self.is_shut_key() || self.is_out_of_reach() => {
                (S::SERVICE_UNAVAILABLE, "UNKNOWN", UNKNOWN)
            }
            Self::FileName => (S::BAD_REQUEST, "NO_FILENAME", "No file/role name provided."),
            Self::Role { .. } => (S::BAD_REQUEST, "INVALID_ROLE", BAD_ROLE),
            Self::Refused(Refusal::Version { .. }) => (S::BAD_REQUEST, "VERSION", OLD_VERSION),
            Self::Refused(Refusal::Json(_)) => (S::BAD_REQUEST, "MALFORMED_JSON", BAD_JSON),
            Self::Refused(Refusal::Damaged(_)) => (S::INTERNAL_SERVER_ERROR, "UNKNOWN", UNKNOWN),
            Self::Refused(_) => (S::BAD_REQUEST, "INVALID_UPDATE", BAD_UPDATE),
            Self::Unauthorised { .. } => {
                (S::UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
            }
            Self::Store(storage::Error::Unreachable { .. }) => {
                (S::SERVICE_UNAVAILABLE, "UNKNOWN", UNKNOWN)
            }
            Self::Updating(storage::Error::Unreachable { .. }) => {
                (S::SERVICE_UNAVAILABLE, "UPDATING", UPDATING)
            }
            Self::Updating(storage::Error::Taken { .. }) => {
                (S::BAD_REQUEST, "INVALID_GUN", BAD_GUN)
            }
            Self::Updating(_) => (S::INTERNAL_SERVER_ERROR, "UPDATING", UPDATING),
            _ => (S::INTERNAL_SERVER_ERROR, "UNKNOWN", UNKNOWN),
        }
    }
}

const NOT_FOUND: &str = "You have requested metadata that does not exist.";
const BAD_GUN: &str = "The server does not support actions on images of this name.";
const BAD_PARAMETERS: &str = "The parameters provided are not valid.";
const BAD_UPLOAD: &str = "The body of your request is malformed.";
const BAD_ROLE: &str = "The role you are attempting to operate on is invalid.";
const BAD_JSON: &str = "JSON sent by the client could not be parsed by the server";
const BAD_UPDATE: &str = "Update sent by the client is invalid.";
const OLD_VERSION: &str = "A newer version of metadata is already available.";
const UPDATING: &str = "An error has occurred while updating the TUF repository.";
const TOO_OFTEN: &str = "Too many requests.";
const UNKNOWN: &str = "unknown error";
/// Seconds; to ask sooner is of no use.
const SOMEBODY_ACTS: u64 = 60;
