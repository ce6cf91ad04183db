//! What an archive says of itself.

use jiff::Timestamp as Instant;
use serde::{Deserialize, Serialize};

use crate::tuf::Dialect;

/// One collection in an archive.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ArchivedCollection {
    /// 1.
    pub format: u32,
    /// Its name.
    pub gun: String,
    /// The place that it was fetched from: host and port of a server.
    pub server: String,
    /// The form of its files.
    #[serde(default)]
    pub dialect: ArchivedDialect,
    /// When the last of its files was fetched.
    pub fetched_at: Instant,
    /// Its files.
    pub files: Vec<ArchivedFile>,
    /// What the server named and did not give, in words.
    #[serde(default)]
    pub problems: Vec<String>,
    /// What it was worth then.
    pub verdict: Verdict,
}

/// The form of a collection's files; that of Notary v1 if nothing is said.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchivedDialect {
    /// Notary v1.
    #[default]
    Notary,
    /// TUF 1.0.
    Tuf1,
}

impl From<Dialect> for ArchivedDialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Notary => Self::Notary,
            Dialect::Tuf1 => Self::Tuf1,
        }
    }
}

impl From<ArchivedDialect> for Dialect {
    fn from(dialect: ArchivedDialect) -> Self {
        match dialect {
            ArchivedDialect::Notary => Self::Notary,
            ArchivedDialect::Tuf1 => Self::Tuf1,
        }
    }
}

/// One file of a collection. Its bytes stand under its hash.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ArchivedFile {
    /// The role it was served for.
    pub role: String,
    /// The version that it gives itself; `None` if it cannot be read.
    pub version: Option<u64>,
    /// Of its bytes, in hexadecimal.
    pub sha256: String,
    /// Bytes.
    pub length: u64,
    /// Whether it is of the state that the server showed: the newest root, timestamp, and what
    /// follows from it.
    pub current: bool,
}

/// What a client would have said to the collection when it was fetched.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Verdict {
    /// Everything verified.
    Trusted {
        /// The version of its root.
        root: u64,
        /// The keys of its root, as trust pins name them.
        root_keys: Vec<String>,
        /// How many tags are signed.
        tags: usize,
    },
    /// Something did not verify.
    Refused {
        /// What.
        reason: String,
    },
}

/// The table of contents.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Manifest {
    /// 1.
    pub format: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// When it was finished.
    pub finished_at: Instant,
    /// What it holds.
    pub collections: Vec<Listed>,
    /// What could not be fetched.
    pub failed: Vec<Failed>,
}

/// A collection that is there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listed {
    /// Its name.
    pub gun: String,
    /// Of its document, in hexadecimal.
    pub document: String,
}

/// A collection that is not there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failed {
    /// Its name.
    pub gun: String,
    /// Why.
    pub reason: String,
}

/// The only version of these forms.
pub const FORMAT: u32 = 1;
