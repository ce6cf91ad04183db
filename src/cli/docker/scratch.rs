//! What docker gets instead of the user's files; it goes away by itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::refusal::{Refusal, of_disk};

/// A directory for it.
pub(super) fn scratch() -> Result<TempDir, Refusal> {
    let made = tempfile::Builder::new().prefix("countersign-").tempdir();
    made.map_err(|error| Refusal::new(format!("no temporary directory: {error}")))
}

/// Keeps there what comes from stdin, to be read more than once.
pub(super) fn keep_stdin(directory: &Path) -> Result<PathBuf, Refusal> {
    let path = directory.join("stdin");
    let mut file = File::create_new(&path).map_err(of_disk)?;
    let mut input = std::io::stdin().lock().take(MAX_STDIN + 1);
    match std::io::copy(&mut input, &mut file).map_err(of_disk)? {
        length if length > MAX_STDIN => Err(Refusal::new("stdin: larger than 1 MiB")),
        _ => Ok(path),
    }
}

/// Bytes; far more than any project has.
const MAX_STDIN: u64 = 1 << 20;
