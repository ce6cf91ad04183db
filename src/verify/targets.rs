//! Targets and delegations: which files of roles are believed, and on whose word.

mod file;
mod lookup;
mod role;

use std::collections::BTreeMap;

use super::baseline::{Baseline, Seen};
use super::{CurrentRoot, Error, TrustedSnapshot, listing};
use crate::crypto::Hashed;
use crate::tuf::{self, Delegation, Delegations, Key, RoleName, Targets};
use file::Mandate;

pub use file::{Glance, Wanted};
pub use lookup::Lookup;
pub(crate) use lookup::{Answer, Visit, look_up};
pub use role::{SuspendedRole, TrustedRole};

/// The targets roles of one snapshot, as far as they were loaded.
#[derive(Clone, Debug)]
pub struct TrustedTargets {
    snapshot: TrustedSnapshot,
    roles: BTreeMap<RoleName, TrustedRole>,
    /// Of all files that were loaded.
    bytes: u64,
    /// Delegations in all files that were loaded.
    delegated: usize,
}

impl TrustedTargets {
    pub(super) fn verify(
        snapshot: &TrustedSnapshot,
        bytes: &Hashed<'_>,
        baseline: &Baseline,
        wanted: Wanted<'_>,
    ) -> Result<Self, Error> {
        let role = top_level(snapshot.root()).load(bytes, snapshot, baseline, wanted)?;
        Self::below(snapshot, role, bytes.as_bytes().len() as u64)
    }

    pub(super) fn glimpse(
        snapshot: &TrustedSnapshot,
        glance: &Glance,
        baseline: &Baseline,
    ) -> Option<Self> {
        let role = top_level(snapshot.root()).glimpse(glance, snapshot, baseline)?;
        Self::below(snapshot, role, glance.length()).ok()
    }

    /// The roles of a snapshot, of which the first was loaded.
    fn below(snapshot: &TrustedSnapshot, role: TrustedRole, bytes: u64) -> Result<Self, Error> {
        let name = RoleName::Targets;
        check_vanished(snapshot, &name, &role.content)?;
        let (snapshot, delegated) = (snapshot.clone(), role.content.delegations.roles.len());
        Ok(Self { snapshot, roles: BTreeMap::from([(name, role)]), bytes, delegated })
    }

    pub(super) fn observe(root: &CurrentRoot, bytes: &[u8], baseline: &Baseline) -> Option<Seen> {
        top_level(root).observe(bytes, root.policy(), baseline)
    }

