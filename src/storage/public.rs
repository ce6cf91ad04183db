//! The metadata of one TUF 1.0 repository in a folder that a web server hands out.
//!
//! Files are named by their version (TUF 1.0.34 §5, with consistent snapshots) and never replaced by
//! another version; only `timestamp.json` is, when everything that it leads to is in place. So a
//! reader sees one state or the next, whenever he comes and wherever a writer is interrupted.
//!
//! A new root is the other file that readers find by themselves. It may give the timestamp another
//! key, so the two belong together: both are noted under hidden names first, and a writer who comes
//! after one that was interrupted puts in place what he finds noted.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::folder::{Audience, Folder};
use super::lock::Held;
use super::pending;
use super::{Error, Steady};
use crate::tuf::{RoleName, Version};

/// A folder of metadata, readable by everyone whom the umask lets read.
#[derive(Clone, Debug)]
pub struct PublicDirectory {
    path: PathBuf,
}

impl PublicDirectory {
    /// Names the folder; nothing is read or made yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The turn to read what is there and to write what follows; the folder is made if need be, and
    /// what another writer could not end is ended.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] while another process on this machine has it.
    pub fn turn(&self) -> Result<Steady, Error> {
        let folder = self.folder()?;
        let (file, path) = folder.lock_file(LOCK)?;
        match Held::now(file) {
            Ok(held) => {
                pending::finish(&folder)?;
                Ok(Steady { _lock: Some(held) })
            }
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path, waited: Duration::ZERO }),
            Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path, source }),
        }
    }

    /// Whether a writer was interrupted between a new root and its timestamp, or is at it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn is_half_published(&self) -> Result<bool, Error> {
        Folder::open(&self.path)?.map_or(Ok(false), |folder| pending::is_noted(&folder))
    }

    /// Puts files in place, each whole or not at all, and last those that readers find by themselves:
    /// root and timestamp. All are durable on return. Only for who has the [`turn`](Self::turn).
    ///
    /// # Errors
    ///
    /// [`Error`]; what readers see is then still the state before, or the next writer sees to it that
    /// they see the one after.
    pub fn publish(&self, files: &[(RoleName, Version, Vec<u8>)]) -> Result<(), Error> {
        let folder = self.folder()?;
        let (found, led_to): (Vec<_>, Vec<_>) = files
            .iter()
            .partition(|(role, _, _)| matches!(role, RoleName::Root | RoleName::Timestamp));
        for (role, version, bytes) in led_to {
            write(&folder, role, *version, bytes)?;
        }
        folder.settle()?;
        let named = |(role, version, bytes): &&'_ (RoleName, Version, Vec<u8>)| {
            (file_name(role, *version), bytes.clone())
        };
        match found.as_slice() {
            [(role, version, bytes)] => folder.replace(&file_name(role, *version), bytes)?,
            several => {
                let several: Vec<_> = several.iter().map(named).collect();
                pending::note(&folder, &several)?;
                pending::finish(&folder)?;
            }
        }
        folder.settle()
    }

    fn folder(&self) -> Result<Folder, Error> {
        Folder::create_for(Audience::Everyone, &self.path)
    }
}

/// A delegated role's file lies in two places: readers of folders look for the quoted name,
/// `3.targets%2Freleases.json`; web servers take the quotes off what they are asked for, and look
/// for `3.targets/releases.json`.
fn write(folder: &Folder, role: &RoleName, version: Version, bytes: &[u8]) -> Result<(), Error> {
    if let Some((parents, last)) = role.as_str().rsplit_once('/').filter(|_| role.is_plain()) {
        let way = format!("{version}.{parents}");
        let mut place = folder.make_child(way.split('/').next().unwrap_or_default())?;
        for part in way.split('/').skip(1) {
            place = place.make_child(part)?;
        }
        place.replace(&format!("{last}.json"), bytes)?;
        place.settle()?;
    }
    folder.replace(&file_name(role, version), bytes)
}

fn file_name(role: &RoleName, version: Version) -> String {
    match role {
        RoleName::Timestamp => "timestamp.json".to_owned(),
        role => format!("{version}.{}.json", role.quoted()),
    }
}

/// Hidden, so that web servers do not show it.
const LOCK: &str = ".countersign.lock";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn files(version: u64) -> Vec<(RoleName, Version, Vec<u8>)> {
        let version = Version::new(version).expect("positive");
        let file = |role: RoleName| (role, version, b"{}".to_vec());
        [RoleName::releases(), RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp]
            .map(file)
            .into()
    }

    #[test]
    fn files_are_where_folders_and_web_servers_look_for_them() {
        let home = tempfile::tempdir().expect("a folder");
        let public = PublicDirectory::new(home.path().join("metadata"));
        public.publish(&files(3)).expect("written");
        for name in [
            "3.targets%2Freleases.json",
            "3.targets/releases.json",
            "3.targets.json",
            "3.snapshot.json",
            "timestamp.json",
        ] {
            let metadata = std::fs::metadata(public.path().join(name)).expect(name);
            assert_eq!(metadata.permissions().mode() & 0o400, 0o400, "{name}");
        }
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        let made = home.path().join("made");
        std::fs::create_dir(&made).expect("a folder");
        assert_eq!(mode(public.path()), mode(&made), "as the umask has it");
        let left = std::fs::read_dir(public.path()).expect("a folder").filter(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            name.to_string_lossy().ends_with(".new")
        });
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn no_link_leads_out_of_it() {
        let home = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (home.path().join("metadata"), home.path().join("outside"));
        std::fs::create_dir(&inside).expect("a folder");
        std::fs::create_dir(&outside).expect("a folder");
        symlink(&outside, inside.join("3.targets")).expect("a link");
        let refused = PublicDirectory::new(&inside).publish(&files(3));
        assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
        assert_eq!(std::fs::read_dir(&outside).expect("a folder").count(), 0);
        assert!(!inside.join("timestamp.json").exists());

        let (file, target) = (inside.join("4.targets.json"), outside.join("file"));
        std::fs::write(&target, "old").expect("written");
        symlink(&target, &file).expect("a link");
        PublicDirectory::new(&inside).publish(&files(4)).expect("written");
        assert_eq!(std::fs::read(&target).expect("there"), b"old");
        assert!(file.symlink_metadata().expect("there").is_file());
    }

    #[test]
    fn one_writes_at_a_time() {
        let home = tempfile::tempdir().expect("a folder");
        let public = PublicDirectory::new(home.path());
        let turn = public.turn().expect("free");
        assert!(matches!(public.turn(), Err(Error::Locked { .. })));
        drop(turn);
        drop(public.turn().expect("free again"));
    }
}
