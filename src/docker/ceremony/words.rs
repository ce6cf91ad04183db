//! What a proposal changes, in words: every key, every threshold, every tag.

use std::collections::BTreeSet;

use crate::edit::{Part, PartContent, Proposal};
use crate::net::text::on_one_line;
use crate::tuf::{Custom, Delegation, Key, KeyId, Paths, Role, RoleName, Root, Target, Targets};

/// A sentence for each thing that changes.
pub(super) fn of(proposal: &Proposal) -> Vec<String> {
    let mut words = Vec::new();
    for (role, part) in proposal.parts() {
        words.push(heading(proposal, role, part));
        match part.content() {
            PartContent::Root(root) => roots(proposal.before(), root, &mut words),
            PartContent::Targets(targets) => {
                roles(proposal.known(role), targets, &mut words);
            }
        }
    }
    // A name in metadata must not begin a line of its own, nor turn one round, here or in a
    // transcript.
    words.into_iter().map(|sentence| on_one_line(&sentence)).collect()
}

fn heading(proposal: &Proposal, role: &RoleName, part: &Part) -> String {
    let before = match role {
        RoleName::Root => Some(proposal.before().version),
        role => proposal.known(role).map(|targets| targets.version),
    };
    let before = before.filter(|before| *before < part.version());
    let before = before.map(|before| format!("{before} -> ")).unwrap_or_default();
    format!("{role}: version {before}{}, valid until {:.0}", part.version(), part.expires())
}

fn roots(before: &Root, after: &Root, words: &mut Vec<String>) {
    for name in [RoleName::Root, RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp] {
        if let (Some(old), Some(new)) = (before.role(&name), after.role(&name)) {
            let find = |id: &KeyId| after.keys.get(id).or_else(|| before.keys.get(id));
            keys(&name, Some(old), new, &find, words);
        }
    }
}

/// The keys of a role: how many must sign, who comes, who goes, who stays.
fn keys<'k>(
    name: &RoleName,
    old: Option<&Role>,
    new: &Role,
    find: &dyn Fn(&KeyId) -> Option<&'k Key>,
    words: &mut Vec<String>,
) {
    let was = match old {
        Some(old) if old == new => "keys stay, ".to_owned(),
        Some(old) => format!("{} -> ", quorum(old)),
        None => String::new(),
    };
    words.push(format!("  {name}: {was}{}", quorum(new)));
    let none = BTreeSet::new();
    let had = old.map_or(none, |old| old.keyids().iter().collect());
    let has: BTreeSet<_> = new.keyids().iter().collect();
    let mut say = |sign: &str, id: &KeyId| words.push(format!("    {sign} {}", key(id, find(id))));
    had.intersection(&has).for_each(|id| say("stays ", id));
    has.difference(&had).for_each(|id| say("NEW   ", id));
    had.difference(&has).for_each(|id| say("LEAVES", id));
}

fn quorum(role: &Role) -> String {
    format!("{} of {} keys", role.threshold().count(), role.keyids().len())
}

fn key(id: &KeyId, key: Option<&Key>) -> String {
    let kind =
        key.and_then(Key::public).map_or("unusable".to_owned(), |it| it.algorithm().to_string());
    let until = key.and_then(Key::certificate).map(|it| format!(", until {:.0}", it.not_after()));
    format!("{id} ({kind}{})", until.unwrap_or_default())
}

fn roles(before: Option<&Targets>, after: &Targets, words: &mut Vec<String>) {
    let empty = std::collections::BTreeMap::new();
    let had = before.map_or(&empty, |before| &before.targets);
    for (name, target) in &after.targets {
        match had.get(name) {
            None => words.push(format!("  + {name} = {}", content(target))),
            Some(old) if old != target => {
                words.push(format!("  ~ {name} = {}, was {}", content(target), content(old)));
            }
            Some(_) => {}
        }
    }
    for (name, target) in had.iter().filter(|(name, _)| !after.targets.contains_key(*name)) {
        words.push(format!("  - {name}, was {}", content(target)));
    }
    delegations(before, after, words);
}

fn delegations(before: Option<&Targets>, after: &Targets, words: &mut Vec<String>) {
    let had: &[Delegation] = before.map_or(&[], |before| &before.delegations.roles);
    let find = |id: &KeyId| {
        let old = before.and_then(|before| before.delegations.keys.get(id));
        after.delegations.keys.get(id).or(old)
    };
    for new in &after.delegations.roles {
        let old = had.iter().find(|old| old.name == new.name);
        if old == Some(new) {
            continue;
        }
        keys(&new.name, old.map(|old| &old.role), &new.role, &find, words);
        if old.is_none_or(|old| old.paths != new.paths || old.terminating != new.terminating) {
            let ends = if new.terminating { ", and nobody after it" } else { "" };
            words.push(format!("    may sign {}{ends}", names(&new.paths)));
        }
    }
    for old in had.iter().filter(|old| after.delegations.role(&old.name).is_none()) {
        words.push(format!("  {}: no longer signs anything", old.name));
    }
    let order = order(&after.delegations.roles, had);
    if order != self::order(had, &after.delegations.roles) {
        words.push(format!("  delegations are asked in this order now: {}", listed(&order)));
    }
}

