//! A change to a collection, until it is signed.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::Error;
use super::root::RootSheet;
use crate::tuf::{
    Delegation, Delegations, Dialect, FileMeta, Key, KeyId, MAX_EXACT_INTEGER, OnlineRoles, Role,
    RoleName, Root, Scope, Snapshot, Target, Targets, Timestamp, Unknown, Version,
};
use crate::verify::{CurrentRoot, TrustedRole, TrustedTargets};

/// A change to a collection, until it is signed.
///
/// Here are its targets; delegations are edited in `delegation.rs`, the root's keys in
/// `rotation.rs`, roles as a whole in `renewal.rs`, and `sealing.rs` signs.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(super) dialect: Dialect,
    pub(super) root: RootSheet,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) renew_snapshot: bool,
    /// The published timestamp, where publishers sign it.
    pub(super) timestamp: Option<Timestamp>,
    pub(super) renew_timestamp: bool,
    pub(super) roles: BTreeMap<RoleName, Sheet>,
    /// Delegations that this draft removes, with the version of those that were published.
    pub(super) removed: BTreeMap<RoleName, Option<Version>>,
}

/// One targets role in the draft.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) content: Targets,
    /// Who signed the published version, if one is and it was counted.
    pub(super) signers: Option<Vec<KeyId>>,
    /// Whether a version of it is published: the next one must be higher.
    pub(super) published: bool,
    pub(super) touched: bool,
}

/// What setting a target did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The role did not sign that name before.
    Added,
    /// The role signs exactly this already; nothing to do.
    Unchanged,
    /// The role signed something else under that name.
    Replaced(Target),
}

impl Draft {
    /// Starts from verified roles, all of them loaded in full.
    pub fn of(trusted: TrustedTargets) -> Self {
        let dialect = trusted.root().policy().dialect;
        let root = RootSheet::published(trusted.root().content().clone());
        let timestamp = Some(trusted.snapshot().timestamp().content().clone());
        let snapshot = Some(trusted.snapshot().content().clone());
        let sheet = |(name, role): (RoleName, TrustedRole)| {
            let signers = Some(role.signers().to_vec());
            (name, Sheet { content: role.into_content(), signers, published: true, touched: false })
        };
        let roles = trusted.into_roles().into_iter().map(sheet).collect();
        let draft = Self::found(dialect, root);
        Self { snapshot, timestamp, roles, ..draft }
    }

    /// Starts from a root alone: for putting other keys of the server's into it, where the server's
    /// other files cannot be believed. There is nothing else to edit, and nothing else is signed.
    pub fn of_root(root: &CurrentRoot) -> Self {
        let sheet = RootSheet::published(root.content().clone());
        Self { roles: BTreeMap::new(), ..Self::found(root.policy().dialect, sheet) }
    }

    pub(super) fn found(dialect: Dialect, root: RootSheet) -> Self {
        let targets = Sheet { touched: true, ..Sheet::empty() };
        Self {
            dialect,
            root,
            snapshot: None,
            renew_snapshot: false,
            timestamp: None,
            renew_timestamp: false,
            roles: BTreeMap::from([(RoleName::Targets, targets)]),
            removed: BTreeMap::new(),
        }
    }

    /// Goes on from a first root that was signed earlier and never published. The targets and the
    /// snapshot that were signed with it had version 1 and no content, and are signed anew.
    pub fn resume(root: &CurrentRoot, sealed: Vec<u8>) -> Self {
        let meta = BTreeMap::from([(RoleName::Root, FileMeta::of(&sealed))]);
        let (version, expires) = (Version::ONE, Instant::UNIX_EPOCH);
        let sheet = RootSheet::prepared(root.content().clone(), sealed);
        let mut draft = Self::found(root.policy().dialect, sheet);
        let unknown = Unknown::default();
        draft.snapshot = Some(Snapshot { version, expires, meta, unknown });
        draft.roles.values_mut().for_each(|sheet| sheet.published = true);
        draft
    }

