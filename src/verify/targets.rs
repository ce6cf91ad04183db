//! Targets, delegations, and looking up a name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::baseline::{Baseline, Governance, Seen};
use super::root::check_floor;
use super::{CurrentRoot, Error, TrustedSnapshot, listing, threshold};
use crate::crypto::{Hashed, Sha256};
use crate::tuf::{
    self, Delegation, Key, KeyId, Role, RoleName, Scope, SearchOrder, Target, Targets, Version,
};

/// How much of a targets file to read.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'n> {
    /// All of it.
    Everything,
    /// These names. If the file was accepted in full before, the other entries are skipped; else
    /// this is [`Wanted::Everything`].
    Names(&'n [&'n str]),
    /// The same for the names of a glance, if that was at this file.
    Glimpsed(&'n Glance),
}

/// What a glance at a file saw that nobody has verified yet ([`Policy::unverified_glance`]). It counts
/// only once a file with the same hash turns out to have been accepted in full before.
///
/// [`Policy::unverified_glance`]: super::Policy::unverified_glance
#[derive(Clone, Debug)]
pub struct Glance {
    sha256: Sha256,
    content: Targets,
}

impl Glance {
    pub(super) fn new(file: &Hashed<'_>, content: Targets) -> Self {
        Self { sha256: file.sha256(), content }
    }
}

/// The targets roles of one snapshot, as far as they were loaded.
#[derive(Clone, Debug)]
pub struct TrustedTargets {
    snapshot: TrustedSnapshot,
    roles: BTreeMap<RoleName, TrustedRole>,
    /// Of all files that were loaded.
    bytes: u64,
}

/// One loaded targets role.
#[derive(Clone, Debug)]
pub struct TrustedRole {
    content: Targets,
    scope: Scope,
    seen: Seen,
    signers: Vec<KeyId>,
    /// The role on whose word it was believed; none for `targets`.
    delegator: Option<RoleName>,
}

/// What a delegated role says that does not count now, for want of signatures or because its file
/// expired. The snapshot lists it, and nothing more is known in its favour.
#[derive(Clone, Debug)]
pub struct SuspendedRole {
    content: Targets,
}

impl SuspendedRole {
    /// Its version.
    pub fn version(&self) -> Version {
        self.content.version
    }

    /// What it says: for signing it again, by whoever vouches for it. Never for an answer.
    pub fn into_unverified_content(self) -> Targets {
        self.content
    }
}

/// Where a name is.
#[derive(Clone, Debug)]
pub enum Lookup<'t> {
    /// Signed by this role.
    Found {
        /// The first role, in lookup order, that signs the name.
        role: &'t RoleName,
        /// What it says.
        target: &'t Target,
    },
    /// Undecided until this file is loaded.
    Needs {
        /// The role.
        role: RoleName,
        /// The role that delegates to it here; none for `targets`.
        delegator: Option<RoleName>,
    },
    /// No role signs the name.
    Absent,
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

    /// Queues the delegations that may sign a name. One that ends the look-up ends the queue, too.
    fn enqueue_children(
        &self,
        visit: &Visit,
        name: &str,
        order: SearchOrder,
        queue: &mut VecDeque<Visit>,
    ) {
        let mut children = Vec::new();
        for child in &self.content.delegations.roles {
            if !self.scope.restrict(&child.paths).allows(name) {
                continue;
            }
            let (role, by) = (child.name.clone(), Some(visit.role.clone()));
            children.push(Visit { role, by, depth: visit.depth.saturating_add(1) });
            if child.terminating {
                queue.clear();
                break;
            }
        }
        match order {
            SearchOrder::BreadthFirst => queue.extend(children),
            SearchOrder::DepthFirst => {
                children.into_iter().rev().for_each(|child| queue.push_front(child));
            }
        }
    }

    /// The entries that the role may sign.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &Target)> {
        let allowed = |(name, _): &(&String, &Target)| self.scope.allows(name);
        self.content.targets.iter().filter(allowed).map(|(name, target)| (name.as_str(), target))
    }
}

