//! Roles that are shared out among hashed bins: what a change signs, and what is read again.

use super::serverless::Folder;
use super::*;
use crate::tuf::Bins;

const ALL: [&str; 3] = ["targets", "snapshot", "timestamp"];

fn bins(count: &str) -> Bins {
    count.parse().expect("a number of bins")
}

/// A collection of which `targets` signs so many names.
fn with_names(count: usize) -> Folder {
    let mut folder = Folder::founded();
    let mut draft = folder.draft();
    for index in 0..count {
        draft.set_target(&RoleName::Targets, &format!("v{index}"), target()).expect("set");
    }
    draft.settle_bins().expect("settled");
    folder.publish(draft, &ALL).expect("signed");
    folder
}

/// What somebody remembers who read all of it.
fn memory_of(trusted: &TrustedTargets) -> Baseline {
    let mut seen = Baseline::default();
    let snapshot = trusted.snapshot();
    seen.remember(RoleName::Timestamp, snapshot.timestamp().seen().clone());
    seen.remember(RoleName::Snapshot, snapshot.seen().clone());
    for (name, role) in trusted.roles() {
        seen.remember(name.clone(), role.seen().clone());
    }
    seen
}

fn bins_of(trusted: &TrustedTargets) -> usize {
    trusted.roles().filter(|(role, _)| trusted.is_bin(role)).count()
}

fn names(trusted: &TrustedTargets, owner: &RoleName) -> usize {
    trusted.signed_by(owner).count()
}

#[test]
fn a_role_that_grew_large_is_split_and_one_more_name_signs_its_bin_alone() {
    let mut folder = with_names(4096);
    assert_eq!(bins_of(&folder.read()), 0, "not yet");
    let before = memory_of(&folder.read());
    let mut draft = folder.draft();
    draft.set_target(&RoleName::Targets, "one more", target()).expect("set");
    draft.settle_bins().expect("settled");
    let files = folder.publish(draft, &ALL).expect("signed");
    assert_eq!(files.len(), 128 + 3);
    let trusted = folder.read_after(&before);
    assert_eq!(bins_of(&trusted), 128);
    assert_eq!(names(&trusted, &RoleName::Targets), 4097);
    assert!(trusted.role(&RoleName::Targets).expect("loaded").content().targets.is_empty());

    let mut draft = folder.draft();
    assert_eq!(draft.delegations_for("v1"), None, "bins are nobody of their own");
    draft.set_target(&RoleName::Targets, "another", target()).expect("set");
    let replaced = draft.set_target(&RoleName::Targets, "v1", target()).expect("set");
    assert_eq!(replaced, Change::Unchanged);
    draft.settle_bins().expect("settled");
    let files = folder.publish(draft, &ALL).expect("signed");
    let bin = Bins::USUAL.bin("another").role(&RoleName::Targets).expect("a name");
    assert_eq!(files, [bin, RoleName::Snapshot, RoleName::Timestamp]);

    let mut draft = folder.draft();
    assert!(draft.remove_target(&RoleName::Targets, "v7").expect("there").is_some());
    folder.publish(draft, &ALL).expect("signed");
    let trusted = folder.read();
    assert!(trusted.signed_by(&RoleName::Targets).all(|(name, _)| name != "v7"));
    assert_eq!(names(&trusted, &RoleName::Targets), 4097);
}

#[test]
fn every_client_finds_a_name_through_the_hash_prefixes_of_its_bin() {
    let mut folder = with_names(10);
    let mut draft = folder.draft();
    assert_eq!(draft.split(&RoleName::Targets, bins("8")).expect("split"), Edited::Created);
    folder.publish(draft, &ALL).expect("signed");
    let roles = folder.json(&RoleName::Targets)["signed"]["delegations"]["roles"].clone();
    assert_eq!(roles[1]["name"], "targets/bin-01");
    assert_eq!(roles[1]["path_hash_prefixes"], serde_json::json!(["2", "3"]));
    assert_eq!(roles[1]["terminating"], false);
    let trusted = folder.read();
    for index in 0..10 {
        let name = format!("v{index}");
        let found = trusted.find(&name).expect("bounded");
        let verify::Lookup::Found { role, .. } = found else { panic!("{name}: {found:?}") };
        assert_eq!(trusted.owner(role), &RoleName::Targets);
        assert_eq!(*role, bins("8").bin(&name).role(&RoleName::Targets).expect("a name"));
    }
}

#[test]
fn another_number_of_bins_keeps_names_and_versions() {
    let mut folder = with_names(50);
    let mut draft = folder.draft();
    draft.split(&RoleName::Targets, bins("16")).expect("split");
    folder.publish(draft, &ALL).expect("signed");
    for (count, edited) in
        [("16", Edited::Unchanged), ("4", Edited::Changed), ("32", Edited::Changed)]
    {
        let before = memory_of(&folder.read());
        let mut draft = folder.draft();
        let split = draft.split(&RoleName::Targets, bins(count)).expect("split");
        assert_eq!(split, edited, "{count}");
        if edited != Edited::Unchanged {
            folder.publish(draft, &ALL).expect("signed");
        }
        let trusted = folder.read_after(&before);
        assert_eq!(names(&trusted, &RoleName::Targets), 50, "{count}");
        assert_eq!(bins_of(&trusted), bins(count).count() as usize, "{count}");
    }
}

