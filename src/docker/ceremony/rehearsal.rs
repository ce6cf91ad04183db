//! The whole ceremony with throw-away keys, in memory: nothing is published, nothing is kept.
//!
//! It runs the same code as the real one, from the request to a client that saw the old root and
//! follows to the new one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp as Instant;

use super::{Contribution, Request};
use crate::client::Wish;
use crate::crypto::{Algorithm, PrivateKey, Sha256, Signer};
use crate::docker::{Collection, Error, RoleChoice, SignRequest};
use crate::edit::{self, expiry};
use crate::keys::{Chain, MemoryKeys};
use crate::net::{self, Remote, RemoteFile};
use crate::storage::MemoryCache;
use crate::tuf::{
    Dialect, FileMeta, KeyId, Limits, RoleName, Threshold, Timestamp, Unknown, Version,
};
use crate::verify::Policy;

/// What is rehearsed: a collection with one root key gets several.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Rules and the name of the collection; no server is asked.
    pub policy: Policy,
    /// How many of the new root keys must sign.
    pub threshold: Threshold,
    /// Who holds the new root keys, a key each.
    pub people: Vec<String>,
}

/// What a rehearsal left: the files that would have gone from hand to hand.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// What was to be signed.
    pub request: Request,
    /// The signature files, by whose they are.
    pub contributions: Vec<Contribution>,
    /// The record.
    pub transcript: super::Transcript,
    /// The version of the new root, as a client reached it that had seen the old one.
    pub root: Version,
}

impl Rehearsal {
    /// Founds, requests, signs, submits and follows.
    ///
    /// # Errors
    ///
    /// As the real ceremony: [`Error::Edit`] for more signatures wanted than there are people.
    pub async fn run(&self) -> Result<Rehearsed, Error> {
        let stage = Stage::new(self.policy.dialect, self.policy.now)?;
        let (publisher, host) = (MemoryCache::new(), MemoryCache::new());
        let collection = Collection::new(self.policy.clone(), &publisher, &stage);
        let online = MemoryKeys::new();
        online.insert(&new_key()?, "root", None);
        collection.sign(&founding(), &online, &mut Chain::new()).await?;
        let client = Collection::new(self.policy.clone(), &host, &stage);
        client.refresh(Wish::EVERYTHING).await?;

        let safes = self.people.iter().map(|_| Safe::new()).collect::<Result<Vec<_>, _>>()?;
        let request = self.request(&collection, &online, &safes).await?;
        let text = request.to_text();
        // The old root key signs, and of the new ones as many as must.
        let mut signing: Vec<(&str, &MemoryKeys)> = vec![("the old root key", &online)];
        let names = self.people.iter().map(String::as_str);
        signing.extend(names.zip(safes.iter().map(|safe| &safe.keys)).take(self.threshold.count()));
        let mut contributions = Vec::new();
        for (name, keys) in signing {
            let read = Request::read(text.as_bytes(), self.policy.clone())?;
            let read = read.trusted(&MemoryCache::new())?;
            let now = self.policy.now;
            let made = read.sign(None, name, now, keys, &mut Chain::new())?;
            contributions.push(Contribution::read(made.to_text(read.request()).as_bytes())?);
        }
        let submitted =
            collection.submit(&request, &contributions, &online, &mut Chain::new()).await?;
        let followed = client.refresh(Wish::EVERYTHING).await?;
        let root = followed.targets.root().content().version;
        Ok(Rehearsed { request, contributions, transcript: submitted.transcript, root })
    }

    async fn request(
        &self,
        collection: &Collection<'_, MemoryCache, Stage>,
        online: &MemoryKeys,
        safes: &[Safe],
    ) -> Result<Request, Error> {
        let Policy { dialect, gun, now, .. } = &self.policy;
        let certified = safes.iter().map(|safe| edit::root_key(*dialect, gun, &safe.root, *now));
        let certified = certified.collect::<Result<Vec<_>, _>>()?;
        let change = |bench: &mut crate::docker::Workbench<'_>| {
            Ok(bench.draft.rotate(&RoleName::Root, certified, self.threshold)?)
        };
        Ok(collection.request(online, &mut Chain::new(), change).await?.0)
    }
}

