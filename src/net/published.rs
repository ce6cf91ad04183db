//! What a file is that we publish ourselves.

use serde::Deserialize;

use crate::tuf::Version;

/// The version that a file of ours gives itself.
pub(super) fn published_version(bytes: &[u8]) -> Option<Version> {
    let file: File = serde_json::from_slice(bytes).ok()?;
    Version::new(file.signed.version)
}

/// What every metadata file has.
#[derive(Deserialize)]
struct File {
    signed: Signed,
}

#[derive(Deserialize)]
struct Signed {
    version: u64,
}
