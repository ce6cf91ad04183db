//! A collection as a whole: forgetting it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{CollectionDirectory, Error};

impl CollectionDirectory {
    /// Forgets the collection: its cached metadata, its staged changes, and what is remembered of
    /// its versions. Keys stay, and so do collections whose names begin with this one's. The next
    /// look at it is a first use.
    ///
    /// # Errors
    ///
    /// [`Error`]; what was removed by then stays removed.
    pub fn forget(&self) -> Result<(), Error> {
        let _lock = self.writing()?;
        let metadata = self.metadata_path();
        for name in files(&metadata)? {
            remove(&metadata.join(&name), |path| fs::remove_file(path))?;
        }
        remove(&metadata.join("targets"), |path| fs::remove_dir_all(path))?;
        remove_if_empty(&metadata)?;
        let changes = metadata.with_file_name("changelist");
        for name in files(&changes)? {
            remove(&changes.join(&name), |path| fs::remove_file(path))?;
        }
        remove_if_empty(&changes)?;
        metadata.parent().map_or(Ok(()), remove_if_empty)?;
        remove(&self.record_path(), |path| fs::remove_file(path))
    }
}

/// The files in a folder.
fn files(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Io { action: "read", path: folder.to_owned(), source };
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

fn remove(path: &Path, how: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Error> {
    match how(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(Error::Io { action: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn remove_if_empty(path: &Path) -> Result<(), Error> {
    remove(path, |path| match fs::remove_dir(path) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Accepted, Cache, TrustDirectory};
    use crate::tuf::{Gun, RoleName, Version};

    fn keep(cache: &CollectionDirectory) {
        let accepted = Accepted {
            root: Some((Version::ONE, b"{}".to_vec())),
            under: None,
            files: Vec::new(),
            dropped: Vec::new(),
            root_asked: false,
            confirmed: false,
            now: "2026-11-25T00:00:00Z".parse().expect("a time"),
        };
        cache.keep(&accepted).expect("kept");
        cache.offer(&RoleName::releases(), b"{}").expect("offered");
    }

    #[test]
    fn one_collection_is_forgotten_and_those_below_and_beside_it_stay() {
        let home = tempfile::tempdir().expect("a folder");
        let trust = TrustDirectory::new(home.path());
        assert!(trust.collections().expect("nothing").is_empty());
        let names = ["reg.example.com/team", "reg.example.com/team/web", "reg.example.com:5000/a"];
        let guns = names.map(|name| Gun::raw(name).expect("a name"));
        guns.iter().for_each(|gun| keep(&trust.collection(gun)));
        assert_eq!(trust.collections().expect("all"), guns);
        let forgotten = trust.collection(&guns[0]);
        let staged = forgotten.metadata_path().with_file_name("changelist");
        fs::create_dir_all(&staged).expect("made");
        fs::write(staged.join("1.change"), "{}").expect("written");
        forgotten.forget().expect("forgotten");
        assert_eq!(trust.collections().expect("the others"), guns[1..]);
        assert!(!staged.exists() && !forgotten.record_path().exists());
        let memory = forgotten.memory().expect("nothing is remembered");
        assert_eq!(memory.baseline.root(), None);
        assert!(trust.collection(&guns[1]).memory().expect("kept").baseline.root().is_some());
        forgotten.forget().expect("nothing left to forget");
    }
}
