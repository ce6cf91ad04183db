//! A host that verifies, with a trust directory of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::client::{self, Refreshed, Wish};
use countersign::docker::{self, Collection, Detail, Resolution};
use countersign::storage::{CollectionDirectory, TrustDirectory};
use countersign::tuf::{Dialect, Gun, Limits};
use countersign::verify::{Anchor, FirstUse, Policy};
use jiff::Timestamp as Instant;
use tempfile::TempDir;

use super::{GUN, SimulatedServer, now};

/// A host that verifies, with a trust directory that vanishes with the value.
pub struct Client {
    home: TempDir,
    pub policy: Policy,
}

impl Client {
    /// One that has seen nothing yet and trusts on first use.
    pub fn new() -> Self {
        Self::of(GUN)
    }

    pub fn of(gun: &str) -> Self {
        Self { home: temporary(), policy: policy(gun) }
    }

    /// One that has verified what the server shows.
    pub fn warm(server: &SimulatedServer) -> Self {
        let client = Self::new();
        client.refresh(server).expect("an honest server");
        server.asked();
        server.rounds();
        client
    }

    /// The same host, with another policy.
    pub fn with(&mut self, change: impl FnOnce(&mut Policy)) -> &mut Self {
        change(&mut self.policy);
        self
    }

    pub fn at(&mut self, now: Instant) -> &mut Self {
        self.with(|policy| policy.now = now)
    }

    pub fn cache(&self) -> CollectionDirectory {
        TrustDirectory::new(self.home.path()).collection(&self.policy.gun)
    }

    /// The digest of a tag.
    pub fn resolve(
        &self,
        server: &SimulatedServer,
        tag: &str,
    ) -> Result<Resolution, docker::Error> {
        let cache = self.cache();
        let collection = Collection::new(self.policy.clone(), &cache, server);
        let tag = tag.parse().expect("a tag");
        server.run(collection.resolve(&tag, None, Detail::Answer))
    }

    /// The digest of a tag, from the cache alone.
    pub fn resolve_offline(&self, tag: &str) -> Result<Resolution, docker::Error> {
        let cache = self.cache();
        let collection: Collection<'_, _, SimulatedServer> =
            Collection::offline(self.policy.clone(), &cache);
        let tag = tag.parse().expect("a tag");
        super::ready(collection.resolve(&tag, None, Detail::Answer))
    }

    /// Every role, in full.
    pub fn refresh(&self, server: &SimulatedServer) -> Result<Refreshed, client::Error> {
        let (policy, cache) = (Arc::new(self.policy.clone()), self.cache());
        server.run(client::refresh(policy, &cache, Some(server), Wish::EVERYTHING))
    }

    /// The trust directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where a role's file is cached.
    pub fn path(&self, role: &str) -> PathBuf {
        self.cache().metadata_path().join(format!("{role}.json"))
    }

    /// Everything in the trust directory but locks, by path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.home.path(), self.home.path(), &mut files);
        files
    }

    /// The cached metadata, by role.
    pub fn metadata(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let folder = self.cache().metadata_path();
        if folder.is_dir() {
            collect(&folder, &folder, &mut found);
        }
        let role = |name: String| name.strip_suffix(".json").unwrap_or(&name).to_owned();
        found.into_iter().map(|(name, bytes)| (role(name), bytes)).collect()
    }

    /// What is remembered of versions.
    pub fn record(&self) -> serde_json::Value {
        match fs::read(self.cache().record_path()) {
            Ok(text) => serde_json::from_slice(&text).expect("JSON"),
            Err(_) => serde_json::Value::Null,
        }
    }
}

/// What a host measures against that trusts on first use.
pub fn policy(gun: &str) -> Policy {
    Policy {
        dialect: Dialect::Notary,
        gun: Gun::raw(gun).expect("a name"),
        anchor: Anchor::unpinned(FirstUse::Allow),
        now: now(),
        limits: Limits::default(),
        max_age: None,
    }
}

/// A folder in memory where there is one: what is tested here is not the disk's patience.
pub fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a folder")
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(top, &path, files);
        } else if path.extension().is_none_or(|extension| extension != "lock") {
            let name = path.strip_prefix(top).expect("below the top").display().to_string();
            files.insert(name, fs::read(&path).expect("a file"));
        }
    }
}
