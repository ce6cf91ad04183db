//! TUF 1.0 files that others wrote, edited by us.

#![cfg(feature = "client")]

#[path = "support/tuf1.rs"]
mod tuf1;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign::crypto::{Sha256, Signer};
use countersign::edit::{Draft, Signers};
use countersign::tuf::{Dialect, Hashes, Limits, RoleName, Target};
use serde_json::{Value, json};

use tuf1::{Client, Repository, TOP};

fn target(text: &str) -> Target {
    let hashes = Hashes::from(Sha256::of(text.as_bytes()));
    Target { length: text.len() as u64, hashes, custom: None }
}

/// The files that our editor signs when the target `v2` is added, `v3` put in the place of another
/// and root signed again.
fn edited(repository: &Repository) -> BTreeMap<String, Vec<u8>> {
    let known = Client::new().refresh(repository).expect("an honest repository");
    let mut draft = Draft::of(known.targets);
    for name in ["v2", "v3"] {
        draft.set_target(&RoleName::Targets, name, target("ours")).expect("set");
    }
    draft.renew(&RoleName::Root).expect("renewed");
    signed(draft, repository)
}

/// The files of a change, signed with every key of the repository.
fn signed(draft: Draft, repository: &Repository) -> BTreeMap<String, Vec<u8>> {
    let keys = repository.keys.values().flatten();
    let signers: Signers<'_> = keys.map(|key| key.as_ref() as &dyn Signer).collect();
    let now = "2026-11-25T00:00:00Z".parse().expect("a date");
    let update = draft.sign(now, &signers).expect("signed");
    update.files().iter().map(|(role, bytes)| (role.to_string(), bytes.clone())).collect()
}

fn parsed(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<&str, Value> {
    let parse = |bytes: &Vec<u8>| serde_json::from_slice(bytes).expect("JSON");
    files.iter().map(|(role, bytes)| (role.as_str(), parse(bytes))).collect()
}

#[test]
fn members_that_we_do_not_know_are_signed_again() {
    let mut it = Repository::new();
    it.delegate(
        "targets",
        "team",
        json!({"paths": ["*"], "x-delegation": {"z": 1, "a": "\n\u{e9}"}}),
    );
    it.target("targets", "v3");
    for name in ["v1", "v3"] {
        it.role("targets")["targets"][name]["x-target"] = json!([null, true, name]);
    }
    for role in TOP {
        it.role(role)["x-role"] = json!({"b": 1, "a": "\"\\\u{2028}\t"});
    }
    it.publish();
    it.role("root")["roles"]["targets"]["x-keys"] = json!(7);
    it.role("snapshot")["meta"]["team.json"]["x-file"] = json!("kept");
    it.seal("root").seal("snapshot");

    let bytes = edited(&it);
    let files = parsed(&bytes);
    assert_eq!(files.len(), 4, "root, targets, snapshot, timestamp");
    for (role, file) in &files {
        assert_eq!(file["signed"]["x-role"], it.roles[*role]["x-role"], "{role}");
        assert_eq!(file["signed"]["version"], 2, "{role}");
    }
    let targets = &files["targets"]["signed"];
    assert_eq!(targets["targets"]["v1"], it.roles["targets"]["targets"]["v1"]);
    assert!(targets["targets"]["v2"]["x-target"].is_null());
    assert!(targets["targets"]["v3"]["x-target"].is_null(), "it was said of another file");
    assert_eq!(targets["delegations"], it.roles["targets"]["delegations"]);
    assert_eq!(files["root"]["signed"]["roles"]["targets"]["x-keys"], 7);
    assert_eq!(files["snapshot"]["signed"]["meta"]["team.json"]["x-file"], "kept");

    // And what was signed can be read again.
    for (role, file) in bytes {
        let name = match role.as_str() {
            "timestamp" => "timestamp.json".to_owned(),
            role => format!("2.{role}.json"),
        };
        it.files.insert(name, file);
    }
    assert_eq!(Client::new().role_of(&it, "v2").as_deref(), Some("targets"));
}

#[test]
fn they_go_with_a_target_into_its_bin() {
    let mut it = Repository::new();
    it.role("targets")["targets"]["v1"]["x-target"] = json!("kept");
    it.publish();
    let known = Client::new().refresh(&it).expect("an honest repository");
    let mut draft = Draft::of(known.targets);
    draft.split(&RoleName::Targets, "2".parse().expect("bins")).expect("split");
    let bytes = signed(draft, &it);
    let files = parsed(&bytes);
    let bins: Vec<&Value> =
        files.iter().filter(|(role, _)| role.contains('/')).map(|(_, file)| file).collect();
    let entries = bins.iter().filter_map(|bin| bin["signed"]["targets"].get("v1"));
    let entries: Vec<&Value> = entries.collect();
    assert_eq!(entries, [&it.roles["targets"]["targets"]["v1"]]);
}

#[test]
fn what_python_tuf_signed_says_the_same_when_we_write_it() {
    let metadata = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tuf1/unknown-members");
    let read = |name: &str| fs::read(metadata.join("metadata").join(name)).expect("a file");
    let limits = Limits::default();
    let targets = read("1.targets.json");
    let opened = Dialect::Tuf1.open_targets(&RoleName::Targets, &targets, &limits);
    let mut content = opened.expect("targets").into_unverified_content();
    content.version = content.version.next().expect("a version");
    content.targets.insert("v2".to_owned(), target("ours"));
    let message = Dialect::Tuf1.targets_message(&content);
    let ours: Value =
        serde_json::from_slice(&Dialect::Tuf1.seal(&message, &[])).expect("a document");
    let theirs: Value = serde_json::from_slice(&targets).expect("JSON");
    let mut expected = theirs["signed"].clone();
    expected["version"] = json!(2);
    expected["spec_version"] = ours["signed"]["spec_version"].clone();
    expected["targets"]["v2"] = ours["signed"]["targets"]["v2"].clone();
    assert_eq!(ours["signed"], expected);
    assert!(!expected["x-role"].is_null() && !expected["targets"]["v1"]["x-target"].is_null());
}
