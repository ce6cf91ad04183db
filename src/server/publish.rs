//! Taking in what publishers send (Notary `server/handlers/default.go`, `AtomicUpdateHandler`).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use jiff::Timestamp as Instant;
use tokio::sync::{Mutex, MutexGuard};

use super::auth::Caller;
use super::online_keys::Found;
use super::upload::Received;
use super::{Error, Inner, response};
use crate::edit::{self, Online, Signers};
use crate::storage::metadata::{self as storage, KeyRecord};
use crate::tuf::{Gun, RoleName, Version};
use crate::verify::submission::{Holdings, Proposal, Publication, Refusal, Submission};

/// Whose turn it is to change a collection. Publishers of one collection wait for each other,
/// instead of doing work that the store would refuse; it is the store that decides.
pub(super) struct Turns {
    hasher: RandomState,
    turns: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        let turns = (0..TURNS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), turns }
    }
}

impl Turns {
    pub(super) async fn take(&self, gun: &Gun) -> MutexGuard<'_, ()> {
        let turn = usize::try_from(self.hasher.hash_one(gun) % TURNS as u64).unwrap_or_default();
        self.turns[turn].lock().await
    }
}

impl Inner {
    /// Judges, signs and stores an upload.
    pub(super) async fn publish(
        &self,
        gun: &Gun,
        received: Received,
        caller: &Caller,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let Received { files, room: _room } = received;
        let sent = size(&files);
        let submission = Submission::new(self.policy(gun), files)?;
        let _turn = self.turns.take(gun).await;
        let mut attempts = 0;
        let publication = loop {
            attempts += 1;
            match self.publish_once(gun, submission.clone(), sent, &BTreeMap::new()).await {
                Err(Error::Updating(storage::Error::Conflict)) if attempts < MAX_ATTEMPTS => {}
                outcome => break outcome?,
            }
        };
        self.metrics.published();
        self.foreign.forget(gun);
        self.log.published(&publication, caller);
        Ok(response::empty(StatusCode::OK))
    }

    /// One attempt; what the server signs gets versions above these floors. If another server
    /// stores something meanwhile, the verdict is void and the store says so.
    pub(super) async fn publish_once(
        &self,
        gun: &Gun,
        submission: Submission,
        sent: usize,
        floors: &BTreeMap<RoleName, Version>,
    ) -> Result<Publication, Error> {
        let mut held = self.holdings(gun, &submission).await?;
        raise(&mut held, floors);
        let bytes = sent + size(&held.files);
        let proposal = judged(bytes, move || submission.onto(held)).await??;
        let found = self.keys.of_root(&*self.store, gun, proposal.root().content()).await;
        let Found { keys, new } = found.map_err(Error::of_upload)?;
        let now = self.clock.now();
        let publication = keys.sign(bytes, move |signers| signed(proposal, signers, now)).await??;
        self.store_it(&publication, &new, now).await?;
        Ok(publication)
    }

    /// Stores what was judged, and keys that it makes use of for the first time.
    pub(super) async fn store_it(
        &self,
        publication: &Publication,
        keys: &[KeyRecord],
        at: Instant,
    ) -> Result<(), Error> {
        let stored = self.store.publish(publication, keys, at).await;
        // Whatever came of it: what is kept in memory may be old now.
        self.cache.forget(publication.gun());
        self.writing.note(&stored, self.clock.now());
        stored.map_err(Error::Updating)
    }

    async fn holdings(&self, gun: &Gun, submission: &Submission) -> Result<Holdings, Error> {
        let online = [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot];
        let with = |needs: BTreeSet<RoleName>| {
            needs.into_iter().chain(online.clone()).collect::<Vec<RoleName>>()
        };
        if submission.roles().all(|role| *role != RoleName::Snapshot) {
            return Ok(self.store.holdings(gun, &with(submission.needs(None))).await?);
        }
        let held = self.store.holdings(gun, &online).await?;
        let snapshot = held.files.get(&RoleName::Snapshot).map(Vec::as_slice);
        let needs = submission.needs(snapshot);
        if needs.iter().all(|role| !held.versions.contains_key(role)) {
            return Ok(held);
        }
        Ok(self.store.holdings(gun, &with(needs)).await?)
    }
}

/// Takes these versions to have been served once.
pub(super) fn raise(held: &mut Holdings, floors: &BTreeMap<RoleName, Version>) {
    for (role, floor) in floors {
        let buried = held.buried.entry(role.clone()).or_insert(*floor);
        *buried = (*buried).max(*floor);
    }
}

/// Signs what the server must sign, and has the whole judged.
fn signed(proposal: Proposal, signers: &Signers<'_>, now: Instant) -> Result<Publication, Error> {
    let online = Online {
        root: proposal.root(),
        snapshot: proposal.snapshot(),
        timestamp: proposal.timestamp(),
    };
    let sealed = online.seal(now, signers).map_err(|error| match error {
        edit::Error::Keys { role: RoleName::Snapshot, .. } => {
            Refusal::Hierarchy { missing: RoleName::Snapshot }.into()
        }
        edit::Error::Keys { .. } => Refusal::TimestampKey.into(),
        other => Error::Signing(other),
    })?;
    Ok(proposal.complete(sealed.snapshot, sealed.timestamp)?)
}

/// Arithmetic on so many bytes: if they are many, away from the threads that answer.
pub(super) async fn judged<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if bytes <= FEW_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Internal("a check was broken off"))
}

/// All the bytes of these files.
pub(super) fn size(files: &BTreeMap<RoleName, Vec<u8>>) -> usize {
    files.values().map(Vec::len).sum()
}

/// Judging these takes less than a millisecond.
const FEW_BYTES: usize = 64 << 10;
const TURNS: usize = 64;
/// Only replicas on one database ever need a second.
const MAX_ATTEMPTS: u32 = 5;
