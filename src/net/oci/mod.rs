//! A collection in the repository of its images: TUF 1.0 files as blobs of one OCI manifest.
//!
//! The files are the layers of the manifest under one tag ([`TAG`]), each with its name in an
//! annotation, as docker's go-tuf-mirror lays them out. Whoever reads takes that manifest once, and
//! so sees one state, whatever is published meanwhile. Publishing pushes the new files, which
//! nobody sees, and then one manifest, which makes them visible at once.
//!
//! Registries do not compare before they set a tag. Each manifest therefore names those that it
//! follows, and a publisher reads the tag again, at once and after a while: a manifest that does
//! not follow ours has pushed ours aside, and the change is made anew on it. Where a registry
//! honours `If-Match`, that never happens.

mod index;
mod push;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::index::{Index, Layer};
use super::registry::{MAX_MANIFEST, Tagged};
use super::{Error, Pace, Registry, Remote, RemoteFile};
use crate::image::{ImageDigest, Name, Tag};
use crate::storage::KeptManifest;
use crate::tuf::RoleName;

/// The trust data in a registry of one image's repository.
#[derive(Clone)]
pub struct OciRepository {
    name: Name,
    registry: Arc<Registry>,
    /// The manifest that was read: everything is answered from this one state until something is
    /// published.
    read: Arc<Mutex<Option<Published>>>,
    /// The manifest that an earlier call read, if it is kept.
    kept: Option<KeptManifest>,
    /// The one to be kept once it is believed.
    unkept: Arc<std::sync::Mutex<Option<Vec<u8>>>>,
}

/// A manifest under the tag.
#[derive(Clone)]
struct Published {
    digest: ImageDigest,
    index: Arc<Index>,
}

impl OciRepository {
    /// The trust data beside the images of `name`, in this registry.
    pub fn new(name: Name, registry: Registry) -> Self {
        let (read, unkept) = (Arc::default(), Arc::default());
        Self { name, registry: Arc::new(registry), read, kept: None, unkept }
    }

    /// The same, with the manifest kept there for calls to come, once it is believed: while it holds,
    /// a registry says so instead of sending it.
    #[must_use]
    pub fn keeping(self, manifest: KeptManifest) -> Self {
        Self { kept: Some(manifest), ..self }
    }

    /// The state that this value answers from; a repository without trust data is asked each time.
    async fn state(&self) -> Result<Option<Published>, Error> {
        let mut read = self.read.lock().await;
        if read.is_none() {
            let kept = self.kept.as_ref().and_then(|kept| kept.read(MAX_MANIFEST));
            let now = self.tagged(kept.as_deref()).await?;
            *read = now.map(|manifest| self.published(&manifest)).transpose()?;
        }
        Ok(read.clone())
    }

    /// The manifest under the tag, which may be the one that is known.
    async fn tagged(&self, known: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
        let digest = known.map(ImageDigest::of);
        let mut pauses = PAUSES.iter();
        let mut tagged = self.registry.tagged(TAG, digest.as_ref()).await;
        while again(&tagged, &mut pauses).await {
            tagged = self.registry.tagged(TAG, digest.as_ref()).await;
        }
        Ok(match tagged? {
            None => None,
            Some(Tagged::Known) => known.map(<[u8]>::to_vec),
            Some(Tagged::Other(manifest)) => {
                *self.unkept() = self.kept.is_some().then(|| manifest.bytes.clone());
                Some(manifest.bytes)
            }
        })
    }

    /// What the tag means now, read anew.
    async fn published_now(&self) -> Result<Option<Published>, Error> {
        let manifest = self.tagged(None).await?;
        manifest.map(|manifest| self.published(&manifest)).transpose()
    }

    fn published(&self, manifest: &[u8]) -> Result<Published, Error> {
        let index = Index::read(manifest).map_err(|problem| self.malformed(problem))?;
        Ok(Published { digest: ImageDigest::of(manifest), index: Arc::new(index) })
    }

    async fn bytes(&self, layer: &Layer, limit: u64) -> Result<Vec<u8>, Error> {
        if layer.size > limit {
            return Err(Error::TooLarge { host: self.name(), limit });
        }
        if let Some(embedded) = layer.embedded() {
            return embedded.map_err(|problem| self.malformed(problem));
        }
        let mut bytes = Vec::new();
        self.registry.blob(&layer.digest, layer.size, &mut bytes).await?;
        Ok(bytes)
    }

    /// A delegated role's file under a tag of its own, as go-tuf-mirror puts it. A snapshot says which
    /// file it must be, so it does not matter that it was read at another time.
    async fn apart(
        &self,
        role: &RoleName,
        name: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Ok(tag) = role.as_str().parse::<Tag>() else { return Ok(None) };
        let Some(Tagged::Other(manifest)) = self.registry.tagged(tag.as_str(), None).await? else {
            return Ok(None);
        };
        let index = Index::read(&manifest.bytes).map_err(|problem| self.malformed(problem))?;
        match index.layer(name) {
            Some(layer) => self.bytes(layer, limit).await.map(Some),
            None => Ok(None),
        }
    }