impl TrustedTargets {
    pub(super) fn verify(
        snapshot: &TrustedSnapshot,
        bytes: &Hashed<'_>,
        baseline: &Baseline,
        wanted: Wanted<'_>,
    ) -> Result<Self, Error> {
        let root = snapshot.root();
        let keys = &root.content().targets;
        let file =
            Listed { snapshot, role: &RoleName::Targets, keys, governance: root.governance(keys) };
        let loaded =
            file.load(bytes, baseline, wanted, || root.content().keys_of(keys).collect())?;
        let role = loaded;
        check_vanished(snapshot, &RoleName::Targets, &role.content)?;
        let roles = BTreeMap::from([(RoleName::Targets, role)]);
        Ok(Self { snapshot: snapshot.clone(), roles, bytes: bytes.as_bytes().len() as u64 })
    }

    pub(super) fn observe(root: &CurrentRoot, bytes: &[u8], baseline: &Baseline) -> Option<Seen> {
        let keys = &root.content().targets;
        let governance = root.governance(keys);
        let sha256 = Sha256::of(bytes);
        if baseline.remembers(&RoleName::Targets, sha256) {
            return None;
        }
        let policy = root.policy();
        let envelope =
            policy.dialect.open_targets(&RoleName::Targets, bytes, &policy.limits).ok()?;
        let (targets, _) = root.open(&RoleName::Targets, keys, envelope).ok()?;
        Some(Seen { version: targets.version, sha256, governance, listed: BTreeMap::new() })
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
        let parent = self.roles.get(delegator).ok_or_else(|| not_delegated(role))?;
        let delegation =
            parent.content.delegations.role(role).ok_or_else(|| not_delegated(role))?;
        let (keys, bytes) = (&delegation.role, bytes.into());
        let all = self.with_room_for(role, &bytes)?;
        let governance = self.delegation_governance(keys);
        let file = Listed { snapshot: &self.snapshot, role, keys, governance };
        let by = || parent.content.delegations.keys_of(delegation).collect();
        let loaded = file.load(&bytes, baseline, wanted, by)?;
        let scope = parent.scope.restrict(&delegation.paths);
        check_vanished(&self.snapshot, role, &loaded.content)?;
        let delegator = Some(delegator.clone());
        self.roles.insert(role.clone(), TrustedRole { scope, delegator, ..loaded });
        self.bytes = all;
        Ok(())
    }

    /// The bytes of all files with this one. Many files, each of which is small enough, may be too
    /// much together.
    fn with_room_for(&self, role: &RoleName, file: &Hashed<'_>) -> Result<u64, Error> {
        let limit = self.root().policy().limits.collection_bytes;
        let found = self.bytes.saturating_add(file.as_bytes().len() as u64);
        match found <= limit {
            true => Ok(found),
            false => Err(tuf::Error::TooLarge { role: role.clone(), limit, found }.into()),
        }
    }

