//! Delegations: who else may sign, and what (Notary `client/delegations.go`, `tuf/tuf.go`).
//!
//! A change of a delegation is a change of the role that delegates: that role is signed again.

use super::draft::Sheet;
use super::root::check_key;
use super::{Draft, Error};
use crate::tuf::{
    Delegation, Delegations, Key, KeyId, Limits, Paths, Role, RoleName, SearchOrder, Targets,
    Threshold, distinct_keys,
};

/// What to add to a delegation, or to make one of.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Keys that may sign the role.
    pub keys: Vec<Key>,
    /// Prefixes of names that it may sign; `""` is every name.
    pub paths: Vec<String>,
    /// How many of its keys must sign; a new delegation needs one, if nothing is said.
    pub threshold: Option<Threshold>,
}

/// What to take from a delegation.
#[derive(Clone, Debug, Default)]
pub struct Withdrawal {
    /// Keys, by the ids that metadata gives them or by their canonical ids.
    pub keys: Vec<KeyId>,
    /// Which paths.
    pub paths: WithdrawnPaths,
    /// How many of its keys must sign from now on.
    pub threshold: Option<Threshold>,
}

/// Paths to take from a delegation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WithdrawnPaths {
    /// All of them: the role may sign nothing any more.
    All,
    /// These.
    These(Vec<String>),
}

impl Default for WithdrawnPaths {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

/// What an edit of a delegation did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edited {
    /// The delegation is new.
    Created,
    /// It is not what it was.
    Changed,
    /// It was like that already; nothing to do.
    Unchanged,
}

/// What becomes of a grant that leaves a delegation with fewer keys than must sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Starved {
    /// It is refused.
    Refused,
    /// It is made, if the delegation had too few before.
    MayStay,
}

impl Draft {
    /// Delegates to a direct child of a loaded role, or adds to the delegation that is there.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] if the parent is not loaded; [`Error::Paths`] for a path that the parent may
    /// not sign itself, [`Error::Path`] for one that cannot be written; [`Error::UnusableKey`];
    /// [`Error::Starved`] if there are fewer keys than must sign; [`Error::TooMany`] beyond what
    /// clients accept. The draft is then unchanged.
    pub fn grant(&mut self, role: &RoleName, grant: &Grant) -> Result<Edited, Error> {
        self.grant_with(role, grant, Starved::Refused)
    }

    /// The same for one grant of several: a delegation that has fewer keys than must sign may go on
    /// so. See [`Draft::starved`].
    ///
    /// # Errors
    ///
    /// As [`Draft::grant`].
    pub fn grant_in_part(&mut self, role: &RoleName, grant: &Grant) -> Result<Edited, Error> {
        self.grant_with(role, grant, Starved::MayStay)
    }

    fn grant_with(
        &mut self,
        role: &RoleName,
        grant: &Grant,
        starved: Starved,
    ) -> Result<Edited, Error> {
        self.check_no_bin(role)?;
        self.check_paths(role, &grant.paths)?;
        let keys: Vec<Key> = grant.keys.iter().map(|key| self.own_form(role, key)).collect();
        keys.iter().try_for_each(|key| check_key(self.dialect, role, key))?;
        let known = self.delegation(role).map(|(_, delegation)| delegation.clone());
        let (mut ids, threshold) = known.as_ref().map_or((Vec::new(), Threshold::ONE), |it| {
            (it.role.keyids().to_vec(), it.role.threshold())
        });
        add_missing(&mut ids, keys.iter().map(Key::id));
        let next = Delegation {
            name: role.clone(),
            role: Role::new(ids, grant.threshold.unwrap_or(threshold))?,
            paths: self.widened(role, known.as_ref().map(|it| &it.paths), &grant.paths)?,
            terminating: known.as_ref().is_some_and(|it| it.terminating),
        };
        self.place(next, known, &keys, starved)
    }

    /// The paths of a delegation with these. Those that are not written as such cannot be added to.
    fn widened(
        &self,
        role: &RoleName,
        known: Option<&Paths>,
        more: &[String],
    ) -> Result<Paths, Error> {
        if let Some(known) = known.filter(|_| more.is_empty()) {
            return Ok(known.clone());
        }
        let written = known.map_or(Some(&[][..]), Paths::written);
        let mut paths = written.ok_or_else(|| Error::Role { role: role.clone() })?.to_vec();
        add_missing(&mut paths, more.iter().map(|path| self.dialect.path(path)));
        Ok(self.dialect.paths(paths))
    }

