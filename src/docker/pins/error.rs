//! Why pins cannot be read or written.

use std::io;
use std::path::PathBuf;

use crate::{crypto, storage};

/// Why pins cannot be read or written. Nothing is believed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of pins or authorities is there (or is named) and cannot be read.
    #[error("pins: cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of pins cannot be written.
    #[error("pins: cannot write {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of pins cannot be locked.
    #[error("pins: {0}")]
    Lock(#[from] storage::Error),
    /// A file of pins says something that is not understood.
    #[error("pins: {}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What, and why not.
        problem: String,
    },
    /// A file of authorities holds none that can be used.
    #[error("pins: no certificate authorities in {}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: crypto::Error,
    },
    /// No name that a pin can be for.
    #[error("{text:?} is no repository, registry or prefix of repositories")]
    Prefix {
        /// The text, cut.
        text: String,
    },
    /// There is no such pin.
    #[error("{} has no pin for {prefix}", path.display())]
    NoSuchPin {
        /// The file.
        path: PathBuf,
        /// The name.
        prefix: String,
    },
}
