//! Metadata at rest: docker's cache directory, beside it what we remember of versions and the changes
//! that wait to be published; in `metadata`, the collections that a server publishes; in `signer`,
//! the online keys of a notary-signer.
//!
//! Rules: what was accepted is stored byte for byte as it came; a file is replaced whole or not at
//! all; a newer file is never replaced by an older one, whoever else writes; what is read back is
//! as untrusted as what the wire brings.

pub mod archive;
mod changelist;
#[cfg(feature = "server")]
mod data;
#[cfg(all(test, feature = "server"))]
#[path = "../../tests/support/database.rs"]
mod database;
mod directory;
mod drills;
mod error;
mod flat;
mod folder;
mod forget;
mod listing;
pub(crate) mod lock;
mod manifest;
mod memory;
#[cfg(feature = "server")]
pub mod metadata;
mod pending;
mod public;
mod record;
mod regular;
#[cfg(feature = "server")]
pub mod signer;
mod unread;

pub use changelist::{Change, Changelist, Staged};
#[cfg(feature = "server")]
pub use data::DataDirectory;
pub use directory::{CollectionDirectory, TrustDirectory};
pub use error::Error;
pub use flat::FlatDirectory;
pub use lock::LOCK_PATIENCE;
pub use manifest::KeptManifest;
pub use memory::MemoryCache;
pub use public::PublicDirectory;
pub use regular::{read_named, read_regular};
pub use unread::{Skimmed, Unread};

use std::sync::Arc;
use std::thread;

use jiff::Timestamp as Instant;

use crate::crypto::Sha256;
use crate::tuf::RoleName;
use crate::verify::{Baseline, Seen, TrustedRoot};

/// Where one collection's accepted metadata is kept between updates.
pub trait Cache {
    /// Looks at the stored file of a role, to read it later; `None` if there is none, or none of at
    /// most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error`] when it cannot be looked at.
    fn look(&self, role: &RoleName, limit: u64) -> Result<Option<Unread>, Error>;

    /// The stored file of a role; `None` if there is none, or none of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`Error`] when it cannot be read.
    fn read(&self, role: &RoleName, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.look(role, limit)?.map_or(Ok(None), Unread::read)
    }

    /// Keeps writers out while several files are read together. A cache that only one process uses
    /// need not.
    ///
    /// # Errors
    ///
    /// [`Error`] when the place cannot be looked at.
    fn steady(&self) -> Result<Steady, Error> {
        Ok(Steady { _lock: None })
    }

    /// The turn to found or change the collection, among the processes that share this cache; `None`
    /// while another has it. One that does not share its cache is not kept out: then the place that
    /// is published to decides.
    ///
    /// # Errors
    ///
    /// [`Error`] when the place cannot be used.
    fn turn(&self) -> Result<Option<Steady>, Error> {
        Ok(Some(Steady { _lock: None }))
    }

    /// What was seen before.
    ///
    /// # Errors
    ///
    /// [`Error`] when it cannot be read, [`Error::Damaged`] when it makes no sense.
    fn memory(&self) -> Result<Memory, Error>;

    /// Hears that this root is believed although nothing was known of the collection here.
    fn first_use(&self, _root: &TrustedRoot) {}

    /// Stores what an update accepted. What another process stored meanwhile, and is newer, stays.
    ///
    /// # Errors
    ///
    /// [`Error::Overtaken`] if another process trusted another root meanwhile: then nothing is
    /// stored, and what was accepted is to be looked at again under that root. Any other [`Error`];
    /// each file is then either the old one or the new one.
    fn keep(&self, accepted: &Accepted) -> Result<(), Error>;

    /// The same, while the caller goes on with something else.
    fn keep_meanwhile(&self, accepted: Accepted) -> Keeping {
        Keeping(Progress::Done(self.keep(&accepted)))
    }

    /// Leaves a file where the next update will look for it, so that it need not be fetched.
    /// Nothing is remembered of it: it is worth what its signatures and its listing say then.
    ///
    /// # Errors
    ///
    /// [`Error`] when it cannot be written.
    fn offer(&self, role: &RoleName, bytes: &[u8]) -> Result<(), Error>;

    /// Leaves the files of a collection that is signed and not published yet, its root last, as
    /// notary's `init` does. They are durable on return, and nothing is remembered of them.
    ///
    /// # Errors
    ///
    /// [`Error`] when they cannot be written.
    fn prepare(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        files.iter().try_for_each(|(role, bytes)| self.offer(role, bytes))
    }
}

/// While this lives, nobody writes.
#[derive(Debug)]
#[must_use]
pub struct Steady {
    _lock: Option<lock::Held>,
}

/// What is being stored. Dropped, it is waited for all the same.
#[derive(Debug)]
#[must_use]
pub struct Keeping(Progress);

#[derive(Debug)]
enum Progress {
    Done(Result<(), Error>),
    Running(thread::JoinHandle<Result<(), Error>>),
}

