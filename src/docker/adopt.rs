//! A collection signed anew at another place, from what it says where it was.
//!
//! Where a collection goes that cannot keep its bytes, as from Notary's form into TUF 1.0, its owner
//! signs what was verified: the same tags, the same delegations, new files under new versions.

use std::collections::BTreeMap;

use super::founding::IfAbsent;
use super::{Amended, Collection, Error, Workbench};
use crate::client::Refreshed;
use crate::edit::Grant;
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{
    Custom, Delegation, Gun, Key, KeyId, OnlineRoles, RoleName, Target, Targets, canonical_key_id,
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
        keys.filter_map(|key| key.public().map(canonical_key_id)).collect()
    }

    fn role(&self, name: &RoleName) -> Option<&Targets> {
        self.collection.targets.role(name).map(|role| role.content())
    }

    /// Delegated roles, those nearer to `targets` first, with their delegations.
    fn delegated(&self) -> Vec<(&RoleName, &Targets, &Targets, &Delegation)> {
        let roles = self.collection.targets.roles();
        let mut delegated: Vec<_> = roles
            .filter_map(|(name, role)| {
                let parent = self.role(&name.parent()?)?;
                Some((name, role.content(), parent, parent.delegations.role(name)?))
            })
            .collect();
        delegated.sort_by_key(|(name, ..)| name.as_str().matches('/').count());
        delegated
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
        let adopt = |bench: &mut Workbench<'_>| adopt(bench, source, self.gun());
        self.amend(if_absent, store, passphrases, adopt).await
    }
}

fn adopt(bench: &mut Workbench<'_>, source: &Source<'_>, gun: &Gun) -> Result<Adoption, Error> {
    let mut adoption = Adoption::default();
    for (role, content, parent, delegation) in source.delegated() {
        match delegate(bench, parent, delegation)? {
            true => put(bench, source, role, &content.targets, gun, &mut adoption)?,
            false => adoption.left.push(role.clone()),
        }
    }
    let mut targets =
        source.role(&RoleName::Targets).map(|it| it.targets.clone()).unwrap_or_default();
    let releases = RoleName::releases();
    if let Some(content) = source.role(&releases).filter(|_| adoption.left.contains(&releases)) {
        // Pulls ask releases first: of two entries its own counts.
        let own = content.targets.iter().filter(|(_, it)| !source.is_misplaced(&releases, it));
        targets.extend(own.map(|(name, target)| (name.clone(), target.clone())));
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
) -> Result<bool, Error> {
    if bench.draft.delegation(&delegation.name).is_some() {
        return bench.can_sign(&delegation.name);
    }
    let loaded = delegation.name.parent().is_some_and(|it| bench.draft.targets(&it).is_some());
    let keys: Vec<Key> = parent.delegations.keys_of(delegation).cloned().collect();
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
        let known = bench.draft.targets(role).and_then(|role| role.targets.get(name));
        match known {
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
