//! What each role of the repository will say.
//!
//! docker asks `targets/releases`, then `targets`, and no other role. TUF 1.0 asks `targets` first
//! and then every delegation in turn (TUF 1.0.34 §5.6.7). So that a tag means the same to both,
//! `targets` leaves to `targets/releases` the names that it has, and no look-up goes on to the
//! other roles: `targets/releases` ends it, or an empty role does ([`END`]).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp as Instant;

use super::FORM;
use crate::client::Refreshed;
use crate::docker::Error;
use crate::docker::resolve::check_collection;
use crate::tuf::{
    Delegation, Delegations, Gun, Key, KeyId, Paths, Role, RoleName, Root, SearchOrder, Target,
    Targets, Unknown, Version,
};

/// Roles and what they say; versions and dates are still to come.
pub(super) type Contents = BTreeMap<RoleName, Targets>;

/// Who signs all of it: the keys of `targets`. Whoever signed the original cannot sign it in
/// another form.
struct Authority {
    role: Role,
    keys: BTreeMap<KeyId, Key>,
}

/// The contents of a repository under this root that says what the collection says.
///
/// # Errors
///
/// [`Error::NoForm`] for what TUF 1.0 or its readers have no form for; [`Error::OtherCollection`] for
/// an entry that was signed for another collection, which would not say so any more.
pub(super) fn contents(gun: &Gun, collection: &Refreshed, root: &Root) -> Result<Contents, Error> {
    let no_form = |what| Error::NoForm { gun: gun.clone(), what };
    let keys = root.keys_of(&root.targets).map(|key| (key.id(), key.clone()));
    let authority = Authority { role: root.targets.clone(), keys: keys.collect() };
    let mut contents = Contents::new();
    for (name, role) in collection.targets.roles() {
        for (tag, target) in role.targets() {
            check_collection(gun, collection.targets.owner(name), tag, target)?;
        }
        let targets = role.targets().map(|(tag, target)| Ok((tag.to_owned(), entry(tag, target)?)));
        let targets = targets.collect::<Result<_, String>>().map_err(no_form)?;
        let usable = |child: &&Delegation| !collection.unusable.contains_key(&child.name);
        let children = role.content().delegations.roles.iter().filter(usable);
        let children = children.map(|child| authority.delegation(child));
        let children = children.collect::<Result<Vec<_>, String>>().map_err(no_form)?;
        let delegations = authority.delegations(children);
        contents.insert(name.clone(), Targets { targets, delegations, ..empty() });
    }
    if let SearchOrder::BreadthFirst = collection.targets.root().policy().dialect.search_order() {
        authority.keep_dockers_order(&mut contents);
    }
    publish_all(&mut contents);
    Ok(contents)
}

impl Authority {
    fn delegations(&self, roles: Vec<Delegation>) -> Delegations {
        let keys = if roles.is_empty() { BTreeMap::new() } else { self.keys.clone() };
        Delegations { keys, roles }
    }

    fn delegation(&self, child: &Delegation) -> Result<Delegation, String> {
        let paths = paths(&child.name, &child.paths)?;
        Ok(Delegation { role: self.role.clone(), paths, ..child.clone() })
    }

    /// Has look-ups find what docker finds, and nothing else.
    fn keep_dockers_order(&self, contents: &mut Contents) {
        let released: BTreeSet<String> = contents
            .get(&RoleName::releases())
            .into_iter()
            .flat_map(|role| role.targets.keys().cloned())
            .collect();
        if let Some(targets) = contents.get_mut(&RoleName::Targets) {
            targets.targets.retain(|name, _| !released.contains(name));
            targets.delegations.put_releases_first();
            let roles = &mut targets.delegations.roles;
            match roles.as_mut_slice() {
                [first, ..] if first.name == RoleName::releases() && is_all(&first.paths) => {
                    first.terminating = true;
                }
                [first, _, ..] if first.name == RoleName::releases() => {
                    roles.insert(1, self.end());
                }
                [first, ..] if first.name != RoleName::releases() => roles.insert(0, self.end()),
                _ => {}
            }
        }
        if let Some(releases) = contents.get_mut(&RoleName::releases())
            && !releases.delegations.roles.is_empty()
        {
            releases.delegations.roles.insert(0, self.end());
        }
    }

    /// A delegation of every name to a role that has none.
    fn end(&self) -> Delegation {
        let digits = (0..16).map(|digit| format!("{digit:x}"));
        Delegation {
            name: RoleName::free(END).expect("letters are a name"),
            role: self.role.clone(),
            paths: Paths::HashPrefixes(digits.collect()),
            terminating: true,
        }
    }
}

/// An entry as all readers take it: with a SHA-256, and an object as custom data.
fn entry(name: &str, target: &Target) -> Result<Target, String> {
    if target.hashes.sha256().is_none() {
        return Err(format!("{name:?} is signed without a sha256 digest"));
    }
    let custom = target.custom.clone().and_then(|custom| custom.unnamed());
    Ok(Target { custom: custom.map(|custom| custom.into_object(CUSTOM)), ..target.clone() })
}

/// Paths that readers without bins understand. A character of a prefix that would be more than
/// itself in a pattern is refused: it would widen what the role may sign.
fn paths(role: &RoleName, paths: &Paths) -> Result<Paths, String> {
    match paths {
        Paths::Prefixes(prefixes) => {
            if let Some(odd) = prefixes.iter().find(|prefix| prefix.contains(PATTERN_CHARACTERS)) {
                return Err(format!("{role} has the path {odd:?}, which would be a pattern there"));
            }
            Ok(FORM.paths(prefixes.iter().map(|prefix| FORM.path(prefix)).collect()))
        }
        Paths::Bin(bin) => Ok(Paths::HashPrefixes(bin.hash_prefixes().into())),
        same => Ok(same.clone()),
    }
}

fn is_all(paths: &Paths) -> bool {
    paths.written().is_some_and(|written| written.iter().any(|path| path == "*"))
}

/// Every role that is delegated must be there, if only empty (TUF 1.0.34 §4.4).
fn publish_all(contents: &mut Contents) {
    let delegated: BTreeSet<RoleName> = contents
        .values()
        .flat_map(|role| role.delegations.roles.iter().map(|child| child.name.clone()))
        .collect();
    for role in delegated {
        contents.entry(role).or_insert_with(empty);
    }
}

fn empty() -> Targets {
    Targets {
        version: Version::ONE,
        expires: Instant::UNIX_EPOCH,
        targets: BTreeMap::new(),
        delegations: Delegations::default(),
        unknown: Unknown::default(),
    }
}

/// The empty role at which look-ups end. No role of Notary's has such a name.
const END: &str = "end";
/// Where custom data stands that is no object.
const CUSTOM: &str = "custom";
const PATTERN_CHARACTERS: [char; 8] = ['*', '?', '[', ']', '{', '}', '\\', '!'];
