//! The snapshot step.

use std::collections::BTreeMap;

use super::baseline::{Baseline, Seen};
use super::root::{check_floor, check_listed_floor};
use super::targets::{Glance, TrustedTargets, Wanted};
use super::{CurrentRoot, Error, Policy, TrustedTimestamp, listing};
use crate::crypto::{Hashed, Sha256};
use crate::tuf::{self, FileMeta, RoleName, Snapshot};

/// The snapshot that the trusted timestamp names.
#[derive(Clone, Debug)]
pub struct TrustedSnapshot {
    timestamp: TrustedTimestamp,
    snapshot: Snapshot,
    seen: Seen,
    /// Roles that an earlier snapshot listed and this one does not: fine only if their delegation
    /// is gone too.
    vanished: Vec<RoleName>,
}

impl TrustedSnapshot {
    pub(super) fn verify(
        timestamp: &TrustedTimestamp,
        bytes: &[u8],
        baseline: &Baseline,
    ) -> Result<Self, Error> {
        let role = RoleName::Snapshot;
        let root = timestamp.root();
        listing::compare(&role, &bytes.into(), &timestamp.content().snapshot, None)?;
        let (snapshot, seen) = Self::signed(root, bytes)?;
        listing::compare_version(&role, seen.version, &timestamp.content().snapshot)?;
        let floor = baseline.floor(&role, &seen.governance);
        check_floor(&role, seen.version, floor)?;
        if let Some(known) =
            floor.filter(|known| known.version == seen.version && known.sha256 != seen.sha256)
        {
            return Err(listing::mismatch(
                &role,
                "content of a known version",
                &known.sha256,
                &seen.sha256,
            ));
        }
        root.policy().check_expiry(&role, snapshot.expires)?;
        check_root_entry(root, &snapshot)?;
        let vanished = floor.map(|known| vanished(known, &snapshot)).transpose()?;
        let vanished = vanished.unwrap_or_default();
        let seen = seen.after(floor);
        check_count(root.policy(), &seen)?;
        Ok(Self { timestamp: timestamp.clone(), snapshot, seen, vanished })
    }

    pub(super) fn observe(
        root: &CurrentRoot,
        bytes: &[u8],
        baseline: &Baseline,
    ) -> Result<Seen, Error> {
        let (_, seen) = Self::signed(root, bytes)?;
        let before = baseline.floor(&RoleName::Snapshot, &seen.governance);
        Ok(seen.after(before))
    }

    /// Believes the top-level targets file that this snapshot lists, reading all of it or only what
    /// is wanted.
    ///
    /// # Errors
    ///
    /// [`Error`]: not the listed bytes, malformed, under threshold, older than what was seen,
    /// expired; or a delegated role that was listed before and is listed no more.
    pub fn targets<'b>(
        &self,
        file: impl Into<Hashed<'b>>,
        baseline: &Baseline,
        wanted: Wanted<'_>,
    ) -> Result<TrustedTargets, Error> {
        TrustedTargets::verify(self, &file.into(), baseline, wanted)
    }

    /// Believes the top-level targets file that this snapshot lists, if a glance at it counts and
    /// nothing is wrong. What is wrong shows in [`Self::targets`].
    pub fn glimpse_targets(&self, glance: &Glance, baseline: &Baseline) -> Option<TrustedTargets> {
        TrustedTargets::glimpse(self, glance, baseline)
    }

    /// What this snapshot says of a role's file.
    pub fn listed(&self, role: &RoleName) -> Option<&FileMeta> {
        self.snapshot.meta.get(role)
    }

    /// What the snapshot says.
    pub fn content(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What to remember of it: as listed, also what was listed before. A role that vanished is asked
    /// about until it is known to be gone ([`TrustedTargets::settled_snapshot`]).
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The timestamp that names it.
    pub fn timestamp(&self) -> &TrustedTimestamp {
        &self.timestamp
    }

    /// The root that it was verified under.
    pub fn root(&self) -> &CurrentRoot {
        self.timestamp.root()
    }

    pub(super) fn vanished(&self) -> &[RoleName] {
        &self.vanished
    }

    pub(super) fn signed(root: &CurrentRoot, bytes: &[u8]) -> Result<(Snapshot, Seen), Error> {
        let policy = root.policy();
        let keys = &root.content().snapshot;
        let envelope = policy.dialect.open_snapshot(bytes, &policy.limits)?;
        let (snapshot, _) = root.open(&RoleName::Snapshot, keys, envelope)?;
        let seen = Seen {
            version: snapshot.version,
            sha256: Sha256::of(bytes),
            governance: root.governance(keys),
            listed: snapshot.meta.iter().map(|(role, it)| (role.clone(), it.version)).collect(),
            landmarks: None,
        };
        Ok((snapshot, seen))
    }
}

impl Policy {
    /// The files that an unverified snapshot lists, for fetching them while the snapshot is still
    /// being judged.
    pub fn unverified_listing(&self, snapshot: &[u8]) -> Option<BTreeMap<RoleName, FileMeta>> {
        let envelope = self.dialect.open_snapshot(snapshot, &self.limits).ok()?;
        Some(envelope.into_unverified_content().meta)
    }
}

/// The roles that an earlier snapshot listed and this one does not. A role that was listed with its
/// version may neither vanish nor go back (TUF 1.0.34 §5.5.5); of others only a targets file can
/// say whether they were meant to go.
fn vanished(before: &Seen, snapshot: &Snapshot) -> Result<Vec<RoleName>, Error> {
    let mut vanished = Vec::new();
    for (role, version) in &before.listed {
        match (snapshot.meta.get(role), version) {
            (Some(listed), version) => check_listed_floor(role, listed, *version)?,
            (None, Some(_)) => return Err(Error::Vanished { role: role.clone() }),
            (None, None) => vanished.push(role.clone()),
        }
    }
    Ok(vanished)
}

/// Bounds what is remembered of a snapshot. Rotating an online key forgets what was listed before.
fn check_count(policy: &Policy, seen: &Seen) -> Result<(), Error> {
    let (role, limit) = (RoleName::Snapshot, policy.limits.listed);
    if seen.listed.len() <= limit {
        return Ok(());
    }
    let what = "roles that are listed or were listed before";
    Err(tuf::Error::TooMany { role, what, limit }.into())
}

/// A snapshot that lists root must list the root that we trust, by every property that it gives.
fn check_root_entry(root: &CurrentRoot, snapshot: &Snapshot) -> Result<(), Error> {
    let Some(listed) = snapshot.meta.get(&RoleName::Root) else { return Ok(()) };
    listing::compare_known(&RoleName::Root, root.trusted().file(), listed)
}
