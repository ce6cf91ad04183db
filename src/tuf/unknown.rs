//! Members of files that we do not know, kept for those who do.

use std::collections::BTreeMap;

use super::RoleName;

/// Members of a signed file that its specification does not name (TUF 1.0.34 §4.1): read, signed
/// again with what is edited, and never looked at. Notary's form has none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Unknown {
    pub(super) file: Members,
    /// Of the object that holds the delegations.
    pub(super) delegations: Members,
    /// Of the short form for hashed bins.
    pub(super) bins: Members,
    /// Roles that a root names besides the four.
    pub(super) others: Members,
    /// By the name of a target or of a listed file.
    pub(super) entries: BTreeMap<String, Members>,
    /// Other digests of a target, by its name.
    pub(super) hashes: BTreeMap<String, Members>,
    /// By the name of a delegated role, or of one of root's.
    pub(super) roles: BTreeMap<RoleName, Members>,
}

/// Members of one object: names, and JSON texts.
pub(super) type Members = BTreeMap<String, String>;

impl Unknown {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over what another role's file says of its targets.
    pub fn absorb_entries(&mut self, other: &mut Self) {
        self.entries.append(&mut other.entries);
        self.hashes.append(&mut other.hashes);
    }

    /// Has what is said of a target go with it to another role's file.
    pub fn move_entry(&mut self, name: &str, to: &mut Self) {
        for (from, to) in [(&mut self.entries, &mut to.entries), (&mut self.hashes, &mut to.hashes)]
        {
            to.extend(from.remove_entry(name));
        }
    }

    /// Drops what was said of a target: another takes its place.
    pub fn forget_entry(&mut self, name: &str) {
        self.entries.remove(name);
        self.hashes.remove(name);
    }
}
