//! Collections that live as long as the program.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::ready;
use jiff::Timestamp as Instant;

use super::{Answer, Change, Error, Event, KeyRecord, MetadataStore, Page, StoredFile, Which};
use crate::tuf::{Gun, RoleName, Version};
use crate::verify::submission::{Holdings, Publication};

/// Collections in memory: for tests, and for trying things out.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    collections: BTreeMap<Gun, Collection>,
    buried: BTreeMap<Gun, BTreeMap<RoleName, Version>>,
    keys: Vec<KeyRecord>,
    changes: Vec<Change>,
}

type Collection = BTreeMap<RoleName, BTreeMap<Version, StoredFile>>;

impl MemoryStore {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn answer<'a, T: Send + 'a>(
        &self,
        act: impl FnOnce(&mut State) -> Result<T, Error>,
    ) -> Answer<'a, T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        ready(act(&mut state)).boxed()
    }
}

impl MetadataStore for MemoryStore {
    fn file<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        which: Which,
    ) -> Answer<'a, Option<StoredFile>> {
        self.answer(|state| {
            let files = state.collections.get(gun).and_then(|roles| roles.get(role));
            Ok(files.and_then(|files| match which {
                Which::Current => files.values().next_back().cloned(),
                Which::Version(version) => files.get(&version).cloned(),
                Which::Hash(sha256) => files.values().find(|file| file.sha256 == sha256).cloned(),
            }))
        })
    }

    fn holdings<'a>(&'a self, gun: &'a Gun, roles: &'a [RoleName]) -> Answer<'a, Holdings> {
        self.answer(|state| Ok(state.holdings(gun, roles)))
    }

    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
        keys: &'a [KeyRecord],
        at: Instant,
    ) -> Answer<'a, ()> {
        self.answer(|state| state.publish(publication, keys, at))
    }

    fn delete<'a>(&'a self, gun: &'a Gun, at: Instant) -> Answer<'a, bool> {
        self.answer(|state| {
            let versions = state.holdings(gun, &[]).versions;
            let existed = state.collections.remove(gun).is_some();
            if existed {
                state.buried.entry(gun.clone()).or_default().extend(versions);
                state.note(gun, at, Event::Deletion);
            }
            Ok(existed)
        })
    }

    fn changes<'a>(&'a self, gun: Option<&'a Gun>, page: Page) -> Answer<'a, Vec<Change>> {
        self.answer(|state| {
            let of_gun = |change: &&Change| gun.is_none_or(|gun| gun.as_str() == change.gun);
            let changes = state.changes.iter().filter(of_gun);
            Ok(match page {
                Page::After { id, limit } => {
                    changes.filter(|change| change.id > id).take(limit).cloned().collect()
                }
                Page::Before { id, limit } => {
                    let before = |change: &&Change| id.is_none_or(|id| change.id < id);
                    let mut last: Vec<Change> =
                        changes.rev().filter(before).take(limit).cloned().collect();
                    last.reverse();
                    last
                }
            })
        })
    }

    fn keys<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Vec<KeyRecord>> {
        self.answer(|state| Ok(state.keys.iter().filter(|key| key.gun == *gun).cloned().collect()))
    }

    fn stale(&self, before: Instant, limit: usize) -> Answer<'_, Vec<Gun>> {
        self.answer(|state| {
            let stored_at = |files: &Collection| {
                let timestamps = files.get(&RoleName::Timestamp)?;
                timestamps.values().next_back().map(|file| file.stored_at)
            };
            let collections = state.collections.iter();
            let mut stale: Vec<(Instant, &Gun)> = collections
                .filter_map(|(gun, files)| Some((stored_at(files)?, gun)))
                .filter(|(at, _)| *at < before)
                .collect();
            stale.sort_unstable();
            Ok(stale.into_iter().take(limit).map(|(_, gun)| gun.clone()).collect())
        })
    }

    fn check(&self) -> Answer<'_, ()> {
        ready(Ok(())).boxed()
    }
}

impl State {
    fn holdings(&self, gun: &Gun, roles: &[RoleName]) -> Holdings {
        let mut holdings = Holdings::default();
        for (role, files) in self.collections.get(gun).into_iter().flatten() {
            let Some((version, current)) = files.last_key_value() else { continue };
            holdings.versions.insert(role.clone(), *version);
            if roles.contains(role) {
                holdings.files.insert(role.clone(), current.bytes.to_vec());
            }
        }
        holdings.buried = self.buried.get(gun).cloned().unwrap_or_default();
        holdings
    }

    fn publish(
        &mut self,
        publication: &Publication,
        keys: &[KeyRecord],
        at: Instant,
    ) -> Result<(), Error> {
        let gun = publication.gun();
        let versions = self.holdings(gun, &[]).versions;
        let stands = publication.on() == versions.get(&RoleName::Timestamp).copied();
        let rises = publication
            .files()
            .iter()
            .all(|file| versions.get(&file.role).is_none_or(|stored| *stored < file.version));
        if !stands || !rises {
            return Err(Error::Conflict);
        }
        let collection = self.collections.entry(gun.clone()).or_default();
        for file in publication.files() {
            let stored = StoredFile {
                version: file.version,
                sha256: file.sha256,
                bytes: Bytes::from(file.bytes.clone()),
                stored_at: at,
            };
            collection.entry(file.role.clone()).or_default().insert(file.version, stored);
        }
        for key in keys {
            if self.keys.iter().all(|known| known.id != key.id) {
                self.keys.push(key.clone());
            }
        }
        if let Some((version, sha256)) = publication.timestamp() {
            self.note(gun, at, Event::Update { version, sha256 });
        }
        Ok(())
    }

    fn note(&mut self, gun: &Gun, at: Instant, event: Event) {
        let id = self.changes.last().map_or(0, |change| change.id) + 1;
        self.changes.push(Change { id, at, gun: gun.to_string(), event });
    }
}
