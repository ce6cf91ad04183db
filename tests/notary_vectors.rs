//! Metadata made by notary 0.7 and docker: each case is verified whole, at the time it was made,
//! and written again byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::tuf::{Dialect, EnvelopeSignature, Gun, KeyId, Limits, RoleName};
use countersign::verify::{
    Anchor, Baseline, FirstUse, Policy, TrustedRoot, TrustedTargets, Wanted,
};
use serde_json::Value;

#[test]
fn every_case_verifies_and_lists_what_its_maker_signed() {
    for case in cases() {
        let targets = match verified(&case) {
            Ok(targets) => targets,
            Err(error) if case.name() == "odd-target-names" => {
                assert!(error.to_string().contains("not ASCII"), "{error}");
                continue;
            }
            Err(error) => panic!("{}: {error}", case.name()),
        };
        for (role, names) in case.expectation["targets"].as_object().expect("targets") {
            let role: RoleName = role.parse().expect("a role name");
            let Some(loaded) = targets.role(&role) else {
                assert!(
                    UNUSABLE.contains(&(case.name(), role.as_str())),
                    "{}: {role}",
                    case.name()
                );
                continue;
            };
            let found: BTreeMap<&str, String> = loaded
                .content()
                .targets
                .iter()
                .map(|(name, target)| (name.as_str(), hex_sha256(target)))
                .collect();
            let expected: BTreeMap<&str, String> = names
                .as_object()
                .expect("names")
                .iter()
                .map(|(name, entry)| {
                    (name.as_str(), entry["sha256"].as_str().unwrap_or_default().to_owned())
                })
                .collect();
            assert_eq!(found, expected, "{}: {role}", case.name());
        }
    }
}

#[test]
fn every_file_is_written_again_byte_for_byte() {
    for case in cases() {
        for (role, path) in case.files() {
            let bytes = fs::read(&path).expect("a vector");
            match rewritten(&role, &bytes) {
                Some(written) => assert_eq!(
                    String::from_utf8_lossy(&written),
                    String::from_utf8_lossy(&bytes),
                    "{}",
                    path.display()
                ),
                None => assert!(WRITTEN_OTHERWISE.contains(&case.name()), "{}", path.display()),
            }
        }
    }
}

#[test]
fn a_glance_sees_what_a_full_reading_sees() {
    let limits = Limits::default();
    for case in cases().filter(|case| case.name() != "odd-target-names") {
        for (role, path) in case.files().filter(|(role, _)| role.lists_targets()) {
            let bytes = fs::read(&path).expect("a vector");
            let mut full = Dialect::Notary
                .open_targets(&role, &bytes, &limits)
                .expect("a vector")
                .into_unverified_content();
            let names: Vec<String> = full.targets.keys().take(1).cloned().collect();
            full.targets.retain(|name, _| names.contains(name));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let glanced = Dialect::Notary.glance_at_targets(&role, &bytes, &names, &limits);
            assert_eq!(glanced.expect("a vector"), full, "{}", path.display());
        }
    }
}

/// Null lists are written as empty ones and dates of other zones in UTC; names that are not ASCII
/// are refused.
const WRITTEN_OTHERWISE: &[&str] =
    &["local-timezone-expiry", "no-delegations-left", "odd-target-names", "purged"];

/// Files that the server still lists although their delegation, or the keys that signed them, are
/// gone.
const UNUSABLE: &[(&str, &str)] = &[
    ("docker-signer-removed", "targets/bob"),
    ("purged", "targets/releases"),
    ("purged", "targets/alice"),
];

struct Case {
    directory: PathBuf,
    expectation: Value,
}

impl Case {
    fn name(&self) -> &str {
        self.directory.file_name().and_then(|name| name.to_str()).expect("a case has a name")
    }

    fn file(&self, role: &RoleName) -> PathBuf {
        self.directory.join(format!("{role}.json"))
    }

    fn files(&self) -> impl Iterator<Item = (RoleName, PathBuf)> {
        let roles = self.expectation["versions"].as_object().expect("versions");
        let roles: Vec<RoleName> = roles.keys().map(|role| role.parse().expect("a role")).collect();
        roles
            .into_iter()
            .map(|role| (role.clone(), self.file(&role)))
            .filter(|(_, path)| path.exists())
    }
}

fn cases() -> impl Iterator<Item = Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/notary");
    let mut directories: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("case.json").exists())
        .collect();
    directories.sort();
    assert!(directories.len() >= 20, "the vectors are all there");
    directories.into_iter().map(|directory| {
        let text = fs::read(directory.join("case.json")).expect("case.json");
        Case { expectation: serde_json::from_slice(&text).expect("case.json"), directory }
    })
}

