//! Repositories rescued from a server, and what they are worth without it.

use std::sync::Mutex;
use std::sync::PoisonError;

use super::{Collection, Error, Inspection};
use crate::client::{self, Kept, RescuedFile, Shelf};
use crate::crypto::Sha256;
use crate::net::{self, Remote};
use crate::storage::archive::{
    ArchiveReader, ArchiveWriter, ArchivedCollection, ArchivedFile, FORMAT, Verdict,
};
use crate::storage::{self, MemoryCache};
use crate::tuf::{RoleName, Version};
use crate::verify::Policy;

/// Fetches a repository's trust data into an archive: the chain of roots, the current state, and of each
/// role at most `depth` older versions. What it is worth at the policy's time is noted beside it.
///
/// # Errors
///
/// [`Error`]; then the archive does not hold it.
pub async fn rescue(
    policy: &Policy,
    remote: &impl Remote,
    depth: u64,
    archive: &Mutex<ArchiveWriter>,
) -> Result<ArchivedCollection, Error> {
    let locked = || archive.lock().unwrap_or_else(PoisonError::into_inner);
    let keep = |bytes: &[u8]| locked().file(bytes).map(|_| ()).map_err(kept_error);
    let rescue = client::rescue(policy, remote, depth, keep).await?;
    let kept = Kept::new(remote.name(), &rescue.files, &rescue.current);
    let verdict = match judge(policy, &kept).await {
        Ok(inspection) => trusted(&inspection),
        Err(error) => Verdict::Refused { reason: told(&error) },
    };
    let collection = ArchivedCollection {
        format: FORMAT,
        gun: policy.gun.to_string(),
        server: remote.name(),
        fetched_at: policy.now,
        files: rescue.files.iter().map(archived).collect(),
        problems: rescue.problems,
        verdict,
    };
    locked().collection(&collection).map_err(kept_error)?;
    Ok(collection)
}

/// A repository in an archive, in the place of the server that served it.
///
/// # Errors
///
/// [`storage::Error::DamagedArchive`] if any of its files is not there or is another one.
pub fn kept<'a>(
    archive: &'a ArchiveReader,
    collection: &ArchivedCollection,
) -> Result<Kept<Archived<'a>>, storage::Error> {
    let files = collection.files.iter().map(|file| rescued(archive, file));
    let files = files.collect::<Result<Vec<RescuedFile>, storage::Error>>()?;
    let name = format!("{} (kept {})", collection.server, collection.fetched_at);
    let shelf = Archived { archive, name: name.clone() };
    Ok(Kept::new(name, &files, shelf))
}

/// The bytes in an archive.
pub struct Archived<'a> {
    archive: &'a ArchiveReader,
    name: String,
}

impl Shelf for Archived<'_> {
    fn bytes(&self, sha256: &Sha256, limit: u64) -> Result<Option<Vec<u8>>, net::Error> {
        self.archive.file(sha256, limit).map_err(|error| net::Error::Unreachable {
            host: self.name.clone(),
            source: Box::new(error),
        })
    }
}

/// What a client without a cache says to a repository, at the policy's time.
///
/// # Errors
///
/// As [`Collection::inspect`].
pub async fn judge(policy: &Policy, remote: &impl Remote) -> Result<Inspection, Error> {
    Collection::new(policy.clone(), &MemoryCache::new(), remote).inspect(None).await
}

fn trusted(inspection: &Inspection) -> Verdict {
    let root = inspection.collection.targets.root().content();
    Verdict::Trusted {
        root: root.version.number(),
        root_keys: root.root.keyids().iter().map(ToString::to_string).collect(),
        tags: inspection.pulled().len(),
    }
}

/// The error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.ends_with(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}

fn archived(file: &RescuedFile) -> ArchivedFile {
    ArchivedFile {
        role: file.role.to_string(),
        version: file.version.map(Version::number),
        sha256: file.sha256.to_string(),
        length: file.length,
        current: file.current,
    }
}

/// A file that the archive says it holds, if it does.
fn rescued(archive: &ArchiveReader, file: &ArchivedFile) -> Result<RescuedFile, storage::Error> {
    let damaged =
        |reason: &str| archive.damaged(&format!("{} {}", file.role, file.sha256), &reason);
    let role: RoleName = file.role.parse().map_err(|_| damaged("no name of a role"))?;
    let sha256: Sha256 = file.sha256.parse().map_err(|_| damaged("no hash"))?;
    match archive.file(&sha256, file.length)? {
        Some(bytes) if bytes.len() as u64 == file.length => {}
        Some(_) => return Err(damaged("of another length")),
        None => return Err(damaged("it is not there")),
    }
    let version = file.version.and_then(Version::new);
    Ok(RescuedFile { role, version, sha256, length: file.length, current: file.current })
}

fn kept_error(error: storage::Error) -> Error {
    Error::Client(client::Error::Storage(error))
}