/// The names of delegations that are among the others, too, in their order.
fn order<'d>(these: &'d [Delegation], others: &[Delegation]) -> Vec<&'d RoleName> {
    let stays = |name: &&RoleName| others.iter().any(|other| other.name == **name);
    these.iter().map(|delegation| &delegation.name).filter(stays).collect()
}

/// The names that a delegation covers.
fn names(paths: &Paths) -> String {
    match paths {
        Paths::Prefixes(prefixes) if prefixes.is_empty() => "no name".to_owned(),
        Paths::Prefixes(prefixes) if prefixes.iter().any(String::is_empty) => {
            "every name".to_owned()
        }
        Paths::Prefixes(prefixes) => format!("names that begin with {}", quoted(prefixes)),
        Paths::Globs(globs) => format!("names that match {}", quoted(globs)),
        Paths::HashPrefixes(prefixes) => format!("names by their hash: {}", quoted(prefixes)),
        Paths::Bin(bin) => format!("names by their hash: bin {} of 2^{}", bin.index, bin.bits),
    }
}

fn quoted(items: &[String]) -> String {
    listed(&items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>())
}

fn listed(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What a name stands for, with the publisher's own JSON.
fn content(target: &Target) -> String {
    let digest = target.hashes.sha256().map(|digest| format!("sha256:{digest}"));
    let digest = digest.unwrap_or_else(|| "no sha256".to_owned());
    let own = target.custom.clone().and_then(Custom::unnamed);
    let own = own.map(|own| format!(" with {}", own.as_str())).unwrap_or_default();
    format!("{digest} ({} bytes){own}", target.length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Sha256;
    use crate::tuf::{Delegations, Hashes, Unknown, Version};

    fn targets(tags: &[(&str, Option<&str>)], delegations: &[(&str, &[&str], bool)]) -> Targets {
        let target = |custom: Option<&str>| Target {
            length: 7,
            hashes: Hashes::new(Some(Sha256::of(b"x")), None).expect("a hash"),
            custom: custom.map(|text| Custom::parse(text.as_bytes()).expect("JSON")),
        };
        let delegation = |(name, prefixes, terminating): &(&str, &[&str], bool)| Delegation {
            name: name.parse().expect("a role"),
            role: Role::single(KeyId::of(Sha256::of(b"key"))),
            paths: Paths::Prefixes(prefixes.iter().map(|it| (*it).to_owned()).collect()),
            terminating: *terminating,
        };
        Targets {
            version: Version::ONE,
            expires: jiff::Timestamp::MAX,
            targets: tags.iter().map(|(tag, own)| ((*tag).to_owned(), target(*own))).collect(),
            delegations: Delegations {
                keys: std::collections::BTreeMap::new(),
                roles: delegations.iter().map(delegation).collect(),
            },
            unknown: Unknown::default(),
        }
    }

    /// The sentences, without the digest in them.
    fn changes(before: &Targets, after: &Targets) -> Vec<String> {
        let mut words = Vec::new();
        roles(Some(before), after, &mut words);
        let digest = format!("sha256:{}", Sha256::of(b"x"));
        words.iter().map(|sentence| sentence.replace(&digest, "X")).collect()
    }

    #[test]
    fn nothing_that_changes_is_left_unsaid() {
        let tags = |custom| targets(&[("1", custom)], &[]);
        assert_eq!(
            changes(&tags(None), &tags(Some(r#"{"a":1}"#))),
            [r#"  ~ 1 = X (7 bytes) with {"a":1}, was X (7 bytes)"#]
        );
        let team = |roles| targets(&[], roles);
        let before = team(&[("targets/a", &[""], false), ("targets/b", &["b/"], false)]);
        assert_eq!(
            changes(&before, &team(&[("targets/b", &["b/"], false), ("targets/a", &[""], false)])),
            ["  delegations are asked in this order now: targets/b, targets/a"]
        );
        let after = team(&[("targets/a", &[], false), ("targets/b", &["b/", "c/"], true)]);
        let stays = format!("    stays  {} (unusable)", KeyId::of(Sha256::of(b"key")));
        assert_eq!(
            changes(&before, &after),
            [
                "  targets/a: keys stay, 1 of 1 keys",
                &stays,
                "    may sign no name",
                "  targets/b: keys stay, 1 of 1 keys",
                &stays,
                "    may sign names that begin with \"b/\", \"c/\", and nobody after it",
            ]
        );
    }
}
