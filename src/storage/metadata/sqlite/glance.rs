//! A look at a database from outside, that touches nothing.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::{MIGRATIONS, unusable};
use crate::storage::metadata::Error;

/// What there is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Glance {
    /// Nothing, or an empty file.
    Nothing,
    /// A database that [`super::SqliteStore::open`] would open.
    Idle,
    /// One that a process has open.
    InUse,
}

/// Looks at the file, as far as that tells whether it could be opened.
///
/// # Errors
///
/// [`Error::Unusable`] if it cannot be read, is no database, or was made by a later release.
pub fn glance(path: &Path) -> Result<Glance, Error> {
    let Some(head) = head(path)? else { return Ok(Glance::Nothing) };
    if !head.starts_with(MAGIC) {
        return Err(unusable(path, "is no SQLite database"));
    }
    let version: [u8; 4] = head[USER_VERSION..USER_VERSION + 4].try_into().expect("four bytes");
    later(path, i64::from(u32::from_be_bytes(version)))?;
    match is_locked(path) {
        true => Ok(Glance::InUse),
        false => Ok(Glance::Idle),
    }
}

/// Refuses tables of a later release.
pub(super) fn later(path: &Path, version: i64) -> Result<usize, Error> {
    match usize::try_from(version) {
        Ok(done) if done <= MIGRATIONS.len() => Ok(done),
        _ => {
            let problem = format!("made by a later release (its tables have version {version})");
            Err(unusable(path, problem))
        }
    }
}

fn head(path: &Path) -> Result<Option<[u8; HEAD]>, Error> {
    let refuse = |error: std::io::Error| unusable(path, error.to_string());
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(error)),
    };
    if file.metadata().map_err(refuse)?.len() == 0 {
        return Ok(None);
    }
    let mut head = [0; HEAD];
    match file.read_exact(&mut head) {
        Ok(()) => Ok(Some(head)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(unusable(path, "is no SQLite database"))
        }
        Err(error) => Err(refuse(error)),
    }
}

fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(lock_of(path)) else { return false };
    matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
}

/// The file that whoever has the database open holds.
pub(super) fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// <https://www.sqlite.org/fileformat2.html#the_database_header>
const MAGIC: &[u8] = b"SQLite format 3\0";
const HEAD: usize = 100;
const USER_VERSION: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::metadata::SqliteStore;

    #[tokio::test]
    async fn a_glance_tells_what_opening_would() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("trust.db");
        assert_eq!(glance(&path).expect("a look"), Glance::Nothing);
        assert!(home.path().read_dir().expect("a directory").next().is_none(), "nothing is made");
        let store = SqliteStore::open(&path).await.expect("a store");
        assert_eq!(glance(&path).expect("a look"), Glance::InUse);
        drop(store);
        assert_eq!(glance(&path).expect("a look"), Glance::Idle);
        // A copy: who had the database open may be writing to it for a moment still.
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[USER_VERSION + 3] = 9;
        let path = home.path().join("later.db");
        std::fs::write(&path, &bytes).expect("written");
        let told = glance(&path).expect_err("a later one").to_string();
        assert!(told.contains("later release"), "{told}");
        let opened = SqliteStore::open(&path).await.expect_err("a later one").to_string();
        assert_eq!(told, opened);
        std::fs::write(&path, "text").expect("written");
        assert!(glance(&path).expect_err("no database").to_string().contains("no SQLite"));
    }
}
