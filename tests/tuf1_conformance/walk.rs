//! The way from the first root to `targets`: what is asked for, what is refused, what is kept.

use serde_json::{Value, json};

use crate::stage::{ALL, DAILY, Stage};
use crate::tuf1::{Repository, TOP, key_id, key_object, sign};

const FIRST: [&str; 4] = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"];

#[test]
fn a_refresh_asks_in_the_order_of_the_specification_and_keeps_the_bytes_as_they_came() {
    let mut stage = Stage::new();
    assert!(stage.refreshes());
    assert_eq!(stage.asked(), FIRST);
    assert!(stage.keeps_what_is_shown(&TOP));

    // Nothing would write it like this.
    let mut stage = Stage::new();
    stage.repository.files.get_mut("timestamp.json").expect("there").push(b' ');
    stage.show();
    assert!(stage.refreshes());
    assert!(stage.keeps_what_is_shown(&["timestamp"]));
}

#[test]
fn a_download_refreshes_first() {
    let mut stage = Stage::new();
    assert!(!stage.downloads(&["nobody signs it"]));
    assert_eq!(stage.asked(), FIRST);
    assert!(stage.keeps_what_is_shown(&TOP));
}

#[test]
fn a_first_root_that_is_none_or_that_nobody_signed_is_not_gone_on_from() {
    let honest = Repository::new().files["1.root.json"].clone();
    let mut unversioned: Value = serde_json::from_slice(&honest).expect("JSON");
    unversioned["signed"].as_object_mut().expect("an object").remove("version");
    let mut unsigned: Value = serde_json::from_slice(&honest).expect("JSON");
    unsigned["signatures"][0]["sig"] = json!("30".repeat(64));
    for root in [unversioned, unsigned] {
        let mut stage = Stage::before_init();
        stage.show();
        stage.init(root.to_string().as_bytes());
        assert!(!stage.refreshes());
        assert!(stage.asked().is_empty(), "nothing is asked for");
    }
}

#[test]
fn a_role_that_its_key_did_not_sign_is_refused_and_those_before_it_are_kept() {
    for (role, kept) in [
        ("root", [1, 0, 0, 0]),
        ("timestamp", [2, 0, 0, 0]),
        ("snapshot", [2, 2, 0, 0]),
        ("targets", [2, 2, 2, 0]),
    ] {
        let mut stage = Stage::new();
        stage.repository.touch(&ALL).publish().put(role, Vec::new());
        stage.show();
        assert!(!stage.refreshes(), "{role}");
        assert_eq!(stage.versions(), kept, "{role}");
    }
}

#[test]
fn a_version_that_is_not_the_one_asked_for_is_refused() {
    for (role, kept) in
        [("root", [1, 0, 0, 0]), ("snapshot", [2, 2, 0, 0]), ("targets", [2, 2, 2, 0])]
    {
        let mut stage = Stage::new();
        stage.repository.touch(&ALL).publish();
        let other = json!(3);
        stage.repository.role(role)["version"] = other;
        stage.repository.seal(role);
        let (name, other) = (format!("2.{role}.json"), format!("3.{role}.json"));
        let bytes = stage.repository.files.remove(&other).expect("sealed");
        stage.repository.files.insert(name, bytes);
        stage.show();
        assert!(!stage.refreshes(), "{role}");
        assert_eq!(stage.versions(), kept, "{role}");
    }
}

#[test]
fn another_timestamp_of_the_same_version_changes_nothing() {
    let mut stage = Stage::new();
    assert!(stage.refreshes());
    let kept = stage.kept("timestamp");
    stage.asked();
    stage.repository.role("timestamp")["meta"]["snapshot.json"]["version"] = json!(100);
    stage.repository.seal("timestamp");
    stage.show();
    assert!(stage.refreshes());
    assert_eq!(stage.asked(), ["2.root.json", "timestamp.json"]);
    assert_eq!(stage.kept("timestamp"), kept);
}

#[test]
fn hashes_in_listings_bind() {
    let listed = || {
        let mut stage = Stage::new();
        stage.repository.hashes = true;
        stage.publish(&DAILY);
        assert!(stage.refreshes(), "right hashes are right");
        stage.repository.touch(&DAILY).publish();
        stage
    };
    let wrong = json!("0".repeat(64));
    let mut stage = listed();
    stage.repository.role("snapshot")["meta"]["targets.json"]["hashes"]["sha256"] = wrong.clone();
    stage.repository.hashes = false;
    stage.repository.seal("snapshot").list_snapshot();
    stage.repository.seal("timestamp");
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.versions(), [1, 3, 3, 2]);

    let mut stage = listed();
    stage.repository.role("timestamp")["meta"]["snapshot.json"]["hashes"]["sha256"] = wrong;
    stage.repository.seal("timestamp");
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.versions(), [1, 3, 2, 2]);
}

