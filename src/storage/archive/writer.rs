//! Writing an archive, and going on with one.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp as Instant;
use serde::Serialize;

use super::document::FORMAT;
use super::entries::{self, END, Place};
use super::{
    ArchiveReader, ArchivedCollection, Failed, Listed, MANIFEST, MAX_DOCUMENT, Manifest, blob_name,
    document_name,
};
use crate::crypto::Sha256;
use crate::storage::{Error, lock::Held};

/// An archive that grows. One process writes it at a time.
#[derive(Debug)]
pub struct ArchiveWriter {
    path: PathBuf,
    file: Held,
    /// Where the last whole entry ends, and the next one begins.
    end: u64,
    written: HashMap<String, Place>,
    now: Instant,
    /// Collections that a power cut may take.
    unsynced: u32,
}

impl ArchiveWriter {
    /// Begins an archive, or goes on with one: what is whole in it stays. `now` is the time that its entries
    /// are given.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Refused`] if the file is something else; [`Error::Locked`] if another process
    /// writes it; [`Error::DamagedArchive`] if it was finished, and does not go on where an entry should.
    pub fn open(path: &Path, now: Instant) -> Result<Self, Error> {
        let failed = |source| Error::Io { action: "write", path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(failed)?;
        let mut file = Held::now(file).map_err(|error| match error {
            TryLockError::WouldBlock => {
                Error::Locked { path: path.to_owned(), waited: std::time::Duration::ZERO }
            }
            TryLockError::Error(source) => failed(source),
        })?;
        if !is_empty_or_ours(&mut file).map_err(failed)? {
            let reason = "is there already, and is no archive of trust data";
            return Err(Error::Refused { path: path.to_owned(), reason });
        }
        let found = entries::scan(&mut file).map_err(failed)?;
        // An archive that was finished is damaged there, and not broken off.
        if entries::follows(&mut file, found.end, MANIFEST).map_err(failed)? {
            let reason = "an entry cannot be read, and what follows it would be lost; rescue into another file".to_owned();
            return Err(Error::DamagedArchive { path: path.to_owned(), reason });
        }
        file.set_len(found.end).map_err(failed)?;
        let (end, written) = (found.end, found.places);
        let mut writer = Self { path: path.to_owned(), file, end, written, now, unsynced: 0 };
        if end == 0 {
            writer.append(FORMAT_ENTRY, FORMAT_TEXT)?;
        }
        Ok(writer)
    }

    /// What it says of a collection so far; `None` if nothing, or nothing that can be understood:
    /// that is written again like what is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn held(&mut self, gun: &str) -> Result<Option<ArchivedCollection>, Error> {
        let place = self.written.get(&document_name(gun)).copied();
        let Some(place) = place.filter(|it| it.length <= MAX_DOCUMENT) else { return Ok(None) };
        let bytes = entries::read(&mut self.file, place).map_err(|it| self.failed(it))?;
        let document: Option<ArchivedCollection> = serde_json::from_slice(&bytes).ok();
        Ok(document.filter(|it| it.format == FORMAT && it.gun == gun))
    }

    /// Whether every file of a collection is there as it was kept.
    pub fn is_whole(&mut self, collection: &ArchivedCollection) -> bool {
        let mut files = collection.files.iter();
        files.all(|file| file.sha256.parse().is_ok_and(|it| self.keeps(&it, file.length)))
    }

    /// Whether a file with this hash and so many bytes is there as it was kept.
    pub fn keeps(&mut self, sha256: &Sha256, length: u64) -> bool {
        let bytes = self.bytes(sha256, length);
        matches!(bytes, Ok(Some(bytes)) if bytes.len() as u64 == length)
    }

