//! What changed from one state of a collection to another.

use std::collections::BTreeMap;

use super::State;
use crate::image::ImageDigest;
use crate::tuf::{Key, KeyId, Role, RoleName, Target, Threshold, Version};

/// A role that was signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedRole {
    /// The role.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// Canonical ids of the keys that signed it.
    pub by: Vec<KeyId>,
}

/// Something that changed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// A role signs a name that it did not sign before.
    Added(RoleName, String, Option<ImageDigest>),
    /// A role signs something else under a name: before, now.
    Moved(RoleName, String, Option<ImageDigest>, Option<ImageDigest>),
    /// A role signs a name no longer.
    Removed(RoleName, String, Option<ImageDigest>),
    /// A role is delegated to.
    RoleAdded(RoleName),
    /// A role is delegated to no longer.
    RoleRemoved(RoleName),
    /// A role has a key, by its canonical id, that it did not have before.
    KeyAdded(RoleName, KeyId),
    /// A role has a key no longer.
    KeyRemoved(RoleName, KeyId),
    /// Another number of keys must sign a role: before, now.
    Threshold(RoleName, Threshold, Threshold),
    /// A role may sign what begins so.
    PathAdded(RoleName, String),
    /// A role may no longer sign what begins so.
    PathRemoved(RoleName, String),
    /// A role's file cannot be used from now on.
    Broken(RoleName, String),
}

/// Who may sign a role, and what.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Mandate {
    keys: Vec<KeyId>,
    threshold: Threshold,
    paths: Vec<String>,
}

impl State {
    /// The roles whose files are other ones than before, with who signed them; root first.
    pub fn signed_since(&self, before: Option<&State>) -> Vec<SignedRole> {
        let known = before.map(State::files).unwrap_or_default();
        let new = |(role, (version, by)): (RoleName, (Version, Vec<KeyId>))| {
            let same = known.get(&role).is_some_and(|(known, _)| *known == version);
            (!same).then_some(SignedRole { role, version, by })
        };
        self.files().into_iter().filter_map(new).collect()
    }

    /// What is different from before; from nothing at all, everything.
    pub fn since(&self, before: Option<&State>) -> Vec<Difference> {
        let mut found = Vec::new();
        self.mandates_since(before, &mut found);
        self.names_since(before, &mut found);
        for (role, reason) in &self.unusable {
            if before.is_none_or(|before| !before.unusable.contains_key(role)) {
                found.push(Difference::Broken(role.clone(), reason.clone()));
            }
        }
        found
    }

    /// The canonical id of a key that this state names.
    fn canonical(&self, id: &KeyId) -> KeyId {
        let root = self.targets.root().content();
        let delegated = |id: &KeyId| {
            let mut keys = self.targets.roles().map(|(_, role)| &role.content().delegations.keys);
            keys.find_map(|keys| keys.get(id))
        };
        let key = root.keys.get(id).or_else(|| delegated(id));
        key.map_or(*id, Key::known_as)
    }

    /// Version and signers of every file that publishers sign.
    fn files(&self) -> BTreeMap<RoleName, (Version, Vec<KeyId>)> {
        let root = self.targets.root();
        let canonical = |ids: &[KeyId]| ids.iter().map(|id| self.canonical(id)).collect();
        let signers = canonical(root.trusted().signers());
        let root = (RoleName::Root, (root.content().version, signers));
        let roles = self.targets.roles().map(|(name, role)| {
            (name.clone(), (role.content().version, canonical(role.signers())))
        });
        std::iter::once(root).chain(roles).collect()
    }

    fn mandates_since(&self, before: Option<&State>, found: &mut Vec<Difference>) {
        let (known, now) = (before.map(State::mandates).unwrap_or_default(), self.mandates());
        for (role, mandate) in &now {
            match known.get(role) {
                Some(known) => differ(role, known, mandate, found),
                None => {
                    if role.parent().is_some() {
                        found.push(Difference::RoleAdded(role.clone()));
                    }
                    let keys = mandate.keys.iter();
                    found.extend(keys.map(|key| Difference::KeyAdded(role.clone(), *key)));
                }
            }
        }
        let gone = known.keys().filter(|role| !now.contains_key(role));
        found.extend(gone.map(|role| Difference::RoleRemoved(role.clone())));
    }

    fn mandates(&self) -> BTreeMap<RoleName, Mandate> {
        let root = self.targets.root().content();
        let mandate = |role: &Role, paths: &[String]| Mandate {
            keys: role.keyids().iter().map(|id| self.canonical(id)).collect(),
            threshold: role.threshold(),
            paths: paths.to_vec(),
        };
        let top = [
            (RoleName::Root, &root.root),
            (RoleName::Targets, &root.targets),
            (RoleName::Snapshot, &root.snapshot),
            (RoleName::Timestamp, &root.timestamp),
        ];
        let top = top.into_iter().map(|(name, role)| (name, mandate(role, &[])));
        let delegated = self.targets.roles().flat_map(|(_, role)| {
            let roles = role.content().delegations.roles.iter();
            roles.map(|it| (it.name.clone(), mandate(&it.role, it.paths.prefixes())))
        });
        top.chain(delegated).collect()
    }

    fn names_since(&self, before: Option<&State>, found: &mut Vec<Difference>) {
        let names = |state: &State| -> BTreeMap<(RoleName, String), Target> {
            let roles = state.targets.roles().flat_map(|(name, role)| {
                let targets = role.targets();
                targets.map(|(tag, target)| ((name.clone(), tag.to_owned()), target.clone()))
            });
            roles.collect()
        };
        let (known, now) = (before.map(names).unwrap_or_default(), names(self));
        for ((role, name), target) in &now {
            let (role_, name_) = (role.clone(), name.clone());
            match known.get(&(role_.clone(), name_.clone())) {
                Some(known) if same(known, target) => {}
                Some(known) => {
                    found.push(Difference::Moved(role_, name_, digest(known), digest(target)));
                }
                None => found.push(Difference::Added(role_, name_, digest(target))),
            }
        }
        for ((role, name), target) in known.iter().filter(|(at, _)| !now.contains_key(at)) {
            found.push(Difference::Removed(role.clone(), name.clone(), digest(target)));
        }
    }
}

fn differ(role: &RoleName, before: &Mandate, now: &Mandate, found: &mut Vec<Difference>) {
    let (role, new) = (|| role.clone(), |key: &&KeyId| !before.keys.contains(key));
    found.extend(now.keys.iter().filter(new).map(|key| Difference::KeyAdded(role(), *key)));
    let old = before.keys.iter().filter(|key| !now.keys.contains(key));
    found.extend(old.map(|key| Difference::KeyRemoved(role(), *key)));
    if before.threshold != now.threshold {
        found.push(Difference::Threshold(role(), before.threshold, now.threshold));
    }
    let new = now.paths.iter().filter(|path| !before.paths.contains(path));
    found.extend(new.map(|path| Difference::PathAdded(role(), path.clone())));
    let old = before.paths.iter().filter(|path| !now.paths.contains(path));
    found.extend(old.map(|path| Difference::PathRemoved(role(), path.clone())));
}

/// The publisher's own JSON is none of a tag's meaning.
fn same(left: &Target, right: &Target) -> bool {
    left.length == right.length && left.hashes == right.hashes
}

fn digest(target: &Target) -> Option<ImageDigest> {
    target.hashes.sha256().map(ImageDigest::from)
}