    /// Signs a name in a role, or in the bin of it that holds the name: a new entry, or in place of
    /// the one it has.
    ///
    /// # Errors
    ///
    /// [`Error::Role`], [`Error::Scope`], [`Error::Name`] or [`Error::Length`]; the draft is then
    /// unchanged.
    pub fn set_target(
        &mut self,
        role: &RoleName,
        name: &str,
        target: Target,
    ) -> Result<Change, Error> {
        check_target(name, &target)?;
        let (owner, role) = (role, &self.holder(role, name));
        let scope = self.scope(role)?;
        if !scope.allows(name) {
            let scope = scope.prefixes().to_vec();
            return Err(Error::Scope { role: role.clone(), name: name.to_owned(), scope });
        }
        let sheet = self.sheet(role)?;
        match sheet.content.targets.get(name) {
            Some(known) if *known == target => return Ok(Change::Unchanged),
            _ => sheet.touched = true,
        }
        sheet.content.unknown.forget_entry(name);
        let replaced = sheet.content.targets.insert(name.to_owned(), target);
        if owner != role && self.bins_lag(owner) {
            // Whoever signs now may have become a signer after the bins were last looked after.
            self.renew(owner)?;
        }
        Ok(replaced.map_or(Change::Added, Change::Replaced))
    }

    /// Takes a name out of a role, or out of its bin. Returns what stood there.
    ///
    /// # Errors
    ///
    /// [`Error::Role`].
    pub fn remove_target(&mut self, role: &RoleName, name: &str) -> Result<Option<Target>, Error> {
        let sheet = self.sheet(&self.holder(role, name))?;
        let removed = sheet.content.targets.remove(name);
        sheet.touched = sheet.touched || removed.is_some();
        Ok(removed)
    }

    /// The roles that must be signed: those that changed, root first, then by their names.
    pub fn touched(&self) -> impl Iterator<Item = &RoleName> {
        let root = self.root.is_touched().then_some(&RoleName::Root);
        let snapshot = self.renew_snapshot.then_some(&RoleName::Snapshot);
        let timestamp = self.renew_timestamp.then_some(&RoleName::Timestamp);
        let sheets = self.roles.iter().filter(|(_, sheet)| sheet.touched).map(|(name, _)| name);
        root.into_iter().chain(sheets).chain(snapshot).chain(timestamp)
    }

    /// The root as it will be.
    pub fn root(&self) -> &Root {
        self.root.content()
    }

    /// The first root, as it was signed; `None` when the collection is not being founded.
    pub fn first_root(&self) -> Option<&[u8]> {
        self.root.sealed()
    }

    /// The published snapshot; `None` when the collection is being founded.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// When the published timestamp ends; `None` where a server signs it, or nothing is published.
    pub fn timestamp_expires(&self) -> Option<Instant> {
        self.timestamp.as_ref().filter(|_| self.signs_timestamp()).map(|it| it.expires)
    }

    /// What a targets role will say.
    pub fn targets(&self, role: &RoleName) -> Option<&Targets> {
        self.roles.get(role).map(|sheet| &sheet.content)
    }

    /// What a role, or the bin of it that holds the name, will say of a name.
    pub fn target(&self, role: &RoleName, name: &str) -> Option<&Target> {
        self.targets(&self.holder(role, name))?.targets.get(name)
    }

    /// The targets roles that are loaded, or were begun here.
    pub fn roles(&self) -> impl Iterator<Item = (&RoleName, &Targets)> {
        self.roles.iter().map(|(name, sheet)| (name, &sheet.content))
    }

    /// The direct delegations of `targets` that may sign a name, in their order; `None` if it
    /// delegates to nobody but its bins.
    pub fn delegations_for(&self, name: &str) -> Option<Vec<RoleName>> {
        let delegations = &self.targets(&RoleName::Targets)?.delegations.roles;
        let others: Vec<&Delegation> = delegations.iter().filter(|it| !it.is_own_bin()).collect();
        let may_sign = |delegation: &&&Delegation| {
            Scope::everything().restrict(&delegation.paths).allows(name)
        };
        (!others.is_empty())
            .then(|| others.iter().filter(may_sign).map(|role| role.name.clone()).collect())
    }

    /// The keys of which a role's threshold must sign, as its delegator or the root names them.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role that nobody delegates to.
    pub fn keys_of(&self, role: &RoleName) -> Result<(&Role, Vec<&Key>), Error> {
        let root = self.root.content();
        if let Some(keys) = root.role(role) {
            return Ok((keys, root.keys_of(keys).collect()));
        }
        let missing = || Error::Role { role: role.clone() };
        let (parent, delegation) = self.delegation(role).ok_or_else(missing)?;
        Ok((&delegation.role, parent.delegations.keys_of(delegation).collect()))
    }

    /// Every key whose signature the next file of a role can carry: those of
    /// [`Draft::keys_of`], and for a root also its predecessor's.
    ///
    /// # Errors
    ///
    /// As [`Draft::keys_of`].
    pub fn signing_keys(&self, role: &RoleName) -> Result<Vec<&Key>, Error> {
        match role {
            RoleName::Root => Ok(self.root.signing_keys()),
            role => self.keys_of(role).map(|(_, keys)| keys),
        }
    }

