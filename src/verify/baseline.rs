//! What was seen before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::crypto::{Sha256, Sha256Stream};
use crate::tuf::{Key, Landmarks, Role, RoleName, Version};

/// The highest versions that were accepted before, for comparison only.
///
/// Each is bound to the timestamp and snapshot keys of then. When one of those is rotated the
/// memory no longer applies, so that a collection whose online key was stolen, and whose versions
/// the thief drove up, can be used again (TUF 1.0.34 §5.3.11). No other rotation forgets anything,
/// and the root's version is never forgotten.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Baseline {
    root: Option<Version>,
    seen: BTreeMap<RoleName, Seen>,
}

/// One file that was accepted in full.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Its version.
    pub version: Version,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Under whose keys.
    pub governance: Governance,
    /// For a timestamp and a snapshot, the roles whose files it listed, with their versions where
    /// it said so; and those that a snapshot before it listed, as long as it is not known that
    /// nobody delegates to them any more.
    pub listed: BTreeMap<RoleName, Option<Version>>,
    /// For a large targets file, where its entries lie.
    pub landmarks: Option<Arc<Landmarks>>,
}

/// A short form of who governs a role.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Governance {
    /// The timestamp and snapshot keys: what version floors are bound to.
    pub keys: Sha256,
    /// Keys and threshold of the role itself: under what its signatures were counted.
    pub authority: Sha256,
}

impl Seen {
    /// The same, listing also what was listed before.
    pub(super) fn after(mut self, before: Option<&Self>) -> Self {
        for (role, version) in before.into_iter().flat_map(|before| &before.listed) {
            self.listed.entry(role.clone()).or_insert(*version);
        }
        self
    }
}

impl Baseline {
    /// The highest root version that was trusted.
    pub fn root(&self) -> Option<Version> {
        self.root
    }

    /// What was seen of each role.
    pub fn seen(&self) -> &BTreeMap<RoleName, Seen> {
        &self.seen
    }

    /// Raises the root's floor.
    pub fn remember_root(&mut self, version: Version) {
        self.root = self.root.max(Some(version));
    }

    /// Notes an accepted file. A lower version under the same keys does not lower the floor.
    pub fn remember(&mut self, role: RoleName, seen: Seen) {
        match self.seen.get(&role) {
            Some(known)
                if known.governance.keys == seen.governance.keys
                    && known.version > seen.version => {}
            _ => {
                self.seen.insert(role, seen);
            }
        }
    }

    /// Forgets a role whose delegation was removed by those who made it.
    pub fn forget(&mut self, role: &RoleName) {
        self.seen.remove(role);
    }

    /// What to compare a file of this role with: nothing, if its keys were rotated since.
    pub(super) fn floor(&self, role: &RoleName, governance: &Governance) -> Option<&Seen> {
        self.seen.get(role).filter(|seen| seen.governance.keys == governance.keys)
    }

    /// The file of this role whose signatures were counted before under the same authority.
    pub(super) fn attested(&self, role: &RoleName, governance: &Governance) -> Option<&Seen> {
        self.seen.get(role).filter(|seen| seen.governance == *governance)
    }

    /// Whether this very file was accepted here. Then what is remembered of it says all: a file
    /// that was accepted under keys that were rotated since is no floor any more, although its own
    /// signature still holds.
    pub(super) fn remembers(&self, role: &RoleName, sha256: Sha256) -> bool {
        self.seen.get(role).is_some_and(|seen| seen.sha256 == sha256)
    }

    /// Whether this role was ever seen here, under whatever keys.
    pub fn knows(&self, role: &RoleName) -> bool {
        self.seen.contains_key(role)
    }
}

impl Governance {
    /// `own` is the role itself, with its keys; `online` are the roles whose keys decide which
    /// version of it is current.
    ///
    /// An id may stand for one key where one role delegates and for another one elsewhere, so that
    /// the role's own keys are meant as they are written. Those of `online` are named by root alone.
    pub(super) fn of<'k>(
        own: &Role,
        own_keys: impl IntoIterator<Item = &'k Key>,
        online: &[&Role],
    ) -> Self {
        let mut keys = Sha256Stream::new();
        for role in online {
            let mut ids: Vec<String> = role.keyids().iter().map(ToString::to_string).collect();
            ids.sort_unstable();
            keys.update(format!("{};", ids.join(",")).as_bytes());
        }
        let mut authority = Sha256Stream::new();
        for key in own_keys {
            let written = Sha256::of(key.written());
            authority.update(format!("{} {} {written},", key.id(), key.keytype()).as_bytes());
        }
        authority.update(own.threshold().to_string().as_bytes());
        Self { keys: keys.finish(), authority: authority.finish() }
    }
}
