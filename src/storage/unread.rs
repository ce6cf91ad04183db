//! A stored file, looked at and not read yet.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use super::Error;

/// A stored file as it was when it was looked at: what takes its name later does not show in it.
#[derive(Debug)]
pub struct Unread(Place);

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    Disk { file: File, path: PathBuf, size: u64, limit: u64 },
}

impl Unread {
    /// A file that is there already.
    pub fn here(bytes: Vec<u8>) -> Self {
        Self(Place::Memory(bytes))
    }

    /// An open file; `None` if it is no regular one, or not one of at most `limit` bytes.
    pub(super) fn open(file: File, path: PathBuf, limit: u64) -> Result<Option<Self>, Error> {
        match file.metadata() {
            Ok(metadata) if !metadata.is_file() || metadata.len() > limit => Ok(None),
            Ok(metadata) => {
                let size = metadata.len();
                Ok(Some(Self(Place::Disk { file, path, size, limit })))
            }
            Err(source) => Err(Error::Io { action: "read", path, source }),
        }
    }

    /// Its size in bytes, when it was looked at.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::Disk { size, .. } => *size,
        }
    }

    /// Its bytes; `None` if it grew beyond the limit meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn read(self) -> Result<Option<Vec<u8>>, Error> {
        let (file, path, size, limit) = match self.0 {
            Place::Memory(bytes) => return Ok(Some(bytes)),
            Place::Disk { file, path, size, limit } => (file, path, size, limit),
        };
        match read(file, size, limit) {
            Ok(bytes) => Ok((bytes.len() as u64 <= limit).then_some(bytes)),
            Err(source) => Err(Error::Io { action: "read", path, source }),
        }
    }
}

fn read(file: File, size: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
