//! Why a file or a name is not acceptable, before any signature is looked at.

use super::{KeyId, RoleName};

/// A file or a name that is not acceptable in its dialect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not the JSON, or not the fields, that the role must have.
    #[error("{role}: malformed metadata: {reason}")]
    Malformed {
        /// The role asked for.
        role: RoleName,
        /// What is wrong, and where.
        reason: String,
    },
    /// Not JSON, or JSON that readers could read in two ways.
    #[error("{role}: malformed metadata: not acceptable JSON: {reason}")]
    NotJson {
        /// The role asked for.
        role: RoleName,
        /// What is wrong, and where.
        reason: String,
    },
    /// Another role's file, or another dialect's.
    #[error("{role}: the file says that it is of type {found:?}, expected {expected:?}")]
    WrongType {
        /// The role asked for.
        role: RoleName,
        /// What `_type` must be.
        expected: &'static str,
        /// What it is, shortened.
        found: String,
    },
    /// More bytes than allowed.
    #[error("{role}: {found} bytes are more than the {limit} allowed")]
    TooLarge {
        /// The role asked for.
        role: RoleName,
        /// Bytes allowed.
        limit: u64,
        /// Bytes found.
        found: u64,
    },
    /// More elements than allowed.
    #[error("{role}: more than {limit} {what}")]
    TooMany {
        /// The role asked for.
        role: RoleName,
        /// Elements of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// A key stands under an id that is not its own.
    #[error("{role}: key {written} has the id {computed}")]
    KeyId {
        /// The file.
        role: RoleName,
        /// The id it stands under, shortened.
        written: String,
        /// The id of its content.
        computed: KeyId,
    },
    /// A private key was published.
    #[error("{role}: key {id} is published together with its private part: consider it stolen")]
    PrivateKey {
        /// The file.
        role: RoleName,
        /// The id it stands under, shortened.
        id: String,
    },
    /// Not a name of a role.
    #[error("{name:?} is not the name of a role")]
    RoleName {
        /// The text, shortened.
        name: String,
    },
    /// Not a name of a collection.
    #[error("{gun:?} {reason}")]
    Gun {
        /// The text, shortened.
        gun: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a number of bins.
    #[error("{text:?} is not a number of bins: 2, 4, 8, 16, 32, 64 or 128")]
    Bins {
        /// The text, shortened.
        text: String,
    },
    /// Not a key id.
    #[error("{text:?} is not a key id: 64 lower-case hexadecimal digits")]
    KeyIdText {
        /// The text, shortened.
        text: String,
    },
    /// One key id twice in one role.
    #[error("key {id} stands twice in one role")]
    RepeatedKeyId {
        /// The id.
        id: KeyId,
    },
    /// JSON that cannot be signed so that everyone can verify it.
    #[error("cannot be signed: {reason}")]
    Unsignable {
        /// What is wrong.
        reason: String,
    },
}