    /// The delegation to a role, and what the role says that makes it.
    pub fn delegation(&self, role: &RoleName) -> Option<(&Targets, &Delegation)> {
        let parent = self.targets(&role.parent()?)?;
        Some((parent, parent.delegations.role(role)?))
    }

    /// Whether a role may sign a name.
    pub fn may_sign(&self, role: &RoleName, name: &str) -> bool {
        self.scope(role).is_ok_and(|scope| scope.allows(name))
    }

    /// Which names a role may sign, after every delegation above it had its say.
    pub(super) fn scope(&self, role: &RoleName) -> Result<Scope, Error> {
        if *role == RoleName::Targets {
            return Ok(Scope::everything());
        }
        let missing = || Error::Role { role: role.clone() };
        let parent = role.parent().ok_or_else(missing)?;
        let (_, delegation) = self.delegation(role).ok_or_else(missing)?;
        Ok(self.scope(&parent)?.restrict(&delegation.paths))
    }

    /// Who signs snapshot and timestamp.
    pub fn online_roles(&self) -> OnlineRoles {
        self.dialect.online_roles()
    }

    /// Whether publishers sign the timestamp, as no server does.
    pub(super) fn signs_timestamp(&self) -> bool {
        self.dialect.online_roles() == OnlineRoles::Publisher
    }

    /// The roles whose keys signing this draft needs, or can use: those that changed, and those
    /// that say that something did.
    pub fn signing(&self) -> Vec<RoleName> {
        let mut roles: Vec<RoleName> = self.touched().cloned().collect();
        let only_timestamp = roles == [RoleName::Timestamp];
        if !only_timestamp && !roles.contains(&RoleName::Snapshot) {
            roles.push(RoleName::Snapshot);
        }
        if self.signs_timestamp() && !roles.contains(&RoleName::Timestamp) {
            roles.push(RoleName::Timestamp);
        }
        roles
    }

    /// The sheet of a role; a role that is delegated but was never published starts empty.
    pub(super) fn sheet(&mut self, role: &RoleName) -> Result<&mut Sheet, Error> {
        let missing = || Error::Role { role: role.clone() };
        if !self.roles.contains_key(role) {
            self.delegation(role).ok_or_else(missing)?;
            let listed = |snapshot: &Snapshot| snapshot.meta.contains_key(role);
            let sheet = match self.removed.get(role) {
                // Removed and delegated again in one draft: its versions go on.
                Some(&Some(version)) => Sheet::after(version),
                Some(None) => Sheet::empty(),
                None if self.snapshot.as_ref().is_some_and(listed) => return Err(missing()),
                None => Sheet::empty(),
            };
            self.roles.insert(role.clone(), sheet);
        }
        self.roles.get_mut(role).ok_or_else(missing)
    }
}

impl Sheet {
    /// A role of which nothing is published.
    pub(super) fn empty() -> Self {
        let content = Targets {
            version: Version::ONE,
            expires: Instant::UNIX_EPOCH,
            targets: BTreeMap::new(),
            delegations: Delegations::default(),
            unknown: Unknown::default(),
        };
        Self { content, signers: None, published: false, touched: false }
    }

    /// A role that goes on from that version, without its content.
    pub(super) fn after(version: Version) -> Self {
        let Self { content, .. } = Self::empty();
        let content = Targets { version, ..content };
        Self { content, signers: None, published: true, touched: false }
    }
}

/// Whether a target can be signed by us under a name.
///
/// # Errors
///
/// [`Error::Name`]; [`Error::Length`] for a length that not every reader keeps exact.
pub fn check_target(name: &str, target: &Target) -> Result<(), Error> {
    check_target_name(name)?;
    let (length, limit) = (target.length, MAX_EXACT_INTEGER);
    match length <= limit {
        true => Ok(()),
        false => Err(Error::Length { name: name.to_owned(), length, limit }),
    }
}

/// Whether a name can be signed by us: clients of all kinds must read it alike.
///
/// # Errors
///
/// [`Error::Name`].
pub fn check_target_name(name: &str) -> Result<(), Error> {
    let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match !name.is_empty() && name.len() <= MAX_NAME_BYTES && printable {
        true => Ok(()),
        false => Err(Error::Name { name: name.chars().take(80).collect() }),
    }
}

const MAX_NAME_BYTES: usize = 255;