#[test]
fn what_a_client_does_not_know_is_signed_all_the_same() {
    let mut stage = Stage::new();
    assert!(stage.refreshes());
    let key = stage.repository.key();
    let mut object = key_object(&key);
    object["extra-field"] = json!({"a": 1, "b": 2});
    stage.repository.role("root")["custom-field"] = json!("value");
    stage.repository.role("root")["roles"]["root"]["another-field"] = json!("value");
    stage.repository.touch(&["root"]);
    let id = stage.repository.add_key_object("root", &object);
    let mut signatures =
        vec![sign(&stage.repository.keys["root"][0], &stage.repository.roles["root"])];
    signatures.push(stage.repository.sign_as(&id, &key, "root"));
    stage.repository.put("root", signatures);
    stage.show();
    assert!(stage.refreshes());
    assert_eq!(stage.version("root"), 2);
}

#[test]
fn a_key_says_nothing_about_how_its_id_is_made() {
    let mut stage = Stage::new();
    let key = stage.repository.key();
    let mut object = key_object(&key);
    object["keyid_hash_algorithms"] = json!("md5");
    stage.repository.touch(&["root", "snapshot", "timestamp"]);
    stage.repository.role("root")["roles"]["snapshot"]["keyids"] = json!([]);
    let id = stage.repository.add_key_object("snapshot", &object);
    stage.repository.seal("root").list();
    let signature = stage.repository.sign_as(&id, &key, "snapshot");
    stage.repository.put("snapshot", vec![signature]);
    stage.repository.list_snapshot();
    stage.repository.seal("timestamp");
    stage.show();
    assert!(stage.refreshes());
    assert_eq!(stage.versions(), [2, 2, 2, 1]);
    assert_ne!(id, key_id(&key), "the odd member is part of what is hashed");
}

#[test]
fn what_is_named_and_not_there_is_a_failure_and_what_leads_to_it_is_kept() {
    let mut stage = Stage::new();
    assert!(stage.refreshes());
    stage.repository.touch(&["timestamp"]);
    stage.repository.role("timestamp")["meta"]["snapshot.json"]["version"] = json!(2);
    stage.repository.seal("timestamp");
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.asked().last().map(String::as_str), Some("2.snapshot.json"));
    assert_eq!(stage.versions(), [1, 2, 1, 1]);

    let mut stage = Stage::new();
    assert!(stage.refreshes());
    stage.repository.touch(&DAILY).publish().files.remove("2.targets.json");
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.asked().last().map(String::as_str), Some("2.targets.json"));
    assert_eq!(stage.versions(), [1, 2, 2, 1]);

    let mut stage = Stage::new();
    assert!(stage.refreshes());
    stage.repository.files.remove("timestamp.json");
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.asked().last().map(String::as_str), Some("timestamp.json"));
}

#[test]
fn a_snapshot_that_could_be_a_timestamp_is_none() {
    let mut stage = Stage::new();
    let key = stage.repository.keys["timestamp"][0].clone();
    stage.repository.keys.get_mut("snapshot").expect("a role").push(key);
    stage.repository.touch(&["root", "snapshot"]).name_keys();
    stage.repository.seal("root");
    stage.repository.role("snapshot")["meta"] = json!({"snapshot.json": {"version": 1}});
    stage.repository.seal("snapshot");
    let bytes = stage.repository.files.remove("2.snapshot.json").expect("sealed");
    stage.repository.files.insert("timestamp.json".to_owned(), bytes);
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.versions(), [2, 0, 0, 0]);
}

#[test]
fn a_role_may_be_called_anything_and_is_asked_for_and_kept_by_its_quoted_name() {
    for (role, quoted) in [
        ("?", "1.%3F.json"),
        ("#", "1.%23.json"),
        ("/delegatedrole", "1.%2Fdelegatedrole.json"),
        ("../delegatedrole", "1...%2Fdelegatedrole.json"),
    ] {
        let mut stage = Stage::new();
        stage.repository.delegate("targets", role, json!({"paths": ["*"]}));
        stage.publish(&DAILY);
        assert!(!stage.downloads(&["nobody signs it"]));
        assert_eq!(stage.asked().last().map(String::as_str), Some(quoted));
        assert_eq!(stage.roles_kept(), 5, "{role}");
    }
}
