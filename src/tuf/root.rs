//! The root role: whose keys speak for which top-level role.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::{Key, KeyId, Role, RoleName, Unknown, Version};

/// Root metadata (TUF 1.0.34 §4.3; Notary `tuf/data/root.go`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Root {
    /// Version of this file.
    pub version: Version,
    /// When it ends to be valid, UTC.
    pub expires: Instant,
    /// Every key of every top-level role, and in Notary's form retired root keys.
    pub keys: BTreeMap<KeyId, Key>,
    /// How the files that a snapshot lists are asked for.
    pub naming: Naming,
    /// Who signs the next root.
    pub root: Role,
    /// Who signs targets.
    pub targets: Role,
    /// Who signs snapshot.
    pub snapshot: Role,
    /// Who signs timestamp.
    pub timestamp: Role,
    /// Members that we do not know.
    pub unknown: Unknown,
}

/// How the files of one collection are named where they are served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Naming {
    /// By their SHA-256, as Notary's servers do.
    ByHash,
    /// By their version: TUF 1.0 with consistent snapshots (§6).
    ByVersion,
    /// By their role alone: TUF 1.0 without.
    Current,
}

impl Root {
    /// The role of that name; `None` for delegations, which targets files describe.
    pub fn role(&self, name: &RoleName) -> Option<&Role> {
        match name {
            RoleName::Root => Some(&self.root),
            RoleName::Targets => Some(&self.targets),
            RoleName::Snapshot => Some(&self.snapshot),
            RoleName::Timestamp => Some(&self.timestamp),
            RoleName::Delegation(_) => None,
        }
    }

    /// The keys of a role, in its order.
    pub fn keys_of<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = &'a Key> {
        role.keyids().iter().filter_map(|id| self.keys.get(id))
    }
}
