//! The timestamp role: which snapshot is current.

use jiff::Timestamp as Instant;

use super::{FileMeta, Unknown, Version};

/// Timestamp metadata (TUF 1.0.34 §4.6; Notary `tuf/data/timestamp.go`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timestamp {
    /// Version of this file.
    pub version: Version,
    /// When it ends to be valid, UTC.
    pub expires: Instant,
    /// The current snapshot.
    pub snapshot: FileMeta,
    /// Members that we do not know.
    pub unknown: Unknown,
}
