//! What one file says of another: length, hashes, version.

use super::Version;
use crate::crypto::{Sha256, Sha512};

/// Hashes of a file: at least one of the two that we know. Every one that is present binds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hashes {
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

impl Hashes {
    /// `None` when both are missing: nothing to check is never fine.
    pub fn new(sha256: Option<Sha256>, sha512: Option<Sha512>) -> Option<Self> {
        (sha256.is_some() || sha512.is_some()).then_some(Self { sha256, sha512 })
    }

    /// Both hashes, as Notary writes them for metadata.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: Some(Sha256::of(bytes)), sha512: Some(Sha512::of(bytes)) }
    }

    /// SHA-256 of the bytes.
    pub fn sha256(&self) -> Option<Sha256> {
        self.sha256
    }

    /// SHA-512 of the bytes.
    pub fn sha512(&self) -> Option<Sha512> {
        self.sha512
    }
}

impl From<Sha256> for Hashes {
    fn from(digest: Sha256) -> Self {
        Self { sha256: Some(digest), sha512: None }
    }
}

/// A listed metadata file. What only one dialect writes is an `Option`; what is present binds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileMeta {
    /// Length in bytes.
    pub length: Option<u64>,
    /// Hashes of the bytes.
    pub hashes: Option<Hashes>,
    /// The version that the file itself must state.
    pub version: Option<Version>,
}

impl FileMeta {
    /// Lists these very bytes, in Notary's form: length and both hashes, no version.
    pub fn of(bytes: &[u8]) -> Self {
        Self { length: Some(bytes.len() as u64), hashes: Some(Hashes::of(bytes)), version: None }
    }

    /// SHA-256 of the file, where it was written.
    pub fn sha256(&self) -> Option<Sha256> {
        self.hashes.and_then(|hashes| hashes.sha256)
    }
}
