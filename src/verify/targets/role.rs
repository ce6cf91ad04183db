//! One targets role: believed, or what would have to be signed again to be.

use crate::tuf::{KeyId, RoleName, Scope, Target, Targets, Version};
use crate::verify::Seen;

/// One loaded targets role.
#[derive(Clone, Debug)]
pub struct TrustedRole {
    pub(super) content: Targets,
    pub(super) scope: Scope,
    pub(super) seen: Seen,
    pub(super) signers: Vec<KeyId>,
    /// The role on whose word it was believed; none for `targets`.
    pub(super) delegator: Option<RoleName>,
}

/// What a delegated role says that does not count now, for want of signatures or because its file
/// expired. The snapshot lists it, and nothing more is known in its favour.
#[derive(Clone, Debug)]
pub struct SuspendedRole {
    pub(super) content: Targets,
}

impl SuspendedRole {
    /// Its version.
    pub fn version(&self) -> Version {
        self.content.version
    }

    /// How many delegations it makes.
    pub fn delegated(&self) -> usize {
        self.content.delegations.roles.len()
    }

    /// What it says: for signing it again, by whoever vouches for it. Never for an answer.
    pub fn into_unverified_content(self) -> Targets {
        self.content
    }
}

impl TrustedRole {
    /// What the role says; entries outside its scope are there but mean nothing.
    pub fn content(&self) -> &Targets {
        &self.content
    }

    /// Which names it may sign.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What to remember of it.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The role on whose word it was believed; none for `targets`.
    pub fn delegator(&self) -> Option<&RoleName> {
        self.delegator.as_ref()
    }

    /// The keys that signed it; empty if the file was accepted before and only looked into now.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// What the role says.
    pub fn into_content(self) -> Targets {
        self.content
    }

    /// The entry of a name, if the role may sign it.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.content.targets.get(name).filter(|_| self.scope.allows(name))
    }

    /// The entries that the role may sign.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &Target)> {
        let allowed = |(name, _): &(&String, &Target)| self.scope.allows(name);
        self.content.targets.iter().filter(allowed).map(|(name, target)| (name.as_str(), target))
    }
}
