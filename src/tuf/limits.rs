//! How much of a stranger's file we read.

use super::RoleName;

/// Upper bounds on what strangers send. Each default is far above honest use; lower them at will.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of a timestamp file.
    pub timestamp_bytes: u64,
    /// Bytes of a root file.
    pub root_bytes: u64,
    /// Bytes of a snapshot file.
    pub snapshot_bytes: u64,
    /// Bytes of a targets or delegation file.
    pub targets_bytes: u64,
    /// Bytes of all targets and delegation files of a collection together.
    pub collection_bytes: u64,
    /// Signatures in one file.
    pub signatures: usize,
    /// Keys in one file.
    pub keys: usize,
    /// Delegated roles in one file, and loaded when a collection is read as a whole.
    pub delegations: usize,
    /// Hashed bins loaded when a collection is read as a whole. A look-up visits those that may
    /// hold its name, and no others.
    pub bins: usize,
    /// Delegations of all loaded roles of a collection together: one line may stand for thousands of
    /// bins.
    pub delegated: usize,
    /// Paths, or prefixes of hashes, of one delegation: scopes are compared each with each.
    pub paths: usize,
    /// Roles that a snapshot lists, and that one before it listed which are not known to be gone:
    /// all of them are remembered.
    pub listed: usize,
    /// Roles visited in one look-up.
    pub visited: usize,
    /// Names in one targets file.
    pub targets: usize,
    /// How deep delegations nest.
    pub delegation_depth: usize,
    /// Root files followed in one update.
    pub root_chain: usize,
    /// Members outside `signed` that no signature covers, in a snapshot or targets file. A client
    /// lets them be, because the parent's hash covers the whole file; who takes a file in refuses
    /// them.
    pub unsigned_members: usize,
}

impl Limits {
    /// Bytes allowed for a file of this role.
    pub fn bytes(&self, role: &RoleName) -> u64 {
        match role {
            RoleName::Root => self.root_bytes,
            RoleName::Timestamp => self.timestamp_bytes,
            RoleName::Snapshot => self.snapshot_bytes,
            RoleName::Targets | RoleName::Delegation(_) => self.targets_bytes,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timestamp_bytes: 64 << 10,
            root_bytes: 1 << 20,
            snapshot_bytes: 4 << 20,
            targets_bytes: 16 << 20,
            collection_bytes: 128 << 20,
            signatures: 64,
            keys: 256,
            delegations: 256,
            bins: 1024,
            delegated: 1 << 16,
            paths: 4096,
            listed: 20_000,
            visited: 64,
            targets: 100_000,
            delegation_depth: 16,
            root_chain: 1024,
            unsigned_members: usize::MAX,
        }
    }
}
