//! Comparing a file with what its parent says of it.

use super::Error;
use crate::crypto::{Hashed, Sha256, Sha512};
use crate::tuf::{FileMeta, RoleName, Version};

/// Whether these are the bytes that were listed: length and every known hash.
///
/// `attested` is the SHA-256 of a file that was accepted in full before. If the listing names it,
/// its other hash is not computed again, for that costs as much as everything else together in a
/// large file.
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
    if hashes.sha256().is_some() && attested == Some(sha256) {
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

/// Whether a file's own version is the listed one, where a version is listed (TUF 1.0.34 §5.5.4,
/// §5.6.4).
pub(super) fn compare_version(
    role: &RoleName,
    found: Version,
    listed: &FileMeta,
) -> Result<(), Error> {
    match listed.version {
        Some(expected) if expected != found => Err(mismatch(role, "version", &expected, &found)),
        _ => Ok(()),
    }
}

/// Whether a file that is trusted already, and of which everything is known, is the listed one.
pub(super) fn compare_known(
    role: &RoleName,
    known: &FileMeta,
    listed: &FileMeta,
) -> Result<(), Error> {
    differing(role, "length", known.length, listed.length)?;
    let hashes = |file: &FileMeta| {
        let hashes = file.hashes;
        (hashes.and_then(|it| it.sha256()), hashes.and_then(|it| it.sha512()))
    };
    let (known, listed) = (hashes(known), hashes(listed));
    differing(role, "sha256", known.0, listed.0)?;
    differing(role, "sha512", known.1, listed.1)
}

fn differing<T: std::fmt::Display + PartialEq>(
    role: &RoleName,
    what: &'static str,
    known: Option<T>,
    listed: Option<T>,
) -> Result<(), Error> {
    match (known, listed) {
        (Some(found), Some(expected)) if found != expected => {
            Err(mismatch(role, what, &expected, &found))
        }
        _ => Ok(()),
    }
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
