//! Which collections a trust directory has files of.

use std::fs;
use std::path::Path;

use super::{Error, TrustDirectory};
use crate::tuf::Gun;

impl TrustDirectory {
    /// The collections of which something is cached, by name. Links are not followed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a folder cannot be read.
    pub fn collections(&self) -> Result<Vec<Gun>, Error> {
        self.below("tuf")
    }

    /// The same for those that are kept as TUF 1.0 repositories.
    ///
    /// # Errors
    ///
    /// As [`TrustDirectory::collections`].
    pub fn repositories(&self) -> Result<Vec<Gun>, Error> {
        self.below("tuf1")
    }

    fn below(&self, tree: &str) -> Result<Vec<Gun>, Error> {
        let mut guns = Vec::new();
        walk(&self.path().join(tree), &mut Vec::new(), &mut guns)?;
        guns.sort();
        Ok(guns)
    }
}

fn walk(folder: &Path, names: &mut Vec<String>, guns: &mut Vec<Gun>) -> Result<(), Error> {
    let failed = |source| Error::Io { action: "list", path: folder.to_owned(), source };
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed)?,
    };
    for entry in listing {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !entry.file_type().map_err(failed)?.is_dir() || names.len() >= DEPTH_MAX {
            continue;
        }
        if name == METADATA && entry.path().join("root.json").is_file() {
            guns.extend(Gun::raw(&names.join("/")));
            continue;
        }
        names.push(name);
        walk(&entry.path(), names, guns)?;
        names.pop();
    }
    Ok(())
}

const METADATA: &str = "metadata";
/// As many components as a collection's name has, and more.
const DEPTH_MAX: usize = 64;
