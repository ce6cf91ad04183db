//! What has ended is refused, and kept from nobody who can go on from it.

use crate::stage::{ALL, DAILY, Stage};

#[test]
fn a_root_that_has_ended_is_kept_and_nothing_after_it() {
    let mut stage = Stage::new();
    assert!(stage.refreshes());
    stage.publish(&["root"]);
    assert!(stage.refreshes());
    stage.repository.role("root")["expires"] = stage.date(-1).into();
    stage.publish(&ALL);
    assert!(!stage.refreshes());
    assert_eq!(stage.versions(), [3, 1, 1, 1]);
}

#[test]
fn a_newer_role_that_has_ended_is_refused_and_not_kept() {
    for (role, changed, kept) in [
        ("timestamp", &["timestamp"][..], [1, 1, 1, 1]),
        ("snapshot", &["snapshot", "timestamp"], [1, 2, 1, 1]),
        ("targets", &DAILY, [1, 2, 2, 1]),
    ] {
        let mut stage = Stage::new();
        assert!(stage.refreshes());
        stage.repository.role(role)["expires"] = stage.date(-5).into();
        stage.publish(changed);
        assert!(!stage.refreshes(), "{role}");
        assert_eq!(stage.versions(), kept, "{role}");
    }
}

#[test]
fn a_kept_root_that_has_ended_leads_to_the_next_one() {
    let mut stage = Stage::new();
    stage.repository.role("root")["expires"] = stage.date(7).into();
    stage.publish(&["root"]);
    assert!(stage.refreshes());
    stage.day = 8;
    assert!(!stage.refreshes(), "it has ended");
    stage.repository.role("root")["expires"] = stage.date(21).into();
    stage.publish(&["root"]);
    stage.day = 18;
    assert!(stage.refreshes());
    assert_eq!(stage.version("root"), 3);
}

#[test]
fn a_kept_timestamp_that_has_ended_leads_to_the_next_one() {
    let mut stage = Stage::new();
    stage.repository.role("timestamp")["expires"] = stage.date(7).into();
    stage.publish(&["timestamp"]);
    assert!(stage.refreshes());
    stage.repository.role("timestamp")["expires"] = stage.date(21).into();
    stage.publish(&DAILY);
    stage.day = 18;
    assert!(stage.refreshes());
    assert_eq!(stage.versions(), [1, 3, 2, 2]);
}
