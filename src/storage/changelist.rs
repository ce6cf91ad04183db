//! Changes that wait for the next publication, in Notary's own files
//! (Notary 0.7 `client/changelist/file_changelist.go`).
//!
//! `tuf/<GUN>/changelist/<20 digits of nanoseconds>_<UUID>.change` holds one change; the order of
//! the names is the order of the changes, and every file counts, whatever it is called. What one of
//! the programs staged, the other shows, publishes and resets.
//!
//! Rules: a file appears whole or not at all; the changes staged later sort later, even if the clock
//! went back; only those files are removed that somebody saw, so that a change staged meanwhile
//! stays.

mod change;

use std::ffi::OsString;

use jiff::Timestamp as Instant;
use ring::rand::{SecureRandom, SystemRandom};

pub use change::Change;

use super::directory::CollectionDirectory;
use super::folder::{Folder, Found};
use super::{Error, Steady};

/// The staged changes of one collection.
#[derive(Clone, Debug)]
pub struct Changelist {
    collection: CollectionDirectory,
}

/// One file of the list.
#[derive(Clone, Debug)]
pub struct Staged {
    name: OsString,
    /// What it says, or why nobody can tell.
    pub change: Result<Change, String>,
}

impl Staged {
    /// The name of its file, for messages.
    pub fn file_name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }
}

impl Changelist {
    pub(super) fn of(collection: CollectionDirectory) -> Self {
        Self { collection }
    }

    /// The folder of its files, for messages.
    pub fn path(&self) -> std::path::PathBuf {
        self.collection.own_path(FOLDER)
    }

    /// What is staged, in the order in which it is to be applied. A file that cannot be understood
    /// keeps its place.
    ///
    /// # Errors
    ///
    /// [`Error`] if the folder cannot be read, or holds more than anyone staged.
    pub fn list(&self) -> Result<Vec<Staged>, Error> {
        match self.collection.existing_folder(FOLDER)? {
            Some(folder) => self.list_in(&folder),
            None => Ok(Vec::new()),
        }
    }

    /// Stages changes after those that are there.
    ///
    /// # Errors
    ///
    /// [`Error`]; those before the one that failed are staged then.
    pub fn add(&self, changes: &[Change], now: Instant) -> Result<(), Error> {
        let (lock, folder) = self.writable()?;
        let mut order = order_of(now).max(self.last_order(&folder)?.saturating_add(1));
        for change in changes {
            lock.ours.hand_over(&folder, &file_name(order, &uuid()?), &change.to_file())?;
            order = order.saturating_add(1);
        }
        folder.settle()
    }

    /// Takes these off the list. One that is not there any more is no error.
    ///
    /// # Errors
    ///
    /// [`Error`]; some may be gone then.
    pub fn remove<'s>(&self, staged: impl IntoIterator<Item = &'s Staged>) -> Result<(), Error> {
        let Some(folder) = self.collection.existing_folder(FOLDER)? else { return Ok(()) };
        staged.into_iter().try_for_each(|staged| folder.remove(&staged.name))?;
        folder.settle()
    }

    fn list_in(&self, folder: &Folder) -> Result<Vec<Staged>, Error> {
        let mut names = self.names(folder)?;
        names.sort();
        names.into_iter().map(|name| read(folder, name)).collect()
    }

    fn names(&self, folder: &Folder) -> Result<Vec<OsString>, Error> {
        let names = folder.file_names()?;
        if names.len() > MAX_CHANGES {
            let reason = "holds more staged changes than anyone can have meant";
            return Err(Error::Refused { path: self.path(), reason });
        }
        Ok(names)
    }

    /// The number that the last change begins with; a name without one says nothing.
    fn last_order(&self, folder: &Folder) -> Result<u128, Error> {
        let names = self.names(folder)?;
        let order = |name: &OsString| {
            let digits = name.to_str()?.get(..ORDER_DIGITS)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        Ok(names.iter().filter_map(order).max().unwrap_or_default())
    }

    fn writable(&self) -> Result<(Lock, Folder), Error> {
        let (ours, lock) = self.collection.locked()?;
        let folder = self.collection.own_folder(FOLDER)?;
        Ok((Lock { ours, _lock: lock }, folder))
    }
}

/// The right to write, and where files are written before they appear.
struct Lock {
    ours: Folder,
    _lock: Steady,
}

