//! Why an upload is refused.

use crate::tuf::{self, RoleName, Version};
use crate::verify;

/// Why an upload is refused, in the terms in which Notary tells its clients (Notary
/// `tuf/validation/errors.go`).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A file of that version or a later one is stored: another publisher was faster.
    #[error("{role}: version {found} is not above the stored version {stored}")]
    Version {
        /// The role.
        role: RoleName,
        /// The version sent.
        found: Version,
        /// The highest version stored.
        stored: Version,
    },
    /// Not JSON.
    #[error(transparent)]
    Json(tuf::Error),
    /// The update as a whole makes no collection.
    #[error("{0}")]
    Validation(&'static str),
    /// A file is missing that only its publisher can sign.
    #[error(
        "no {missing} was included in update and server does not hold current {missing} key for repository"
    )]
    Hierarchy {
        /// The role.
        missing: RoleName,
    },
    /// The root breaks the sequence of roots.
    #[error("Root modifications must increment the version. Current {current}, new {found}")]
    RootVersion {
        /// The version stored; 1 where nothing is.
        current: Version,
        /// The version sent.
        found: Version,
    },
    /// The server does not hold the timestamp key that the root names.
    #[error("no  timestamp keys exist on the server")]
    TimestampKey,
    /// The root is not acceptable.
    #[error(transparent)]
    Root(verify::Error),
    /// A targets or delegation file is not acceptable.
    #[error(transparent)]
    Targets(verify::Error),
    /// The snapshot is not acceptable.
    #[error(transparent)]
    Snapshot(verify::Error),
    /// A version so high that it would leave its successors little room.
    #[error("{role}: version {found} is too far above {stored}")]
    Jump {
        /// The role.
        role: RoleName,
        /// The version sent.
        found: Version,
        /// The highest version stored; 0 where nothing is.
        stored: u64,
    },
    /// A collection from another server, and another history of it is stored.
    #[error(
        "timestamp {stored} is stored here, which does not belong to the history that ends with \
         timestamp {found}"
    )]
    Apart {
        /// The version of the timestamp that is stored, or was when the collection was deleted.
        stored: Version,
        /// The version of the newest one that comes.
        found: Version,
    },
    /// What is stored does not verify: nothing may be built on it.
    #[error("what is stored is damaged")]
    Damaged(#[source] verify::Error),
}

impl Refusal {
    /// The refusal of a file of that role.
    pub(super) fn of(role: &RoleName, error: verify::Error) -> Self {
        match (role, error) {
            (_, verify::Error::Metadata(error @ tuf::Error::NotJson { .. })) => Self::Json(error),
            (RoleName::Root, error) => Self::Root(error),
            (RoleName::Snapshot, error) => Self::Snapshot(error),
            (RoleName::Timestamp, error) => Self::Root(error),
            (RoleName::Targets | RoleName::Delegation(_), error) => Self::Targets(error),
        }
    }
}