impl Keeping {
    /// Stores on a thread of its own, if there is one to be had.
    fn on_a_thread(cache: impl Cache + Clone + Send + 'static, accepted: Accepted) -> Self {
        let accepted = Arc::new(accepted);
        let (theirs, its) = (cache.clone(), Arc::clone(&accepted));
        match thread::Builder::new().spawn(move || theirs.keep(&its)) {
            Ok(thread) => Self(Progress::Running(thread)),
            Err(_) => Self(Progress::Done(cache.keep(&accepted))),
        }
    }

    /// Waits until it is stored.
    ///
    /// # Errors
    ///
    /// As [`Cache::keep`].
    pub fn finish(mut self) -> Result<(), Error> {
        self.wait()
    }

    fn wait(&mut self) -> Result<(), Error> {
        match std::mem::replace(&mut self.0, Progress::Done(Ok(()))) {
            Progress::Done(outcome) => outcome,
            Progress::Running(thread) => {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = self.wait();
        }
    }
}

/// What is remembered of a collection, apart from its files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    /// Versions, and which files they were.
    pub baseline: Baseline,
    /// The newest trusted root, to know it again if its file is lost.
    pub root: Option<Sha256>,
    /// When the server was last asked for a newer root.
    pub root_asked: Option<Instant>,
    /// The latest time at which anything was accepted from a server.
    pub clock: Option<Instant>,
}

/// Files that one update accepted, and when.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// A root newer than the stored one.
    pub root: Option<(crate::tuf::Version, Vec<u8>)>,
    /// The root that was remembered when the update began; `None` on first use.
    pub begun: Option<Sha256>,
    /// Other files; `None` in place of bytes that are stored already.
    pub files: Vec<(RoleName, Option<Vec<u8>>, Seen)>,
    /// Whether another program left a newer root there than the one that these files are of: then
    /// they are remembered, and none is written.
    pub behind: bool,
    /// Delegated roles that a trusted file has removed.
    pub dropped: Vec<RoleName>,
    /// Whether the server said which root is the newest.
    pub root_asked: bool,
    /// Whether a server was asked at all.
    pub confirmed: bool,
    /// The time of the update.
    pub now: Instant,
}

impl Memory {
    /// Refuses an update if another process went on to another root than the one that it began
    /// with and the one that it came to. On first use that root may have nothing to do with ours.
    ///
    /// # Errors
    ///
    /// [`Error::Overtaken`].
    pub fn admit(&self, accepted: &Accepted) -> Result<(), Error> {
        let own = accepted.root.as_ref().map(|(_, bytes)| Sha256::of(bytes));
        match self.root.is_none() || self.root == accepted.begun || self.root == own {
            true => Ok(()),
            false => Err(Error::Overtaken),
        }
    }

    /// The root of an update that is to be written: not one older than what is known or stored.
    pub fn root_to_write<'a>(&self, accepted: &'a Accepted) -> Option<&'a [u8]> {
        let (version, bytes) = accepted.root.as_ref().filter(|_| !accepted.behind)?;
        self.baseline.root().is_none_or(|known| known <= *version).then_some(bytes)
    }

    /// The other files of an update that are to be written: none that would take the place of a
    /// newer one.
    pub fn files_to_write<'a>(
        &self,
        accepted: &'a Accepted,
    ) -> impl Iterator<Item = (&'a RoleName, &'a [u8])> {
        let admitted = |(role, _, seen): &&(RoleName, Option<Vec<u8>>, Seen)| {
            !accepted.behind && !self.is_newer_than(role, seen)
        };
        let files = accepted.files.iter().filter(admitted);
        files.filter_map(|(role, bytes, _)| Some((role, bytes.as_deref()?)))
    }

    /// The same with what was accepted.
    fn with(&self, accepted: &Accepted) -> Self {
        let mut memory = self.clone();
        memory.learn(accepted);
        memory
    }

    /// Takes in what was accepted.
    pub fn learn(&mut self, accepted: &Accepted) {
        if let Some((version, bytes)) = &accepted.root
            && self.baseline.root().is_none_or(|known| known <= *version)
        {
            self.baseline.remember_root(*version);
            self.root = Some(Sha256::of(bytes));
        }
        for (role, _, seen) in &accepted.files {
            self.baseline.remember(role.clone(), seen.clone());
        }
        for role in &accepted.dropped {
            self.baseline.forget(role);
        }
        if accepted.root_asked {
            self.root_asked = self.root_asked.max(Some(accepted.now));
        }
        if accepted.confirmed {
            self.clock = self.clock.max(Some(accepted.now));
        }
    }

    fn is_newer_than(&self, role: &RoleName, seen: &Seen) -> bool {
        self.baseline.seen().get(role).is_some_and(|known| {
            known.governance.keys == seen.governance.keys && known.version > seen.version
        })
    }
}