    /// Puts the next manifest in the place of the one that we know, and sees to it that it stays.
    async fn replace(&self, known: Option<&Published>, next: &[u8]) -> Result<(), Error> {
        let conflict = || Error::Conflict { host: self.name() };
        let begun = Instant::now();
        let now = self.published_now().await?;
        if now.map(|it| it.digest) != known.map(|it| it.digest) {
            return Err(conflict());
        }
        let digest = ImageDigest::of(next);
        let follows = known.map(|it| it.digest);
        let put = || self.registry.put_manifest(TAG, index::MANIFEST, next, follows);
        let (mut pauses, mut done) = (PAUSES.iter(), put().await);
        while again(&done, &mut pauses).await {
            done = put().await;
        }
        done?;
        self.watch(&digest, settling(begun.elapsed())).await
    }

    /// Sees to it that a manifest of ours stays: another publisher may have looked just before we
    /// pushed, and push after us. One that needs as long for it as we did has done so when the tag
    /// was quiet for that time; where others publish, that takes longer.
    async fn watch(&self, ours: &ImageDigest, settling: Duration) -> Result<(), Error> {
        let end = Instant::now() + MAX_WATCHING;
        let (mut seen, mut wait) = (None, Duration::ZERO);
        loop {
            tokio::time::sleep(wait).await;
            let now = self.published_now().await?;
            let stays = |now: &Published| now.digest == *ours || now.index.follows(ours);
            let Some(now) = now.filter(stays) else {
                return Err(Error::Conflict { host: self.name() });
            };
            if seen == Some(now.digest) || Instant::now() > end {
                return Ok(());
            }
            (seen, wait) = (Some(now.digest), settling);
        }
    }

    fn unkept(&self) -> std::sync::MutexGuard<'_, Option<Vec<u8>>> {
        self.unkept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn malformed(&self, problem: &'static str) -> Error {
        Error::Malformed { host: self.name(), problem }
    }

    fn refusal(&self, message: &str) -> Error {
        let (name, message) = ("serverless".to_owned(), message.to_owned());
        Error::Refused { host: self.name(), name, message }
    }
}

impl Remote for OciRepository {
    fn name(&self) -> String {
        format!("{}:{TAG}", self.name.familiar())
    }

    fn pace(&self) -> Pace {
        Pace::InTurn
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(state) = self.state().await? else { return Ok(None) };
        let name = file.quoted_name();
        match (state.index.layer(&name), file.role()) {
            (Some(layer), _) => self.bytes(layer, limit).await.map(Some),
            (None, RoleName::Delegation(_)) => self.apart(file.role(), &name, limit).await,
            (None, _) => Ok(None),
        }
    }

    fn believed(&self) {
        if let (Some(kept), Some(manifest)) = (&self.kept, self.unkept().take()) {
            kept.write(&manifest);
        }
    }

    async fn public_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(self.refusal("a registry keeps no keys"))
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(self.refusal("a registry keeps no keys"))
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        let known = self.read.lock().await.take();
        let base = known.as_ref().map(|it| (it.digest, it.index.as_ref()));
        let next = Index::after(base, files).map_err(|problem| self.refusal(problem))?;
        let mut pushes = Vec::with_capacity(files.len() + 1);
        for (_, bytes) in files {
            pushes.push(self.registry.push_blob(bytes));
        }
        if known.is_none() {
            pushes.push(self.registry.push_blob(index::EMPTY));
        }
        stream::iter(pushes).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let next = next.write();
        self.replace(known.as_ref(), &next).await?;
        self.kept.iter().for_each(|kept| kept.write(&next));
        Ok(())
    }

    async fn delete(&self) -> Result<(), Error> {
        Err(self.refusal("the trust data is a tag of the repository: remove it at the registry"))
    }
}

/// Whether to ask again after this answer, once a pause is over: some registries fail while others
/// set the same tag.
async fn again<T>(answer: &Result<T, Error>, pauses: &mut std::slice::Iter<'_, Duration>) -> bool {
    if !matches!(answer, Err(Error::Unavailable { status: 500..=599, .. })) {
        return false;
    }
    let Some(pause) = pauses.next() else { return false };
    tokio::time::sleep(*pause).await;
    true
}

/// How long the tag must be quiet: several times as long as our own look and push took, for another
/// publisher may be that much slower; a little different each time.
fn settling(taken: Duration) -> Duration {
    let mut dice = [0; 1];
    // Without randomness it is merely the shortest wait.
    let _ = SystemRandom::new().fill(&mut dice);
    let jitter = Duration::from_millis(u64::from(dice[0] / 4));
    (taken * 6).clamp(MIN_SETTLING, MAX_SETTLING) + jitter
}

/// Uploads under way.
const AT_ONCE: usize = 8;
/// The tag of the trust data. No tag of an image begins like this by chance.
const TAG: &str = "_tuf";
const PAUSES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(300),
    Duration::from_secs(1),
];
const MIN_SETTLING: Duration = Duration::from_millis(120);
/// However busy the others are.
const MAX_WATCHING: Duration = Duration::from_secs(20);
const MAX_SETTLING: Duration = Duration::from_secs(5);
