//! Files that the command line names. One that cannot be used ends the command in Go's words.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::stop::Stop;
use crate::cli::go;
use crate::cli::new_file::{self, Readers};
use crate::crypto::Signer;
use crate::keys::{self, KeyFile, KeyStore, PassphraseSource};
use crate::tuf::{Gun, KeyId, RoleName, canonical_key_id};

/// The whole content of a file.
///
/// # Errors
///
/// If it cannot be read.
pub(super) fn read(path: &str) -> Result<Vec<u8>, Stop> {
    let path = Path::new(path);
    fs::read(path).map_err(|error| Stop::fatal(go::unusable(path, &error)))
}

/// The first private key of a file, to be taken in for a role.
///
/// # Errors
///
/// If there is none, and for a root key without a passphrase.
pub(super) fn private_key(path: &str, role: &RoleName) -> Result<KeyFile, Stop> {
    let text = Zeroizing::new(
        read(path).map_err(|stop| stop.about("Error reading input root key file: "))?,
    );
    let first = KeyFile::parse_all(&text)?.into_iter().next();
    let file = first.ok_or(keys::Error::Format { problem: "no private key in it" })?;
    match *role == RoleName::Root && !file.is_encrypted() {
        true => Err(Stop::fatal("only encrypted root keys may be imported")),
        false => Ok(file),
    }
}

/// Opens a key, whose passphrase is asked for as that of a root key, and keeps it for a role
/// whatever its headers say.
///
/// # Errors
///
/// If it cannot be opened or kept, or is kept for another role already.
pub(super) fn take_in(
    file: &KeyFile,
    role: &RoleName,
    gun: Option<&Gun>,
    keys: &impl KeyStore,
    passphrases: &mut impl PassphraseSource,
) -> Result<KeyId, Stop> {
    let key = file.unlock("root", passphrases)?;
    let id = canonical_key_id(key.public());
    let known = keys.list()?.into_iter().find(|entry| entry.id == id);
    match known.map(|entry| entry.role.unwrap_or_default()) {
        Some(known) if known == role.as_str() => Ok(id),
        Some(known) => Err(Stop::fatal(format!(
            "Error importing key: key with same ID already exists for role: {known}"
        ))),
        None => keys
            .store(&key, role.as_str(), gun, passphrases)
            .map_err(|error| Stop::from(error).about("Error importing key: ")),
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
