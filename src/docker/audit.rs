//! What is wrong with the keys that somebody has, as far as it can be seen without opening them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp as Instant};

use super::argument::argument;
use super::survey::{Survey, Use};
use crate::keys::{Holding, Kept, Lock, StoredKey};
use crate::tuf::{KeyId, RoleName};

/// Something that is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The key.
    pub id: KeyId,
    /// What sort of thing.
    pub kind: FindingKind,
    /// What is wrong, in words.
    pub problem: String,
    /// The command that mends it.
    pub remedy: String,
}

/// Sorts of findings, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// Others can read the key file, or write it.
    Exposed,
    /// The key file has no passphrase.
    Unencrypted,
    /// The key file cannot be read.
    Damaged,
    /// The passphrase protects less than it could.
    Weak,
    /// A role hangs on this one copy of this one key.
    SingleCopy,
    /// One key in several places.
    Duplicated,
    /// One key for several things, so that one loss is several.
    Shared,
    /// Nothing that is known here is signed with it.
    Orphaned,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exposed => "exposed",
            Self::Unencrypted => "unencrypted",
            Self::Damaged => "damaged",
            Self::Weak => "weak",
            Self::SingleCopy => "single-copy",
            Self::Duplicated => "duplicated",
            Self::Shared => "shared",
            Self::Orphaned => "orphaned",
        })
    }
}

/// Looks at keys in all their places, and at what they sign; the worst comes first.
pub fn audit(holdings: &[Holding], survey: &Survey, now: Instant) -> Vec<Finding> {
    let mut keys: BTreeMap<KeyId, Vec<&Holding>> = BTreeMap::new();
    for holding in holdings {
        keys.entry(holding.entry.id).or_default().push(holding);
    }
    let mut findings = Vec::new();
    for (id, copies) in &keys {
        for file in copies.iter().filter_map(|copy| file_of(copy)) {
            findings.extend(wrong_with_file(file));
        }
        findings.extend(wrong_with_key(*id, copies, survey));
        findings.extend(alone(*id, copies, survey, now));
    }
    findings.sort_by_key(|finding| (finding.kind, finding.id));
    findings
}

fn wrong_with_file(file: &StoredKey) -> Vec<Finding> {
    let (id, path) = (file.entry.id, file.path.display());
    let found = |kind, problem: String, remedy| Finding { id, kind, problem, remedy };
    let mut findings = Vec::new();
    if file.mode & 0o077 != 0 {
        let problem = format!("mode {:04o} lets others at {path}", file.mode);
        findings.push(found(FindingKind::Exposed, problem, format!("chmod 600 '{path}'")));
    }
    let passwd = format!("countersign key passwd {id}");
    match file.lock {
        Lock::Passphrase => {}
        Lock::Open => {
            let problem = format!("{path} has no passphrase");
            findings.push(found(FindingKind::Unencrypted, problem, passwd));
        }
        Lock::OldPassphrase => {
            let problem = format!("{path} is locked in OpenSSL's old way, where guessing is fast");
            findings.push(found(FindingKind::Weak, problem, passwd));
        }
        Lock::Unknown => {
            let problem = format!("{path} cannot be read as a key");
            let remedy = format!("countersign key recover SHEET...   # or: mv '{path}' elsewhere");
            findings.push(found(FindingKind::Damaged, problem, remedy));
        }
    }
    findings
}

fn wrong_with_key(id: KeyId, copies: &[&Holding], survey: &Survey) -> Vec<Finding> {
    let found = |kind, problem: String, remedy| Finding { id, kind, problem, remedy };
    let uses = survey.uses(&id);
    let mut findings = Vec::new();
    if let [_, others @ ..] = copies
        && !others.is_empty()
    {
        let places: Vec<String> = copies.iter().map(|copy| place(copy)).collect();
        let problem = format!("kept {} times: {}", copies.len(), places.join(", "));
        let remedy = copies.iter().rev().find_map(|copy| file_of(copy));
        let remedy = remedy.map(|file| format!("rm '{}'   # keep one", file.path.display()));
        let remedy = remedy.unwrap_or_else(|| "remove it where it is not needed".to_owned());
        findings.push(found(FindingKind::Duplicated, problem, remedy));
    }
    if let Some(problem) = shared(uses) {
        findings.push(found(FindingKind::Shared, problem, another_key(id, copies, uses)));
    }
    findings.extend(orphaned(id, copies, survey));
    findings
}

