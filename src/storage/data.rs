//! A server's own directory.

use std::path::{Path, PathBuf};

use super::Error;
use super::folder::{Folder, Found};

/// A directory of small files, all of them readable by the owner alone.
#[derive(Debug)]
pub struct DataDirectory {
    folder: Folder,
    path: PathBuf,
}

impl DataDirectory {
    /// Opens the directory, and makes it if need be.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        Ok(Self { folder: Folder::create(path)?, path: path.to_owned() })
    }

    /// Where a file is.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file of at most 64 KiB; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error`] if it cannot be read, is larger, or is no file.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.folder.read(name, MAX_BYTES)? {
            Found::Nothing => Ok(None),
            Found::File(bytes) => Ok(Some(bytes)),
            Found::Unfit => {
                Err(Error::Refused { path: self.path_of(name), reason: "not a small file" })
            }
        }
    }

    /// Puts a file in place, durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.folder.replace(name, bytes)?;
        self.folder.settle()
    }
}

const MAX_BYTES: u64 = 64 << 10;
