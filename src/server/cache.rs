//! Files ready to be sent, in memory.
//!
//! What is kept of a collection is dropped before anybody is told that it has changed. A reader
//! that fetched a file from the store while the collection changed may not leave it here: it says
//! which generation it read in, and a change starts a new one.
//!
//! Where others write to the same database, what is kept holds for one state of the collection, and
//! whoever looks for it says in which state the collection is.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::response::Rendered;
use crate::storage::metadata::Which;
use crate::tuf::{Gun, RoleName};

pub(super) struct Cache {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    shard_bytes: usize,
}

#[derive(Default)]
struct Shard {
    generation: u64,
    bytes: usize,
    collections: HashMap<Gun, Files>,
}

#[derive(Default)]
struct Files {
    state: Option<i64>,
    bytes: usize,
    timestamp: Option<Arc<Rendered>>,
    others: HashMap<(RoleName, Which), Arc<Rendered>>,
}

/// When something was looked for and not found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generation(u64);

impl Cache {
    /// Keeps about so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shard_bytes: bytes / SHARDS,
        }
    }

    pub(super) fn find(
        &self,
        gun: &Gun,
        role: &RoleName,
        which: Which,
        state: Option<i64>,
    ) -> Result<Arc<Rendered>, Generation> {
        let shard = self.shard(gun);
        let files = shard.collections.get(gun).filter(|files| files.state == state);
        let found = files.and_then(|files| match is_timestamp(role, which) {
            true => files.timestamp.as_ref(),
            false => files.others.get(&(role.clone(), which)),
        });
        found.map(Arc::clone).ok_or(Generation(shard.generation))
    }

    /// Keeps a file, unless something changed since it was looked for.
    pub(super) fn keep(
        &self,
        gun: &Gun,
        role: &RoleName,
        which: Which,
        file: Arc<Rendered>,
        (since, state): (Generation, Option<i64>),
    ) {
        let mut shard = self.shard(gun);
        let size = file.size();
        if shard.generation != since.0 || !self.keeps(size) {
            return;
        }
        if shard.collections.get(gun).is_some_and(|files| files.state != state) {
            shard.drop_collection(gun);
        }
        shard.make_room(self.shard_bytes.saturating_sub(size));
        let files = shard.collections.entry(gun.clone()).or_default();
        files.state = state;
        let replaced = match is_timestamp(role, which) {
            true => files.timestamp.replace(file),
            false => files.others.insert((role.clone(), which), file),
        };
        let freed = replaced.map_or(0, |file| file.size());
        files.bytes = (files.bytes + size).saturating_sub(freed);
        shard.bytes = (shard.bytes + size).saturating_sub(freed);
    }

    /// Whether a file of that size is ever kept.
    pub(super) fn keeps(&self, size: usize) -> bool {
        size <= self.shard_bytes / 2
    }

    /// Forgets a collection that has changed.
    pub(super) fn forget(&self, gun: &Gun) -> Generation {
        let mut shard = self.shard(gun);
        shard.generation += 1;
        shard.drop_collection(gun);
        Generation(shard.generation)
    }

    fn shard(&self, gun: &Gun) -> MutexGuard<'_, Shard> {
        let shard = usize::try_from(self.hasher.hash_one(gun) % SHARDS as u64).unwrap_or_default();
        // A shard is only ever a selection of files: whatever a panic left of it is one too.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Drops collections, whichever come first in the map's random order, until no more than that
    /// is kept.
    fn make_room(&mut self, bytes: usize) {
        while self.bytes > bytes {
            let Some(gun) = self.collections.keys().next().cloned() else { return };
            self.drop_collection(&gun);
        }
    }

    fn drop_collection(&mut self, gun: &Gun) {
        if let Some(files) = self.collections.remove(gun) {
            self.bytes = self.bytes.saturating_sub(files.bytes);
        }
    }
}

fn is_timestamp(role: &RoleName, which: Which) -> bool {
    which == Which::Current && *role == RoleName::Timestamp
}

const SHARDS: usize = 16;
