//! Why metadata could not be read or kept.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why metadata could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is something that must not be there, such as a link in place of a file.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// What we remembered of a collection makes no sense any more.
    #[error("{}: not readable as our record of versions ({reason})", path.display())]
    Damaged {
        /// The record.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is more to remember of a collection than could be read back.
    #[error("{}: too much to remember in our record of versions", path.display())]
    RecordTooLarge {
        /// The record.
        path: PathBuf,
    },
    /// An archive is not what it says.
    #[error("{}: damaged archive: {reason}", path.display())]
    DamagedArchive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another process kept the collection locked.
    #[error("{}: locked by another process for more than {} s", path.display(), waited.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// Another process trusted another root of the collection meanwhile.
    #[error("another process trusted another root of this collection meanwhile")]
    Overtaken,
    /// The system gave no random bytes to name a file with.
    #[error("the system gives no random bytes")]
    NoRandomness,
}
