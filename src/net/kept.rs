//! What was kept of a collection, in the place of the server that showed it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Error, Pace, Remote, RemoteFile};
use crate::crypto::Sha256;
use crate::storage;
use crate::storage::archive::{ArchiveReader, ArchiveWriter, ArchivedCollection, ArchivedFile};
use crate::tuf::{Dialect, OnlineRoles, RoleName, Version};

/// A file that was kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptFile {
    /// The role it was served for.
    pub role: RoleName,
    /// The version that it gives itself; `None` if it cannot be read.
    pub version: Option<Version>,
    /// Of its bytes.
    pub sha256: Sha256,
    /// Bytes.
    pub length: u64,
    /// Whether it is of the state that the server shows now.
    pub current: bool,
}

/// Where kept bytes are.
pub trait Shelf: Send + Sync {
    /// The bytes with this hash, at most `limit` of them; `None` if they are not there.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or are others.
    fn bytes(&self, sha256: &Sha256, limit: u64) -> Result<Option<Vec<u8>>, Error>;
}

/// What an archive that is being written holds so far.
impl Shelf for &Mutex<ArchiveWriter> {
    fn bytes(&self, sha256: &Sha256, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut archive = self.lock().unwrap_or_else(PoisonError::into_inner);
        archive.bytes(sha256, limit).map_err(Error::Storage)
    }
}

/// What was kept of a collection, in the place of the server that showed it. Nothing can be
/// published there.
pub struct Kept<S> {
    name: String,
    pace: Pace,
    files: HashMap<RemoteFile, Sha256>,
    shelf: S,
}

impl<S> Kept<S> {
    /// These files, whose bytes are on that shelf. `name` is what errors call the place.
    pub fn new<'f>(
        name: String,
        dialect: Dialect,
        files: impl IntoIterator<Item = &'f KeptFile>,
        shelf: S,
    ) -> Self {
        let pace = match dialect.online_roles() {
            OnlineRoles::Server => Pace::Ahead,
            OnlineRoles::Publisher => Pace::InTurn,
        };
        let (mut named, mut newest) = (HashMap::new(), HashMap::new());
        for KeptFile { role, version, sha256, current, .. } in files {
            named.insert(RemoteFile::ByHash(role.clone(), *sha256), *sha256);
            if let Some(version) = version {
                named.entry(RemoteFile::ByVersion(role.clone(), *version)).or_insert(*sha256);
            }
            // Of the roots all are of the current state.
            if *current && newest.get(role).is_none_or(|known| known < version) {
                newest.insert(role.clone(), *version);
                named.insert(RemoteFile::Current(role.clone()), *sha256);
            }
        }
        Self { name, pace, files: named, shelf }
    }

    fn refusal(&self) -> Error {
        Error::ReadOnly { host: self.name.clone() }
    }
}

impl<S: Shelf> Remote for Kept<S> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn pace(&self) -> Pace {
        self.pace
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.files.get(file).map_or(Ok(None), |sha256| self.shelf.bytes(sha256, limit))
    }

    fn takes_changes(&self) -> Result<(), Error> {
        Err(self.refusal())
    }

    async fn public_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(self.refusal())
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(self.refusal())
    }

    async fn publish(&self, _: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        Err(self.refusal())
    }

    async fn delete(&self) -> Result<(), Error> {
        Err(self.refusal())
    }
}

/// The bytes in an archive.
#[derive(Clone)]
pub struct ArchiveShelf(Arc<ArchiveReader>);

impl Shelf for ArchiveShelf {
    fn bytes(&self, sha256: &Sha256, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.0.file(sha256, limit).map_err(Error::Storage)
    }
}

impl Kept<ArchiveShelf> {
    /// A collection in an archive, in the place of the server that showed it. Its bytes are looked
    /// at when they are asked for.
    ///
    /// # Errors
    ///
    /// [`storage::Error::DamagedArchive`] if its document cannot be understood.
    pub fn in_archive(
        archive: &Arc<ArchiveReader>,
        collection: &ArchivedCollection,
    ) -> Result<Self, storage::Error> {
        let files = collection.files.iter().map(|file| KeptFile::listed(archive, file));
        let files = files.collect::<Result<Vec<KeptFile>, storage::Error>>()?;
        let name = format!("{} (kept {:.0})", collection.server, collection.fetched_at);
        let shelf = ArchiveShelf(Arc::clone(archive));
        Ok(Self::new(name, collection.dialect.into(), &files, shelf))
    }
}

impl KeptFile {
    /// A file as the archive lists it.
    ///
    /// # Errors
    ///
    /// [`storage::Error::DamagedArchive`] if that makes no sense.
    pub fn listed(archive: &ArchiveReader, file: &ArchivedFile) -> Result<Self, storage::Error> {
        Self::try_from(file)
            .map_err(|reason| archive.damaged(&format!("{} {}", file.role, file.sha256), &reason))
    }
}

/// A file as a document lists it; the error says what makes no sense.
impl TryFrom<&ArchivedFile> for KeptFile {
    type Error = &'static str;

    fn try_from(file: &ArchivedFile) -> Result<Self, &'static str> {
        // In TUF 1.0 a delegated role may be called almost anything.
        let role = file.role.parse().or_else(|_| RoleName::free(&file.role));
        let role = role.map_err(|_| "no name of a role")?;
        let sha256 = file.sha256.parse().map_err(|_| "no hash")?;
        let version = file.version.and_then(Version::new);
        Ok(Self { role, version, sha256, length: file.length, current: file.current })
    }
}