    /// A key as the delegating role lists it already, or else as the dialect writes it.
    fn own_form(&self, role: &RoleName, key: &Key) -> Key {
        let parent = role.parent().and_then(|parent| self.targets(&parent));
        let listed = parent.and_then(|parent| parent.delegations.keys.get(&key.id()));
        listed.cloned().unwrap_or_else(|| self.dialect.form_of(key))
    }

    /// Takes keys or paths from a delegation, or changes its threshold. What it does not have is
    /// passed over. The delegation may be left with too few keys: see [`Draft::starved`].
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role that nobody delegates to.
    pub fn withdraw(&mut self, role: &RoleName, withdrawal: &Withdrawal) -> Result<Edited, Error> {
        self.check_no_bin(role)?;
        let missing = || Error::Role { role: role.clone() };
        let (parent, known) = self.delegation(role).ok_or_else(missing)?;
        let taken: Vec<KeyId> = parent
            .delegations
            .keys_of(known)
            .filter(|key| withdrawal.keys.iter().any(|id| goes_by(key, id)))
            .map(Key::id)
            .collect();
        let mut next = known.clone();
        let threshold = withdrawal.threshold.unwrap_or(known.role.threshold());
        let ids = known.role.keyids().iter().filter(|id| !taken.contains(id)).copied();
        next.role = Role::new(ids.collect(), threshold)?;
        next.paths = self.narrowed(&known.paths, &withdrawal.paths);
        if next == *known {
            return Ok(Edited::Unchanged);
        }
        let targets = self.delegator(role)?;
        if let Some(place) = targets.delegations.roles.iter_mut().find(|it| it.name == *role) {
            *place = next;
        }
        drop_unnamed_keys(targets);
        Ok(Edited::Changed)
    }

    /// Paths without those that are withdrawn.
    fn narrowed(&self, known: &Paths, withdrawn: &WithdrawnPaths) -> Paths {
        let these = match withdrawn {
            WithdrawnPaths::All => return self.dialect.paths(Vec::new()),
            WithdrawnPaths::These(these) => these,
        };
        let Some(written) = known.written().filter(|_| !these.is_empty()) else {
            return known.clone();
        };
        let goes =
            |path: &String| these.iter().any(|it| it == path || self.dialect.path(it) == *path);
        self.dialect.paths(written.iter().filter(|path| !goes(path)).cloned().collect())
    }

    /// Removes a delegation, and with it what it delegates to. Returns the roles that are gone but
    /// for their bins, and that a snapshot which is ours to sign will list no more, if that may be.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role that nobody delegates to.
    pub fn remove_delegation(&mut self, role: &RoleName) -> Result<Vec<RoleName>, Error> {
        self.check_no_bin(role)?;
        self.delegation(role).ok_or_else(|| Error::Role { role: role.clone() })?;
        let targets = self.delegator(role)?;
        targets.delegations.roles.retain(|it| it.name != *role);
        drop_unnamed_keys(targets);
        let listed = self.snapshot.iter().flat_map(|snapshot| snapshot.meta.keys());
        let loaded = self.roles.keys();
        let mut gone: Vec<RoleName> =
            listed.chain(loaded).filter(|it| is_within(it, role)).cloned().collect();
        gone.push(role.clone());
        gone.sort();
        gone.dedup();
        for name in &gone {
            let sheet = self.roles.remove(name).filter(|sheet| sheet.published);
            self.removed.insert(name.clone(), sheet.map(|sheet| sheet.content.version));
        }
        gone.retain(|name| self.check_no_bin(name).is_ok());
        Ok(gone)
    }

    /// The delegations that have fewer keys than must sign, in roles that this draft changed, with
    /// the number of their keys. Nobody can use them.
    pub fn starved(&self) -> Vec<(RoleName, usize, Threshold)> {
        let changed = self.roles.values().filter(|sheet| sheet.touched);
        changed
            .flat_map(|sheet| sheet.content.delegations.each())
            .filter(|(delegations, it)| is_starved(delegations, it))
            .map(|(delegations, it)| {
                let found = distinct_keys(delegations.keys_of(it));
                (it.name.clone(), found, it.role.threshold())
            })
            .collect()
    }

    /// The delegations in which a key may sign, by either of its ids. Bins follow their roles.
    pub fn delegations_with(&self, id: &KeyId) -> Vec<RoleName> {
        self.roles()
            .flat_map(|(_, targets)| targets.delegations.each())
            .filter(|(delegations, it)| {
                !it.is_own_bin() && delegations.keys_of(it).any(|key| goes_by(key, id))
            })
            .map(|(_, it)| it.name.clone())
            .collect()
    }

