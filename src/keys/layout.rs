//! Which file below `private` is which key: flat today, by role and collection in old times.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::disk;
use super::{Error, KeyEntry};
use crate::tuf::KeyId;

/// A key file that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// What its place says; the headers of the file say more.
    pub(super) entry: KeyEntry,
}

/// All files named for a key below `private`, links left out, nothing opened.
///
/// If two files claim one id, the one in the flat layout comes first.
pub(super) fn find(private: &Path) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    walk(private, &mut Vec::new(), &mut found)?;
    found.sort_by(|a, b| {
        (a.entry.id, a.path.components().count(), &a.path).cmp(&(
            b.entry.id,
            b.path.components().count(),
            &b.path,
        ))
    });
    Ok(found)
}

/// The file of a key in today's layout.
pub(super) fn file_name(id: &KeyId) -> String {
    format!("{id}.{EXTENSION}")
}

/// What a place below `private` says: `<id>`, `root_keys/<id>[_root]` or
/// `tuf_keys/<gun>/<id>[_<role>]` (`trustmanager/keystore.go`, `storage/filestore.go`).
pub(super) fn interpret(folders: &[String], stem: &str) -> Option<KeyEntry> {
    let (id, role) = match stem.split_once('_') {
        Some((id, role)) => (id, Some(role)),
        None => (stem, None),
    };
    let id = id.parse::<KeyId>().ok()?;
    let (role, gun) = match folders {
        [first, ..] if first == ROOT_KEYS => (Some(role.unwrap_or("root")), None),
        [first, gun @ ..] if first == TUF_KEYS => (role, Some(gun.join("/"))),
        _ => (role, None),
    };
    let gun = gun.filter(|gun| !gun.is_empty());
    Some(KeyEntry { id, role: role.map(str::to_owned), gun, is_unreadable: false })
}

fn walk(folder: &Path, names: &mut Vec<String>, found: &mut Vec<Found>) -> Result<(), Error> {
    let listing = match fs::read_dir(folder) {
        // Somebody else removed it, or it was never there.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(disk("listing", folder))?,
    };
    for entry in listing {
        let entry = entry.map_err(disk("listing", folder))?;
        let kind = entry.file_type().map_err(disk("examining", &entry.path()))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if kind.is_dir() && names.len() < DEPTH_MAX {
            names.push(name);
            walk(&entry.path(), names, found)?;
            names.pop();
        } else if kind.is_file() {
            found.extend(key_file(entry.path(), names));
        }
    }
    Ok(())
}

fn key_file(path: PathBuf, folders: &[String]) -> Option<Found> {
    if path.extension() != Some(OsStr::new(EXTENSION)) {
        return None;
    }
    let entry = interpret(folders, path.file_stem()?.to_str()?)?;
    Some(Found { path, entry })
}

const EXTENSION: &str = "key";
pub(super) const ROOT_KEYS: &str = "root_keys";
pub(super) const TUF_KEYS: &str = "tuf_keys";
/// As many components as a collection's name has, and more.
const DEPTH_MAX: usize = 64;
