//! Hashed bins: the names of a large role shared out among delegated roles, so that a change of one
//! name signs and sends a small file.
//!
//! A role and its bins are one to whoever edits them: [`Draft::set_target`] and
//! [`Draft::remove_target`] find the bin that holds a name. Bins have the keys and the threshold of
//! their role, and follow it when those change.

use std::collections::BTreeMap;

use super::delegation::drop_unnamed_keys;
use super::{Draft, Edited, Error};
use crate::tuf::{
    Bin, Bins, Delegation, Key, Limits, Paths, Role, RoleName, Target, Targets, Unknown,
};

impl Draft {
    /// Shares the names of a role out among so many bins, new ones or in place of those that it
    /// has.
    ///
    /// # Errors
    ///
    /// [`Error::NoBins`] where names cannot be shared out, [`Error::Role`] if the role or one of
    /// its bins is not loaded, [`Error::TooMany`] beyond what clients accept.
    pub fn split(&mut self, owner: &RoleName, bins: Bins) -> Result<Edited, Error> {
        if !self.dialect.has_bins() {
            return Err(Error::NoBins { role: owner.clone() });
        }
        self.check_no_bin(owner)?;
        let (role, keys) = self.keys_of(owner)?;
        let keys: Vec<Key> = keys.into_iter().cloned().collect();
        let next = delegations(owner, role, bins)?;
        let known = self.bins_of(owner);
        if known == names(&next) {
            return Ok(Edited::Unchanged);
        }
        self.check_room(owner, next.len())?;
        let (entries, mut unknown) = self.take_entries(owner)?;
        self.forget_bins(&known);
        self.replace_bins(owner, next, keys)?;
        for bin in bins.iter() {
            self.begin(&bin.role(owner)?)?.touched = true;
        }
        for (name, target) in entries {
            let bin = bins.bin(&name).role(owner)?;
            let content = &mut self.sheet(&bin)?.content;
            unknown.move_entry(&name, &mut content.unknown);
            content.targets.insert(name, target);
        }
        Ok(if known.is_empty() { Edited::Created } else { Edited::Changed })
    }

    /// Looks after bins once everything else is changed: splits roles that grew large, gives the
    /// bins of a changed role its keys, and signs again those that its keys no longer carry.
    ///
    /// # Errors
    ///
    /// [`Error`] as of [`Draft::split`].
    pub fn settle_bins(&mut self) -> Result<(), Error> {
        if !self.dialect.has_bins() {
            return Ok(());
        }
        let touched: Vec<RoleName> =
            self.touched().filter(|role| role.lists_targets()).cloned().collect();
        for role in touched {
            let grown = self.targets(&role).is_some_and(|it| it.targets.len() > SPLIT_ABOVE);
            match self.bins_of(&role).is_empty() {
                true if grown && !self.is_bin(&role) => {
                    self.split(&role, Bins::USUAL)?;
                }
                true => {}
                false => self.align_bins(&role)?,
            }
        }
        for bin in self.weakened().into_iter().filter(|role| self.is_bin(role)).collect::<Vec<_>>()
        {
            self.renew(&bin)?;
        }
        Ok(())
    }

    /// The role in which a name of this role stands, or is to stand: itself or a bin of it.
    pub(super) fn holder(&self, role: &RoleName, name: &str) -> RoleName {
        let bin = self.targets(role).filter(|it| !it.targets.contains_key(name)).and_then(|it| {
            let mut bins = own_bins(it);
            bins.find(|bin| bin.paths.allow(name))
        });
        bin.map_or(role, |bin| &bin.name).clone()
    }

    /// The role in whose name a role signs: itself, or for a bin the role that it is a bin of.
    pub fn owner(&self, role: &RoleName) -> RoleName {
        let owner = role.parent().filter(|_| self.is_bin(role));
        owner.unwrap_or_else(|| role.clone())
    }

    /// Whether a role is a bin of another one.
    pub fn is_bin(&self, role: &RoleName) -> bool {
        self.delegation(role).is_some_and(|(_, it)| it.is_own_bin())
    }

    /// Refuses a change of a bin by its name: bins follow their role.
    pub(super) fn check_no_bin(&self, role: &RoleName) -> Result<(), Error> {
        match self.dialect.has_bins() && role.is_named_like_a_bin() {
            true => Err(Error::Bin { role: role.clone() }),
            false => Ok(()),
        }
    }

    /// Whether the bins of a role have other keys, or another threshold, than the role.
    pub(super) fn bins_lag(&self, owner: &RoleName) -> bool {
        self.lagging(owner, |own, bin| own != bin)
    }

