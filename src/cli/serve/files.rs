//! The small files that a server is given.

use std::io::Read as _;
use std::path::Path;

use crate::cli::exit::Kind;
use crate::cli::output::Failure;

/// Reads a file of at most 1 MiB, whole.
pub(super) fn read_small(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: std::io::Error| unusable(path, &error.to_string());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= MAX_BYTES => Ok(bytes),
        _ => Err(unusable(path, "is larger than 1 MiB")),
    }
}

pub(super) fn unusable(path: &Path, problem: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{}: {problem}", path.display()))
}

const MAX_BYTES: u64 = 1 << 20;
