//! Collections as a whole: which are in a trust directory, and forgetting one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{CollectionDirectory, Error, TrustDirectory};
use crate::tuf::Gun;

impl TrustDirectory {
    /// The collections of which a root is cached, by name. Links are not followed, and folders whose
    /// names cannot be one are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a folder cannot be read.
    pub fn collections(&self) -> Result<Vec<Gun>, Error> {
        let top = self.path().join("tuf");
        let mut found = Vec::new();
        let mut folders = vec![(top, String::new(), 0)];
        while let Some((folder, name, depth)) = folders.pop() {
            if let Ok(gun) = Gun::raw(&name)
                && folder.join("metadata/root.json").is_file()
            {
                found.push(gun);
            }
            if depth == MAX_DEPTH {
                continue;
            }
            for child in children(&folder)? {
                let below = match name.as_str() {
                    "" => child.clone(),
                    name => format!("{name}/{child}"),
                };
                folders.push((folder.join(child), below, depth + 1));
            }
        }
        found.sort();
        Ok(found)
    }
}

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

/// The folders in a folder.
fn children(folder: &Path) -> Result<Vec<String>, Error> {
    entries(folder, fs::FileType::is_dir)
}

/// The files in a folder.
fn files(folder: &Path) -> Result<Vec<String>, Error> {
    entries(folder, fs::FileType::is_file)
}

fn entries(folder: &Path, wanted: fn(&fs::FileType) -> bool) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Io { action: "read", path: folder.to_owned(), source };
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry.map_err(failed)?;
        if wanted(&entry.file_type().map_err(failed)?) {
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

/// Components of a collection's name, and more than any has.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Accepted, Cache};
    use crate::tuf::{RoleName, Version};

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