fn read(folder: &Folder, name: OsString) -> Result<Staged, Error> {
    let change = match folder.read_named(&name, MAX_BYTES) {
        Ok(Found::File(text)) => Change::from_file(&text),
        Ok(Found::Unfit) => Err(format!("is no file of at most {MAX_BYTES} bytes")),
        Ok(Found::Nothing) => Err("vanished".to_owned()),
        Err(Error::Refused { .. }) => Err("is a link".to_owned()),
        Err(error) => return Err(error),
    };
    Ok(Staged { name, change })
}

/// Nanoseconds since 1970, as Go counts them.
fn order_of(now: Instant) -> u128 {
    u128::try_from(now.as_nanosecond()).unwrap_or_default()
}

fn file_name(order: u128, uuid: &str) -> String {
    format!("{order:020}_{uuid}.change")
}

/// A random UUID (RFC 9562 §5.4).
fn uuid() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    let number = u128::from_be_bytes(bytes) & !VERSION_AND_VARIANT | VERSION_4_RFC;
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// Its folder, beside the metadata.
pub(super) const FOLDER: &str = "changelist";
const ORDER_DIGITS: usize = 20;
const MAX_BYTES: u64 = 1 << 20;
const MAX_CHANGES: usize = 100_000;
const VERSION_AND_VARIANT: u128 = 0xf000_c000_0000_0000_0000;
const VERSION_4_RFC: u128 = 0x4000_8000_0000_0000_0000;

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::storage::TrustDirectory;
    use crate::tuf::Gun;

    fn list() -> (tempfile::TempDir, Changelist) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let gun = Gun::raw("reg.example.com:5000/web").expect("a name");
        let list = TrustDirectory::new(directory.path()).collection(&gun).changelist();
        (directory, list)
    }

    fn change(path: &str) -> Change {
        let (action, scope, kind) = ("delete".into(), "targets".into(), "target".into());
        Change { action, scope, kind, path: path.into(), data: None }
    }

    fn paths(list: &Changelist) -> Vec<String> {
        let staged = list.list().expect("readable");
        staged.into_iter().filter_map(|staged| Some(staged.change.ok()?.path)).collect()
    }

    fn at(text: &str) -> Instant {
        text.parse().expect("a time")
    }

    #[test]
    fn changes_keep_the_order_in_which_they_were_staged_whatever_the_clock_says() {
        let (_keep, list) = list();
        assert!(list.list().expect("no folder").is_empty());
        list.add(&[change("b"), change("a")], at("2026-01-01T00:00:00Z")).expect("staged");
        list.add(&[change("c")], at("2020-01-01T00:00:00Z")).expect("staged");
        assert_eq!(paths(&list), ["b", "a", "c"]);
        let name = list.list().expect("readable").first().map(Staged::file_name).expect("one");
        assert!(name.starts_with("01767225600000000000_"), "{name}");
        assert_eq!(name.len(), 20 + 1 + 36 + ".change".len(), "{name}");
        assert_eq!(name.as_bytes().get(35), Some(&b'4'), "a random UUID: {name}");
    }

    #[test]
    fn what_was_not_seen_is_not_removed() {
        let (_keep, list) = list();
        list.add(&[change("seen")], at("2026-01-01T00:00:00Z")).expect("staged");
        let seen = list.list().expect("readable");
        list.add(&[change("later")], at("2026-01-01T00:00:00Z")).expect("staged");
        list.remove(&seen).expect("removed");
        list.remove(&seen).expect("gone already");
        assert_eq!(paths(&list), ["later"]);
    }

    #[test]
    fn odd_files_keep_their_places_and_are_never_followed() {
        let (_keep, list) = list();
        list.add(&[change("good")], at("2026-01-01T00:00:00Z")).expect("staged");
        let folder = list.path();
        std::fs::write(folder.join("0junk"), "{").expect("written");
        std::fs::write(folder.join(OsStr::from_bytes(b"9\xff")), "{}").expect("written");
        std::os::unix::fs::symlink("/etc/passwd", folder.join("8link")).expect("linked");
        std::fs::create_dir(folder.join("7folder")).expect("made");
        let staged = list.list().expect("readable");
        let good: Vec<bool> = staged.iter().map(|staged| staged.change.is_ok()).collect();
        // 00000000000000000000.., "0junk", the link, and the name that is no text: `{}` is a
        // change, and one that nobody can apply.
        assert_eq!(good, [true, false, false, true]);
        list.remove(&staged).expect("removed");
        assert!(list.list().expect("readable").is_empty());
        assert!(folder.join("7folder").is_dir());
    }
}
