//! A place for trust data in memory, which signs timestamps. It believes what it is given.

#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use countersign::crypto::{Algorithm, PrivateKey, Sha256, Signer};
use countersign::edit::expiry;
use countersign::net::{Error, Remote, RemoteFile};
use countersign::tuf::{Dialect, FileMeta, Limits, RoleName, Timestamp, Unknown, Version};

/// The place.
pub(crate) struct Shelf {
    files: Mutex<HashMap<RemoteFile, Vec<u8>>>,
    key: PrivateKey,
    now: Mutex<jiff::Timestamp>,
    answers: Mutex<Answers>,
}

/// What becomes of the answers to publishers.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Answers {
    Always,
    /// The first update is taken, and nobody is told.
    LoseFirst,
    /// The same, where a gateway answers in the place's stead.
    GatewayFirst,
    /// So many updates are not taken, for something newer that nobody sees; then nobody answers.
    Behind(u32),
}

impl Shelf {
    pub(crate) fn new(now: jiff::Timestamp, answers: Answers) -> Self {
        let key = PrivateKey::generate(Algorithm::Ed25519).expect("random bytes");
        let now = Mutex::new(now);
        Self { files: Mutex::default(), key, now, answers: Mutex::new(answers) }
    }

    /// Lets time pass, and signs a timestamp of then over what is there.
    pub(crate) fn move_to(&self, now: jiff::Timestamp) {
        *self.now.lock().expect("no test panics here") = now;
        let mut shelf = self.files();
        let snapshot = shelf[&RemoteFile::Current(RoleName::Snapshot)].clone();
        shelf.insert(RemoteFile::Current(RoleName::Timestamp), self.timestamp(&snapshot));
    }

    /// Answers so from now on.
    pub(crate) fn turn_to(&self, answers: Answers) {
        *self.answers() = answers;
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().expect("no test panics here")
    }

    fn files(&self) -> MutexGuard<'_, HashMap<RemoteFile, Vec<u8>>> {
        self.files.lock().expect("no test panics here")
    }

    fn take(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        let (_, snapshot) =
            files.iter().find(|(role, _)| *role == RoleName::Snapshot).expect("a local snapshot");
        let mut shelf = self.files();
        let current = shelf.get(&RemoteFile::Current(RoleName::Snapshot));
        if current.is_some_and(|bytes| version(bytes) >= version(snapshot)) {
            return Err(Error::Conflict { host: self.name() });
        }
        let timestamp = (RoleName::Timestamp, self.timestamp(snapshot));
        for (role, bytes) in files.iter().chain([&timestamp]) {
            shelf.insert(RemoteFile::ByHash(role.clone(), Sha256::of(bytes)), bytes.clone());
            shelf.insert(RemoteFile::Current(role.clone()), bytes.clone());
        }
        Ok(())
    }

    fn timestamp(&self, snapshot: &[u8]) -> Vec<u8> {
        let content = Timestamp {
            version: version(snapshot),
            expires: expiry(&RoleName::Timestamp, *self.now.lock().expect("no test panics here")),
            snapshot: FileMeta::of(snapshot),
            unknown: Unknown::default(),
        };
        let message = Dialect::Notary.timestamp_message(&content);
        let signature = self.key.sign(message.as_bytes()).expect("a sound key");
        let id = Dialect::Notary.key(self.key.public()).id();
        Dialect::Notary.seal(&message, &[(id, signature)])
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut { host: self.name() }
    }
}

impl Remote for Shelf {
    fn name(&self) -> String {
        "shelf".to_owned()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        if *self.answers() == Answers::Behind(0) {
            return Err(self.timed_out());
        }
        let found = self.files().get(file).cloned();
        assert!(found.as_ref().is_none_or(|bytes| bytes.len() as u64 <= limit), "small files");
        Ok(found)
    }

    async fn public_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        assert_eq!(*role, RoleName::Timestamp);
        Ok(Dialect::Notary.write_key(&Dialect::Notary.key(self.key.public())))
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(self.timed_out())
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        let mut answers = self.answers();
        if let Answers::Behind(left) = *answers {
            *answers = Answers::Behind(left - 1);
            return Err(Error::Conflict { host: self.name() });
        }
        self.take(files)?;
        match std::mem::replace(&mut *answers, Answers::Always) {
            Answers::Always => Ok(()),
            Answers::LoseFirst => Err(self.timed_out()),
            Answers::Behind(_) => Err(Error::Conflict { host: self.name() }),
            Answers::GatewayFirst => Err(Error::Unavailable { host: self.name(), status: 504 }),
        }
    }

    async fn delete(&self) -> Result<(), Error> {
        Err(self.timed_out())
    }
}

/// A shelf at which something happens before it looks at what is published, and which does not take
/// it then if that went wrong.
pub(crate) struct Disturbed<'s, F> {
    pub(crate) shelf: &'s Shelf,
    pub(crate) before: F,
}

impl<F: Fn() -> Result<(), Error> + Send + Sync> Remote for Disturbed<'_, F> {
    fn name(&self) -> String {
        self.shelf.name()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.shelf.fetch(file, limit).await
    }

    async fn public_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.shelf.public_key(role).await
    }

    async fn rotate_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.shelf.rotate_key(role).await
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        (self.before)()?;
        self.shelf.publish(files).await
    }

    async fn delete(&self) -> Result<(), Error> {
        self.shelf.delete().await
    }
}

fn version(snapshot: &[u8]) -> Version {
    let opened = Dialect::Notary.open_snapshot(snapshot, &Limits::default()).expect("a snapshot");
    opened.unverified_content().version
}
