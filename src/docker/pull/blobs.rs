//! Blobs on their way to a destination: a folder beside it, which vanishes unless it becomes the
//! destination.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use futures_util::stream::{self, TryStreamExt};
use tempfile::TempDir;

use super::Error;
use crate::image::{Descriptor, ImageDigest};
use crate::net::Registry;

/// Blobs by their digests, in the layout of OCI images.
pub(super) struct Blobs<'r> {
    registry: &'r Registry,
    folder: PathBuf,
}

impl<'r> Blobs<'r> {
    pub(super) fn new(registry: &'r Registry, folder: &Path) -> Self {
        Self { registry, folder: folder.to_owned() }
    }

    /// Keeps bytes whose digest is known.
    pub(super) fn put(&self, digest: &ImageDigest, bytes: &[u8]) -> Result<(), Error> {
        let path = path_of(&self.folder, digest);
        write(&path, bytes).map_err(|source| Error::Disk { path, source })
    }

    /// Whether this was kept already.
    pub(super) fn has(&self, digest: &ImageDigest) -> bool {
        path_of(&self.folder, digest).exists()
    }

    /// Keeps what the registry has, each once, some at a time.
    pub(super) async fn fetch(
        &self,
        listed: impl Iterator<Item = Descriptor>,
    ) -> Result<(), Error> {
        let missing: BTreeMap<ImageDigest, Descriptor> = listed
            .filter(|descriptor| !self.has(&descriptor.digest))
            .map(|descriptor| (descriptor.digest, descriptor))
            .collect();
        stream::iter(missing.into_values().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |descriptor| self.fetch_one(descriptor))
            .await
    }

    async fn fetch_one(&self, descriptor: Descriptor) -> Result<(), Error> {
        let path = path_of(&self.folder, &descriptor.digest);
        let unwritten = |source| Error::Disk { path: path.clone(), source };
        // On another thread it might be made just when the folder goes, because another blob failed.
        let file = File::create(&path).map_err(unwritten)?;
        let mut file = tokio::fs::File::from_std(file);
        self.registry.blob(&descriptor.digest, descriptor.size, &mut file).await?;
        file.sync_all().await.map_err(unwritten)
    }
}

/// Writes a file that is there also after a power loss, once its folder is synced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// An empty folder beside the destination, which must be free.
pub(super) fn folder_for(destination: &Path) -> Result<TempDir, Error> {
    let is_empty_folder =
        fs::read_dir(destination).is_ok_and(|mut entries| entries.next().is_none());
    if fs::symlink_metadata(destination).is_ok() && !is_empty_folder {
        return Err(Error::Exists { path: destination.to_owned() });
    }
    let parent = match destination.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let unwritten = |source| Error::Disk { path: parent.to_owned(), source };
    let folder = tempfile::Builder::new().prefix(".countersign-").tempdir_in(parent);
    let folder = folder.map_err(unwritten)?;
    fs::create_dir_all(folder.path().join(BLOBS)).map_err(unwritten)?;
    Ok(folder)
}

/// Where a blob lies in the folder.
pub(super) fn path_of(folder: &Path, digest: &ImageDigest) -> PathBuf {
    folder.join(BLOBS).join(digest.sha256().to_string())
}

pub(super) const BLOBS: &str = "blobs/sha256";
/// Blobs; registries begin to refuse more.
const AT_ONCE: usize = 3;
