//! New dates for what is stored (Notary `server/timestamp/timestamp.go`,
//! `server/snapshot/snapshot.go`).

use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::history::Base;
use super::{Holdings, NextSnapshot, Publication, PublishedFile, Refusal};
use crate::crypto::Sha256;
use crate::tuf::{RoleName, Snapshot, Version};
use crate::verify::{Baseline, CurrentRoot, Policy};

/// A timestamp, and if need be a snapshot, that say what the stored ones say, for longer.
#[derive(Clone, Debug)]
pub struct Renewal {
    root: CurrentRoot,
    on: Version,
    snapshot: Option<Snapshot>,
    stored_snapshot: Vec<u8>,
    timestamp: Version,
}

impl Renewal {
    /// Prepares the renewal of a stored collection; `None` if nothing is stored. The snapshot is
    /// renewed too if it expires by `snapshot_due`.
    ///
    /// # Errors
    ///
    /// [`Refusal::Damaged`] if what is stored does not verify, [`Refusal::Root`] if its root is no
    /// longer current: new dates must not hide trouble.
    pub fn of(
        policy: &Arc<Policy>,
        mut held: Holdings,
        snapshot_due: Instant,
    ) -> Result<Option<Self>, Refusal> {
        let Some(base) = held.base(policy)? else { return Ok(None) };
        let root = base.current_root()?;
        let Base { mut snapshot, timestamp: on, .. } = base;
        let due = snapshot.expires <= snapshot_due;
        if due {
            snapshot.version = held.next(&RoleName::Snapshot)?;
        }
        let timestamp = held.next(&RoleName::Timestamp)?;
        let stored_snapshot = held.files.remove(&RoleName::Snapshot).unwrap_or_default();
        Ok(Some(Self { root, on, snapshot: due.then_some(snapshot), stored_snapshot, timestamp }))
    }

    /// The root whose online keys must sign.
    pub fn root(&self) -> &CurrentRoot {
        &self.root
    }

    /// The snapshot that the timestamp will name.
    pub fn snapshot(&self) -> NextSnapshot<'_> {
        match &self.snapshot {
            Some(content) => NextSnapshot::Due(content),
            None => NextSnapshot::Stands(&self.stored_snapshot),
        }
    }

    /// Leaves the snapshot as it stands: its key is its publisher's, and nobody else can renew it.
    #[must_use]
    pub fn over_what_stands(self) -> Self {
        Self { snapshot: None, ..self }
    }

    /// The version of the timestamp to sign.
    pub fn timestamp(&self) -> Version {
        self.timestamp
    }

    /// Judges the signed files as a client would.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if a client would refuse them.
    pub fn complete(
        self,
        snapshot: Option<Vec<u8>>,
        timestamp: Vec<u8>,
    ) -> Result<Publication, Refusal> {
        let baseline = Baseline::default();
        let refused = |role: RoleName| move |error| Refusal::of(&role, error);
        let trusted =
            self.root.timestamp(&timestamp, &baseline).map_err(refused(RoleName::Timestamp))?;
        let bytes = snapshot.as_deref().unwrap_or(&self.stored_snapshot);
        let trusted = trusted.snapshot(bytes, &baseline).map_err(refused(RoleName::Snapshot))?;
        debug_assert_eq!(trusted.seen().sha256, Sha256::of(bytes));
        let mut files = Vec::new();
        if let Some(bytes) = snapshot {
            files.push(PublishedFile::new(RoleName::Snapshot, trusted.seen().version, bytes));
        }
        files.push(PublishedFile::new(RoleName::Timestamp, self.timestamp, timestamp));
        Ok(Publication { gun: self.root.policy().gun.clone(), on: Some(self.on), files })
    }
}
