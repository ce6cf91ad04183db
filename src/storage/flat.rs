//! One collection in a folder of its own, as most TUF 1.0 clients keep theirs.
//!
//! `root.json`, `timestamp.json` … lie side by side, a role's name quoted as in URLs, and our record
//! of versions beside them.

use std::path::{Path, PathBuf};

use super::folder::{Folder, Found};
use super::{Accepted, Cache, Error, Memory, Unread, record};
use crate::crypto::Sha256;
use crate::tuf::RoleName;

/// A folder with the files of one collection, for one process at a time.
#[derive(Clone, Debug)]
pub struct FlatDirectory {
    path: PathBuf,
}

impl FlatDirectory {
    /// Names the folder; nothing is read or made yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn remembered(&self, folder: &Folder) -> Result<Memory, Error> {
        let damaged = |reason| Error::Damaged { path: self.path.join(RECORD), reason };
        match folder.read(RECORD, record::MAX_BYTES)? {
            Found::Nothing => Ok(Memory::default()),
            Found::Unfit => Err(damaged(format!("no file of at most {} bytes", record::MAX_BYTES))),
            Found::File(text) => record::read(OF_FOLDER, &text).map_err(damaged),
        }
    }
}

impl Cache for FlatDirectory {
    fn look(&self, role: &RoleName, limit: u64) -> Result<Option<Unread>, Error> {
        let Some(folder) = Folder::open(&self.path)? else { return Ok(None) };
        match folder.look(quoted_file(role).as_ref(), limit)? {
            Found::File(unread) => Ok(Some(unread)),
            Found::Nothing | Found::Unfit => Ok(None),
        }
    }

    fn memory(&self) -> Result<Memory, Error> {
        match Folder::open(&self.path)? {
            None => Ok(Memory::default()),
            Some(folder) => self.remembered(&folder),
        }
    }

    fn keep(&self, accepted: &Accepted) -> Result<(), Error> {
        let folder = Folder::create(&self.path)?;
        let memory = self.remembered(&folder)?;
        memory.admit(accepted)?;
        let record = record::write(OF_FOLDER, &memory.with(accepted));
        let path = self.path.join(RECORD);
        let record = record.ok_or(Error::RecordTooLarge { path })?;
        if let Some(bytes) = memory.root_to_write(accepted) {
            folder.replace(&quoted_file(&RoleName::Root), bytes)?;
        }
        for (role, bytes) in memory.files_to_write(accepted) {
            folder.replace(&quoted_file(role), bytes)?;
        }
        folder.replace(RECORD, &record)?;
        folder.settle()
    }

    fn offer(&self, role: &RoleName, bytes: &[u8]) -> Result<(), Error> {
        Folder::create(&self.path)?.replace_casually(&quoted_file(role), bytes)
    }
}

/// The file of a role whose name may be anything: no folder, no hidden file, and not too long for a
/// file system. `%-` begins no quoted name.
pub(super) fn quoted_file(role: &RoleName) -> String {
    match role.quoted() {
        quoted if quoted.len() > MAX_FILE_NAME => {
            format!("%-{}.json", Sha256::of(role.as_str().as_bytes()))
        }
        quoted if quoted.starts_with('.') => format!("%2E{}.json", &quoted[1..]),
        quoted => format!("{quoted}.json"),
    }
}

const RECORD: &str = "countersign.record";
/// Whose record it is: of whatever collection the folder is for.
const OF_FOLDER: &str = "";
/// Bytes; most file systems allow 255.
const MAX_FILE_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder() {
        let file = |name: &str| quoted_file(&RoleName::free(name).expect(name));
        assert_eq!(file("../delegatedrole"), "%2E.%2Fdelegatedrole.json");
        assert_eq!(file("/etc/passwd"), "%2Fetc%2Fpasswd.json");
        assert_eq!(file("?"), "%3F.json");
        assert_eq!(file("root"), "root.json");
        assert_eq!(file(&"a".repeat(255)).len(), 2 + 64 + 5);
        assert!(RoleName::free("..").is_err() && RoleName::free(".").is_err());
    }
}
