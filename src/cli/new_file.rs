//! Files that a command makes where the user says: whole or not at all, and never over another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::exit::Kind;
use super::output::Failure;

/// Who may read a file.
#[derive(Clone, Copy)]
pub(super) enum Readers {
    /// Its owner: it holds what is secret.
    Owner,
    /// Whoever the user lets read files.
    Usual,
}

/// Makes a file.
///
/// # Errors
///
/// If it cannot be made there, or something is there.
pub(super) fn make(path: &Path, readers: Readers, content: &[u8]) -> Result<(), Failure> {
    reserve(path, readers)?.fill(content)
}

/// The same, for who has words of his own for a failure.
pub(super) fn try_make(path: &Path, readers: Readers, content: &[u8]) -> io::Result<()> {
    Reserved::new(path, readers)?.try_fill(content)
}

/// Makes a file whose content is known only after something that cannot be taken back.
///
/// # Errors
///
/// If it cannot be made there, or something is there.
pub(super) fn reserve(path: &Path, readers: Readers) -> Result<Reserved, Failure> {
    Reserved::new(path, readers).map_err(|error| failed(path, &error))
}

/// A file that was made and has no content yet. One that gets none is removed again: it would only
/// be in the way of the next try.
#[derive(Debug)]
#[must_use]
pub(super) struct Reserved {
    path: PathBuf,
    file: File,
    is_whole: bool,
}

impl Reserved {
    fn new(path: &Path, readers: Readers) -> io::Result<Self> {
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Usual => 0o666,
        };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        Ok(Self { path: path.to_owned(), file, is_whole: false })
    }

    /// Writes its content.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then the file is gone.
    pub(super) fn fill(self, content: &[u8]) -> Result<(), Failure> {
        let path = self.path.clone();
        self.try_fill(content).map_err(|error| failed(&path, &error))
    }

    fn try_fill(mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.sync_all()?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(Kind::Usage, format!("{} exists already", path.display()))
        }
        ErrorKind::NotFound => Failure::new(Kind::Usage, format!("{}: {error}", path.display())),
        _ => Failure::new(Kind::Disk, format!("{}: {error}", path.display())),
    }
}
