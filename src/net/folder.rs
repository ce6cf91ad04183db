//! A folder of files that is signed into: a TUF 1.0 repository without any server.
//!
//! Whoever publishes has the folder's turn, looks whether it still shows the timestamp that he
//! read, and puts his own there last ([`PublicDirectory`]). So of several publishers one is first,
//! and the others make their change anew.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::published::published_version;
use super::{Error, Pace, Remote, RemoteFile, StaticRepository};
use crate::crypto::Sha256;
use crate::storage::{self, PublicDirectory, Steady};
use crate::tuf::{RoleName, Version};

/// The metadata folder of one repository, of which we are a publisher.
#[derive(Clone)]
pub struct FolderRepository {
    directory: PublicDirectory,
    files: StaticRepository,
    /// The timestamp that was read; `None` within if there was none.
    read: Arc<Mutex<Option<Option<Sha256>>>>,
}

impl FolderRepository {
    /// The folder; it need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let directory = PublicDirectory::new(path);
        let files = StaticRepository::folder(directory.path());
        Self { directory, files, read: Arc::default() }
    }

    /// A file, where a folder that is not there holds none.
    async fn file(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        match self.directory.path().exists() {
            true => self.files.fetch(file, limit).await,
            false => Ok(None),
        }
    }

    /// The folder's turn. Who has it does not have it for long.
    async fn turn(&self) -> Result<Steady, Error> {
        let mut waited = Duration::ZERO;
        loop {
            match self.directory.turn() {
                Err(storage::Error::Locked { .. }) if waited < PATIENCE => {
                    tokio::time::sleep(WAIT).await;
                    waited += WAIT;
                }
                Err(storage::Error::Locked { path, .. }) => {
                    return Err(Error::Storage(storage::Error::Locked { path, waited }));
                }
                turn => return turn.map_err(Error::Storage),
            }
        }
    }

    fn refusal(&self, message: &str) -> Error {
        let (name, message) = ("serverless".to_owned(), message.to_owned());
        Error::Refused { host: self.name(), name, message }
    }

    fn note(&self, timestamp: Option<Sha256>) -> Option<Option<Sha256>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).replace(timestamp)
    }
}

impl Remote for FolderRepository {
    fn name(&self) -> String {
        self.files.name()
    }

    fn pace(&self) -> Pace {
        Pace::InTurn
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        if self.directory.is_half_published().map_err(Error::Storage)? {
            // What a publisher could not end is ended by whoever has the next turn. Who may only
            // read reads what is there.
            drop(self.turn().await);
        }
        let found = self.file(file, limit).await?;
        if *file == TIMESTAMP {
            self.note(found.as_deref().map(Sha256::of));
        }
        Ok(found)
    }

    async fn public_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(self.refusal("a folder keeps no keys"))
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(self.refusal("a folder keeps no keys"))
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        let next = files.iter().map(versioned).collect::<Option<Vec<_>>>();
        let next = next.ok_or_else(|| self.refusal("a file without a version"))?;
        let _turn = self.turn().await?;
        let now = self.file(&TIMESTAMP, MAX_TIMESTAMP).await?.as_deref().map(Sha256::of);
        let known = self.note(now).flatten();
        if now != known {
            return Err(Error::Conflict { host: self.name() });
        }
        self.directory.publish(&next).map_err(Error::Storage)
    }

    async fn delete(&self) -> Result<(), Error> {
        Err(self.refusal("its files are yours to remove"))
    }
}

fn versioned((role, bytes): &(RoleName, Vec<u8>)) -> Option<(RoleName, Version, Vec<u8>)> {
    Some((role.clone(), published_version(bytes)?, bytes.clone()))
}

const TIMESTAMP: RemoteFile = RemoteFile::Current(RoleName::Timestamp);
/// Bytes; larger ones are not read by anybody.
const MAX_TIMESTAMP: u64 = 1 << 20;
const WAIT: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(30);