#[test]
fn bins_follow_the_keys_of_their_role() {
    let mut folder = with_names(20);
    let mut draft = folder.draft();
    draft.split(&RoleName::Targets, bins("4")).expect("split");
    folder.publish(draft, &ALL).expect("signed");
    let mut draft = folder.draft();
    let new = folder.key("alice");
    let replaced =
        draft.rotate(&RoleName::Targets, vec![new.clone()], Threshold::ONE).expect("rotated");
    assert!(replaced.iter().all(|key| !draft.uses(key)), "no bin has the old key");
    let files = folder.publish(draft, &["root", "alice", "snapshot", "timestamp"]);
    assert_eq!(
        files.expect("signed").len(),
        1 + 1 + 4 + 2,
        "root, targets, bins and what is current"
    );
    let trusted = folder.read();
    assert_eq!(names(&trusted, &RoleName::Targets), 20);
    for (name, role) in trusted.roles() {
        assert_eq!(role.signers(), [new.id()], "{name}");
    }
}

#[test]
fn a_new_signer_brings_the_bins_along_and_one_who_is_taken_out_loses_them() {
    let mut folder = Folder::founded();
    let releases = RoleName::releases();
    let grant = |keys: Vec<Key>| Grant { keys, paths: texts(&[""]), threshold: None };
    let mut draft = folder.draft();
    draft.grant(&releases, &grant(vec![folder.key("alice")])).expect("granted");
    draft.set_target(&releases, "v1", target()).expect("set");
    draft.split(&releases, bins("2")).expect("split");
    folder.publish(draft, &["targets", "alice", "snapshot", "timestamp"]).expect("signed");

    // Who adds a signer need not have the key of the role that is split.
    let bob = folder.key("root 2");
    let mut draft = folder.draft();
    draft.grant(&releases, &grant(vec![bob.clone()])).expect("granted");
    draft.settle_bins().expect("settled");
    folder.publish(draft, &ALL).expect("signed");
    let mut draft = folder.draft();
    draft.set_target(&releases, "v2", target()).expect("set");
    draft.settle_bins().expect("settled");
    let with = ["root 2", "snapshot", "timestamp"];
    let files = folder.publish(draft, &with).expect("bob signs");
    assert!(files.contains(&releases), "and has the bins list his key: {files:?}");

    let mut draft = folder.draft();
    let taken = Withdrawal { keys: vec![bob.id()], ..Withdrawal::default() };
    draft.withdraw(&releases, &taken).expect("withdrawn");
    assert_eq!(
        draft.weakened(),
        std::slice::from_ref(&releases),
        "its bins could still be signed by him"
    );
    draft.renew(&releases).expect("alice is here");
    draft.settle_bins().expect("settled");
    let with = ["targets", "alice", "snapshot", "timestamp"];
    folder.publish(draft, &with).expect("signed");
    let trusted = folder.read();
    assert_eq!(names(&trusted, &releases), 2);
    let alice = folder.key("alice").id();
    for (name, role) in trusted.roles().filter(|(name, _)| name.parent().is_some()) {
        assert_eq!(role.signers(), [alice], "{name}");
    }
}

#[test]
fn bins_are_not_changed_by_name() {
    let mut folder = with_names(3);
    let bin = name("targets/bin-00");
    let mut draft = folder.draft();
    let grant = Grant { keys: vec![folder.key("alice")], paths: texts(&[""]), threshold: None };
    assert!(matches!(draft.grant(&bin, &grant), Err(Error::Bin { .. })), "a name that bins have");
    draft.split(&RoleName::Targets, bins("2")).expect("split");
    folder.publish(draft, &ALL).expect("signed");
    let mut draft = folder.draft();
    assert!(matches!(draft.remove_delegation(&bin), Err(Error::Bin { .. })));
    assert!(matches!(draft.withdraw(&bin, &Withdrawal::default()), Err(Error::Bin { .. })));
    let refused = folder.draft().split(&bin, bins("2"));
    assert!(matches!(refused, Err(Error::Bin { .. })), "{refused:?}");
}

#[test]
fn more_bins_than_clients_accept_are_refused() {
    let mut folder = Folder::founded();
    let mut draft = folder.draft();
    for index in 0..129 {
        let role = name(&format!("targets/r{index}"));
        let grant =
            Grant { keys: vec![folder.key("alice")], paths: texts(&["x"]), threshold: None };
        draft.grant(&role, &grant).expect("granted");
    }
    let refused = draft.clone().split(&RoleName::Targets, bins("128"));
    assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
    draft.split(&RoleName::Targets, bins("64")).expect("room");
    let with = ["targets", "alice", "snapshot", "timestamp"];
    folder.publish(draft, &with).expect("signed");
    let mut draft = folder.draft();
    assert_eq!(draft.delegations_for("x1").expect("others than bins").len(), 129);
    draft.set_target(&RoleName::Targets, "x1", target()).expect("set");
    folder.publish(draft, &with).expect("signed");
    let trusted = folder.read();
    let found = trusted.find("x1").expect("bounded");
    let verify::Lookup::Found { role, .. } = found else { panic!("{found:?}") };
    assert_eq!(trusted.owner(role), &RoleName::Targets, "a role's own names come first");
}

#[test]
fn docker_s_form_has_no_bins() {
    let shelf = Shelf::founded();
    let mut draft = shelf.draft();
    let refused = draft.split(&RoleName::Targets, bins("2"));
    assert!(matches!(refused, Err(Error::NoBins { .. })), "{refused:?}");
    for index in 0..5000 {
        draft.set_target(&RoleName::Targets, &format!("v{index}"), target()).expect("set");
    }
    draft.settle_bins().expect("nothing to do");
    assert!(draft.targets(&RoleName::Targets).expect("there").delegations.roles.is_empty());
}
