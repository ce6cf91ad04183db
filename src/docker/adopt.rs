//! A collection signed anew at another place, from what it says where it was.
//!
//! Where a collection goes that cannot keep its bytes, as from Notary's form into TUF 1.0, its
//! owner signs what was verified: the same tags, the same delegations, new files under new
//! versions.

use std::collections::BTreeMap;

use super::found::{Found, found, is_asked, look_up_in, means};
use super::founding::IfAbsent;
use super::resolve::other_collection;
use super::{Amended, Collection, Error, Workbench};
use crate::client::Refreshed;
use crate::edit::{Draft, Grant};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{
    Custom, Delegation, Dialect, Gun, Key, KeyId, OnlineRoles, RoleName, Target, Targets,
    Threshold, distinct_keys,
};

/// What was carried over.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Adoption {
    /// Roles, and how many entries of each were not there already.
    pub roles: Vec<(RoleName, usize)>,
    /// Delegated roles that did not come, because too few of their keys are here, or because the
    /// form does not know such a delegation.
    pub left: Vec<RoleName>,
    /// Delegated roles that cannot be used where they were; they did not come, either.
    pub unusable: Vec<RoleName>,
    /// Whether `targets` signs what only `targets/releases` signed, for which a key is missing.
    pub releases_in_targets: bool,
    /// Entries that name another collection; nobody believes them, and they stay behind.
    pub misplaced: usize,
    /// Entries that say what pulls do not find there, and would find here; they stay behind.
    pub unfound: usize,
    /// Entries that `targets/releases` or `targets` signs, too, because pulls that come to them
    /// there would not here.
    pub raised: usize,
    /// Top-level roles that needed more keys there.
    pub loosened: Vec<Loosened>,
}

/// A role that fewer keys sign than where it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loosened {
    /// The role.
    pub role: RoleName,
    /// How many of its keys must sign there, and how many it has.
    pub there: (Threshold, usize),
    /// How many must sign here.
    pub here: Threshold,
}

/// What a collection says, verified, and where.
pub struct Source<'s> {
    gun: &'s Gun,
    collection: &'s Refreshed,
}

impl<'s> Source<'s> {
    /// All roles of a collection, loaded in full.
    pub fn of(collection: &'s Refreshed) -> Self {
        Self { gun: &collection.targets.root().policy().gun, collection }
    }

    /// The canonical ids of its root keys.
    pub fn root_keys(&self) -> Vec<KeyId> {
        let root = self.collection.targets.root().content();
        let keys = root.keys_of(&root.root);
        keys.filter_map(Key::canonical_id).collect()
    }

    /// What pulls find there under each name; nothing under those whose entry names another
    /// collection.
    fn meanings(&self) -> BTreeMap<&'s str, Found<'s>> {
        let mut meanings = found(&self.collection.targets);
        meanings.retain(|_, (_, target)| !self.is_misplaced(target));
        meanings
    }

    /// Delegations, those nearer to `targets` first, each with who makes it. Whether names are
    /// shared out among bins is for the place to say.
    fn delegations(&self) -> Vec<(&Targets, &Delegation)> {
        let parents = self.collection.targets.roles().map(|(_, role)| role.content());
        let mut made: Vec<_> = parents
            .flat_map(|parent| parent.delegations.roles.iter().map(move |made| (parent, made)))
            .filter(|(_, made)| !made.is_bin())
            .collect();
        made.sort_by_key(|(_, made)| made.name.as_str().matches('/').count());
        made
    }

    fn is_unusable(&self, role: &RoleName) -> bool {
        self.collection.unusable.contains_key(role)
    }

    /// Where pulls are refused nothing may be signed that they would find.
    fn check_usable(&self) -> Result<(), Error> {
        let order = self.collection.targets.root().policy().dialect.search_order();
        let mut unusable = self.collection.unusable.iter();
        match unusable.find(|(role, _)| is_asked(order, role)) {
            Some((role, reason)) => {
                Err(Error::Unusable { role: role.clone(), reason: reason.to_string() })
            }
            None => Ok(()),
        }
    }

