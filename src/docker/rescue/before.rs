//! What an archive holds of a repository already, and what may take its place.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::{judge, kept_error, locked};
use crate::client::{self, Rescue, Wish};
use crate::crypto::Sha256;
use crate::docker::{Collection, Error, Inspection};
use crate::net::{Kept, KeptFile, Remote, RemoteFile};
use crate::storage::MemoryCache;
use crate::storage::archive::{ArchiveWriter, ArchivedCollection, Verdict};
use crate::tuf::RoleName;
use crate::verify::Policy;

/// What an archive holds of a repository already.
pub(super) struct Before {
    pub(super) collection: ArchivedCollection,
    /// Its files, but those of which its document makes no sense.
    files: Vec<KeptFile>,
    /// Whether all of them are there, byte for byte.
    is_whole: bool,
}

impl Before {
    /// What an archive holds of the policy's repository, if anything.
    pub(super) fn of(
        policy: &Policy,
        archive: &Mutex<ArchiveWriter>,
    ) -> Result<Option<Self>, Error> {
        let mut archive = locked(archive);
        let held = archive.held(policy.gun.as_str()).map_err(kept_error)?;
        let Some(collection) = held else { return Ok(None) };
        let listed = collection.files.iter();
        let files: Vec<KeptFile> = listed.filter_map(|file| file.try_into().ok()).collect();
        let is_whole = archive.is_whole(&collection);
        Ok(Some(Self { collection, files, is_whole }))
    }

    pub(super) fn was_trusted(&self) -> bool {
        matches!(self.collection.verdict, Verdict::Trusted { .. })
    }

    /// Whether a server shows just this. Its timestamp stands for everything else.
    pub(super) async fn is_shown(
        &self,
        policy: &Policy,
        remote: &impl Remote,
    ) -> Result<bool, Error> {
        let role = RoleName::Timestamp;
        let known = self.files.iter().find(|file| file.current && file.role == role);
        let Some(known) = known.filter(|_| self.is_whole && self.was_trusted()) else {
            return Ok(false);
        };
        let limit = policy.limits.bytes(&role);
        let shown = remote.fetch(&RemoteFile::Current(role), limit).await;
        let shown = shown.map_err(client::Error::Net)?;
        Ok(shown.is_some_and(|bytes| Sha256::of(&bytes) == known.sha256))
    }

    /// Adds what the server has no more, as history.
    pub(super) fn add_to(&self, rescue: &mut Rescue, archive: &Mutex<ArchiveWriter>) {
        let came = rescue.files.iter().map(|file| (file.role.clone(), file.sha256));
        let came: BTreeSet<(RoleName, Sha256)> = came.collect();
        let is_new = |file: &&KeptFile| !came.contains(&(file.role.clone(), file.sha256));
        for file in self.files.iter().filter(is_new) {
            if locked(archive).keeps(&file.sha256, file.length) {
                rescue.files.push(KeptFile { current: false, ..file.clone() });
            } else {
                let KeptFile { role, sha256, .. } = file;
                let lost = format!("{role} {sha256} is damaged in the archive and not served");
                rescue.problems.push(lost);
            }
        }
    }

    /// What a repository is worth that comes in the place of this one: a client believes it,
    /// whether it has seen this one or not.
    ///
    /// # Errors
    ///
    /// What either of them has against it.
    pub(super) async fn followed_by(
        &self,
        policy: &Policy,
        next: &impl Remote,
        archive: &Mutex<ArchiveWriter>,
    ) -> Result<Inspection, Error> {
        let inspection = judge(policy, next).await?;
        let cache = self.seen(policy, archive).await;
        Collection::new(policy.clone(), &cache, next).refresh(Wish::EVERYTHING).await?;
        Ok(inspection)
    }

    /// The cache of a client that saw this one when it was fetched.
    async fn seen(&self, policy: &Policy, archive: &Mutex<ArchiveWriter>) -> MemoryCache {
        let ArchivedCollection { server, dialect, fetched_at, .. } = &self.collection;
        let then = Policy { now: *fetched_at, max_age: None, ..policy.clone() };
        let kept = Kept::new(server.clone(), (*dialect).into(), &self.files, archive);
        let cache = MemoryCache::new();
        // Of what is damaged by now, a client has seen as much as is left.
        let _ = Collection::new(then, &cache, &kept).refresh(Wish::EVERYTHING).await;
        cache
    }
}
