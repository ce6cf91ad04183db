//! A change to a collection, until it is signed.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::{Error, Signers, expiry};
use crate::tuf::{
    Delegation, Delegations, Dialect, FileMeta, Key, Limits, Role, RoleName, Root, Scope, Snapshot,
    Target, Targets, Version,
};
use crate::verify::{TrustedRole, TrustedTargets};

/// A change to a collection, until it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    dialect: Dialect,
    root: Root,
    /// The signed first root, when this draft founds the collection.
    founding_root: Option<Vec<u8>>,
    snapshot: Option<Snapshot>,
    roles: BTreeMap<RoleName, Sheet>,
}

/// One targets role in the draft.
#[derive(Clone, Debug)]
struct Sheet {
    content: Targets,
    scope: Scope,
    /// Whether a version of it is published: the next one must be higher.
    published: bool,
    touched: bool,
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

/// Signed files, ready to be published together. Only [`Draft::sign`] makes one.
#[derive(Clone, Debug)]
pub struct Update {
    files: Vec<(RoleName, Vec<u8>)>,
    versions: BTreeMap<RoleName, Version>,
}

impl Update {
    /// The files, root first, in an order in which each may rely on those before it.
    pub fn files(&self) -> &[(RoleName, Vec<u8>)] {
        &self.files
    }

    /// The version of each file.
    pub fn versions(&self) -> &BTreeMap<RoleName, Version> {
        &self.versions
    }
}

impl Draft {
    /// Starts from verified roles, all of them loaded in full.
    pub fn of(trusted: TrustedTargets) -> Self {
        let dialect = trusted.root().policy().dialect;
        let root = trusted.root().content().clone();
        let snapshot = Some(trusted.snapshot().content().clone());
        let sheet = |(name, role): (RoleName, TrustedRole)| {
            let (content, scope) = role.into_parts();
            (name, Sheet { content, scope, published: true, touched: false })
        };
        let roles = trusted.into_roles().into_iter().map(sheet).collect();
        Self { dialect, root, founding_root: None, snapshot, roles }
    }

    pub(super) fn found(dialect: Dialect, root: Root, sealed: Vec<u8>) -> Self {
        let targets = Sheet {
            content: empty_targets(Version::ONE),
            scope: Scope::everything(),
            published: false,
            touched: true,
        };
        Self {
            dialect,
            root,
            founding_root: Some(sealed),
            snapshot: None,
            roles: BTreeMap::from([(RoleName::Targets, targets)]),
        }
    }

    /// Signs a name in a role: a new entry, or in place of the one it has.
    ///
    /// # Errors
    ///
    /// [`Error::Role`], [`Error::Scope`] or [`Error::Name`]; the draft is then unchanged.
    pub fn set_target(
        &mut self,
        role: &RoleName,
        name: &str,
        target: Target,
    ) -> Result<Change, Error> {
        let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !printable {
            return Err(Error::Name { name: name.chars().take(80).collect() });
        }
        let sheet = self.sheet(role)?;
        if !sheet.scope.allows(name) {
            let scope = sheet.scope.prefixes().to_vec();
            return Err(Error::Scope { role: role.clone(), name: name.to_owned(), scope });
        }
        match sheet.content.targets.get(name) {
            Some(known) if *known == target => return Ok(Change::Unchanged),
            _ => sheet.touched = true,
        }
        Ok(match sheet.content.targets.insert(name.to_owned(), target) {
            Some(replaced) => Change::Replaced(replaced),
            None => Change::Added,
        })
    }

    /// Takes a name out of a role. Returns what stood there.
    ///
    /// # Errors
    ///
    /// [`Error::Role`].
    pub fn remove_target(&mut self, role: &RoleName, name: &str) -> Result<Option<Target>, Error> {
        let sheet = self.sheet(role)?;
        let removed = sheet.content.targets.remove(name);
        sheet.touched = sheet.touched || removed.is_some();
        Ok(removed)
    }

    /// The roles that must be signed: those that changed, by their names in order.
    pub fn touched(&self) -> impl Iterator<Item = &RoleName> {
        self.roles.iter().filter(|(_, sheet)| sheet.touched).map(|(name, _)| name)
    }

    /// The direct delegations of `targets` that may sign a name, in their order; `None` if it
    /// delegates to nobody.
    pub fn delegations_for(&self, name: &str) -> Option<Vec<RoleName>> {
        let targets = self.roles.get(&RoleName::Targets)?;
        let delegations = &targets.content.delegations.roles;
        let may_sign =
            |delegation: &&Delegation| targets.scope.restrict(&delegation.paths).allows(name);
        (!delegations.is_empty())
            .then(|| delegations.iter().filter(may_sign).map(|role| role.name.clone()).collect())
    }

