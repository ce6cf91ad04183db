//! Judging what a publisher sends, for a server that keeps a collection.
//!
//! An upload is judged by the steps of a client's update, over the very bytes that would be served:
//! root, timestamp, snapshot, targets, delegations. Before that come the rules that only a keeper
//! of history can apply: versions rise, by little; root follows root; a snapshot lists the files
//! that are here.
//!
//! | step | function |
//! |---|---|
//! | which stored files matter | [`Submission::needs`] |
//! | the upload's place in history, and what the server has to sign | [`Submission::onto`], [`Renewal::of`] |
//! | a client's walk over the result | [`Proposal::complete`], [`Renewal::complete`] |
//! | the same over what another server kept | [`Import::judge`] |
//!
//! Only a [`Publication`] can be stored, and only the walk makes one. The reference for what is
//! refused with which error is Notary `server/handlers/validation.go`; where it is lax, a client's
//! verdict decides.

mod history;
mod import;
mod refusal;
mod renewal;
mod upload;

pub use history::Holdings;
pub use import::{Import, Imported};
pub use refusal::Refusal;
pub use renewal::Renewal;
pub use upload::{Proposal, Submission};

use crate::crypto::Sha256;
use crate::tuf::{Gun, KeyId, RoleName, Snapshot, Version};

/// The snapshot that the next timestamp will name.
#[derive(Clone, Copy, Debug)]
pub enum NextSnapshot<'a> {
    /// The server has to sign this one; its expiry is the signer's to set.
    Due(&'a Snapshot),
    /// The bytes of the one that stands, or that the publisher signed.
    Stands(&'a [u8]),
}

/// Files that were accepted in full and may be stored together, or not at all.
#[derive(Clone, Debug)]
pub struct Publication {
    gun: Gun,
    on: Option<Version>,
    files: Vec<PublishedFile>,
}

/// One file of a publication.
#[derive(Clone, Debug)]
pub struct PublishedFile {
    /// Its role.
    pub role: RoleName,
    /// Its version, which is above every stored one.
    pub version: Version,
    /// Of the bytes.
    pub sha256: Sha256,
    /// The very bytes to store and serve.
    pub bytes: Vec<u8>,
    /// The publisher's keys that signed it; none for snapshot and timestamp.
    pub signers: Vec<KeyId>,
}

impl Publication {
    /// The collection.
    pub fn gun(&self) -> &Gun {
        &self.gun
    }

    /// The version of the stored timestamp that all this was judged against. If another one is
    /// stored by now, the verdict no longer holds. `None`: nothing was stored.
    pub fn on(&self) -> Option<Version> {
        self.on
    }

    /// The new timestamp, the newest if history comes along: its version, and of its bytes.
    pub fn timestamp(&self) -> Option<(Version, Sha256)> {
        let timestamp = self.files.iter().rfind(|file| file.role == RoleName::Timestamp)?;
        Some((timestamp.version, timestamp.sha256))
    }

    /// The files, root first and timestamp last; of one role the older ones first.
    pub fn files(&self) -> &[PublishedFile] {
        &self.files
    }
}

#[cfg(all(test, feature = "server"))]
impl Publication {
    /// Files that nobody judged, for tests of what stores them.
    pub(crate) fn unjudged(
        gun: &Gun,
        on: Option<Version>,
        files: impl IntoIterator<Item = (RoleName, Version, Vec<u8>)>,
    ) -> Self {
        let file = |(role, version, bytes)| PublishedFile::new(role, version, bytes);
        Self { gun: gun.clone(), on, files: files.into_iter().map(file).collect() }
    }
}

impl PublishedFile {
    fn new(role: RoleName, version: Version, bytes: Vec<u8>) -> Self {
        Self { role, version, sha256: Sha256::of(&bytes), bytes, signers: Vec::new() }
    }
}