    /// Whether the bins of a role can be signed by keys that were taken from the role, or by fewer.
    pub(super) fn bins_are_looser(&self, owner: &RoleName) -> bool {
        self.lagging(owner, |own, bin| {
            let retired = bin.keyids().iter().any(|id| !own.keyids().contains(id));
            retired || bin.threshold() < own.threshold()
        })
    }

    fn lagging(&self, owner: &RoleName, differs: impl Fn(&Role, &Role) -> bool) -> bool {
        let Ok((own, _)) = self.keys_of(owner) else { return false };
        self.targets(owner).is_some_and(|it| own_bins(it).any(|bin| differs(own, &bin.role)))
    }

    /// The bins of a role, in their order.
    fn bins_of(&self, owner: &RoleName) -> Vec<RoleName> {
        let bins = self.targets(owner).into_iter().flat_map(own_bins);
        bins.map(|bin| bin.name.clone()).collect()
    }

    fn align_bins(&mut self, owner: &RoleName) -> Result<(), Error> {
        if !self.bins_lag(owner) {
            return Ok(());
        }
        let (role, keys) = self.keys_of(owner)?;
        let (role, keys) = (role.clone(), keys.into_iter().cloned().collect());
        let bins = self.targets(owner).into_iter().flat_map(own_bins);
        let bins = bins.map(|bin| Delegation { role: role.clone(), ..bin.clone() }).collect();
        self.replace_bins(owner, bins, keys)
    }

    /// Puts bins in place of those of the role. They stand first: what they hold is the role's own.
    fn replace_bins(
        &mut self,
        owner: &RoleName,
        bins: Vec<Delegation>,
        keys: Vec<Key>,
    ) -> Result<(), Error> {
        let sheet = self.sheet(owner)?;
        sheet.touched = true;
        let delegations = &mut sheet.content.delegations;
        delegations.roles.retain(|it| !it.is_own_bin());
        delegations.roles.splice(0..0, bins);
        delegations.keys.extend(keys.into_iter().map(|key| (key.id(), key)));
        drop_unnamed_keys(&mut sheet.content);
        Ok(())
    }

    /// Takes out everything that a role signs, itself and in its bins, with what is unknown of it.
    fn take_entries(
        &mut self,
        owner: &RoleName,
    ) -> Result<(BTreeMap<String, Target>, Unknown), Error> {
        let (mut entries, mut unknown) = (BTreeMap::new(), Unknown::default());
        for bin in self.bins_of(owner) {
            let paths = self.delegation(&bin).map(|(_, it)| it.paths.clone());
            let content = &mut self.sheet(&bin)?.content;
            unknown.absorb_entries(&mut content.unknown);
            let held = std::mem::take(&mut content.targets);
            let covered = |name: &str| paths.as_ref().is_some_and(|paths| paths.allow(name));
            entries.extend(held.into_iter().filter(|(name, _)| covered(name)));
        }
        let content = &mut self.sheet(owner)?.content;
        unknown.absorb_entries(&mut content.unknown);
        entries.extend(std::mem::take(&mut content.targets));
        Ok((entries, unknown))
    }

    /// Lets go of bins that will be made anew, or be no more; their versions go on.
    fn forget_bins(&mut self, bins: &[RoleName]) {
        for bin in bins {
            let sheet = self.roles.remove(bin).filter(|sheet| sheet.published);
            self.removed.insert(bin.clone(), sheet.map(|sheet| sheet.content.version));
        }
    }

    fn check_room(&self, owner: &RoleName, bins: usize) -> Result<(), Error> {
        let limit = Limits::default().delegations;
        let others = self.targets(owner).map_or(0, |it| it.delegations.roles.len());
        let others = others - self.bins_of(owner).len();
        match others + bins > limit {
            true => Err(Error::TooMany { role: owner.clone(), what: "delegations", limit }),
            false => Ok(()),
        }
    }
}

fn own_bins(targets: &Targets) -> impl Iterator<Item = &Delegation> {
    targets.delegations.roles.iter().filter(|it| it.is_own_bin())
}

fn delegations(owner: &RoleName, role: &Role, bins: Bins) -> Result<Vec<Delegation>, Error> {
    let one = |bin: Bin| {
        let (name, paths) = (bin.role(owner)?, Paths::HashPrefixes(bin.hash_prefixes().into()));
        Ok(Delegation { name, role: role.clone(), paths, terminating: false })
    };
    bins.iter().map(one).collect()
}

fn names(delegations: &[Delegation]) -> Vec<RoleName> {
    delegations.iter().map(|it| it.name.clone()).collect()
}

/// Names in one role from which on it is split: its file then has about half a megabyte, ten times
/// what one more name costs in bins.
const SPLIT_ABOVE: usize = 4096;
