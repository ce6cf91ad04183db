//! The targets role and its delegations: what is signed, and by whom.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::{Hashes, Key, KeyId, Paths, Role, RoleName, Unknown, Version};

/// Targets metadata (TUF 1.0.34 §4.5; Notary `tuf/data/targets.go`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Targets {
    /// Version of this file.
    pub version: Version,
    /// When it ends to be valid, UTC.
    pub expires: Instant,
    /// Signed names; for images, tags.
    pub targets: BTreeMap<String, Target>,
    /// To whom this role delegates.
    pub delegations: Delegations,
    /// Members that we do not know.
    pub unknown: Unknown,
}

/// One signed name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// Length in bytes of what was signed; for images, of the manifest.
    pub length: u64,
    /// Its hashes.
    pub hashes: Hashes,
    /// The publisher's own JSON, canonical.
    pub custom: Option<Custom>,
}

/// The publisher's own JSON beside a target, in canonical form.
///
/// Made by [`Custom::parse`], which refuses what Notary would sign but no one could verify
/// (floating point, integers above 2^53, characters that the wire form escapes).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Custom(String);

impl Custom {
    pub(super) fn from_canonical(text: String) -> Self {
        Self(text)
    }

    /// Canonical JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Delegated roles, in the order in which lookups visit them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Delegations {
    /// Keys of the roles.
    pub keys: BTreeMap<KeyId, Key>,
    /// The roles.
    pub roles: Vec<Delegation>,
}

impl Delegations {
    /// The delegation to that role.
    pub fn role(&self, name: &RoleName) -> Option<&Delegation> {
        self.roles.iter().find(|delegation| delegation.name == *name)
    }

    /// Each delegation, with those among which it stands and which have its keys.
    pub fn each(&self) -> impl Iterator<Item = (&Self, &Delegation)> {
        self.roles.iter().map(move |delegation| (self, delegation))
    }

    /// Has those who ask delegations in turn ask `targets/releases` before the others, as docker
    /// does. The bins of a role stay before it: what they hold is the role's own.
    pub fn put_releases_first(&mut self) {
        self.roles.sort_by_key(|it| (!it.is_own_bin(), it.name != RoleName::releases()));
    }

    /// The keys of a delegation, in its order.
    pub fn keys_of<'a>(&'a self, delegation: &'a Delegation) -> impl Iterator<Item = &'a Key> {
        delegation.role.keyids().iter().filter_map(|id| self.keys.get(id))
    }
}

/// A delegated role: its keys and the names it may sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delegation {
    /// In Notary's form a direct child of the role that delegates.
    pub name: RoleName,
    /// Who signs it.
    pub role: Role,
    /// Names that it may sign.
    pub paths: Paths,
    /// Whether a look-up that comes here goes nowhere else afterwards (TUF 1.0.34 §5.6.7.2).
    pub terminating: bool,
}
