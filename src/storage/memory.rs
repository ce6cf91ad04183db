//! A cache that lives as long as its value.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Accepted, Cache, Error, Memory, Unread};
use crate::tuf::RoleName;

/// A cache in memory, for programs that keep no state and for tests. Without state there is no
/// rollback protection from one run to the next.
#[derive(Debug, Default)]
pub struct MemoryCache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<RoleName, Vec<u8>>,
    memory: Memory,
}

impl MemoryCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file in place unseen, as another program sharing the cache would.
    pub fn put(&self, role: RoleName, bytes: Vec<u8>) {
        self.with(|state| state.files.insert(role, bytes));
    }

    /// The stored files.
    pub fn files(&self) -> BTreeMap<RoleName, Vec<u8>> {
        self.with(|state| state.files.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Cache for MemoryCache {
    fn look(&self, role: &RoleName, limit: u64) -> Result<Option<Unread>, Error> {
        let fits = |bytes: &&Vec<u8>| bytes.len() as u64 <= limit;
        Ok(self.with(|state| state.files.get(role).filter(fits).cloned().map(Unread::here)))
    }

    fn memory(&self) -> Result<Memory, Error> {
        Ok(self.with(|state| state.memory.clone()))
    }

    fn keep(&self, accepted: &Accepted) -> Result<(), Error> {
        self.with(|state| {
            let State { files, memory } = state;
            memory.admit(accepted)?;
            let root = memory.root_to_write(accepted).map(|bytes| (&RoleName::Root, bytes));
            for (role, bytes) in root.into_iter().chain(memory.files_to_write(accepted)) {
                files.insert(role.clone(), bytes.to_vec());
            }
            memory.learn(accepted);
            Ok(())
        })
    }

    fn offer(&self, role: &RoleName, bytes: &[u8]) -> Result<(), Error> {
        self.put(role.clone(), bytes.to_vec());
        Ok(())
    }
}