    /// Keeps a file. One that is there already is not written again, unless its bytes are others by
    /// now: then what stands later counts.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn file(&mut self, bytes: &[u8]) -> Result<Sha256, Error> {
        let sha256 = Sha256::of(bytes);
        if !self.keeps(&sha256, bytes.len() as u64) {
            self.append(&blob_name(&sha256), bytes)?;
        }
        Ok(sha256)
    }

    /// A file that was kept, with this hash and at most `limit` bytes; `None` if none was.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::DamagedArchive`] if its bytes are others by now, or more.
    pub fn bytes(&mut self, sha256: &Sha256, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let name = blob_name(sha256);
        let Some(place) = self.written.get(&name).copied() else { return Ok(None) };
        let damaged = |why: &str| Error::DamagedArchive {
            path: self.path.clone(),
            reason: format!("{name}: {why}"),
        };
        if place.length > limit {
            return Err(damaged("longer than it may be"));
        }
        let bytes = entries::read(&mut self.file, place).map_err(|it| self.failed(it))?;
        match Sha256::of(&bytes) == *sha256 {
            true => Ok(Some(bytes)),
            false => Err(damaged("its bytes have another hash")),
        }
    }

    /// Keeps the document of a collection, all of whose files were kept: from now on it counts. A power cut
    /// takes the last few, which are then fetched again: waiting for the disk each time would make
    /// hours of minutes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn collection(&mut self, collection: &ArchivedCollection) -> Result<(), Error> {
        self.append(&document_name(&collection.gun), &json(collection))?;
        self.unsynced += 1;
        if self.unsynced >= SYNC_EVERY {
            self.unsynced = 0;
            self.file.sync_data().map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    /// Ends the archive with its table of contents.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn finish(mut self, program: &str, failed: Vec<Failed>) -> Result<Manifest, Error> {
        let mut collections = Vec::new();
        if self.written.keys().any(|name| name.starts_with(super::COLLECTIONS)) {
            let reader = ArchiveReader::open(&self.path)?;
            for collection in reader.collections()? {
                let document = reader.document_bytes(&collection.gun)?.unwrap_or_default();
                let document = Sha256::of(&document).to_string();
                collections.push(Listed { gun: collection.gun, document });
            }
        }
        let (program, finished_at) = (program.to_owned(), self.now);
        let manifest = Manifest { format: FORMAT, program, finished_at, collections, failed };
        self.append(MANIFEST, &json(&manifest))?;
        self.file
            .write_all(&END)
            .and_then(|()| self.file.sync_all())
            .map_err(|it| self.failed(it))?;
        Ok(manifest)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let seconds = u64::try_from(self.now.as_second()).unwrap_or_default();
        // Not where the file stands: after a write that failed that may be in the middle of an entry.
        let begun = self.file.seek(SeekFrom::Start(self.end));
        let appended = begun.and_then(|_| entries::write(&mut self.file, name, bytes, seconds));
        let end = match appended.and_then(|()| self.file.stream_position()) {
            Ok(end) => end,
            Err(source) => {
                // What cannot be cut off now is written over, or cut off when the work goes on.
                let _ = self.file.set_len(self.end);
                return Err(self.failed(source));
            }
        };
        let place = Place { offset: self.end + entries::BLOCK, length: bytes.len() as u64 };
        self.written.insert(name.to_owned(), place);
        self.end = end;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Io { action: "write", path: self.path.clone(), source }
    }
}

fn is_empty_or_ours(file: &mut File) -> io::Result<bool> {
    let mut first = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(FORMAT_ENTRY.len() as u64).read_to_end(&mut first)?;
    Ok(first.is_empty() || first == FORMAT_ENTRY.as_bytes())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("text and numbers have a JSON form");
    text.push(b'\n');
    text
}

/// How many collections wait for the disk together.
const SYNC_EVERY: u32 = 64;
/// The first entry, by which the file is known.
const FORMAT_ENTRY: &str = "countersign-archive";
const FORMAT_TEXT: &[u8] =
    b"Trust data (TUF metadata, of Notary v1 or TUF 1.0) as it was served. Format 1.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_an_entry_that_could_not_be_written_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trust.tar");
        let mut writer = ArchiveWriter::open(&path, Instant::UNIX_EPOCH).expect("an archive");
        let before = writer.file(b"before").expect("written");
        // A disk takes the beginning of what does not fit.
        writer.file.write_all(&[7; 700]).expect("written");
        writer.file.set_len(writer.end).expect("cut off");
        let after = writer.file(b"after").expect("written");
        assert_eq!(writer.bytes(&before, 9).expect("read"), Some(b"before".to_vec()));
        let last = writer.file(b"last").expect("written");
        let found = entries::scan(&mut writer.file).expect("read").places;
        for sha256 in [before, after, last] {
            assert!(found.contains_key(&blob_name(&sha256)), "{sha256}");
        }
    }
}
