//! Why a collection could not be read or changed.

use jiff::Timestamp as Instant;

use crate::tuf::{Dialect, Gun, RoleName};
use crate::{edit, net, storage, tuf, verify};

/// Why a collection could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server has no such collection.
    #[error("{server} has no trust data for {gun}")]
    NoTrustData {
        /// The collection.
        gun: Gun,
        /// Who was asked.
        server: String,
        /// Whether it was seen here before: then this is no unsigned repository but one whose data
        /// vanished.
        seen_before: bool,
    },
    /// The metadata is not trusted.
    #[error(transparent)]
    Verify(#[from] verify::Error),
    /// The server lacks a file that a trusted file names.
    #[error("{role}: the server does not have the file that is listed ({what})")]
    Missing {
        /// The role.
        role: RoleName,
        /// Which file.
        what: String,
    },
    /// The server was not reached or did not let us.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// The cache could not be used.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// The change could not be signed.
    #[error(transparent)]
    Edit(#[from] edit::Error),
    /// What the server gave as a key is none.
    #[error("the server's key cannot be used")]
    ServerKey(#[source] tuf::Error),
    /// The clock stands earlier than when something was accepted here.
    #[error("the clock says {now:.0}, but trust data of {gun} was accepted here at {seen:.0}")]
    Clock {
        /// The collection.
        gun: Gun,
        /// The form in which it is kept here.
        dialect: Dialect,
        /// What the clock says.
        now: Instant,
        /// When something was accepted.
        seen: Instant,
    },
    /// The trusted root of a known collection is lost, and the server does not have it either.
    #[error(
        "the trusted root {version} of {gun} is lost or damaged here, and the server does not give it back"
    )]
    RootLost {
        /// The collection.
        gun: Gun,
        /// The form in which it is kept here.
        dialect: Dialect,
        /// Version of the root.
        version: tuf::Version,
    },
    /// The stored root is no root, and nothing is remembered of it.
    #[error("the stored root of {gun} is damaged")]
    RootDamaged {
        /// The collection.
        gun: Gun,
        /// The form in which it is kept here.
        dialect: Dialect,
        /// What is wrong with it.
        source: verify::Error,
    },
    /// Nothing is stored, and the server may not be asked.
    #[error("nothing is stored of {gun} ({role}), and the server is not to be asked")]
    NotStored {
        /// The collection.
        gun: Gun,
        /// The first missing role.
        role: RoleName,
    },
    /// What is stored of a role is damaged or not what belongs to the rest, and the server may not be
    /// asked for what does.
    #[error(
        "the stored {role} of {gun} is damaged or out of step, and the server is not to be asked"
    )]
    StoredDamaged {
        /// The collection.
        gun: Gun,
        /// The form in which it is kept here.
        dialect: Dialect,
        /// The role.
        role: RoleName,
    },
    /// Another publisher was faster, again and again.
    #[error("other publishers were faster {attempts} times in a row")]
    Contended {
        /// How often we tried.
        attempts: u32,
    },
    /// A collection of that name is known here, but the server says that it has none.
    #[error(
        "{gun} is known here, but the server has no trust data for it: refusing to found it anew"
    )]
    AlreadyKnown {
        /// The collection.
        gun: Gun,
        /// The form in which it is kept here.
        dialect: Dialect,
    },
}

impl Error {
    /// Whether a file was refused that may be a good one of another root than the newest that was
    /// found: signed with keys that only that root names, or listing that root.
    pub fn is_of_another_root(&self) -> bool {
        let Self::Verify(error) = self else { return false };
        match error {
            verify::Error::Threshold { role, .. } => !matches!(role, RoleName::Delegation(_)),
            verify::Error::Mismatch { role, .. } => *role == RoleName::Root,
            _ => false,
        }
    }
}
