//! The roles that a server signs by itself (Notary `server/timestamp/timestamp.go`,
//! `server/snapshot/snapshot.go`).
//!
//! What a snapshot or timestamp lists are the hashes of bytes, those that are stored and served;
//! nothing is ever written again to be hashed.

use jiff::Timestamp as Instant;

use super::{Error, Signers, expiry};
use crate::tuf::{FileMeta, RoleName, Snapshot, Timestamp, Unknown, Version};
use crate::verify::CurrentRoot;
use crate::verify::submission::NextSnapshot;

/// A server's signature over a collection's state.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The snapshot, if the server had to sign one.
    pub snapshot: Option<Vec<u8>>,
    /// The timestamp.
    pub timestamp: Vec<u8>,
}

/// What a server has to sign.
#[derive(Clone, Copy, Debug)]
pub struct Online<'a> {
    /// Names the keys.
    pub root: &'a CurrentRoot,
    /// The snapshot that the timestamp will name.
    pub snapshot: NextSnapshot<'a>,
    /// The version of the timestamp.
    pub timestamp: Version,
}

impl Online<'_> {
    /// Signs, with new dates.
    ///
    /// # Errors
    ///
    /// [`Error::Keys`] when a key that the root names is not at hand, [`Error::Signing`].
    pub fn seal(&self, now: Instant, signers: &Signers<'_>) -> Result<Sealed, Error> {
        let dialect = self.root.policy().dialect;
        let (snapshot, listed) = match self.snapshot {
            NextSnapshot::Stands(bytes) => (None, FileMeta::of(bytes)),
            NextSnapshot::Due(content) => {
                let bytes = self.seal_snapshot(content, now, signers)?;
                let listed = dialect.listing(&bytes, content.version);
                (Some(bytes), listed)
            }
        };
        Ok(Sealed { snapshot, timestamp: self.seal_timestamp(listed, now, signers)? })
    }

    fn seal_snapshot(
        &self,
        content: &Snapshot,
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<Vec<u8>, Error> {
        let expires = expiry(&RoleName::Snapshot, now);
        let content = Snapshot { expires, ..content.clone() };
        let (root, dialect) = (self.root.content(), self.root.policy().dialect);
        let keys: Vec<_> = root.keys_of(&root.snapshot).collect();
        let message = dialect.snapshot_message(&content);
        signers.seal(&RoleName::Snapshot, &root.snapshot, &keys, dialect, &message)
    }

    fn seal_timestamp(
        &self,
        snapshot: FileMeta,
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<Vec<u8>, Error> {
        let expires = expiry(&RoleName::Timestamp, now);
        let unknown = Unknown::default();
        let content = Timestamp { version: self.timestamp, expires, snapshot, unknown };
        let (root, dialect) = (self.root.content(), self.root.policy().dialect);
        let keys: Vec<_> = root.keys_of(&root.timestamp).collect();
        let message = dialect.timestamp_message(&content);
        signers.seal(&RoleName::Timestamp, &root.timestamp, &keys, dialect, &message)
    }
}
