//! What a proposal changes, in words: every key, every threshold, every tag.

use std::collections::BTreeSet;

use crate::edit::{Part, PartContent, Proposal};
use crate::tuf::{Delegation, Key, KeyId, Role, RoleName, Root, Target, Targets};

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
    words.into_iter().map(|sentence| on_one_line(&sentence)).collect()
}

/// A name in metadata must not begin a line of its own, here or in a transcript.
fn on_one_line(sentence: &str) -> String {
    let one = |letter: char| match letter.is_control() {
        true => letter.escape_default().collect::<String>(),
        false => letter.to_string(),
    };
    sentence.chars().map(one).collect()
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
    if old == Some(new) {
        words.push(format!("  {name}: keys stay, {}", quorum(new)));
        return;
    }
    let was = old.map(|old| format!("{} -> ", quorum(old))).unwrap_or_default();
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
            None => words.push(format!("  + {name} = {}", digest(target))),
            Some(old) if old != target => {
                words.push(format!("  ~ {name} = {}, was {}", digest(target), digest(old)));
            }
            Some(_) => {}
        }
    }
    for (name, target) in had.iter().filter(|(name, _)| !after.targets.contains_key(*name)) {
        words.push(format!("  - {name}, was {}", digest(target)));
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
        if old.is_none_or(|old| old.paths != new.paths) {
            words.push(format!("    may sign {:?}", new.paths));
        }
    }
    for old in had.iter().filter(|old| after.delegations.role(&old.name).is_none()) {
        words.push(format!("  {}: no longer signs anything", old.name));
    }
}

fn digest(target: &Target) -> String {
    let digest = target.hashes.sha256().map(|digest| format!("sha256:{digest}"));
    format!("{} ({} bytes)", digest.unwrap_or_else(|| "no sha256".to_owned()), target.length)
}
