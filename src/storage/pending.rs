//! Files that belong together and are put in place together, whoever is interrupted where.
//!
//! They are written under hidden names, `timestamp.json` last: once that one is noted, all are, and
//! they will be put in place, by this writer or the next. Doing so twice does no harm.

use super::Error;
use super::folder::{Folder, Found};

/// Notes files that are to be put in place: names, and what is in them.
pub(super) fn note(folder: &Folder, files: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let (last, before): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name == LAST);
    for (name, bytes) in before {
        folder.replace(&hidden(name), bytes)?;
    }
    folder.settle()?;
    for (name, bytes) in last {
        folder.replace(&hidden(name), bytes)?;
    }
    folder.settle()
}

/// Whether files were noted and may not be in place.
pub(super) fn is_noted(folder: &Folder) -> Result<bool, Error> {
    Ok(!matches!(folder.read(&hidden(LAST), MAX_BYTES)?, Found::Nothing))
}

/// Puts noted files in place; takes back those of which not all were noted. Only for who may write.
pub(super) fn finish(folder: &Folder) -> Result<(), Error> {
    let mut noted = noted(folder)?;
    if noted.is_empty() {
        return Ok(());
    }
    // The last one leads to the others.
    noted.sort_by_key(|name| name == LAST);
    if noted.iter().any(|name| name == LAST) {
        for name in &noted {
            if let Found::File(bytes) = folder.read(&hidden(name), MAX_BYTES)? {
                folder.replace(name, &bytes)?;
            }
        }
        folder.settle()?;
    }
    // In the other order: while the last one is noted, all of them are.
    for name in noted.iter().rev() {
        folder.remove(hidden(name).as_ref())?;
    }
    Ok(())
}

fn noted(folder: &Folder) -> Result<Vec<String>, Error> {
    let names = folder.file_names()?.into_iter().filter_map(|name| name.into_string().ok());
    Ok(names.filter_map(|name| Some(shown(&name)?.to_owned())).collect())
}

fn hidden(name: &str) -> String {
    format!(".{name}{NOTED}")
}

fn shown(hidden: &str) -> Option<&str> {
    hidden.strip_prefix('.')?.strip_suffix(NOTED)
}

const NOTED: &str = ".next";
const LAST: &str = "timestamp.json";
/// More than any reader takes of a root.
const MAX_BYTES: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn files() -> Vec<(String, Vec<u8>)> {
        [("2.root.json", "root"), (LAST, "timestamp")]
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
            .into()
    }

    fn names(home: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(home).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|it| it.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn whatever_is_left_after_any_step_becomes_all_or_nothing() {
        // The steps of a writer: two notes, two files in place, two notes removed.
        let steps: [(&[&str], &[&str]); 6] = [
            (&[], &[]),
            (&[".2.root.json.next"], &[]),
            (&[".2.root.json.next", ".timestamp.json.next"], &["2.root.json", LAST]),
            (&[".2.root.json.next", ".timestamp.json.next", "2.root.json"], &["2.root.json", LAST]),
            (
                &[".2.root.json.next", ".timestamp.json.next", "2.root.json", LAST],
                &["2.root.json", LAST],
            ),
            (&[".2.root.json.next", "2.root.json", LAST], &["2.root.json", LAST]),
        ];
        for (left, expected) in steps {
            let home = tempfile::tempdir().expect("a folder");
            for name in left {
                let text = if name.contains("root") { "root" } else { "timestamp" };
                std::fs::write(home.path().join(name), text).expect("written");
            }
            let folder = Folder::create(home.path()).expect("a folder");
            finish(&folder).expect("finished");
            assert_eq!(names(home.path()), expected, "{left:?}");
            assert!(!is_noted(&folder).expect("readable"));
        }
    }

    #[test]
    fn noted_files_are_put_in_place_in_the_place_of_older_ones() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = Folder::create(home.path()).expect("a folder");
        folder.replace(LAST, b"old").expect("written");
        note(&folder, &files()).expect("noted");
        assert!(is_noted(&folder).expect("readable"));
        assert_eq!(std::fs::read(home.path().join(LAST)).expect("there"), b"old");
        finish(&folder).expect("finished");
        assert_eq!(names(home.path()), ["2.root.json", LAST]);
        assert_eq!(std::fs::read(home.path().join(LAST)).expect("there"), b"timestamp");
    }
}