    /// Whether pulls refuse it there, for it says that it was signed for another collection. What is
    /// signed here would not say so any more.
    fn is_misplaced(&self, target: &Target) -> bool {
        other_collection(self.gun, target).is_some()
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Signs here what another collection says: founds this one under that root key if there is
    /// none, and adds to it otherwise. A role whose keys are not here stays behind; pulls find the
    /// same for every tag all the same, whichever roles they ask there and here.
    ///
    /// # Errors
    ///
    /// [`Error::SignedOtherwise`] if a tag stands for something else here already; [`Error`].
    /// Nothing is published then.
    pub async fn adopt(
        &self,
        source: &Source<'_>,
        root_key: KeyId,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Adoption>, Error> {
        let if_absent = IfAbsent::Found { root_key: Some(root_key), local_snapshot: false };
        let (dialect, gun) = (self.policy().dialect, self.gun());
        let adopt = |bench: &mut Workbench<'_>| adopt(bench, source, dialect, gun);
        self.amend(if_absent, store, passphrases, adopt).await
    }
}

fn adopt(
    bench: &mut Workbench<'_>,
    source: &Source<'_>,
    dialect: Dialect,
    gun: &Gun,
) -> Result<Adoption, Error> {
    source.check_usable()?;
    let meanings = source.meanings();
    let mut adoption = Adoption { loosened: loosened(bench, source), ..Adoption::default() };
    for (parent, delegation) in source.delegations() {
        let role = &delegation.name;
        if source.is_unusable(role) {
            adoption.unusable.push(role.clone());
        } else if delegate(bench, parent, delegation, dialect)? {
            put(bench, source, role, &meanings, gun, &mut adoption)?;
        } else {
            let entries = source.collection.targets.signed_by(role);
            adoption.misplaced += entries.filter(|(_, it)| source.is_misplaced(it)).count();
            adoption.left.push(role.clone());
        }
    }
    put(bench, source, &RoleName::Targets, &meanings, gun, &mut adoption)?;
    for (name, (_, target)) in meanings {
        have_found(bench, name, target, gun, &mut adoption)?;
    }
    let left = adoption.left.contains(&RoleName::releases());
    adoption.releases_in_targets = left && adoption.raised > 0;
    Ok(adoption)
}

/// Has pulls find an entry here as they do there: signs it in a role that they come to, if they
/// would find nothing.
///
/// # Errors
///
/// [`Error::SignedOtherwise`] if they would find something else.
fn have_found(
    bench: &mut Workbench<'_>,
    name: &str,
    target: &Target,
    gun: &Gun,
    adoption: &mut Adoption,
) -> Result<(), Error> {
    if let Some((role, known)) = look_up_in(&bench.draft, name)? {
        return check_same(&role, name, known, target);
    }
    let releases = RoleName::releases();
    let signs =
        |draft: &Draft| draft.delegation(&releases).is_some() && draft.may_sign(&releases, name);
    let role = match signs(&bench.draft) && bench.can_sign(&releases)? {
        true => releases,
        false => RoleName::Targets,
    };
    let custom = custom(target, &role, bench.draft.online_roles(), gun);
    bench.draft.set_target(&role, name, Target { custom, ..target.clone() })?;
    adoption.raised += 1;
    adoption.count(&role, 1);
    Ok(())
}

fn check_same(role: &RoleName, name: &str, known: &Target, offered: &Target) -> Result<(), Error> {
    if known.hashes.sha256() == offered.hashes.sha256() {
        return Ok(());
    }
    let (role, name) = (role.clone(), name.to_owned());
    Err(Error::SignedOtherwise { role, name, signed: digest(known), offered: digest(offered) })
}

/// The top-level roles that need fewer keys here than there.
fn loosened(bench: &Workbench<'_>, source: &Source<'_>) -> Vec<Loosened> {
    let (root, own) = (source.collection.targets.root().content(), bench.draft.root());
    let compare = |role: RoleName| {
        let (there, here) = (root.role(&role)?, own.role(&role)?.threshold());
        let keys = distinct_keys(root.keys_of(there));
        let there = (there.threshold(), keys);
        (here < there.0).then_some(Loosened { role, there, here })
    };
    let roles = [RoleName::Root, RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp];
    roles.into_iter().filter_map(compare).collect()
}

/// Makes the delegation unless it is there; whether its role can be signed. Of one that is there
/// nothing changes: who may sign here has been decided here since.
fn delegate(
    bench: &mut Workbench<'_>,
    parent: &Targets,
    delegation: &Delegation,
    dialect: Dialect,
) -> Result<bool, Error> {
    if bench.draft.delegation(&delegation.name).is_some() {
        return bench.can_sign(&delegation.name);
    }
    let loaded = delegation.name.parent().is_some_and(|it| bench.draft.targets(&it).is_some());
    let keys = parent.delegations.keys_of(delegation).map(|key| in_form(dialect, key));
    let keys: Vec<Key> = keys.collect();
    let threshold = delegation.role.threshold();
    let here = distinct_keys(keys.iter().filter(|key| bench.holds(key)));
    match delegation.paths.as_prefixes() {
        Some(paths) if loaded && here >= threshold.count() => {
            let grant = Grant { keys, paths, threshold: Some(threshold) };
            bench.draft.grant(&delegation.name, &grant)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// A bare key as the form writes it, which makes its id another one.
fn in_form(dialect: Dialect, key: &Key) -> Key {
    match (key.certificates(), key.public()) {
        (None, Some(public)) => dialect.key(public),
        _ => key.clone(),
    }
}

fn put(
    bench: &mut Workbench<'_>,
    source: &Source<'_>,
    role: &RoleName,
    meanings: &BTreeMap<&str, Found<'_>>,
    gun: &Gun,
    adoption: &mut Adoption,
) -> Result<(), Error> {
    let asked = is_asked(bench.draft.search_order(), role);
    let mut added = 0;
    for (name, target) in source.collection.targets.signed_by(role) {
        let is_found = meanings.get(name).is_some_and(|(_, found)| means(found) == means(target));
        if source.is_misplaced(target) {
            adoption.misplaced += 1;
        } else if asked && !is_found {
            adoption.unfound += 1;
        } else if let Some(known) = bench.draft.target(role, name) {
            check_same(role, name, known, target)?;
        } else {
            let custom = custom(target, role, bench.draft.online_roles(), gun);
            bench.draft.set_target(role, name, Target { custom, ..target.clone() })?;
            added += 1;
        }
    }
    adoption.count(role, added);
    Ok(())
}

impl Adoption {
    fn count(&mut self, role: &RoleName, added: usize) {
        match self.roles.iter_mut().find(|(known, _)| known == role) {
            Some((_, count)) => *count += added,
            None => self.roles.push((role.clone(), added)),
        }
    }
}

fn digest(target: &Target) -> String {
    let sha256 = target.hashes.sha256();
    sha256.map_or_else(|| "something without a sha256".to_owned(), |it| format!("sha256:{it}"))
}

/// The publisher's own JSON, an object where TUF 1.0 is read. Whether an entry of a delegated role
/// names its collection is for the place to say, as when it is signed there.
fn custom(target: &Target, role: &RoleName, online: OnlineRoles, gun: &Gun) -> Option<Custom> {
    let own = target.custom.clone().and_then(Custom::unnamed);
    match (role, online) {
        (_, OnlineRoles::Publisher) => own.map(|custom| custom.into_object(CUSTOM)),
        (RoleName::Delegation(_), OnlineRoles::Server) => Some(Custom::naming(own, gun)),
        _ => own,
    }
}

/// Where custom data stands that is no object, as `export` writes it, too.
const CUSTOM: &str = "custom";