/// A root key that cannot be done without, in one file, unless sheets proved lately that they would
/// bring it back.
fn alone(id: KeyId, copies: &[&Holding], survey: &Survey, now: Instant) -> Option<Finding> {
    let needed = |used: &&Use| used.role == RoleName::Root && used.keys == used.threshold;
    let gun = &survey.uses(&id).iter().find(needed)?.gun;
    let [copy] = copies else { return None };
    file_of(copy)?;
    let (problem, remedy) = match survey.drilled(&id) {
        Some(at) if now.duration_since(at) < DRILL_LASTS => return None,
        Some(at) => (
            format!(
                "the last drill of its sheets was more than a year ago, on {}",
                at.strftime("%F")
            ),
            "countersign key drill SHEET...".to_owned(),
        ),
        None => (
            format!("{gun} is lost with this file: no other key can replace it"),
            format!(
                "countersign key split {id} --threshold 2 --shares 3 --dir shares && \
                 countersign key drill shares/share-1.txt shares/share-2.txt"
            ),
        ),
    };
    Some(Finding { id, kind: FindingKind::SingleCopy, problem, remedy })
}

/// A key for several roles, or for the tags of several repositories. Root keys and signers are
/// meant to serve many repositories.
fn shared(uses: &[Use]) -> Option<String> {
    let roles: BTreeSet<&str> = uses.iter().map(|used| used.role.as_str()).collect();
    let top = |role: &RoleName| matches!(role, RoleName::Root | RoleName::Targets);
    if roles.contains("root") && roles.len() > 1 {
        return Some("signs root and other roles: who steals it has everything".to_owned());
    }
    let targets = uses.iter().filter(|used| top(&used.role) && used.role != RoleName::Root);
    let guns: BTreeSet<&str> = targets.map(|used| used.gun.as_str()).collect();
    (guns.len() > 1).then(|| format!("signs the tags of {} repositories", guns.len()))
}

/// The command that gives one of the repositories another targets key: not the one that the key was
/// made for, which it goes on serving.
fn another_key(id: KeyId, copies: &[&Holding], uses: &[Use]) -> String {
    let noted = copies.iter().find_map(|copy| copy.entry.gun.as_deref());
    let other = |used: &&Use| used.role == RoleName::Targets && Some(used.gun.as_str()) != noted;
    if let Some(used) = uses.iter().rev().find(other) {
        return format!("countersign key rotate {} targets", argument(&used.gun));
    }
    let gun = uses.last().map(|used| argument(&used.gun)).unwrap_or_default();
    format!(
        "countersign root request {gun} --role targets --remove {id} --add NEW.pub --out change.json"
    )
}

fn orphaned(id: KeyId, copies: &[&Holding], survey: &Survey) -> Option<Finding> {
    if !survey.uses(&id).is_empty() || survey.collections().is_empty() {
        return None;
    }
    let entry = copies.first().map(|copy| &copy.entry)?;
    let gun = entry.gun.as_deref();
    // Of a collection that is not cached here nobody can tell.
    let known = gun.is_none_or(|gun| survey.collections().iter().any(|it| it.as_str() == gun));
    if !known || entry.is_unreadable || copies.iter().any(|copy| file_of(copy).is_none()) {
        return None;
    }
    let problem = match gun {
        Some(gun) => format!("made for {gun}, which does not name it, as far as is known here"),
        None => "no repository that is known here names it".to_owned(),
    };
    let remedy = format!("countersign key remove {id}   # if nobody will need it");
    Some(Finding { id, kind: FindingKind::Orphaned, problem, remedy })
}

fn file_of(holding: &Holding) -> Option<&StoredKey> {
    match &holding.kept {
        Kept::File(file) => Some(file),
        Kept::Elsewhere(_) => None,
    }
}

fn place(holding: &Holding) -> String {
    match &holding.kept {
        Kept::File(file) => file.path.display().to_string(),
        Kept::Elsewhere(place) => place.clone(),
    }
}

/// A year, and a week to find the time.
const DRILL_LASTS: SignedDuration = SignedDuration::from_hours(372 * 24);
