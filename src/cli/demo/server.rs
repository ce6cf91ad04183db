//! A trust server in memory: as much of one as the story needs, and whoever takes its place.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp as Instant};

use super::super::exit::Kind;
use super::super::output::Failure;
use crate::crypto::{self, Algorithm, PrivateKey, Sha256, Signer};
use crate::net::{Error, Remote, RemoteFile};
use crate::tuf::{Dialect, FileMeta, RoleName, Snapshot, Timestamp, Unknown, Version};

/// Who answers.
pub(super) enum Behaviour {
    /// The trust server.
    IsHonest,
    /// Somebody who kept these files, and serves them for the current ones.
    Replays(BTreeMap<RoleName, Vec<u8>>),
    /// Somebody who puts the signatures of these files under the current ones.
    Swaps(BTreeMap<RoleName, Vec<u8>>),
    /// Nobody.
    IsSilent,
}

/// The server, with keys of its own for snapshot and timestamp.
pub(super) struct DemoServer {
    dialect: Dialect,
    now: Instant,
    key: PrivateKey,
    state: Mutex<State>,
}

struct State {
    files: BTreeMap<RoleName, Vec<u8>>,
    all: BTreeMap<Sha256, Vec<u8>>,
    published: u64,
    behaviour: Behaviour,
}

impl DemoServer {
    pub(super) fn new(dialect: Dialect, now: Instant) -> Result<Self, Failure> {
        let key = PrivateKey::generate(Algorithm::Ed25519)
            .map_err(|error| Failure::of(Kind::Other, &error))?;
        let behaviour = Behaviour::IsHonest;
        let state = State { files: BTreeMap::new(), all: BTreeMap::new(), published: 0, behaviour };
        Ok(Self { dialect, now, key, state: Mutex::new(state) })
    }

    /// The current files.
    pub(super) fn files(&self) -> BTreeMap<RoleName, Vec<u8>> {
        self.state().files.clone()
    }

    /// Puts somebody else in its place.
    pub(super) fn become_one_who(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes files in and signs what says that they are the current ones.
    fn take(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), crypto::Error> {
        let mut state = self.state();
        state.published += 1;
        state.files.extend(files.iter().cloned());
        let version = Version::new(state.published).unwrap_or(Version::ONE);
        let listed = state.files.iter();
        let listed = listed
            .filter(|(role, _)| !matches!(role, RoleName::Snapshot | RoleName::Timestamp))
            .map(|(role, bytes)| (role.clone(), FileMeta::of(bytes)));
        let unknown = Unknown::default();
        let (expires, meta) = (self.in_days(1000), listed.collect());
        let snapshot = Snapshot { version, expires, meta, unknown: unknown.clone() };
        let snapshot = self.seal(&self.dialect.snapshot_message(&snapshot))?;
        let (expires, listed) = (self.in_days(14), FileMeta::of(&snapshot));
        let timestamp = Timestamp { version, expires, snapshot: listed, unknown };
        let timestamp = self.seal(&self.dialect.timestamp_message(&timestamp))?;
        state.files.insert(RoleName::Snapshot, snapshot);
        state.files.insert(RoleName::Timestamp, timestamp);
        let all: Vec<_> =
            state.files.values().map(|bytes| (Sha256::of(bytes), bytes.clone())).collect();
        state.all.extend(all);
        Ok(())
    }

    fn in_days(&self, days: i64) -> Instant {
        self.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Instant::MAX)
    }

    fn seal(&self, message: &crate::tuf::Message) -> Result<Vec<u8>, crypto::Error> {
        let signature = self.key.sign(message.as_bytes())?;
        let id = self.dialect.key(self.key.public()).id();
        Ok(self.dialect.seal(message, &[(id, signature)]))
    }
}

impl Remote for DemoServer {
    fn name(&self) -> String {
        "the trust server".to_owned()
    }

    async fn fetch(&self, file: &RemoteFile, _limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let state = self.state();
        Ok(match (&state.behaviour, file) {
            (Behaviour::IsSilent, _) => return Err(nobody()),
            (Behaviour::Replays(past), RemoteFile::Current(role)) => past.get(role).cloned(),
            (Behaviour::Swaps(past), RemoteFile::Current(role)) => {
                state.files.get(role).zip(past.get(role)).and_then(|(new, old)| swapped(new, old))
            }
            (_, RemoteFile::Current(role)) => state.files.get(role).cloned(),
            (_, RemoteFile::ByHash(_, hash)) => state.all.get(hash).cloned(),
            (_, RemoteFile::ByVersion(..)) => None,
        })
    }

    async fn public_key(&self, _role: &RoleName) -> Result<Vec<u8>, Error> {
        Ok(self.dialect.write_key(&self.dialect.key(self.key.public())))
    }

    async fn rotate_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.public_key(role).await
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        self.take(files).map_err(|error| Error::Unreachable {
            host: self.name(),
            registry: false,
            source: error.into(),
        })
    }

    async fn delete(&self) -> Result<(), Error> {
        self.state().files.clear();
        Ok(())
    }
}

/// One file with the signatures of another.
fn swapped(new: &[u8], old: &[u8]) -> Option<Vec<u8>> {
    let mut file: serde_json::Value = serde_json::from_slice(new).ok()?;
    let old: serde_json::Value = serde_json::from_slice(old).ok()?;
    *file.get_mut("signatures")? = old.get("signatures")?.clone();
    serde_json::to_vec(&file).ok()
}

fn nobody() -> Error {
    let source = "connection refused".into();
    Error::Unreachable { host: "the trust server".to_owned(), registry: false, source }
}
