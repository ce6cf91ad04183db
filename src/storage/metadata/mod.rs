//! Published collections at rest: what a trust server serves.
//!
//! - A publication is stored whole or not at all, and only on the state that it was judged against.
//! - An answer of success means durable, where the store is one that lasts.
//! - Files are never changed; a collection is deleted as a whole, and leaves its last versions behind.
//! - Names are compared byte for byte.
//!
//! - Where others write to the same database, what is remembered is asked after before it is used.
//!
//! One contract test runs on all stores.

#[cfg(test)]
mod contract;
mod error;
mod memory;
pub(super) mod mysql;
pub(super) mod postgres;
pub(super) mod sql;
mod sqlite;

pub use error::Error;
pub use memory::MemoryStore;
pub use sql::{Address, BadAddress, Outlook};
pub use sqlite::{Glance, SqliteStore, backup, glance};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp as Instant;

use crate::crypto::Sha256;
use crate::tuf::{Gun, KeyId, RoleName, Version};
use crate::verify::submission::{Holdings, Publication};

/// A place where collections are kept.
pub trait MetadataStore: Send + Sync {
    /// A file of a role.
    fn file<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        which: Which,
    ) -> Answer<'a, Option<StoredFile>>;

    /// What a submission is judged against: the current files of these roles, and the highest
    /// version of every role.
    fn holdings<'a>(&'a self, gun: &'a Gun, roles: &'a [RoleName]) -> Answer<'a, Holdings>;

    /// Stores a publication and the keys that it makes use of for the first time.
    ///
    /// [`Error::Conflict`] when something else was stored since the publication was judged.
    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
        keys: &'a [KeyRecord],
        at: Instant,
    ) -> Answer<'a, ()>;

    /// Deletes a collection but for its keys and its last versions. Whether there was one.
    fn delete<'a>(&'a self, gun: &'a Gun, at: Instant) -> Answer<'a, bool>;

    /// What happened, oldest first.
    fn changes<'a>(&'a self, gun: Option<&'a Gun>, page: Page) -> Answer<'a, Vec<Change>>;

    /// The online keys that were ever in use for a collection.
    fn keys<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Vec<KeyRecord>>;

    /// Collections whose timestamp was stored before that instant, the oldest first, at most so
    /// many.
    fn stale(&self, before: Instant, limit: usize) -> Answer<'_, Vec<Gun>>;

    /// Names that hold that text and come after that name, in the order of their bytes, at most so
    /// many. A store that can do better than to look at all of them should.
    fn names<'a>(
        &'a self,
        part: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Gun>> {
        let wanted = move |gun: &Gun| {
            let name = gun.as_str();
            name.contains(part) && after.is_none_or(|after| name > after)
        };
        async move {
            let mut names = self.stale(Instant::MAX, usize::MAX).await?;
            names.retain(wanted);
            names.sort_unstable();
            names.truncate(limit);
            Ok(names)
        }
        .boxed()
    }

    /// Whether the store is usable.
    fn check(&self) -> Answer<'_, ()>;

    /// What only a database can say to which others write, too: other replicas, or notary-server.
    /// `None` where nobody else does.
    fn shared(&self) -> Option<&dyn Shared> {
        None
    }
}

/// A database to which others write, too.
pub trait Shared: Send + Sync {
    /// What a collection is at: a number that every change replaces, and that never comes back;
    /// `None` if there is no such collection. It was true after the question was put.
    fn state<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Option<i64>>;

    /// Whether it is this server that renews now; for some minutes the others leave it to it.
    fn may_renew(&self) -> Answer<'_, bool>;

    /// What all servers of this database agree on under a name: what was first proposed.
    fn agree<'a>(
        &'a self,
        name: &'a str,
        proposed: Option<&'a [u8]>,
    ) -> Answer<'a, Option<Vec<u8>>>;
}

/// What a store answers.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Which file of a role.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Which {
    /// That of the highest version.
    Current,
    /// The one with these bytes.
    Hash(Sha256),
    /// The one of that version.
    Version(Version),
}

/// A file as it was published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredFile {
    /// Its version.
    pub version: Version,
    /// Of its bytes.
    pub sha256: Sha256,
    /// The very bytes that were judged.
    pub bytes: Bytes,
    /// When it was published.
    pub stored_at: Instant,
}

/// An online key at rest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRecord {
    /// Its id in metadata.
    pub id: KeyId,
    /// The collection it signs for.
    pub gun: Gun,
    /// The role it signs.
    pub role: RoleName,
    /// The private key, encrypted.
    pub sealed: Vec<u8>,
}

/// Something that happened to a collection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Rises with every change.
    pub id: u64,
    /// When.
    pub at: Instant,
    /// The collection.
    pub gun: String,
    /// What.
    pub event: Event,
}

/// What happened to a collection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// A new timestamp.
    Update {
        /// Its version.
        version: Version,
        /// Of its bytes.
        sha256: Sha256,
    },
    /// The collection was deleted.
    Deletion,
}

/// Which changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Page {
    /// The first ones after that id.
    After {
        /// Exclusive; 0 is the beginning.
        id: u64,
        /// At most so many.
        limit: usize,
    },
    /// The last ones before that id, or of all.
    Before {
        /// Exclusive.
        id: Option<u64>,
        /// At most so many.
        limit: usize,
    },
}
