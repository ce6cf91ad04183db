//! Where one collection's trust data comes from.

use std::sync::Arc;

use super::{
    ArchiveShelf, Error, FolderRepository, Kept, NotaryServer, OciRepository, Pace, Remote,
    RemoteFile, StaticRepository,
};
use crate::tuf::RoleName;

/// A trust server, plain files, the images' own registry, or what was kept of one of
/// them.
#[derive(Clone)]
pub enum TrustSource {
    /// A server with Notary's API.
    Notary(NotaryServer),
    /// Files, in TUF 1.0.
    Files(StaticRepository),
    /// A folder of such files, to be signed into.
    Folder(FolderRepository),
    /// The registry, in TUF 1.0.
    Oci(OciRepository),
    /// An archive, in the form that its document names.
    Kept(Arc<Kept<ArchiveShelf>>),
}

impl Remote for TrustSource {
    fn name(&self) -> String {
        match self {
            Self::Notary(server) => server.name(),
            Self::Files(files) => files.name(),
            Self::Folder(folder) => folder.name(),
            Self::Oci(registry) => registry.name(),
            Self::Kept(kept) => kept.name(),
        }
    }

    fn pace(&self) -> Pace {
        match self {
            Self::Notary(server) => server.pace(),
            Self::Files(files) => files.pace(),
            Self::Folder(folder) => folder.pace(),
            Self::Oci(registry) => registry.pace(),
            Self::Kept(kept) => kept.pace(),
        }
    }

    fn takes_changes(&self) -> Result<(), Error> {
        match self {
            Self::Notary(server) => server.takes_changes(),
            Self::Files(files) => files.takes_changes(),
            Self::Folder(folder) => folder.takes_changes(),
            Self::Oci(registry) => registry.takes_changes(),
            Self::Kept(kept) => kept.takes_changes(),
        }
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Notary(server) => server.fetch(file, limit).await,
            Self::Files(files) => files.fetch(file, limit).await,
            Self::Folder(folder) => folder.fetch(file, limit).await,
            Self::Oci(registry) => registry.fetch(file, limit).await,
            Self::Kept(kept) => kept.fetch(file, limit).await,
        }
    }

    fn believed(&self) {
        match self {
            Self::Notary(server) => server.believed(),
            Self::Files(files) => files.believed(),
            Self::Folder(folder) => folder.believed(),
            Self::Oci(registry) => registry.believed(),
            Self::Kept(kept) => kept.believed(),
        }
    }

    async fn public_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        match self {
            Self::Notary(server) => server.public_key(role).await,
            Self::Files(files) => files.public_key(role).await,
            Self::Folder(folder) => folder.public_key(role).await,
            Self::Oci(registry) => registry.public_key(role).await,
            Self::Kept(kept) => kept.public_key(role).await,
        }
    }

    async fn rotate_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        match self {
            Self::Notary(server) => server.rotate_key(role).await,
            Self::Files(files) => files.rotate_key(role).await,
            Self::Folder(folder) => folder.rotate_key(role).await,
            Self::Oci(registry) => registry.rotate_key(role).await,
            Self::Kept(kept) => kept.rotate_key(role).await,
        }
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        match self {
            Self::Notary(server) => server.publish(files).await,
            Self::Files(repository) => repository.publish(files).await,
            Self::Folder(folder) => folder.publish(files).await,
            Self::Oci(registry) => registry.publish(files).await,
            Self::Kept(kept) => kept.publish(files).await,
        }
    }

    async fn delete(&self) -> Result<(), Error> {
        match self {
            Self::Notary(server) => server.delete().await,
            Self::Files(files) => files.delete().await,
            Self::Folder(folder) => folder.delete().await,
            Self::Oci(registry) => registry.delete().await,
            Self::Kept(kept) => kept.delete().await,
        }
    }
}
