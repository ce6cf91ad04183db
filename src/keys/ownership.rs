//! Programs and modules that are given our keys to use: nobody but root and we may have put them
//! there.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Error;

/// The place of a program or module, with links followed, if nobody else can change it.
///
/// # Errors
///
/// [`Error::Untrusted`] if the path is not absolute, is no file, or if anybody but root and this
/// user owns it or may write to it or to a folder on its way.
pub fn trusted_file(path: &Path) -> Result<PathBuf, Error> {
    let refuse = |problem: String| Error::Untrusted { path: path.to_owned(), problem };
    if !path.is_absolute() {
        return Err(refuse("not an absolute path".to_owned()));
    }
    let says = |error: io::Error| refuse(error.to_string());
    let real = fs::canonicalize(path).map_err(says)?;
    if !real.metadata().map_err(says)?.is_file() {
        return Err(refuse("not a file".to_owned()));
    }
    for place in real.ancestors() {
        let found = place.metadata().map_err(says)?;
        if let Some(problem) = stranger(&found) {
            return Err(match place == path {
                true => refuse(problem),
                false => refuse(format!("{}: {problem}", place.display())),
            });
        }
    }
    Ok(real)
}

/// Who else could change it.
fn stranger(found: &Metadata) -> Option<String> {
    let us = rustix::process::geteuid().as_raw();
    let (owner, mode) = (found.uid(), found.mode());
    if owner != us && owner != 0 {
        return Some(format!("belongs to user {owner}"));
    }
    // In a sticky folder others may add, and not replace.
    let is_sticky = found.is_dir() && mode & 0o1000 != 0;
    (mode & 0o022 != 0 && !is_sticky)
        .then(|| format!("mode {:04o} lets others write", mode & 0o7777))
}
