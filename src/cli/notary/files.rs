//! Files that the command line names. One that cannot be used ends the command in Go's words.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::stop::Stop;
use crate::cli::go;
use crate::cli::new_file::{self, Readers};
use crate::keys::KeyFile;
use crate::tuf::RoleName;

/// The whole content of a file.
///
/// # Errors
///
/// If it cannot be read.
pub(super) fn read(path: &str) -> Result<Vec<u8>, Stop> {
    let path = Path::new(path);
    fs::read(path).map_err(|error| Stop::fatal(go::unusable(path, &error)))
}

/// The private key of a file, and its text, to be taken in for a role.
///
/// # Errors
///
/// If there is none, and for a root key without a passphrase.
pub(super) fn private_key(
    path: &str,
    role: &RoleName,
) -> Result<(KeyFile, Zeroizing<Vec<u8>>), Stop> {
    let text = Zeroizing::new(
        read(path).map_err(|stop| stop.about("Error reading input root key file: "))?,
    );
    let file = KeyFile::parse(&text)?;
    match *role == RoleName::Root && !file.is_encrypted() {
        true => Err(Stop::fatal("only encrypted root keys may be imported")),
        false => Ok((file, text)),
    }
}

/// Writes a file that only its owner may read, in the place of one that is there.
///
/// # Errors
///
/// If it cannot be written.
pub(super) fn write(path: &str, content: &[u8]) -> Result<(), Stop> {
    let path = Path::new(path);
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = made.and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(|error| Stop::fatal(go::unusable(path, &error)))
}

/// The same for a private key, which is not written over another file; the original would.
///
/// # Errors
///
/// If it cannot be written, or something is there.
pub(super) fn write_new(path: &str, content: &[u8]) -> Result<(), Stop> {
    let path = Path::new(path);
    new_file::try_make(path, Readers::Owner, content).map_err(|error| {
        let stop = Stop::fatal(go::unusable(path, &error));
        match error.kind() {
            ErrorKind::AlreadyExists => {
                stop.advise("A key that is there is not written over: name another file.")
            }
            _ => stop,
        }
    })
}
