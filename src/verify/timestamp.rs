//! The timestamp step.

use std::collections::BTreeMap;

use super::baseline::{Baseline, Seen};
use super::root::{check_floor, check_listed_floor};
use super::snapshot::TrustedSnapshot;
use super::{CurrentRoot, Error, Policy};
use crate::crypto::Sha256;
use crate::tuf::{FileMeta, RoleName, Timestamp};

/// A timestamp that is signed, current, and not older than what was seen.
#[derive(Clone, Debug)]
pub struct TrustedTimestamp {
    root: CurrentRoot,
    timestamp: Timestamp,
    seen: Seen,
}

impl TrustedTimestamp {
    pub(super) fn verify(
        root: &CurrentRoot,
        bytes: &[u8],
        baseline: &Baseline,
    ) -> Result<Self, Error> {
        let (timestamp, seen) = Self::signed(root, bytes)?;
        let role = RoleName::Timestamp;
        let before = baseline.floor(&role, &seen.governance);
        check_floor(&role, seen.version, before)?;
        let promised = before.and_then(|before| *before.listed.get(&RoleName::Snapshot)?);
        check_listed_floor(&RoleName::Snapshot, &timestamp.snapshot, promised)?;
        root.policy().check_expiry(&role, timestamp.expires)?;
        root.policy().check_age(timestamp.expires)?;
        Ok(Self { root: root.clone(), timestamp, seen })
    }

    pub(super) fn observe(root: &CurrentRoot, bytes: &[u8]) -> Result<Seen, Error> {
        Self::signed(root, bytes).map(|(_, seen)| seen)
    }

    /// Believes the snapshot that this timestamp names.
    ///
    /// # Errors
    ///
    /// [`Error`]: not the named bytes, malformed, under threshold, older than what was seen,
    /// another file of a version that was seen, expired, or listing another root.
    pub fn snapshot(&self, bytes: &[u8], baseline: &Baseline) -> Result<TrustedSnapshot, Error> {
        TrustedSnapshot::verify(self, bytes, baseline)
    }

    /// What the timestamp says.
    pub fn content(&self) -> &Timestamp {
        &self.timestamp
    }

    /// What to remember of it.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The root that it was verified under.
    pub fn root(&self) -> &CurrentRoot {
        &self.root
    }

    pub(super) fn signed(root: &CurrentRoot, bytes: &[u8]) -> Result<(Timestamp, Seen), Error> {
        let policy = root.policy();
        let keys = &root.content().timestamp;
        let envelope = policy.dialect.open_timestamp(bytes, &policy.limits)?;
        let (timestamp, _) = root.open(&RoleName::Timestamp, keys, envelope)?;
        let seen = Seen {
            version: timestamp.version,
            sha256: Sha256::of(bytes),
            governance: root.governance(keys),
            listed: BTreeMap::from([(RoleName::Snapshot, timestamp.snapshot.version)]),
            landmarks: None,
        };
        Ok((timestamp, seen))
    }
}

impl Policy {
    /// The snapshot that an unverified timestamp names, for fetching it while the timestamp is
    /// still being judged.
    pub fn unverified_snapshot_file(&self, timestamp: &[u8]) -> Option<FileMeta> {
        let envelope = self.dialect.open_timestamp(timestamp, &self.limits).ok()?;
        Some(envelope.into_unverified_content().snapshot)
    }
}