fn verified(case: &Case) -> Result<TrustedTargets, countersign::verify::Error> {
    let policy = Policy {
        dialect: Dialect::Notary,
        gun: Gun::raw(case.expectation["gun"].as_str().expect("gun")).expect("a name"),
        anchor: Anchor::unpinned(FirstUse::Allow),
        now: case.expectation["made_at"].as_str().expect("made_at").parse().expect("a date"),
        limits: Limits::default(),
        max_age: None,
    };
    let baseline = Baseline::default();
    let read = |role: &RoleName| fs::read(case.file(role)).expect("a role's file");
    let first = case.directory.join("1.root.json");
    let mut root = match fs::read(&first) {
        Ok(bytes) => TrustedRoot::establish(Arc::new(policy), &bytes)?,
        Err(_) => TrustedRoot::establish(Arc::new(policy), &read(&RoleName::Root))?,
    };
    let newest = case.expectation["versions"]["root"].as_u64().expect("the root's version");
    while root.content().version.number() < newest {
        let next = root.next_version().expect("far from the last version");
        let older = fs::read(case.directory.join(format!("{next}.root.json")));
        root = root.advance(&older.unwrap_or_else(|_| read(&RoleName::Root)))?;
    }
    let root = root.current(&baseline)?;
    let timestamp = root.timestamp(&read(&RoleName::Timestamp), &baseline)?;
    let snapshot = timestamp.snapshot(&read(&RoleName::Snapshot), &baseline)?;
    let mut targets = snapshot.targets(&read(&RoleName::Targets), &baseline, Wanted::Everything)?;
    let mut listed: Vec<RoleName> = snapshot.content().meta.keys().cloned().collect();
    listed.sort_by_key(|role| role.as_str().matches('/').count());
    for role in listed
        .iter()
        .filter(|role| role.parent().is_some() && targets.delegation_to(role).is_some())
        .cloned()
        .collect::<Vec<_>>()
    {
        load(&mut targets, &role, &read(&role), &baseline)?;
    }
    for role in listed
        .into_iter()
        .filter(|role| role.parent().is_some_and(|parent| parent.parent().is_some()))
    {
        if targets.role(&role).is_none() && targets.delegation_to(&role).is_some() {
            load(&mut targets, &role, &read(&role), &baseline)?;
        }
    }
    Ok(targets)
}

/// A delegation that its keys no longer cover is unusable, which is what some cases are about.
fn load(
    targets: &mut TrustedTargets,
    role: &RoleName,
    bytes: &[u8],
    baseline: &Baseline,
) -> Result<(), countersign::verify::Error> {
    match targets.delegation(role, bytes, baseline, Wanted::Everything) {
        Err(countersign::verify::Error::Threshold { .. }) => Ok(()),
        other => other,
    }
}

fn rewritten(role: &RoleName, bytes: &[u8]) -> Option<Vec<u8>> {
    let (dialect, limits) = (Dialect::Notary, Limits::default());
    let (message, signatures, signed) = match role {
        RoleName::Root => {
            let envelope = dialect.open_root(bytes, &limits).expect("a vector");
            (
                dialect.root_message(envelope.unverified_content()),
                signatures(envelope.signatures()),
                envelope.message().to_vec(),
            )
        }
        RoleName::Timestamp => {
            let envelope = dialect.open_timestamp(bytes, &limits).expect("a vector");
            (
                dialect.timestamp_message(envelope.unverified_content()),
                signatures(envelope.signatures()),
                envelope.message().to_vec(),
            )
        }
        RoleName::Snapshot => {
            let envelope = dialect.open_snapshot(bytes, &limits).expect("a vector");
            (
                dialect.snapshot_message(envelope.unverified_content()),
                signatures(envelope.signatures()),
                envelope.message().to_vec(),
            )
        }
        RoleName::Targets | RoleName::Delegation(_) => {
            let envelope = dialect.open_targets(role, bytes, &limits).ok()?;
            (
                dialect.targets_message(envelope.unverified_content()),
                signatures(envelope.signatures()),
                envelope.message().to_vec(),
            )
        }
    };
    (message.as_bytes() == signed).then(|| dialect.seal(&message, &signatures))
}

fn signatures(entries: &[EnvelopeSignature]) -> Vec<(KeyId, countersign::crypto::Signature)> {
    entries
        .iter()
        .map(|entry| {
            (entry.keyid.expect("an id"), entry.signature.clone().expect("a known method"))
        })
        .collect()
}

fn hex_sha256(target: &countersign::tuf::Target) -> String {
    target.hashes.sha256().map(|hash| hash.to_string()).unwrap_or_default()
}
