//! What is stored, and what it demands of whatever comes next.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Refusal;
use crate::tuf::{RoleName, Snapshot, Version};
use crate::verify::{Baseline, CurrentRoot, Error, Policy, TrustedRoot, TrustedSnapshot};
use crate::verify::{listing, timestamp::TrustedTimestamp};

/// A collection as its server holds it.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// Current files: root, timestamp, snapshot, and those that the submission
    /// [needs](super::Submission::needs).
    pub files: BTreeMap<RoleName, Vec<u8>>,
    /// The highest stored version of each role.
    pub versions: BTreeMap<RoleName, Version>,
    /// The last versions of a collection of this name that was deleted.
    pub buried: BTreeMap<RoleName, Version>,
}

/// A stored collection whose online roles verify under its root.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) root: TrustedRoot,
    pub(super) snapshot: Snapshot,
    pub(super) timestamp: Version,
    pub(super) baseline: Baseline,
}

impl Holdings {
    /// Reads the stored collection; `None` if nothing is stored.
    ///
    /// The dates do not matter, because what comes next may mend them. The signatures do: a server
    /// must not build on files that were changed in its database.
    pub(super) fn base(&self, policy: &Arc<Policy>) -> Result<Option<Base>, Refusal> {
        match self.files.get(&RoleName::Root) {
            None => Ok(None),
            Some(root) => self.read_base(policy, root).map(Some).map_err(Refusal::Damaged),
        }
    }

    fn read_base(&self, policy: &Arc<Policy>, root: &[u8]) -> Result<Base, Error> {
        let root = TrustedRoot::restore(Arc::clone(policy), root)?;
        let then = root.regardless_of_dates();
        let (timestamp, seen) =
            TrustedTimestamp::signed(&then, self.stored(&RoleName::Timestamp)?)?;
        let mut baseline = Baseline::default();
        baseline.remember(RoleName::Timestamp, seen);
        let bytes = self.stored(&RoleName::Snapshot)?;
        listing::compare(&RoleName::Snapshot, &bytes.into(), &timestamp.snapshot, None)?;
        let (snapshot, seen) = TrustedSnapshot::signed(&then, bytes)?;
        baseline.remember(RoleName::Snapshot, seen);
        Ok(Base { root, snapshot, timestamp: timestamp.version, baseline })
    }

    fn stored(&self, role: &RoleName) -> Result<&[u8], Error> {
        let missing = || Error::NotListed { role: role.clone(), reason: "it is not stored" };
        self.files.get(role).map(Vec::as_slice).ok_or_else(missing)
    }

    /// Refuses a version that is not above what is stored, or far above it.
    pub(super) fn check_version(&self, role: &RoleName, found: Version) -> Result<(), Refusal> {
        let stored = self.versions.get(role).copied();
        if let Some(stored) = stored.filter(|stored| *stored >= found) {
            return Err(Refusal::Version { role: role.clone(), found, stored });
        }
        let stored = stored.map_or(0, Version::number);
        if found.number() > HIGHEST_VERSION || found.number().saturating_sub(stored) > MAX_JUMP {
            return Err(Refusal::Jump { role: role.clone(), found, stored });
        }
        Ok(())
    }

    /// The next version of a role that the server signs: above everything that was ever served
    /// under this name.
    pub(super) fn next(&self, role: &RoleName) -> Result<Version, Refusal> {
        match self.versions.get(role).max(self.buried.get(role)) {
            None => Ok(Version::ONE),
            Some(last) => {
                last.next().filter(|next| next.number() <= HIGHEST_VERSION).ok_or_else(|| {
                    Refusal::Jump { role: role.clone(), found: *last, stored: last.number() }
                })
            }
        }
    }
}

impl Base {
    /// The stored root, if it is still current.
    pub(super) fn current_root(&self) -> Result<CurrentRoot, Refusal> {
        self.root.current(&Baseline::default()).map_err(Refusal::Root)
    }
}

/// Notary keeps versions in 32-bit columns, and a little room is left above.
pub(super) const HIGHEST_VERSION: u64 = (1 << 31) - 2;
/// No honest publisher skips more; it takes that many uploads to lock anybody out.
const MAX_JUMP: u64 = 1000;
