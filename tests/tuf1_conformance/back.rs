//! Nothing goes back, until the keys are others.

use serde_json::json;

use crate::stage::{ALL, DAILY, Stage};

#[test]
fn a_timestamp_does_not_go_back() {
    let mut stage = Stage::new();
    stage.publish(&["timestamp"]);
    assert!(stage.refreshes());
    assert_eq!(stage.version("timestamp"), 2);
    stage.repository.role("timestamp")["version"] = json!(1);
    stage.repository.publish();
    stage.show();
    stage.asked();
    assert!(!stage.refreshes());
    assert_eq!(stage.version("timestamp"), 2);
    assert_eq!(stage.asked().last().map(String::as_str), Some("timestamp.json"));
}

#[test]
fn a_snapshot_does_not_go_back_whatever_its_timestamp_says() {
    for hashes in [false, true] {
        let mut stage = Stage::new();
        stage.repository.hashes = hashes;
        stage.publish(&["snapshot", "timestamp"]);
        assert!(stage.refreshes());
        stage.repository.role("snapshot")["version"] = json!(1);
        stage.publish(&["timestamp"]);
        stage.asked();
        assert!(!stage.refreshes());
        assert_eq!(stage.versions(), [1, 2, 2, 1]);
        assert_eq!(stage.asked().last().map(String::as_str), Some("timestamp.json"));
    }
}

#[test]
fn targets_do_not_go_back_whatever_their_snapshot_says() {
    for hashes in [false, true] {
        let mut stage = Stage::new();
        stage.repository.hashes = hashes;
        stage.publish(&DAILY);
        assert!(stage.refreshes());
        stage.repository.role("targets")["version"] = json!(1);
        stage.publish(&["snapshot", "timestamp"]);
        assert!(!stage.refreshes());
        assert_eq!((stage.version("snapshot"), stage.version("targets")), (2, 2));
    }
}

#[test]
fn a_role_does_not_vanish_from_a_snapshot() {
    let mut stage = Stage::new();
    stage.repository.delegate("targets", "delegated", json!({"paths": ["delegatedpath/*"]}));
    stage.publish(&DAILY);
    assert!(stage.refreshes());
    stage.repository.touch(&["snapshot", "timestamp"]).list();
    let listed = stage.repository.role("snapshot")["meta"].as_object_mut().expect("listed");
    listed.remove("delegated.json");
    stage.repository.seal("snapshot").seal("timestamp");
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.version("snapshot"), 2);
}

#[test]
fn with_another_snapshot_key_targets_begin_anew_and_roles_may_go() {
    let mut stage = Stage::new();
    stage.repository.delegate("targets", "delegated", json!({"paths": ["delegatedpath/*"]}));
    stage.repository.role("targets")["version"] = json!(100);
    stage.repository.touch(&["snapshot", "timestamp"]).publish();
    stage.show();
    assert!(stage.refreshes());
    assert_eq!(stage.version("targets"), 100);

    stage.repository.rotate("snapshot");
    stage.repository.role("targets")["version"] = json!(1);
    stage.repository.roles.remove("delegated");
    stage.publish(&["root", "snapshot", "timestamp"]);
    assert!(stage.refreshes());
    assert_eq!(stage.version("targets"), 1);
}

#[test]
fn with_other_keys_snapshot_and_timestamp_begin_anew() {
    let mut stage = Stage::new();
    stage.repository.role("snapshot")["version"] = json!(100);
    stage.publish(&["timestamp"]);
    assert!(stage.refreshes());
    assert_eq!(stage.version("snapshot"), 100);
    stage.repository.rotate("snapshot");
    stage.repository.rotate("timestamp");
    stage.repository.role("snapshot")["version"] = json!(1);
    stage.publish(&["root", "targets", "timestamp"]);
    assert!(stage.refreshes());
    assert_eq!(stage.version("snapshot"), 1);

    let mut stage = Stage::new();
    stage.repository.role("timestamp")["version"] = json!(99);
    stage.publish(&ALL);
    assert!(stage.refreshes());
    assert_eq!(stage.version("timestamp"), 100);
    stage.repository.rotate("timestamp");
    stage.repository.role("timestamp")["version"] = json!(1);
    stage.publish(&["root"]);
    assert!(stage.refreshes());
    assert_eq!(stage.version("timestamp"), 1);
}
