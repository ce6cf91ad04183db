//! Hashed bins: roles that hold a share of another role's names, and sign in its name.

use super::{TrustedRole, TrustedTargets};
use crate::tuf::{RoleName, Target};

impl TrustedTargets {
    /// The role in whose name a role signs: itself, or for a hashed bin the role whose names it
    /// holds a share of.
    pub fn owner<'t>(&'t self, role: &'t RoleName) -> &'t RoleName {
        let mut owner = role;
        for _ in 0..self.root().policy().limits.delegation_depth {
            match self.shared_out_by(owner) {
                Some(delegator) => owner = delegator,
                None => break,
            }
        }
        owner
    }

    /// Whether a role is a hashed bin.
    pub fn is_bin(&self, role: &RoleName) -> bool {
        self.shared_out_by(role).is_some()
    }

    /// The loaded roles that sign in this role's name: itself first, then its bins.
    pub fn speaking_for<'t>(
        &'t self,
        owner: &RoleName,
    ) -> impl Iterator<Item = (&'t RoleName, &'t TrustedRole)> {
        let itself = self.roles().filter(move |(name, _)| *name == owner);
        let bins = move |(name, _): &(&RoleName, &TrustedRole)| {
            *name != owner && self.owner(name) == owner
        };
        itself.chain(self.roles().filter(bins))
    }

    /// What is signed in a role's name, by itself and by its loaded bins.
    pub fn signed_by<'t>(
        &'t self,
        owner: &RoleName,
    ) -> impl Iterator<Item = (&'t str, &'t Target)> {
        self.speaking_for(owner).flat_map(|(_, role)| role.targets())
    }

    /// The role of which a role is a bin.
    fn shared_out_by(&self, role: &RoleName) -> Option<&RoleName> {
        let delegator = self.delegator_of(role)?;
        let delegations = &self.role(delegator)?.content().delegations;
        delegations.role(role).is_some_and(|it| it.is_bin()).then_some(delegator)
    }
}
