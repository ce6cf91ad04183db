//! Reading an archive.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::document::FORMAT;
use super::entries::{self, Entries, Place};
use super::{
    ArchivedCollection, COLLECTIONS, MANIFEST, MAX_DOCUMENT, Manifest, blob_name, document_name,
};
use crate::crypto::Sha256;
use crate::storage::Error;

/// An archive that is there. Of its files only the places are kept in memory.
#[derive(Debug)]
pub struct ArchiveReader {
    path: PathBuf,
    file: Mutex<File>,
    entries: Entries,
}

impl ArchiveReader {
    /// Opens an archive, finished or not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Refused`] if there is nothing of an archive in it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let entries = entries::scan(&mut file).map_err(failed)?;
        if !entries.places.keys().any(|name| name.starts_with(COLLECTIONS)) {
            let reason = "no archive of trust data, or one without a whole collection";
            return Err(Error::Refused { path: path.to_owned(), reason });
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), entries })
    }

    /// The collections in it, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if a document cannot be understood.
    pub fn collections(&self) -> Result<Vec<ArchivedCollection>, Error> {
        let names = self.entries.places.keys().filter(|name| name.starts_with(COLLECTIONS));
        let mut collections = names
            .map(|name| self.document(name))
            .collect::<Result<Vec<ArchivedCollection>, _>>()?;
        collections.sort_by(|left, right| left.gun.cmp(&right.gun));
        Ok(collections)
    }

    /// One collection; `None` if it is not in the archive.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if its document cannot be understood.
    pub fn collection(&self, gun: &str) -> Result<Option<ArchivedCollection>, Error> {
        let name = document_name(gun);
        if !self.entries.places.contains_key(&name) {
            return Ok(None);
        }
        self.document(&name).map(Some)
    }

    /// The table of contents; `None` if the archive was not finished.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if it cannot be understood.
    pub fn manifest(&self) -> Result<Option<Manifest>, Error> {
        let Some(bytes) = self.entry(MANIFEST, MAX_DOCUMENT)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.damaged(MANIFEST, &error))
    }

    /// The document of a collection, byte for byte.
    pub(super) fn document_bytes(&self, gun: &str) -> Result<Option<Vec<u8>>, Error> {
        self.entry(&document_name(gun), MAX_DOCUMENT)
    }

    /// The file with this hash and at most `limit` bytes; `None` if it is not in the archive.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if its bytes are others, or more.
    pub fn file(&self, sha256: &Sha256, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let name = blob_name(sha256);
        let Some(bytes) = self.entry(&name, limit)? else { return Ok(None) };
        match Sha256::of(&bytes) == *sha256 {
            true => Ok(Some(bytes)),
            false => Err(self.damaged(&name, &"its bytes have another hash")),
        }
    }

    fn document(&self, name: &str) -> Result<ArchivedCollection, Error> {
        let bytes = self.entry(name, MAX_DOCUMENT)?.unwrap_or_default();
        let document: ArchivedCollection =
            serde_json::from_slice(&bytes).map_err(|error| self.damaged(name, &error))?;
        if document.format != FORMAT || document_name(&document.gun) != name {
            return Err(self.damaged(name, &"it is of a newer form, or stands in another's place"));
        }
        Ok(document)
    }

    fn entry(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(place) = self.entries.places.get(name).copied() else { return Ok(None) };
        if place.length > limit {
            return Err(self.damaged(name, &format_args!("longer than {limit} bytes")));
        }
        self.bytes(place).map(Some)
    }

    fn bytes(&self, place: Place) -> Result<Vec<u8>, Error> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let failed =
            |source: io::Error| Error::Io { action: "read", path: self.path.clone(), source };
        entries::read(&mut file, place).map_err(failed)
    }

    /// What is wrong with an entry.
    pub fn damaged(&self, name: &str, why: &dyn std::fmt::Display) -> Error {
        Error::DamagedArchive { path: self.path.clone(), reason: format!("{name}: {why}") }
    }
}