    /// The keys of which a role's threshold must sign, as its delegator or the root names them.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role that nobody delegates to.
    pub fn keys_of(&self, role: &RoleName) -> Result<(&Role, Vec<&Key>), Error> {
        if let Some(keys) = self.root.role(role) {
            return Ok((keys, self.root.keys_of(keys).collect()));
        }
        let missing = || Error::Role { role: role.clone() };
        let parent =
            role.parent().and_then(|parent| self.roles.get(&parent)).ok_or_else(missing)?;
        let delegation = parent.content.delegations.role(role).ok_or_else(missing)?;
        Ok((&delegation.role, parent.content.delegations.keys_of(delegation).collect()))
    }

    /// Signs what changed. The snapshot is signed too if its keys are at hand; if none of them is,
    /// that is left to the server.
    ///
    /// # Errors
    ///
    /// [`Error::Keys`] when a role's keys are not at hand, [`Error::Size`], [`Error::Signing`].
    pub fn sign(mut self, now: Instant, signers: &Signers<'_>) -> Result<Update, Error> {
        let mut files = Vec::new();
        let mut versions = BTreeMap::new();
        if let Some(root) = self.founding_root.take() {
            versions.insert(RoleName::Root, self.root.version);
            files.push((RoleName::Root, root));
        }
        let touched: Vec<RoleName> = self.touched().cloned().collect();
        for role in touched {
            let sheet = self.sheet(&role)?;
            if sheet.published {
                sheet.content.version = next(&role, sheet.content.version)?;
            }
            sheet.content.expires = expiry(&role, now);
            let version = sheet.content.version;
            files.push((role.clone(), self.sealed_targets(&role, signers)?));
            versions.insert(role, version);
        }
        if let Some((version, sealed)) = self.sealed_snapshot(&files, now, signers)? {
            files.push((RoleName::Snapshot, sealed));
            versions.insert(RoleName::Snapshot, version);
        }
        Ok(Update { files, versions })
    }

    /// The sheet of a role; a role that is delegated but was never published starts empty.
    fn sheet(&mut self, role: &RoleName) -> Result<&mut Sheet, Error> {
        let missing = || Error::Role { role: role.clone() };
        if !self.roles.contains_key(role) {
            let listed = |snapshot: &Snapshot| snapshot.meta.contains_key(role);
            let parent =
                role.parent().and_then(|parent| self.roles.get(&parent)).ok_or_else(missing)?;
            let delegation = parent.content.delegations.role(role).ok_or_else(missing)?;
            if self.snapshot.as_ref().is_some_and(listed) {
                return Err(missing());
            }
            let sheet = Sheet {
                content: empty_targets(Version::ONE),
                scope: parent.scope.restrict(&delegation.paths),
                published: false,
                touched: false,
            };
            self.roles.insert(role.clone(), sheet);
        }
        self.roles.get_mut(role).ok_or_else(missing)
    }

    fn sealed_targets(&self, role: &RoleName, signers: &Signers<'_>) -> Result<Vec<u8>, Error> {
        let sheet = self.roles.get(role).ok_or_else(|| Error::Role { role: role.clone() })?;
        let (keys, possible) = self.keys_of(role)?;
        let message = self.dialect.targets_message(&sheet.content);
        let sealed = signers.seal(role, keys, &possible, self.dialect, &message)?;
        let (size, limit) = (sealed.len() as u64, Limits::default().bytes(role));
        if size > limit {
            return Err(Error::Size { role: role.clone(), size, limit });
        }
        Ok(sealed)
    }

    /// The next snapshot, listing the very bytes of the changed files; `None` if its keys are not
    /// here.
    fn sealed_snapshot(
        &self,
        files: &[(RoleName, Vec<u8>)],
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<Option<(Version, Vec<u8>)>, Error> {
        let (keys, possible) = self.keys_of(&RoleName::Snapshot)?;
        if files.is_empty() || possible.iter().all(|key| signers.of(key).is_none()) {
            return Ok(None);
        }
        let (version, mut meta) = match &self.snapshot {
            Some(known) => (next(&RoleName::Snapshot, known.version)?, known.meta.clone()),
            None => (Version::ONE, BTreeMap::new()),
        };
        meta.extend(files.iter().map(|(role, bytes)| (role.clone(), FileMeta::of(bytes))));
        let snapshot = Snapshot { version, expires: expiry(&RoleName::Snapshot, now), meta };
        let message = self.dialect.snapshot_message(&snapshot);
        let sealed = signers.seal(&RoleName::Snapshot, keys, &possible, self.dialect, &message)?;
        Ok(Some((version, sealed)))
    }
}

fn next(role: &RoleName, version: Version) -> Result<Version, Error> {
    version.next().ok_or_else(|| Error::Version { role: role.clone() })
}

fn empty_targets(version: Version) -> Targets {
    Targets {
        version,
        expires: Instant::UNIX_EPOCH,
        targets: BTreeMap::new(),
        delegations: Delegations::default(),
    }
}

const MAX_NAME_BYTES: usize = 255;