    /// Refuses paths that would mean nothing, because the delegating role may not sign them.
    fn check_paths(&self, role: &RoleName, paths: &[String]) -> Result<(), Error> {
        paths.iter().try_for_each(|path| check_path(path))?;
        let parent = role.parent().ok_or_else(|| Error::Role { role: role.clone() })?;
        let scope = self.scope(&parent)?;
        match paths.iter().find(|path| !scope.allows(path)) {
            None => Ok(()),
            Some(path) => Err(Error::Paths {
                role: role.clone(),
                path: path.clone(),
                parent,
                scope: scope.prefixes().to_vec(),
            }),
        }
    }

    fn place(
        &mut self,
        next: Delegation,
        known: Option<Delegation>,
        keys: &[Key],
        starved: Starved,
    ) -> Result<Edited, Error> {
        if known.as_ref() == Some(&next) {
            return Ok(Edited::Unchanged);
        }
        let name = next.name.clone();
        let parent = self.targets(&name.parent().ok_or(Error::Role { role: name.clone() })?);
        let mut delegations = parent.map(|it| it.delegations.clone()).unwrap_or_default();
        let was_starved = known.as_ref().is_some_and(|it| is_starved(&delegations, it));
        delegations.keys.extend(keys.iter().map(|key| (key.id(), key.clone())));
        let may_stay = starved == Starved::MayStay && was_starved;
        if is_starved(&delegations, &next) && !may_stay {
            let found = distinct_keys(delegations.keys_of(&next));
            let needed = next.role.threshold();
            return Err(Error::Starved { role: name, found, needed });
        }
        match delegations.roles.iter_mut().find(|it| it.name == name) {
            Some(place) => *place = next,
            None => delegations.roles.push(next),
        }
        let in_turn = self.search_order() == SearchOrder::DepthFirst;
        if known.is_none() && name == RoleName::releases() && in_turn {
            // It has no names yet, so that none means something else by that.
            delegations.put_releases_first();
        }
        check_size(&name, &delegations)?;
        self.delegator(&name)?.delegations = delegations;
        if known.is_none() && self.dialect.lists_every_role() {
            // Readers ask for every role that is delegated: it is published, empty, at once.
            self.begin(&name)?.touched = true;
        }
        Ok(if known.is_some() { Edited::Changed } else { Edited::Created })
    }

    /// The sheet of a role that is delegated anew. One that was removed goes on with its versions,
    /// which the snapshot still lists.
    pub(super) fn begin(&mut self, role: &RoleName) -> Result<&mut Sheet, Error> {
        let listed = self.snapshot.as_ref().and_then(|snapshot| snapshot.meta.get(role)?.version);
        if let Some(version) = listed {
            self.roles.insert(role.clone(), Sheet::after(version));
        }
        self.sheet(role)
    }

    /// The role that delegates to this one, from now on to be signed again.
    fn delegator(&mut self, role: &RoleName) -> Result<&mut Targets, Error> {
        let parent = role.parent().ok_or_else(|| Error::Role { role: role.clone() })?;
        let sheet = self.sheet(&parent)?;
        sheet.touched = true;
        Ok(&mut sheet.content)
    }
}

/// Whether a delegation has fewer keys than must sign.
fn is_starved(delegations: &Delegations, delegation: &Delegation) -> bool {
    distinct_keys(delegations.keys_of(delegation)) < delegation.role.threshold().count()
}

/// Whether a path can be delegated: not every server reads control characters in metadata.
///
/// # Errors
///
/// [`Error::Path`].
pub fn check_path(path: &str) -> Result<(), Error> {
    match path.contains(char::is_control) {
        true => Err(Error::Path { path: path.chars().take(80).collect() }),
        false => Ok(()),
    }
}

/// Whether a key is meant by this id: the one in metadata, or that of the bare key.
fn goes_by(key: &Key, id: &KeyId) -> bool {
    [key.id(), key.known_as()].contains(id)
}

fn is_within(role: &RoleName, ancestor: &RoleName) -> bool {
    role.as_str().strip_prefix(ancestor.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

/// Refuses more than clients accept in one file.
fn check_size(role: &RoleName, delegations: &Delegations) -> Result<(), Error> {
    let limits = Limits::default();
    for (what, found, limit) in [
        ("delegations", delegations.roles.len(), limits.delegations),
        ("keys", delegations.keys.len(), limits.keys),
    ] {
        if found > limit {
            return Err(Error::TooMany { role: role.clone(), what, limit });
        }
    }
    Ok(())
}

/// Keys that no delegation names are listed no more, as Notary does it.
pub(super) fn drop_unnamed_keys(targets: &mut Targets) {
    let delegations = &mut targets.delegations;
    let named = |id: &KeyId| delegations.roles.iter().any(|it| it.role.keyids().contains(id));
    delegations.keys.retain(|id, _| named(id));
}

fn add_missing<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
