//! Repositories rescued from a server, and what they are worth without it.

mod before;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use before::Before;

use super::resolve::refuse_unusable;
use super::{Collection, Error, Inspection};
use crate::client::{self, Refreshed};
use crate::net::{ArchiveShelf, Kept, KeptFile, Recording, Remote, RemoteFile};
use crate::storage::archive::{
    ArchiveReader, ArchiveWriter, ArchivedCollection, ArchivedFile, FORMAT, Verdict,
};
use crate::storage::{self, MemoryCache};
use crate::tuf::{RoleName, Version};
use crate::verify::Policy;

/// What became of a repository.
#[derive(Debug)]
pub enum Rescued {
    /// It was fetched into the archive.
    Fetched(ArchivedCollection),
    /// The archive holds what the server shows, whole and trusted.
    Unchanged(ArchivedCollection),
}

/// Fetches a repository's trust data into an archive: the chain of roots, the current state, and of
/// each role at most `depth` older versions. What it is worth at the policy's time is noted beside
/// it.
///
/// Of one that the archive holds, all of it whole and trusted, only the timestamp is asked for, and
/// the rest if that is another one. What the archive has and the server has no more stays; and what
/// was trusted is replaced only by what a client believes that has seen it.
///
/// # Errors
///
/// [`Error`]; then the archive holds of it what it held before.
pub async fn rescue(
    policy: &Policy,
    remote: &impl Remote,
    depth: u64,
    archive: &Mutex<ArchiveWriter>,
) -> Result<Rescued, Error> {
    match Before::of(policy, archive)? {
        Some(before) if before.is_shown(policy, remote).await? => {
            Ok(Rescued::Unchanged(before.collection))
        }
        before => fetch(policy, remote, depth, archive, before).await.map(Rescued::Fetched),
    }
}

async fn fetch(
    policy: &Policy,
    remote: &impl Remote,
    depth: u64,
    archive: &Mutex<ArchiveWriter>,
    before: Option<Before>,
) -> Result<ArchivedCollection, Error> {
    let keep = |bytes: &[u8]| locked(archive).file(bytes).map(|_| ()).map_err(kept_error);
    let mut rescue = client::rescue(policy, remote, depth, keep).await?;
    if let Some(before) = &before {
        before.add_to(&mut rescue, archive);
    }
    let kept = Kept::new(remote.name(), policy.dialect, &rescue.files, archive);
    let judged = match before.filter(Before::was_trusted) {
        Some(before) => Ok(before.followed_by(policy, &kept, archive).await?),
        None => judge(policy, &kept).await,
    };
    let verdict = match judged {
        Ok(inspection) => trusted(&inspection),
        Err(error) => Verdict::Refused { reason: told(&error) },
    };
    let collection = document(policy, remote, &rescue.files, verdict);
    let collection = ArchivedCollection { problems: rescue.problems, ..collection };
    locked(archive).collection(&collection).map_err(kept_error)?;
    Ok(collection)
}

/// Fetches what a host that has seen nothing needs to verify a repository, and its chain of roots
/// for those that have, into an archive; nothing else, and nothing that does not verify now. With it
/// comes what such a host believes.
///
/// # Errors
///
/// [`Error`]; then the archive does not hold it.
pub async fn bundle(
    policy: &Policy,
    remote: &impl Remote,
    archive: &Mutex<ArchiveWriter>,
) -> Result<(ArchivedCollection, Refreshed), Error> {
    let recording = Recording::of(remote);
    let inspection = judge(policy, &recording).await?;
    let newest = inspection.collection.targets.root().content().version;
    for version in (1..newest.number()).filter_map(Version::new) {
        let root = RemoteFile::ByVersion(RoleName::Root, version);
        recording.fetch(&root, policy.limits.root_bytes).await.map_err(client::Error::Net)?;
    }
    let mut files = Vec::new();
    for (file, bytes) in recording.into_given() {
        let role = file.role().clone();
        let version = policy.unverified_version(&role, &bytes);
        let sha256 = locked(archive).file(&bytes).map_err(kept_error)?;
        let length = bytes.len() as u64;
        let file = KeptFile { role, version, sha256, length, current: true };
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let collection = document(policy, remote, &files, trusted(&inspection));
    locked(archive).collection(&collection).map_err(kept_error)?;
    Ok((collection, inspection.collection))
}

/// A repository in an archive, in the place of the server that served it, after each of its files
/// was compared with its hash.
///
/// # Errors
///
/// [`storage::Error::DamagedArchive`] if any of its files is not there or is another one.
pub fn kept(
    archive: &Arc<ArchiveReader>,
    collection: &ArchivedCollection,
) -> Result<Kept<ArchiveShelf>, storage::Error> {
    for file in &collection.files {
        read(archive, file)?;
    }
    Kept::in_archive(archive, collection)
}

/// All files of a repository in an archive, each with its role, byte for byte.
///
/// # Errors
///
/// As [`kept`].
pub fn files(
    archive: &ArchiveReader,
    collection: &ArchivedCollection,
) -> Result<Vec<(RoleName, Vec<u8>)>, storage::Error> {
    let files = collection.files.iter();
    files.map(|file| read(archive, file).map(|(it, bytes)| (it.role, bytes))).collect()
}

/// What a client without a cache says to a repository, at the policy's time.
///
/// # Errors
///
/// As [`Collection::inspect`], and for a repository from which nothing could be pulled, because a
/// role that decides cannot be used.
pub async fn judge(policy: &Policy, remote: &impl Remote) -> Result<Inspection, Error> {
    let cache = MemoryCache::new();
    let mut inspection = Collection::new(policy.clone(), &cache, remote).inspect(None).await?;
    refuse_unusable(&mut inspection.collection)?;
    Ok(inspection)
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

fn document(
    policy: &Policy,
    remote: &impl Remote,
    files: &[KeptFile],
    verdict: Verdict,
) -> ArchivedCollection {
    ArchivedCollection {
        format: FORMAT,
        gun: policy.gun.to_string(),
        server: remote.name(),
        dialect: policy.dialect.into(),
        fetched_at: policy.now,
        files: files.iter().map(archived).collect(),
        problems: Vec::new(),
        verdict,
    }
}

fn archived(file: &KeptFile) -> ArchivedFile {
    ArchivedFile {
        role: file.role.to_string(),
        version: file.version.map(Version::number),
        sha256: file.sha256.to_string(),
        length: file.length,
        current: file.current,
    }
}

fn locked(archive: &Mutex<ArchiveWriter>) -> MutexGuard<'_, ArchiveWriter> {
    archive.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that the archive says it holds, if it does.
fn read(
    archive: &ArchiveReader,
    file: &ArchivedFile,
) -> Result<(KeptFile, Vec<u8>), storage::Error> {
    let listed = KeptFile::listed(archive, file)?;
    let damaged =
        |reason: &str| archive.damaged(&format!("{} {}", file.role, file.sha256), &reason);
    match archive.file(&listed.sha256, file.length)? {
        Some(bytes) if bytes.len() as u64 == file.length => Ok((listed, bytes)),
        Some(_) => Err(damaged("of another length")),
        None => Err(damaged("it is not there")),
    }
}

fn kept_error(error: storage::Error) -> Error {
    Error::Client(client::Error::Storage(error))
}
