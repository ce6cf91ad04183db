//! Comparing a file with what its parent says of it.

use super::Error;
use crate::crypto::{Hashed, Sha256, Sha512};
use crate::tuf::{FileMeta, RoleName};

/// Whether these are the bytes that were listed: length and every known hash.
///
/// `attested` is a SHA-256 whose file was compared in full before: finding it again proves the other hashes too.
pub(super) fn compare(
    role: &RoleName,
    file: &Hashed<'_>,
    listed: &FileMeta,
    attested: Option<Sha256>,
) -> Result<(), Error> {
    let length = file.as_bytes().len() as u64;
    if let Some(expected) = listed.length.filter(|expected| *expected != length) {
        return Err(mismatch(role, "length", &expected, &length));
    }
    let sha256 = file.sha256();
    let Some(hashes) = listed.hashes else { return Ok(()) };
    if let Some(expected) = hashes.sha256().filter(|expected| *expected != sha256) {
        return Err(mismatch(role, "sha256", &expected, &sha256));
    }
    if attested == Some(sha256) {
        return Ok(());
    }
    if let Some(expected) = hashes.sha512() {
        let found = Sha512::of(file.as_bytes());
        if found != expected {
            return Err(mismatch(role, "sha512", &expected, &found));
        }
    }
    Ok(())
}

/// A property that differs from the promised one.
pub(super) fn mismatch(
    role: &RoleName,
    what: &'static str,
    expected: &dyn std::fmt::Display,
    found: &dyn std::fmt::Display,
) -> Error {
    Error::Mismatch {
        role: role.clone(),
        what,
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
