//! Files that a command makes where the user says: whole or not at all, and never over another.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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
    try_make(path, readers, content).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(Kind::Usage, format!("{} exists already", path.display()))
        }
        ErrorKind::NotFound => Failure::new(Kind::Usage, format!("{}: {error}", path.display())),
        _ => Failure::new(Kind::Disk, format!("{}: {error}", path.display())),
    })
}

/// The same, for who has words of his own for a failure.
pub(super) fn try_make(path: &Path, readers: Readers, content: &[u8]) -> io::Result<()> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Usual => 0o666,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    // Half of it would only be in the way of the next try.
    written.inspect_err(|_| drop(fs::remove_file(path)))
}