    /// Believes the file of a role that a loaded role delegates to.
    ///
    /// # Errors
    ///
    /// [`Error::NotListed`] if no loaded role delegates to it or the snapshot does not list it;
    /// else as [`TrustedSnapshot::targets`]. What was loaded before stays.
    pub fn delegation<'b>(
        &mut self,
        role: &RoleName,
        bytes: impl Into<Hashed<'b>>,
        baseline: &Baseline,
        wanted: Wanted<'_>,
    ) -> Result<(), Error> {
        let delegator = self.delegator(role).ok_or_else(|| not_delegated(role))?.clone();
        self.delegation_by(&delegator, role, bytes, baseline, wanted)
    }

    /// Believes the file of a role on the word of this loaded role, of several that may delegate to
    /// it; it takes the place of what was believed on the word of another.
    ///
    /// # Errors
    ///
    /// As [`Self::delegation`].
    pub fn delegation_by<'b>(
        &mut self,
        delegator: &RoleName,
        role: &RoleName,
        bytes: impl Into<Hashed<'b>>,
        baseline: &Baseline,
        wanted: Wanted<'_>,
    ) -> Result<(), Error> {
        let bytes = bytes.into();
        let (parent, delegation) = self.by(delegator, role).ok_or_else(|| not_delegated(role))?;
        let all = self.with_room_for(role, bytes.as_bytes().len() as u64)?;
        let mandate = self.mandate(parent, delegation);
        let loaded = mandate.load(&bytes, &self.snapshot, baseline, wanted)?;
        self.take(delegator, role, loaded, all)
    }

    /// Believes the file of a role that a loaded role delegates to, if a glance at it counts and
    /// nothing is wrong; whether it did. What is wrong shows when the file is loaded.
    pub fn glimpse_delegation(
        &mut self,
        role: &RoleName,
        glance: &Glance,
        baseline: &Baseline,
    ) -> bool {
        let glimpse = || {
            let delegator = self.delegator(role)?.clone();
            let (parent, delegation) = self.by(&delegator, role)?;
            let all = self.with_room_for(role, glance.length()).ok()?;
            let glimpsed =
                self.mandate(parent, delegation).glimpse(glance, &self.snapshot, baseline)?;
            Some((delegator, glimpsed, all))
        };
        glimpse().is_some_and(|(by, glimpsed, all)| self.take(&by, role, glimpsed, all).is_ok())
    }

    /// A loaded role with its delegation to another.
    fn by(&self, delegator: &RoleName, role: &RoleName) -> Option<(&TrustedRole, &Delegation)> {
        let parent = self.roles.get(delegator)?;
        Some((parent, parent.content.delegations.role(role)?))
    }

    /// Takes in a role that was loaded on the word of another; `bytes` are those of all files with
    /// its own.
    fn take(
        &mut self,
        delegator: &RoleName,
        role: &RoleName,
        loaded: TrustedRole,
        bytes: u64,
    ) -> Result<(), Error> {
        let (parent, delegation) = self.by(delegator, role).ok_or_else(|| not_delegated(role))?;
        let scope = parent.scope.restrict(&delegation.paths);
        check_vanished(&self.snapshot, role, &loaded.content)?;
        let delegated = self.with_delegations_of(&loaded.content)?;
        let delegator = Some(delegator.clone());
        self.roles.insert(role.clone(), TrustedRole { scope, delegator, ..loaded });
        (self.bytes, self.delegated) = (bytes, delegated);
        Ok(())
    }

    /// The delegations of all files with this one, which may be many more than its bytes say.
    fn with_delegations_of(&self, targets: &Targets) -> Result<usize, Error> {
        let limit = self.root().policy().limits.delegated;
        let found = self.delegated.saturating_add(targets.delegations.roles.len());
        if found <= limit { Ok(found) } else { Err(Error::TooManyDelegations { limit }) }
    }

    /// The bytes of all files with this one. Many files, each of which is small enough, may be too
    /// much together.
    fn with_room_for(&self, role: &RoleName, bytes: u64) -> Result<u64, Error> {
        let limit = self.root().policy().limits.collection_bytes;
        let found = self.bytes.saturating_add(bytes);
        match found <= limit {
            true => Ok(found),
            false => Err(tuf::Error::TooLarge { role: role.clone(), limit, found }.into()),
        }
    }

    /// Raises the baseline by a delegation file that lies in the cache, if its delegation is loaded
    /// and it is truly signed.
    pub fn observe_delegation(&self, role: &RoleName, bytes: &[u8], baseline: &mut Baseline) {
        let Some((parent, delegation)) = self.delegation_to(role) else { return };
        let mandate = self.mandate(parent, delegation);
        if let Some(seen) = mandate.observe(bytes, self.root().policy(), baseline) {
            baseline.remember(role.clone(), seen);
        }
    }

    /// The file of a delegated role that the snapshot lists, but that does not count, for want of
    /// signatures or because it expired. Only for whoever wants to sign it again; `None` unless it
    /// is the listed file and a loaded role delegates to it.
    pub fn suspended<'b>(
        &self,
        role: &RoleName,
        bytes: impl Into<Hashed<'b>>,
    ) -> Option<SuspendedRole> {
        self.delegation_to(role)?;
        let (file, listed) = (bytes.into(), self.snapshot.listed(role)?);
        listing::compare(role, &file, listed, None).ok()?;
        let policy = self.root().policy();
        let envelope = policy.dialect.open_targets(role, file.as_bytes(), &policy.limits).ok()?;
        Some(SuspendedRole { content: envelope.into_unverified_content() })
    }

    /// A loaded role.
    pub fn role(&self, name: &RoleName) -> Option<&TrustedRole> {
        self.roles.get(name)
    }

    /// The loaded roles.
    pub fn roles(&self) -> impl Iterator<Item = (&RoleName, &TrustedRole)> {
        self.roles.iter()
    }

    /// The loaded roles, taken apart.
    pub fn into_roles(self) -> BTreeMap<RoleName, TrustedRole> {
        self.roles
    }

    /// The delegation to a role, with the loaded role that makes it.
    pub fn delegation_to(&self, role: &RoleName) -> Option<(&TrustedRole, &Delegation)> {
        self.by(self.delegator(role)?, role)
    }

    /// What the loaded roles delegate: who does, among which others, and to whom.
    pub fn delegations(&self) -> impl Iterator<Item = (&RoleName, &Delegations, &Delegation)> {
        self.roles.iter().flat_map(|(by, role)| {
            role.content.delegations.each().map(move |(all, it)| (by, all, it))
        })
    }

    /// The loaded role on whose word a role was believed, or would be.
    pub fn delegator_of(&self, role: &RoleName) -> Option<&RoleName> {
        let loaded = self.role(role).and_then(TrustedRole::delegator);
        loaded.or_else(|| self.delegator(role).filter(|_| *role != RoleName::Targets))
    }

    /// The loaded role that delegates to a role: the one by its name, as in Notary, or the first.
    fn delegator(&self, role: &RoleName) -> Option<&RoleName> {
        let delegates = |parent: &TrustedRole| parent.content.delegations.role(role).is_some();
        if let Some((name, parent)) =
            role.parent().and_then(|parent| self.roles.get_key_value(&parent))
            && delegates(parent)
        {
            return Some(name);
        }
        self.roles.iter().find(|(_, parent)| delegates(parent)).map(|(name, _)| name)
    }

    /// What to remember of the snapshot now that these roles are known, if that is less than before:
    /// roles that vanished from it are forgotten when those who delegated to them do so no more, or
    /// are forgotten themselves.
    pub fn settled_snapshot(&self) -> Option<Seen> {
        let gone: Vec<_> = self.snapshot.vanished().iter().filter(|it| self.is_gone(it)).collect();
        let mut seen = self.snapshot.seen().clone();
        seen.listed.retain(|role, _| !gone.contains(&role));
        (!gone.is_empty()).then_some(seen)
    }

    fn is_gone(&self, role: &RoleName) -> bool {
        match role.parent() {
            Some(parent) if self.roles.contains_key(&parent) => self.delegation_to(role).is_none(),
            Some(parent) => self.is_gone(&parent),
            None => false,
        }
    }

    /// The snapshot that lists these roles.
    pub fn snapshot(&self) -> &TrustedSnapshot {
        &self.snapshot
    }

    /// The root that everything was verified under.
    pub fn root(&self) -> &CurrentRoot {
        self.snapshot.root()
    }

    fn mandate<'a>(&self, parent: &'a TrustedRole, delegation: &'a Delegation) -> Mandate<'a> {
        let (name, role) = (&delegation.name, &delegation.role);
        let keys: Vec<&Key> = parent.content.delegations.keys_of(delegation).collect();
        let governance = self.root().governance_by(role, keys.iter().copied());
        Mandate { name, role, keys, governance }
    }
}

fn top_level(root: &CurrentRoot) -> Mandate<'_> {
    let role = &root.content().targets;
    let (keys, governance) = (root.content().keys_of(role).collect(), root.governance(role));
    Mandate { name: &RoleName::Targets, role, keys, governance }
}

fn not_delegated(role: &RoleName) -> Error {
    Error::NotListed { role: role.clone(), reason: "no loaded role delegates to it" }
}

/// A role may vanish from the snapshot only together with its delegation (TUF 1.0.34 §5.5.5).
fn check_vanished(
    snapshot: &TrustedSnapshot,
    parent: &RoleName,
    targets: &Targets,
) -> Result<(), Error> {
    let still_delegated = |role: &&RoleName| {
        role.parent().as_ref() == Some(parent) && targets.delegations.role(role).is_some()
    };
    match snapshot.vanished().iter().find(still_delegated) {
        Some(role) => Err(Error::Vanished { role: role.clone() }),
        None => Ok(()),
    }
}