    /// Raises the baseline by a delegation file that lies in the cache, if its delegation is loaded
    /// and it is truly signed.
    pub fn observe_delegation(&self, role: &RoleName, bytes: &[u8], baseline: &mut Baseline) {
        let Some((parent, delegation)) = self.delegation_to(role) else { return };
        let governance = self.delegation_governance(&delegation.role);
        let sha256 = Sha256::of(bytes);
        if baseline.remembers(role, sha256) {
            return;
        }
        let policy = self.root().policy();
        let Ok(envelope) = policy.dialect.open_targets(role, bytes, &policy.limits) else { return };
        let keys = parent.content.delegations.keys_of(delegation);
        if let Ok((targets, _)) = threshold::open(role, &delegation.role, keys, envelope) {
            let seen =
                Seen { version: targets.version, sha256, governance, listed: BTreeMap::new() };
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

    /// Looks a name up from `targets` on, each role once, in the order of the dialect and of the
    /// delegations (Notary `WalkTargets`; TUF 1.0.34 §5.6.7).
    ///
    /// # Errors
    ///
    /// [`Error::TooManyDelegations`] when the tree is larger than the policy's limits.
    pub fn find(&self, name: &str) -> Result<Lookup<'_>, Error> {
        let policy = self.root().policy();
        let (limits, order) = (&policy.limits, policy.dialect.search_order());
        let mut queue = VecDeque::from([Visit { role: RoleName::Targets, by: None, depth: 0 }]);
        let mut visited = BTreeSet::new();
        while let Some(visit) = queue.pop_front() {
            if visited.len() >= limits.visited || visit.depth > limits.delegation_depth {
                return Err(Error::TooManyDelegations { limit: limits.visited });
            }
            if !visited.insert(visit.role.clone()) {
                continue;
            }
            let Some((role, loaded)) = self.loaded_by(&visit) else {
                if self.was_never_published(&visit.role) {
                    continue;
                }
                return Ok(Lookup::Needs { role: visit.role, delegator: visit.by });
            };
            if let Some(target) = loaded.target(name) {
                return Ok(Lookup::Found { role, target });
            }
            loaded.enqueue_children(&visit, name, order, &mut queue);
        }
        Ok(Lookup::Absent)
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
        let parent = self.roles.get(self.delegator(role)?)?;
        Some((parent, parent.content.delegations.role(role)?))
    }

    /// The loaded role on whose word a role was believed, or would be.
    pub(super) fn delegator_of(&self, role: &RoleName) -> Option<&RoleName> {
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

    /// Whether the role's absence from the snapshot says that it has no file yet. In TUF 1.0 it says
    /// that somebody took it out.
    fn was_never_published(&self, role: &RoleName) -> bool {
        let listed = self.snapshot.listed(role).is_some();
        !listed && !self.root().policy().dialect.lists_every_role()
    }

    /// The role, if it was loaded on the word of the one that the look-up comes from.
    fn loaded_by(&self, visit: &Visit) -> Option<(&RoleName, &TrustedRole)> {
        let (role, loaded) = self.roles.get_key_value(&visit.role)?;
        (loaded.delegator == visit.by).then_some((role, loaded))
    }

    /// The snapshot that lists these roles.
    pub fn snapshot(&self) -> &TrustedSnapshot {
        &self.snapshot
    }

    /// The root that everything was verified under.
    pub fn root(&self) -> &CurrentRoot {
        self.snapshot.root()
    }

    fn delegation_governance(&self, keys: &Role) -> Governance {
        let root = self.root().content();
        Governance::of(keys, &[&root.timestamp, &root.snapshot])
    }
}

/// One step of a look-up.
struct Visit {
    role: RoleName,
    by: Option<RoleName>,
    depth: usize,
}

fn not_delegated(role: &RoleName) -> Error {
    Error::NotListed { role: role.clone(), reason: "no loaded role delegates to it" }
}

/// A file that the snapshot lists, and who must have signed it.
struct Listed<'a> {
    snapshot: &'a TrustedSnapshot,
    role: &'a RoleName,
    keys: &'a Role,
    governance: Governance,
}

impl Listed<'_> {
    /// Loads the file; the scope is the caller's to set.
    fn load<'k>(
        &self,
        file: &Hashed<'_>,
        baseline: &Baseline,
        wanted: Wanted<'_>,
        keys: impl FnOnce() -> Vec<&'k Key>,
    ) -> Result<TrustedRole, Error> {
        let role = self.role;
        let listed = self.snapshot.listed(role);
        let listed = listed.ok_or_else(|| Error::NotListed {
            role: role.clone(),
            reason: "the snapshot does not list it",
        })?;
        let attested = baseline.attested(role, &self.governance);
        listing::compare(role, file, listed, attested)?;
        let (bytes, sha256) = (file.as_bytes(), file.sha256());
        let policy = self.snapshot.root().policy();
        let (content, signers) = match wanted {
            Wanted::Names(names) if attested == Some(sha256) => {
                (policy.dialect.glance_at_targets(role, bytes, names, &policy.limits)?, Vec::new())
            }
            Wanted::Glimpsed(glance) if attested == Some(sha256) && glance.sha256 == sha256 => {
                (glance.content.clone(), Vec::new())
            }
            _ => {
                let envelope = policy.dialect.open_targets(role, bytes, &policy.limits)?;
                threshold::open(role, self.keys, keys(), envelope)?
            }
        };
        listing::compare_version(role, content.version, listed)?;
        check_floor(role, content.version, baseline.floor(role, &self.governance))?;
        policy.check_expiry(role, content.expires)?;
        let version = content.version;
        let seen = Seen { version, sha256, governance: self.governance, listed: BTreeMap::new() };
        Ok(TrustedRole { content, scope: Scope::everything(), seen, signers, delegator: None })
    }
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
