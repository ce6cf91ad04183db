//! The snapshot role: one consistent set of files.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::{FileMeta, RoleName, Unknown, Version};

/// Snapshot metadata (TUF 1.0.34 §4.4; Notary `tuf/data/snapshot.go`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// Version of this file.
    pub version: Version,
    /// When it ends to be valid, UTC.
    pub expires: Instant,
    /// The listed files by role. Notary lists root too.
    pub meta: BTreeMap<RoleName, FileMeta>,
    /// Members that we do not know.
    pub unknown: Unknown,
}