/// One person's key, and the store that holds it.
struct Safe {
    root: PrivateKey,
    keys: MemoryKeys,
}

impl Safe {
    fn new() -> Result<Safe, Error> {
        let (root, keys) = (new_key()?, MemoryKeys::new());
        keys.insert(&root, "root", None);
        Ok(Safe { root, keys })
    }
}

/// A trust server that forgets.
struct Stage {
    dialect: Dialect,
    now: Instant,
    timestamp_key: PrivateKey,
    files: Mutex<HashMap<RemoteFile, Vec<u8>>>,
}

impl Stage {
    fn new(dialect: Dialect, now: Instant) -> Result<Stage, Error> {
        Ok(Stage { dialect, now, timestamp_key: new_key()?, files: Mutex::default() })
    }

    fn files(&self) -> MutexGuard<'_, HashMap<RemoteFile, Vec<u8>>> {
        // Files are only ever put in.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, message: &str) -> net::Error {
        let (host, name) = (self.name(), "rehearsal".into());
        net::Error::Refused { host, name, message: message.to_owned() }
    }

    fn timestamp(&self, snapshot: &[u8]) -> Result<Vec<u8>, net::Error> {
        let opened = self.dialect.open_snapshot(snapshot, &Limits::default());
        let opened = opened.map_err(|error| self.refused(&error.to_string()))?;
        let version = opened.unverified_content().version;
        let expires = expiry(&RoleName::Timestamp, self.now);
        let (snapshot, unknown) = (FileMeta::of(snapshot), Unknown::default());
        let timestamp = Timestamp { version, expires, snapshot, unknown };
        let message = self.dialect.timestamp_message(&timestamp);
        let signature = self.timestamp_key.sign(message.as_bytes());
        let signature = signature.map_err(|error| self.refused(&error.to_string()))?;
        let id: KeyId = self.dialect.key(self.timestamp_key.public()).id();
        Ok(self.dialect.seal(&message, &[(id, signature)]))
    }
}

impl Remote for Stage {
    fn name(&self) -> String {
        "rehearsal".to_owned()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, net::Error> {
        let found = self.files().get(file).cloned();
        match found {
            Some(bytes) if bytes.len() as u64 > limit => {
                Err(net::Error::TooLarge { host: self.name(), limit })
            }
            found => Ok(found),
        }
    }

    async fn public_key(&self, _: &RoleName) -> Result<Vec<u8>, net::Error> {
        Ok(self.dialect.write_key(&self.dialect.key(self.timestamp_key.public())))
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), net::Error> {
        let snapshot = files.iter().find(|(role, _)| *role == RoleName::Snapshot);
        let (_, snapshot) = snapshot.ok_or_else(|| self.refused("no snapshot"))?;
        let timestamp = (RoleName::Timestamp, self.timestamp(snapshot)?);
        let mut shelf = self.files();
        for (role, bytes) in files.iter().chain([&timestamp]) {
            if *role == RoleName::Root
                && let Ok(root) = self.dialect.open_root(bytes, &Limits::default())
            {
                let version = root.unverified_content().version;
                shelf.insert(RemoteFile::ByVersion(RoleName::Root, version), bytes.clone());
            }
            shelf.insert(RemoteFile::ByHash(role.clone(), Sha256::of(bytes)), bytes.clone());
            shelf.insert(RemoteFile::Current(role.clone()), bytes.clone());
        }
        Ok(())
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, net::Error> {
        Err(self.refused("its keys are kept"))
    }

    async fn delete(&self) -> Result<(), net::Error> {
        Err(self.refused("nothing is deleted"))
    }
}

fn new_key() -> Result<PrivateKey, Error> {
    PrivateKey::generate(Algorithm::EcdsaP256).map_err(Error::KeyGeneration)
}

/// A collection without tags, whose snapshot key is its publisher's.
fn founding() -> SignRequest {
    SignRequest {
        tags: Vec::new(),
        roles: RoleChoice::AsDocker,
        custom: None,
        root_key: None,
        local_snapshot: true,
    }
}
