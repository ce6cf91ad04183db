//! The small files that a server is given.

use std::path::Path;

use crate::cli::exit::Kind;
use crate::cli::output::Failure;
use crate::storage::read_named;

/// Reads a file of at most 1 MiB, whole.
pub(in crate::cli) fn read_small(path: &Path) -> Result<Vec<u8>, Failure> {
    read_named(path, MAX_BYTES).map_err(|error| unusable(path, &error.to_string()))
}

pub(in crate::cli) fn unusable(path: &Path, problem: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{}: {problem}", path.display()))
}

const MAX_BYTES: u64 = 1 << 20;
