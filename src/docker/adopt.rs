//! A collection signed anew at another place, from what it says where it was.
//!
//! Where a collection goes that cannot keep its bytes, as from Notary's form into TUF 1.0, its
//! owner signs what was verified: the same tags, the same delegations, new files under new
//! versions.

use std::collections::BTreeMap;

use super::founding::IfAbsent;
use super::{Amended, Collection, Error, Workbench};
use crate::client::Refreshed;
use crate::edit::Grant;
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{
    Custom, Delegation, Dialect, Gun, Key, KeyId, OnlineRoles, RoleName, Target, Targets,
    distinct_keys,
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

    /// The entries that a role may sign; none if nothing of it is published.
    fn entries(&self, name: &RoleName) -> BTreeMap<String, Target> {
        let entries = self.collection.targets.signed_by(name);
        entries.map(|(name, target)| (name.to_owned(), target.clone())).collect()
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
    fn check_releases(&self) -> Result<(), Error> {
        let role = RoleName::releases();
        match self.collection.unusable.get(&role) {
            Some(reason) => Err(Error::Unusable { role, reason: reason.to_string() }),
            None => Ok(()),
        }
    }

    fn is_misplaced(&self, role: &RoleName, target: &Target) -> bool {
        let named = target.custom.as_ref().filter(|_| role.parent().is_some());
        named.and_then(Custom::gun).is_some_and(|gun| gun != self.gun.as_str())
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Signs here what another collection says: founds this one under that root key if there is
    /// none, and adds to it otherwise. A role whose keys are not here stays behind; pulls must find
    /// the same for every tag all the same.
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
    source.check_releases()?;
    let mut adoption = Adoption::default();
    for (parent, delegation) in source.delegations() {
        let role = &delegation.name;
        if source.is_unusable(role) {
            adoption.unusable.push(role.clone());
        } else if delegate(bench, parent, delegation, dialect)? {
            put(bench, source, role, &source.entries(role), gun, &mut adoption)?;
        } else {
            adoption.left.push(role.clone());
        }
    }
    let mut targets = source.entries(&RoleName::Targets);
    let releases = RoleName::releases();
    // Pulls ask releases first: of two entries its own counts, and where that counts for nothing
    // they ask no further.
    let (misplaced, own): (Vec<_>, Vec<_>) = source
        .entries(&releases)
        .into_iter()
        .partition(|(_, it)| source.is_misplaced(&releases, it));
    misplaced.iter().for_each(|(name, _)| drop(targets.remove(name)));
    if adoption.left.contains(&releases) && !(own.is_empty() && misplaced.is_empty()) {
        targets.extend(own);
        adoption.misplaced += misplaced.len();
        adoption.releases_in_targets = true;
    }
    put(bench, source, &RoleName::Targets, &targets, gun, &mut adoption)?;
    Ok(adoption)
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
    targets: &BTreeMap<String, Target>,
    gun: &Gun,
    adoption: &mut Adoption,
) -> Result<(), Error> {
    let mut added = 0;
    for (name, target) in targets {
        if source.is_misplaced(role, target) {
            adoption.misplaced += 1;
            continue;
        }
        let custom = custom(target, role, bench.draft.online_roles(), gun);
        let target = Target { custom, ..target.clone() };
        match bench.draft.target(role, name) {
            Some(known) if known.hashes.sha256() != target.hashes.sha256() => {
                let (role, name) = (role.clone(), name.clone());
                let (signed, offered) = (digest(known), digest(&target));
                return Err(Error::SignedOtherwise { role, name, signed, offered });
            }
            Some(_) => {}
            None => {
                added += 1;
                bench.draft.set_target(role, name, target)?;
            }
        }
    }
    adoption.roles.push((role.clone(), added));
    Ok(())
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
