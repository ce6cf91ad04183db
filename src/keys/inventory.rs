//! What lies in a key directory, file by file, as far as can be seen without a passphrase.

use std::fs::symlink_metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use jiff::Timestamp;

use super::directory::described;
use super::{Error, KeyDirectory, KeyEntry, KeyFile, files};

/// A key file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// What its place and its headers say.
    pub entry: KeyEntry,
    /// Where it is.
    pub path: PathBuf,
    /// How it is locked.
    pub lock: Lock,
    /// When it was written, UTC, as the file system says.
    pub written: Option<Timestamp>,
    /// Its permission bits.
    pub mode: u32,
}

/// How a key file is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Not at all: who reads the file has the key.
    Open,
    /// As Notary 0.7 does.
    Passphrase,
    /// As OpenSSL did long ago: whoever gets the file tries passphrases very fast.
    OldPassphrase,
    /// The file cannot be read as a key file.
    Unknown,
}

impl KeyDirectory {
    /// Every key file, also several of one key, ordered by id.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read, or lets others in.
    pub fn inventory(&self) -> Result<Vec<StoredKey>, Error> {
        let look = |found: super::layout::Found| {
            let text = files::read_notes(&found.path);
            let file = text.and_then(|text| KeyFile::parse(&text)).ok();
            let metadata = symlink_metadata(&found.path).ok();
            let written = metadata.as_ref().and_then(|found| found.modified().ok());
            StoredKey {
                entry: file.as_ref().map_or_else(
                    || KeyEntry { is_unreadable: true, ..found.entry.clone() },
                    |file| described(&found, file),
                ),
                lock: file.map_or(Lock::Unknown, |file| file.lock()),
                written: written.and_then(|time| Timestamp::try_from(time).ok()),
                mode: metadata.map_or(0, |found| found.permissions().mode() & 0o7777),
                path: found.path,
            }
        };
        Ok(self.find_all()?.into_iter().map(look).collect())
    }
}
