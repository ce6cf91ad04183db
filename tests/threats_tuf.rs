//! Attacks on the update itself: arbitrary software, root chains, rollback, freeze, endless data,
//! mix and match.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::client;
use countersign::docker::Error;
use countersign::tuf::{Limits, RoleName};
use countersign::verify::{self, FirstUse};
use jiff::SignedDuration;
use repository::*;
use serde_json::{Value, json};

const ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "targets/releases"];

fn expire(signed: &mut Value, at: jiff::Timestamp) {
    signed["expires"] = json!(at.to_string());
}

fn set_version(version: u64) -> impl Fn(&mut File) {
    move |file| file.change(|signed| signed["version"] = json!(version))
}

/// The published file of a role, listed instead of the newest one by whoever holds the online keys.
fn list_instead(repository: &mut Repository, role: &'static str, bytes: Vec<u8>) {
    repository.spoil("snapshot", move |file| {
        let listing = listing_of(&bytes);
        file.change(|snapshot| snapshot["meta"][role] = listing);
    });
}

// ---- the honest twin of everything below
// ----------------------------------------------------------------------

#[test]
fn an_honest_collection_is_trusted() {
    let mut team = Repository::team();
    let client = Client::new();
    let first = client.resolve(&team.server(), "v1").expect("trusted");
    assert_eq!(first.reference.role(), &RoleName::releases());
    assert!(first.collection.first_use);
    for role in ["root", "timestamp", "snapshot", "targets"] {
        team.rotate(role).publish();
        let again = client.resolve(&team.server(), "v1").expect(role);
        assert_eq!(again.reference, first.reference);
        assert!(!again.collection.first_use);
    }
    let stored = client.metadata();
    for role in ["root", "timestamp", "snapshot", "targets", "targets/releases"] {
        assert_eq!(stored.get(role), team.current.get(role), "{role} is stored as it came");
    }
}

// ---- arbitrary software
// ----------------------------------------------------------------------------------------

#[test]
fn unsigned_role_is_refused() {
    let team = Repository::team();
    for role in ROLES {
        let attack = Attack::on(&team, role, "threshold");
        attack.is_refused(|evil| {
            evil.spoil(role, |file| file.signatures.clear());
        });
    }
}

#[test]
fn foreign_key_signature() {
    let team = Repository::team();
    for role in ROLES {
        let mallory = [TestKey::p256(), TestKey::certified(GUN)];
        let attack = Attack::on(&team, role, "threshold");
        attack.is_refused(|evil| {
            let mallory = mallory.clone();
            evil.spoil(role, move |file| file.sign_with(&mallory));
        });
    }
}

#[test]
fn key_of_other_role() {
    let team = Repository::team();
    for role in &ROLES[..4] {
        for other in ROLES[..4].iter().filter(|other| *other != role) {
            let keys = team.keys(other).to_vec();
            Attack::on(&team, role, "threshold").is_refused(|evil| {
                let keys = keys.clone();
                evil.spoil(role, move |file| file.sign_with(&keys));
            });
        }
    }
}

#[test]
fn tampered_target_hash_with_online_keys() {
    let team = Repository::team();
    let other = hashes_of(b"malware").0;
    for (role, tag) in [("targets", "old"), ("targets/releases", "v1")] {
        let other = other.clone();
        Attack::on(&team, role, "threshold").tag(tag).is_refused(|evil| {
            let other = other.clone();
            evil.spoil(role, move |file| {
                file.signed["targets"][tag]["hashes"]["sha256"] = json!(other);
            });
        });
    }
}

#[test]
fn type_swap() {
    let team = Repository::team();
    for role in ROLES {
        for kind in
            ["Root", "Targets", "Snapshot", "Timestamp", "targets", "snapshot", "", "Targets "]
        {
            let honest = team.signed[role]["_type"] == kind;
            let attack = Attack::on(&team, role, "wrong-type");
            if !honest {
                attack.is_refused(|evil| {
                    evil.spoil(role, move |file| {
                        file.change(|signed| signed["_type"] = json!(kind))
                    });
                });
            }
        }
    }
}

#[test]
fn one_key_for_two_roles_does_not_mix_their_files() {
    let mut team = Repository::team();
    let shared = team.keys("snapshot").to_vec();
    team.grant("targets", 1, &shared).publish();
    assert!(Client::new().resolve(&team.server(), "old").is_ok());
    let snapshot = team.current["snapshot"].clone();
    Attack::on(&team, "targets", "wrong-type").tag("old").is_refused(|evil| {
        let snapshot = snapshot.clone();
        evil.spoil("targets", move |file| file.rewrite_bytes(|_| snapshot.clone()));
    });
}

#[test]
fn cross_gun_tree() {
    let team = Repository::team();
    let mut other = Repository::bare("registry.test/mallory/app");
    other.tag("targets", "v1", "malware").publish();
    let honest = Client::of("registry.test/mallory/app");
    assert!(honest.resolve(&other.server(), "v1").is_ok(), "it is honest where it belongs");
    Attack::on(&team, "root", "pin").by_server(&Client::new(), &other.server());
    let warm = Client::warm(&team.server());
    Attack::on(&team, "timestamp", "threshold").by_server(&warm, &other.server());
}

#[test]
fn cross_gun_delegation_with_custom_gun() {
    let mut team = Repository::team();
    let alice = team.keys("targets/releases").to_vec();
    let releases_of = |gun: &str| {
        let mut other = Repository::bare(gun);
        other.delegate("targets/releases", 1, &alice, &[""]).tag("targets/releases", "v1", "other");
        let custom = json!({"countersign": {"gun": gun}, "build": 7});
        other.say("targets/releases", |signed| signed["targets"]["v1"]["custom"] = custom);
        other.publish().current["targets/releases"].clone()
    };
    let foreign = releases_of("registry.test/alice/other");
    let attack = Attack::on(&team, "nothing", "mismatch");
    attack.is_refused(|evil| {
        evil.place("targets/releases", 2, foreign.clone());
    });
    let own = releases_of(GUN);
    team.place("targets/releases", 2, own).publish();
    assert!(Client::new().resolve(&team.server(), "v1").is_ok());
}

// ---- the root chain
// --------------------------------------------------------------------------------------------

#[test]
fn root_version_gap() {
    let team = Repository::team();
    let attack = Attack::on(&team, "root", "rollback");
    attack.is_refused_warm(|evil| {
        evil.rotate("root").spoil("root", set_version(3));
    });
}

#[test]
fn root_version_repeat() {
    let team = Repository::team();
    let attack = Attack::on(&team, "root", "rollback");
    attack.is_refused_warm(|evil| {
        evil.rotate("root").spoil("root", set_version(1));
    });
    let copy = team.current["root"].clone();
    attack.is_refused_warm(|evil| {
        evil.place("root", 2, copy.clone());
    });
}

#[test]
fn root_version_back() {
    let mut team = Repository::team();
    team.rotate("root").publish();
    for version in [1, 2] {
        let attack = Attack::on(&team, "root", "rollback");
        attack.is_refused_warm(|evil| {
            evil.spoil("root", set_version(version));
        });
    }
}

/// Whose keys root 1 and root 2 name, how many of them must sign, and who signs root 2.
struct Rotation {
    first: (&'static [usize], u32),
    second: (&'static [usize], u32),
    signers: &'static [usize],
    trusted: bool,
}

const fn rotation(
    first: (&'static [usize], u32),
    second: (&'static [usize], u32),
    signers: &'static [usize],
    trusted: bool,
) -> Rotation {
    Rotation { first, second, signers, trusted }
}

const ROTATIONS: [Rotation; 18] = [
    rotation((&[0], 1), (&[1], 1), &[0, 1], true),
    rotation((&[0], 1), (&[1], 1), &[1, 0], true),
    rotation((&[0], 1), (&[1], 1), &[1], false),
    rotation((&[0], 1), (&[1], 1), &[0], false),
    rotation((&[0], 1), (&[1], 1), &[2], false),
    rotation((&[0], 1), (&[0], 1), &[0], true),
    rotation((&[0], 1), (&[0, 1], 2), &[0, 1], true),
    rotation((&[0], 1), (&[0, 1], 2), &[0], false),
    rotation((&[0], 1), (&[0, 1], 2), &[1], false),
    rotation((&[0, 1], 2), (&[0], 1), &[0], false),
    rotation((&[0, 1], 2), (&[0], 1), &[0, 1], true),
    rotation((&[0, 1, 2, 3, 4], 3), (&[0, 1, 3, 4, 5], 3), &[0, 1, 3], true),
    rotation((&[0, 1, 2, 3, 4], 3), (&[0, 1, 3, 4, 5], 3), &[0, 2, 4, 5], true),
    rotation((&[0, 1, 2, 3, 4], 3), (&[0, 1, 3, 4, 5], 3), &[0, 2, 4], false),
    rotation((&[0, 1, 2, 3, 4], 3), (&[0, 1, 3, 4, 5], 3), &[0, 4, 5], false),
    rotation((&[0, 1, 2, 3, 4], 3), (&[3, 4, 5], 1), &[0, 1, 2, 5], true),
    rotation((&[0, 1, 2, 3, 4], 3), (&[3, 4, 5], 1), &[0, 1, 2], false),
    rotation((&[0, 1, 2, 3, 4], 3), (&[3, 4, 5], 1), &[3, 4], false),
];

#[test]
fn root_rotation_matrix() {
    let all: Vec<Arc<TestKey>> = (0..6).map(|_| TestKey::certified(GUN)).collect();
    let pick = |which: &[usize]| which.iter().map(|at| Arc::clone(&all[*at])).collect::<Vec<_>>();
    for Rotation { first, second, signers, trusted } in ROTATIONS {
        let mut team = Repository::team();
        let mut fresh = Repository::bare(GUN);
        fresh.grant("root", first.1, &pick(first.0)).tag("targets", "v1", "v1").publish();
        std::mem::swap(&mut team, &mut fresh);
        let rotate = |next: &mut Repository| {
            let signers = pick(signers);
            next.grant("root", second.1, &pick(second.0));
            next.spoil("root", move |file| file.sign_with(&signers));
        };
        if trusted {
            let client = Client::warm(&team.server());
            rotate(&mut team);
            team.publish();
            assert!(client.resolve(&team.server(), "v1").is_ok(), "{signers:?} sign {second:?}");
            assert_eq!(client.metadata()["root"], team.current["root"]);
        } else {
            Attack::on(&team, "root", "threshold").is_refused_warm(rotate);
        }
    }
}

#[test]
fn bad_root_not_trusted_on_second_run() {
    let mut team = Repository::team();
    team.rotate("root").publish();
    let client = Client::warm(&team.server());
    let mallory = [TestKey::certified(GUN)];
    let mut evil = team.clone();
    evil.grant("root", 1, &mallory).spoil("root", move |file| file.sign_with(&mallory)).publish();
    Attack::on(&team, "root", "threshold").by_server(&client, &evil.server());
    assert_eq!(client.metadata()["root"], team.current["root"]);
    team.leap().leap().rotate("root").publish();
    client.resolve(&team.server(), "v1").expect("it went on from root 2");
    let bad = evil.current["root"].clone();
    assert!(client.files().values().all(|bytes| *bytes != bad), "no trace of the bad file");
}

#[test]
fn a_root_that_fails_on_first_use_is_not_kept() {
    let team = Repository::team();
    let mallory = Repository::team();
    let pin = verify::Pin::Keys(vec![team.keys("root")[0].id().parse().expect("an id")]);
    let mut client = Client::new();
    client.with(|policy| policy.anchor = verify::Anchor::pinned(pin));
    Attack::on(&team, "root", "pin").by_server(&client, &mallory.server());
    let mut stale = Client::new();
    let years = SignedDuration::from_hours(24 * 365 * 11);
    let old = team.clone();
    let error = stale.at(now() + years).resolve(&old.server(), "v1").expect_err("expired");
    assert_eq!(kind(&error), "expired");
    assert!(stale.metadata().is_empty(), "an expired root is no first root");
}

#[test]
fn root_jump_with_old_signature() {
    let team = Repository::team();
    let first = team.keys("root").to_vec();
    for (rotate_timestamp, failing, kind) in
        [(true, "timestamp", "threshold"), (false, "snapshot", "mismatch")]
    {
        let mut evil = team.clone();
        for _ in 2..=5 {
            let newest = [TestKey::certified(GUN), Arc::clone(&first[0])];
            evil.grant("root", 1, &newest);
            if rotate_timestamp {
                evil.rotate("timestamp");
            }
            evil.publish();
        }
        let server = evil.server();
        (2..=4).for_each(|version| {
            server.fail(&format!("{version}.root"), Fault::Missing);
        });
        Attack::on(&team, failing, kind).by_server(&Client::warm(&team.server()), &server);
        assert!(server.asked().contains(&"2.root.json".to_owned()));
    }
}

#[test]
fn root_fetch_error_is_not_end_of_chain() {
    let mut team = Repository::team();
    let client = Client::warm(&team.server());
    team.publish();
    for fault in [
        Fault::Status(500),
        Fault::Status(302),
        Fault::Unreachable,
        Fault::TimedOut,
        Fault::Truncated,
        Fault::Denied(403),
        Fault::Encoded,
    ] {
        let server = team.server();
        server.fail("2.root", fault);
        let error = client.resolve(&server, "v1").expect_err("a newer root may be hidden");
        assert!(matches!(kind(&error), "network" | "auth" | "malformed"), "{fault:?}: {error}");
        assert_eq!(client.metadata()["timestamp"].len(), client.metadata()["timestamp"].len());
    }
    assert!(client.resolve(&team.server(), "v1").is_ok(), "404 ends the chain");
}

#[test]
fn an_unchanged_timestamp_needs_no_question_for_roots_for_an_hour_and_no_longer() {
    let mut team = Repository::team();
    let mut client = Client::warm(&team.server());
    let mut rotated = team.clone();
    rotated.rotate("timestamp").rotate("root").publish();
    let hidden = team.server();
    hidden.serve("2.root.json", rotated.file("2.root.json"));
    let minutes = |minutes| now() + SignedDuration::from_mins(minutes);
    client.at(minutes(59)).resolve(&hidden, "v1").expect("asked less than an hour ago");
    assert_eq!(hidden.asked(), ["timestamp.json"]);
    let error = client.at(minutes(61)).resolve(&hidden, "v1").expect_err("asked too long ago");
    assert_eq!(kind(&error), "threshold", "the retired key's timestamp is found out");
    let client = Client::warm(&team.server());
    team.publish();
    let changed = team.server();
    changed.serve("2.root.json", rotated.file("2.root.json"));
    let error = client.resolve(&changed, "v1").expect_err("a changed timestamp is judged anew");
    assert_eq!(kind(&error), "threshold");
}

#[test]
fn rotated_out_keys_are_refused() {
    let team = Repository::team();
    for role in ["timestamp", "snapshot", "targets"] {
        let old = team.keys(role).to_vec();
        let mut team = team.clone();
        team.rotate(role).publish();
        let attack = Attack::on(&team, role, "threshold");
        attack.tag("old").is_refused(|evil| {
            let old = old.clone();
            evil.spoil(role, move |file| file.sign_with(&old));
        });
    }
}

#[test]
fn root_chain_cap_and_resume() {
    assert_eq!(Limits::default().root_chain, 1024);
    let mut team = Repository::team();
    let mut client = Client::warm(&team.server());
    client.with(|policy| policy.limits.root_chain = 10);
    for _ in 0..25 {
        team.touch("root").publish();
    }
    let server = team.server();
    for stored in [11, 21] {
        let error = client.resolve(&server, "v1").expect_err("too long a chain");
        assert_eq!(kind(&error), "too-many");
        assert_eq!(client.metadata()["root"], team.files[&format!("{stored}.root.json")]);
        assert_eq!(client.record()["root_version"], stored);
    }
    client.resolve(&server, "v1").expect("the rest is short enough");
    assert_eq!(client.metadata()["root"], team.current["root"]);
    assert!(server.asked().len() < 50);
}

// ---- rollback
// --------------------------------------------------------------------------------------------------

#[test]
fn timestamp_rollback() {
    let mut team = Repository::team();
    let old = team.current["timestamp"].clone();
    team.publish();
    let attack = Attack::on(&team, "timestamp", "rollback");
    let server = team.server();
    server.serve("timestamp.json", old);
    attack.by_server(&Client::warm(&team.server()), &server);
}

#[test]
fn timestamp_of_the_same_version_is_dropped() {
    let mut team = Repository::team();
    let client = Client::warm(&team.server());
    let stored = client.metadata();
    let version = team.version("timestamp");
    team.spoil("timestamp", move |file| {
        file.change(|signed| {
            signed["version"] = json!(version);
            signed["note"] = json!("other bytes");
        });
    });
    team.publish_timestamp();
    assert_ne!(team.current["timestamp"], stored["timestamp"]);
    client.resolve(&team.server(), "v1").expect("the stored one is used");
    assert_eq!(client.metadata(), stored);
}

#[test]
fn snapshot_rollback_in_timestamp_leaves_timestamp_untouched() {
    let mut team = Repository::team();
    let old = team.current["snapshot"].clone();
    team.publish();
    Attack::on(&team, "timestamp", "rollback").is_refused_warm(|evil| {
        let old = old.clone();
        evil.spoil("timestamp", move |file| {
            file.change(|timestamp| {
                timestamp["version"] = json!(9);
                timestamp["meta"]["snapshot"] = listing_of(&old);
            });
        });
    });
}

#[test]
fn rollback_after_truncated_cache() {
    for role in ["timestamp", "snapshot", "targets", "targets/releases", "root"] {
        for keep in [0, 2] {
            let mut team = Repository::team();
            let old = team.clone();
            team.touch("targets").touch("targets/releases").touch("root").publish();
            let client = Client::warm(&team.server());
            let path = client.path(role);
            let whole = fs::read(&path).expect("cached");
            fs::write(&path, &whole[..keep * whole.len() / 4]).expect("damaged");
            let (failing, evil) = match role {
                "root" | "timestamp" => {
                    let server = team.server();
                    server.serve("timestamp.json", old.current["timestamp"].clone());
                    ("timestamp", server)
                }
                "snapshot" => {
                    let snapshot = old.current["snapshot"].clone();
                    let mut evil = team.clone();
                    evil.spoil("timestamp", move |file| {
                        let listing = listing_of(&snapshot);
                        file.change(|timestamp| timestamp["meta"]["snapshot"] = listing);
                    });
                    ("timestamp", evil.publish().server())
                }
                listed => {
                    let mut evil = team.clone();
                    list_instead(&mut evil, role, old.current[listed].clone());
                    (role, evil.publish().server())
                }
            };
            let tag = if role == "targets" { "old" } else { "v1" };
            let error = client.resolve(&evil, tag).expect_err(role);
            assert_eq!(kind(&error), "rollback", "{role} {keep}: {error}");
            let record = client.record();
            let floor = record["roles"][failing]["version"].as_u64().expect("a floor");
            assert!(floor >= 2, "the floor of {failing} holds");
            let mut later = team.clone();
            later.leap().publish();
            client.resolve(&later.server(), tag).expect("and heals");
            assert_eq!(client.metadata()[role], later.current[role]);
        }
    }
}

#[test]
fn floor_survives_old_shipped_root() {
    let mut team = Repository::team();
    let shipped = team.current["root"].clone();
    team.rotate("timestamp");
    for _ in 0..9 {
        team.publish();
    }
    let client = Client::warm(&team.server());
    let replayed = team.server();
    replayed.serve("timestamp.json", team.file("5.timestamp.json"));
    fs::write(client.path("root"), &shipped).expect("put back");
    let error = client.resolve(&replayed, "v1").expect_err("older than what was seen");
    assert_eq!(kind(&error), "rollback");
    client.resolve(&team.server(), "v1").expect("the honest one");
    assert_eq!(client.metadata()["root"], team.current["root"]);
}

#[test]
fn fast_forward_recovers_once() {
    for role in ["timestamp", "snapshot"] {
        let mut team = Repository::team();
        let before = team.clone();
        let client = Client::warm(&team.server());
        let mut thief = team.clone();
        thief.spoil(role, set_version(1 << 40)).publish();
        client.resolve(&thief.server(), "v1").expect("it is validly signed");
        team.publish().publish();
        let error = client.resolve(&team.server(), "v1").expect_err("locked out");
        assert_eq!(kind(&error), "rollback", "{role}");
        team.rotate(role).publish();
        client.resolve(&team.server(), "v1").expect("new keys, new count");
        let replayed = team.server();
        replayed.serve("timestamp.json", thief.current["timestamp"].clone());
        let old_keys = client.resolve(&replayed, "v1").expect_err("the retired key");
        assert!(matches!(kind(&old_keys), "threshold" | "rollback"), "{old_keys}");
        replayed.serve("timestamp.json", before.current["timestamp"].clone());
        assert!(client.resolve(&replayed, "v1").is_err());
        let older = team.server();
        older.serve("timestamp.json", team.current["timestamp"].clone());
        team.publish();
        client.resolve(&team.server(), "v1").expect("and on");
        let error = client.resolve(&older, "v1").expect_err("the floor counts again");
        assert_eq!(kind(&error), "rollback");
    }
}

#[test]
fn root_bump_without_rotation_keeps_floor() {
    let mut team = Repository::team();
    let second = TestKey::p256();
    let both = [Arc::clone(&team.keys("targets")[0]), second];
    team.grant("targets", 1, &both).publish();
    let old = team.clone();
    team.touch("targets").publish();
    let client = Client::warm(&team.server());
    // One of two keys of targets is replaced; timestamp and snapshot keep theirs.
    team.grant("targets", 1, &[Arc::clone(&both[0]), TestKey::p256()]).publish();
    client.resolve(&team.server(), "old").expect("honest");
    for role in ["timestamp", "snapshot", "targets", "targets/releases"] {
        assert!(client.record()["roles"][role]["version"].as_u64() >= Some(1), "{role}");
    }
    let client = Client::warm(&old.clone().touch("targets").publish().server());
    fs::remove_file(client.path("targets")).expect("the cached file is lost");
    let error = {
        let mut evil = team.clone();
        let bytes = old.current["targets"].clone();
        list_instead(&mut evil, "targets", bytes);
        client.resolve(&evil.publish().server(), "old").expect_err("older than what was seen")
    };
    assert_eq!(kind(&error), "rollback", "{error}");
}

#[test]
fn adding_a_delegation_key_keeps_its_floor() {
    let mut team = Repository::team();
    let old = team.current["targets/releases"].clone();
    team.tag("targets/releases", "v1", "v1 with a fix").publish();
    let client = Client::warm(&team.server());
    let alice = Arc::clone(&team.keys("targets/releases")[0]);
    team.declare("targets/releases", 1, &[alice, TestKey::p256()], &[""]).publish();
    for lost in [false, true] {
        if lost {
            fs::remove_file(client.path("targets/releases")).expect("cached");
        }
        let mut evil = team.clone();
        list_instead(&mut evil, "targets/releases", old.clone());
        let error = client.resolve(&evil.publish().server(), "v1").expect_err("an old image");
        assert_eq!(kind(&error), "rollback", "{error}");
    }
}

#[test]
fn snapshot_rollback() {
    let mut team = Repository::team();
    let old = team.version("snapshot");
    team.publish();
    let attack = Attack::on(&team, "timestamp", "rollback");
    attack.is_refused_warm(|evil| {
        evil.spoil("snapshot", set_version(old));
    });
}

#[test]
fn snapshot_same_version_new_bytes() {
    let team = Repository::team();
    let same = team.version("snapshot");
    let attack = Attack::on(&team, "snapshot", "mismatch");
    attack.is_refused_warm(|evil| {
        evil.spoil("snapshot", move |file| {
            file.change(|signed| {
                signed["version"] = json!(same);
                signed["note"] = json!("other bytes");
            });
        });
    });
}

#[test]
fn targets_rollback() {
    let mut team = Repository::team();
    let old = team.current["targets"].clone();
    team.touch("targets").publish();
    let attack = Attack::on(&team, "targets", "rollback");
    attack.is_refused_warm(|evil| list_instead(evil, "targets", old.clone()));
}

#[test]
fn delegation_rollback() {
    let mut team = Repository::team();
    let old = team.clone();
    for role in ["targets/releases", "targets/alice", "targets/alice/ci"] {
        team.touch(role);
    }
    team.publish();
    Attack::on(&team, "targets/releases", "rollback").is_refused_warm(|evil| {
        list_instead(evil, "targets/releases", old.current["targets/releases"].clone());
    });
    for role in ["targets/alice", "targets/alice/ci"] {
        let client = Client::warm(&team.server());
        let stored = client.metadata();
        let mut evil = team.clone();
        list_instead(&mut evil, role, old.current[role].clone());
        evil.publish();
        client.resolve(&evil.server(), "v1").expect("that role was not needed");
        let seen = client.refresh(&evil.server()).expect("the rest is fine");
        let name: RoleName = role.parse().expect("a role");
        assert!(
            matches!(seen.unusable[&name], client::Error::Verify(verify::Error::Rollback { .. })),
            "{role}"
        );
        assert!(seen.targets.role(&name).is_none());
        assert_eq!(client.metadata()[role], stored[role]);
    }
}

#[test]
fn snapshot_drops_role() {
    let team = Repository::team();
    for role in ["targets/releases", "targets/alice"] {
        let dropping = |evil: &mut Repository| {
            evil.spoil("snapshot", move |file| {
                file.change(|signed| {
                    signed["meta"].as_object_mut().expect("meta").remove(role);
                });
            });
        };
        let attack = Attack::on(&team, "timestamp", "rollback");
        let client = Client::warm(&team.server());
        let mut evil = team.clone();
        dropping(&mut evil);
        evil.publish();
        for _ in 0..3 {
            let error = client.resolve(&evil.server(), "v1").expect_err("it was listed");
            assert_eq!(kind(&error), "rollback", "again and again");
            let again = client.refresh(&evil.server()).expect_err("it was listed");
            assert_eq!(kind_of(&again), "rollback", "again and again");
        }
        attack.by_server(&client, &evil.server());
    }
}

/// First a snapshot without the role and without the file that could say whether that is right, then
/// another one with it.
#[test]
fn a_role_does_not_vanish_in_two_steps() {
    for (role, parent) in [
        ("targets/releases", "targets"),
        ("targets/alice", "targets"),
        ("targets/alice/ci", "targets/alice"),
    ] {
        let team = Repository::team();
        let client = Client::warm(&team.server());
        let drop_role = |next: &mut Repository| {
            next.touch(parent).spoil("snapshot", move |file| {
                file.change(|signed| {
                    signed["meta"].as_object_mut().expect("meta").remove(role);
                });
            });
            next.publish().server()
        };
        let mut evil = team.clone();
        let first = drop_role(&mut evil);
        first.fail(&format!("{parent}."), Fault::Missing);
        let told = client.refresh(&first).map(|seen| seen.unusable.keys().next().cloned());
        assert!(!matches!(told, Ok(None)), "{role}: something was missing");
        assert_eq!(client.metadata()["snapshot"], evil.current["snapshot"], "signed as it must be");
        let second = drop_role(&mut evil);
        for _ in 0..2 {
            let refused = match client.refresh(&second) {
                Err(client::Error::Verify(error)) => Some(error),
                Err(error) => panic!("{role}: {error}"),
                Ok(mut seen) => match seen.unusable.remove(&parent.parse().expect("a role")) {
                    Some(client::Error::Verify(error)) => Some(error),
                    _ => None,
                },
            };
            assert!(matches!(refused, Some(verify::Error::Vanished { .. })), "{role}: {refused:?}");
        }
        let mut honest = team;
        honest.leap().undelegate(role).publish();
        client.refresh(&honest.server()).expect("those who delegated to it removed it");
        let listed = client.record()["roles"]["snapshot"]["listed"].clone();
        let listed: Vec<String> = serde_json::from_value(listed).expect("names");
        assert!(!listed.iter().any(|name| name == role), "{listed:?}");
        honest.touch("targets").publish();
        client.refresh(&honest.server()).expect("and on it goes");
    }
}

#[test]
fn delegation_removed_legitimately() {
    let mut team = Repository::team();
    let client = Client::warm(&team.server());
    team.undelegate("targets/releases").tag("targets", "v1", "v1").publish();
    let found = client.resolve(&team.server(), "v1").expect("targets signed the removal");
    assert_eq!(found.reference.role(), &RoleName::Targets);
}

#[test]
fn fast_forward_then_rotation_recovers() {
    for version in [(1 << 31) - 1, (1 << 53) - 1] {
        let mut team = Repository::team();
        let client = Client::warm(&team.server());
        let mut thief = team.clone();
        thief.spoil("timestamp", set_version(version)).publish();
        client.resolve(&thief.server(), "v1").expect("validly signed");
        team.publish();
        assert_eq!(
            kind(&client.resolve(&team.server(), "v1").expect_err("locked out")),
            "rollback"
        );
        team.rotate("timestamp").publish();
        client.resolve(&team.server(), "v1").expect("recovered");
    }
    let team = Repository::team();
    for version in [1 << 53, (1 << 63) - 1, u64::MAX, 0] {
        let attack = Attack::on(&team, "timestamp", "malformed");
        attack.is_refused(|evil| {
            evil.spoil("timestamp", set_version(version));
        });
    }
}

// ---- freeze
// ----------------------------------------------------------------------------------------------------

#[test]
fn expired() {
    let team = Repository::team();
    for role in &ROLES[1..] {
        let attack = Attack::on(&team, role, "expired");
        attack.is_refused(|evil| {
            evil.spoil(role, |file| file.change(|signed| expire(signed, after_hours(-1))));
        });
    }
    let mut nested = team.clone();
    nested.say("targets/alice", |alice| expire(alice, after_hours(-1))).publish();
    let seen = Client::new().refresh(&nested.server()).expect("the rest is fine");
    let alice: RoleName = "targets/alice".parse().expect("a role");
    assert!(matches!(seen.unusable[&alice], client::Error::Verify(verify::Error::Expired { .. })));
}

#[test]
fn expired_root_is_kept_as_a_step_but_not_believed() {
    let mut team = Repository::team();
    let client = Client::warm(&team.server());
    team.say("root", |root| expire(root, after_hours(-1))).publish();
    let error = client.resolve(&team.server(), "v1").expect_err("expired");
    assert_eq!(kind(&error), "expired");
    assert_eq!(client.metadata()["root"], team.current["root"]);
    team.say("root", |root| expire(root, after_hours(1))).publish();
    client.resolve(&team.server(), "v1").expect("a newer root mends it");
}

#[test]
fn expired_intermediate_root_ok() {
    let mut team = Repository::team();
    let mut client = Client::warm(&team.server());
    team.say("root", |root| expire(root, after_hours(-1))).publish();
    team.say("root", |root| expire(root, after_hours(24 * 400))).publish();
    client.resolve(&team.server(), "v1").expect("only the last root's date counts");
    client.at(after_hours(24 * 399));
    team.say("root", |root| expire(root, after_hours(24 * 900)));
    team.say("timestamp", |timestamp| expire(timestamp, after_hours(24 * 900))).publish();
    client
        .at(after_hours(24 * 500))
        .resolve(&team.server(), "v1")
        .expect("the stored root expired");
}

#[test]
fn expired_stored_timestamp_still_says_what_was_seen() {
    let mut team = Repository::team();
    team.publish().publish();
    let old = team.file("2.timestamp.json");
    let mut client = Client::warm(&team.server());
    fs::remove_file(client.cache().record_path()).expect("the record is lost");
    client.at(after_hours(24 * 15));
    let server = team.server();
    let mut resigned = Repository::clone(&team);
    resigned.spoil("timestamp", |file| {
        file.change(|signed| {
            signed["version"] = json!(2);
            expire(signed, after_hours(24 * 30));
        });
    });
    server.serve("timestamp.json", resigned.publish_timestamp().current["timestamp"].clone());
    let error = client.resolve(&server, "v1").expect_err("2 is below 3");
    assert_eq!(kind(&error), "rollback");
    assert_ne!(old, resigned.current["timestamp"]);
}

#[test]
fn expiry_equal_to_now_is_expired() {
    let team = Repository::team();
    for role in &ROLES[1..] {
        let attack = Attack::on(&team, role, "expired");
        attack.is_refused(|evil| {
            evil.spoil(role, |file| file.change(|signed| expire(signed, now())));
        });
        let mut honest = team.clone();
        let soon = now() + SignedDuration::from_nanos(1);
        honest.say(role, |signed| expire(signed, soon)).publish();
        Client::new().resolve(&honest.server(), "v1").expect("one nanosecond is left");
    }
}

#[test]
fn expiry_during_update_uses_start_time() {
    let mut team = Repository::team();
    team.say("timestamp", |timestamp| expire(timestamp, now() + SignedDuration::from_secs(1)));
    team.publish();
    let mut client = Client::new();
    client.resolve(&team.server(), "v1").expect("valid when the update began");
    client.at(now() + SignedDuration::from_secs(1));
    let error = client.resolve(&team.server(), "v1").expect_err("and not a second later");
    assert_eq!(kind(&error), "expired");
}

#[test]
fn expiry_format_table() {
    let team = Repository::team();
    for good in [
        "2026-03-05T00:00:00Z",
        "2026-03-05T00:00:00+02:00",
        "2026-03-05T00:00:00.123456789-23:59",
        "9999-12-31T23:59:59Z",
    ] {
        let mut honest = team.clone();
        honest.say("timestamp", |signed| signed["expires"] = json!(good)).publish();
        Client::new().resolve(&honest.server(), "v1").expect(good);
    }
    for (bad, kind) in [
        ("2026-03-01T13:00:00+02:00", "expired"),
        ("2026-03-05T00:00:00", "malformed"),
        ("2026-03-05t00:00:00Z", "malformed"),
        ("2026-03-05T00:00:00z", "malformed"),
        ("2026-03-05T24:00:00Z", "malformed"),
        ("2026-03-05T00:00:60Z", "malformed"),
        ("0000-03-05T00:00:00Z", "malformed"),
        ("10000-03-05T00:00:00Z", "malformed"),
        ("2026-03-05", "malformed"),
        (" 2026-03-05T00:00:00Z", "malformed"),
        ("never", "malformed"),
        ("", "malformed"),
    ] {
        for role in &ROLES[1..] {
            Attack::on(&team, role, kind).is_refused_warm(|evil| {
                evil.spoil(role, move |file| file.change(|it| it["expires"] = json!(bad)));
            });
        }
    }
}

#[test]
fn unreachable_server_never_verifies() {
    let team = Repository::team();
    for (fault, expected) in [
        (Fault::Missing, "no-trust-data"),
        (Fault::Denied(401), "auth"),
        (Fault::Denied(403), "auth"),
        (Fault::Status(429), "network"),
        (Fault::Status(500), "network"),
        (Fault::Status(503), "network"),
        (Fault::TimedOut, "network"),
        (Fault::Unreachable, "network"),
        (Fault::Truncated, "network"),
        (Fault::Encoded, "malformed"),
    ] {
        let client = Client::warm(&team.server());
        let before = client.files();
        let server = team.server();
        server.fail("timestamp", fault);
        let error = client.resolve(&server, "v1").expect_err("the cache is no answer");
        assert_eq!(kind(&error), expected, "{fault:?}");
        if let Error::Client(countersign::client::Error::NoTrustData { seen_before, .. }) = &error {
            assert!(seen_before, "its data vanished");
        }
        assert_eq!(client.files(), before);
        client.resolve(&team.server(), "v1").expect("honest again");
    }
    for fault in [Fault::Status(500), Fault::TimedOut, Fault::Unreachable, Fault::Denied(401)] {
        let server = team.server();
        server.fail("", fault);
        let client = Client::new();
        let error = client.resolve(&server, "v1").expect_err("nothing is known");
        assert!(matches!(kind(&error), "network" | "auth"), "never no-trust-data: {error}");
        assert!(client.files().is_empty());
    }
    let server = team.server();
    server.fail("", Fault::Missing);
    let error = Client::new().resolve(&server, "v1").expect_err("unsigned");
    let Error::Client(countersign::client::Error::NoTrustData { seen_before, .. }) = &error else {
        panic!("{error}");
    };
    assert!(!seen_before);
}

#[test]
fn offline_flag_states_age() {
    use countersign::client::Freshness;
    let mut team = Repository::team();
    team.say("targets/releases", |signed| expire(signed, after_hours(24 * 3))).publish();
    let mut client = Client::warm(&team.server());
    client.at(after_hours(48));
    let resolution = client.resolve_offline("v1").expect("the cache is whole");
    assert_eq!(resolution.collection.freshness, Freshness::Cache(Some(now())));
    client.at(after_hours(24 * 3));
    assert_eq!(kind(&client.resolve_offline("v1").expect_err("releases expired")), "expired");
    client.at(after_hours(24 * 14));
    assert_eq!(kind(&client.resolve_offline("old").expect_err("timestamp expired")), "expired");
    assert_eq!(kind(&Client::new().resolve_offline("v1").expect_err("nothing there")), "state");
}

#[test]
fn max_age_refuses_old_timestamp() {
    let team = Repository::team();
    let mut client = Client::warm(&team.server());
    client.with(|policy| policy.max_age = Some(SignedDuration::from_hours(48)));
    client.at(after_hours(48)).resolve(&team.server(), "v1").expect("just young enough");
    let error = client.at(after_hours(49)).resolve(&team.server(), "v1").expect_err("too old");
    assert_eq!(kind(&error), "expired");
    assert!(matches!(
        error,
        Error::Client(countersign::client::Error::Verify(verify::Error::TooOld { .. }))
    ));
}

// ---- endless data
// ----------------------------------------------------------------------------------------------

#[test]
fn a_body_longer_than_promised_is_refused() {
    let team = Repository::team();
    for (role, kind) in [("root", "too-large"), ("timestamp", "too-large")] {
        let server = team.server();
        server.serve(&format!("{role}.json"), vec![b' '; 2 << 20]);
        Attack::on(&team, role, kind).by_server(&Client::new(), &server);
    }
    let mut next = team.clone();
    next.touch("targets").touch("targets/releases").publish();
    for role in ["snapshot", "targets", "targets/releases"] {
        let server = next.server();
        let sha256 = countersign::crypto::Sha256::of(&next.current[role]);
        let padded = [next.current[role].clone(), b" ".to_vec()].concat();
        server.serve(&format!("{role}.{sha256}.json"), padded);
        Attack::on(&next, role, "mismatch").by_server(&Client::new(), &server);
        Attack::on(&next, role, "mismatch").by_server(&Client::warm(&team.server()), &server);
    }
}

#[test]
fn signature_flood_is_cheap() {
    let mut team = Repository::team();
    let keyid = team.keys("targets/releases")[0].id();
    let entry = json!({"keyid": keyid, "method": "ecdsa", "sig": "AAAA"});
    team.spoil("targets/releases", move |file| file.signatures = vec![entry.clone(); 100_000]);
    team.publish();
    let server = team.server();
    let started = Instant::now();
    let error = Client::new().resolve(&server, "v1").expect_err("a flood");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(kind(&error), "too-many");
}

#[test]
fn count_limits() {
    let team = Repository::team();
    let keys = |count: u32| {
        (0..count).map(|n| TestKey::ed25519().written_as("ed25519", n.to_be_bytes().repeat(8)))
    };
    let many: Vec<_> = keys(257).collect();
    Attack::on(&team, "root", "too-many").is_refused(|evil| {
        let many = many.clone();
        evil.spoil("root", move |file| {
            let many = many.clone();
            file.change(|root| many.iter().for_each(|key| root["keys"][key.id()] = key.object()));
        });
    });
    Attack::on(&team, "targets", "too-many").is_refused(|evil| {
        for n in 0..257 {
            evil.declare(&format!("targets/d{n}"), 1, &[], &[]);
        }
    });
    Attack::on(&team, "targets/releases", "too-many").is_refused_cold(|evil| {
        evil.say("targets/releases", |signed| {
            let target = signed["targets"]["v1"].clone();
            let names = (0..100_001).map(|n| (format!("t{n}"), target.clone()));
            signed["targets"] = Value::Object(names.collect());
        });
    });
    Attack::on(&team, "snapshot", "too-many").is_refused(|evil| {
        evil.spoil("snapshot", |file| {
            file.change(|signed| {
                let listing = signed["meta"]["root"].clone();
                (0..300).for_each(|n| signed["meta"][format!("targets/d{n}")] = listing.clone());
            });
        });
    });
}

// ---- mix and match
// ---------------------------------------------------------------------------------------------

#[test]
fn mix_and_match() {
    let mut team = Repository::team();
    let old = team.clone();
    team.touch("targets").touch("targets/releases").publish();
    for role in ["snapshot", "targets", "targets/releases"] {
        let server = team.server();
        let sha256 = countersign::crypto::Sha256::of(&team.current[role]);
        server.serve(&format!("{role}.{sha256}.json"), old.current[role].clone());
        Attack::on(&team, role, "mismatch").by_server(&Client::new(), &server);
        Attack::on(&team, role, "mismatch").by_server(&Client::warm(&old.server()), &server);
    }
}

/// Who lists whom.
const LISTINGS: [(&str, &str); 4] = [
    ("timestamp", "snapshot"),
    ("snapshot", "targets"),
    ("snapshot", "targets/releases"),
    ("snapshot", "root"),
];

/// Changes how one file is listed, and has the server give that file under whatever name it is
/// asked for then.
fn relist(evil: &mut Repository, by: &'static str, of: &'static str, change: fn(&mut Value)) {
    if of != "root" {
        evil.touch(of);
    }
    evil.spoil(by, move |file| file.change(|signed| change(&mut signed["meta"][of])));
    evil.publish();
    let listing: Value = serde_json::from_slice(&evil.current[by]).expect("JSON");
    let listed = &listing["signed"]["meta"][of]["hashes"]["sha256"];
    if let Some(hash) = listed.as_str().and_then(decoded) {
        let bytes = evil.current[of].clone();
        evil.files.insert(format!("{of}.{hash}.json"), bytes);
    }
}

fn decoded(base64: &str) -> Option<countersign::crypto::Sha256> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
    Some(countersign::crypto::Sha256::from_bytes(bytes.try_into().ok()?))
}

/// Refuses what [`relist`] made of an honest collection, on a cold and on a warm host.
fn relisted_is_refused(
    (by, of): (&'static str, &'static str),
    kind: &'static str,
    change: fn(&mut Value),
) {
    let team = Repository::team();
    let mut evil = team.clone();
    relist(&mut evil, by, of, change);
    let failing = if kind == "mismatch" && of != "root" { of } else { by };
    let tag = if of == "targets" { "old" } else { "v1" };
    let attack = Attack::on(&team, failing, kind).tag(tag);
    attack.by_server(&Client::new(), &evil.server());
    // A root that was rotated together with this attack is followed first: that is not the attack.
    attack.by_server(&Client::warm(&team.server()), &evil.server());
}

#[test]
fn all_known_hashes_checked() {
    for listing in LISTINGS {
        relisted_is_refused(listing, "mismatch", |listed| {
            listed["hashes"]["sha512"] = json!(hashes_of(b"other").1);
        });
        relisted_is_refused(listing, "mismatch", |listed| {
            listed["hashes"]["sha256"] = json!(hashes_of(b"other").0);
        });
    }
}

#[test]
fn hash_set_table() {
    let tables: [fn(&mut Value); 9] = [
        |listed| listed["hashes"] = json!({}),
        |listed| listed["hashes"] = json!({"md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}),
        |listed| drop(listed["hashes"].as_object_mut().expect("hashes").remove("sha256")),
        |listed| listed["hashes"]["sha256"] = json!("AAAA"),
        |listed| listed["hashes"]["sha256"] = json!("A".repeat(44)),
        |listed| listed["hashes"]["sha256"] = Value::Null,
        |listed| listed["hashes"] = Value::Null,
        |listed| listed["hashes"]["sha512"] = Value::Null,
        |listed| drop(listed.as_object_mut().expect("an object").remove("hashes")),
    ];
    for listing in LISTINGS {
        for change in tables {
            relisted_is_refused(listing, "malformed", change);
        }
    }
}

#[test]
fn length_table() {
    for listing in LISTINGS {
        let off: [fn(&mut Value); 3] = [
            |listed| listed["length"] = json!(listed["length"].as_u64().expect("a length") - 1),
            |listed| listed["length"] = json!(listed["length"].as_u64().expect("a length") + 1),
            |listed| listed["length"] = json!(0),
        ];
        off.into_iter().for_each(|change| relisted_is_refused(listing, "mismatch", change));
        let malformed: [fn(&mut Value); 4] = [
            |listed| listed["length"] = json!(-1),
            |listed| listed["length"] = json!("7"),
            |listed| listed["length"] = json!(1_u64 << 53),
            |listed| drop(listed.as_object_mut().expect("an object").remove("length")),
        ];
        malformed.into_iter().for_each(|change| relisted_is_refused(listing, "malformed", change));
    }
}

#[test]
fn snapshot_root_hash_mismatch() {
    let team = Repository::team();
    let other = Repository::team().current["root"].clone();
    let attack = Attack::on(&team, "snapshot", "mismatch");
    attack.is_refused(|evil| list_instead(evil, "root", other.clone()));
    let mut rotated = team.clone();
    rotated.rotate("root").publish();
    Client::warm(&team.server())
        .resolve(&rotated.server(), "v1")
        .expect("the chain is walked first");
}

// ---- wrong software
// --------------------------------------------------------------------------------------------

#[test]
fn tag_lookup_exact() {
    let mut team = Repository::team();
    for name in ["V2", "v2 ", "v2\u{1}", "./v2", "v2/", "%76%32", "v22", "v"] {
        team.tag("targets/releases", name, "malware").tag("targets", name, "malware");
    }
    team.publish();
    let client = Client::new();
    for _ in 0..2 {
        let error = client.resolve(&team.server(), "v2").expect_err("that very tag is not signed");
        assert_eq!(kind(&error), "no-such-tag");
        client.resolve(&team.server(), "v1").expect("this one is");
    }
}

#[test]
fn target_hash_encoding() {
    let team = Repository::team();
    for hash in ["AAAA", "zz", "*", "A", "", &"a".repeat(64), &format!("{}\n", hashes_of(b"v1").0)]
    {
        let hash = hash.to_owned();
        Attack::on(&team, "targets/releases", "malformed").is_refused(|evil| {
            let hash = hash.clone();
            evil.spoil("targets/releases", move |file| {
                file.change(|it| it["targets"]["v1"]["hashes"]["sha256"] = json!(hash));
            });
        });
    }
    let only512 = json!({"sha512": hashes_of(b"v1").1});
    Attack::on(&team, "nothing", "malformed").is_refused(|evil| {
        evil.say("targets/releases", |it| it["targets"]["v1"]["hashes"] = only512.clone());
    });
}

#[test]
fn unsigned_tag_never_pulled() {
    let team = Repository::team();
    let client = Client::new();
    for _ in 0..2 {
        let error = client.resolve(&team.server(), "latest").expect_err("nobody signs it");
        assert_eq!(kind(&error), "no-such-tag");
    }
}

// ---- key compromise
// --------------------------------------------------------------------------------------------

/// What an attacker with some keys may try.
const ATTEMPTS: [&str; 7] = [
    "change a tag of targets",
    "change a tag of releases",
    "roll targets back",
    "roll releases back",
    "roll the snapshot back",
    "drop releases",
    "add a delegation",
];

/// Makes the attempt, signing every file with those keys alone that the attacker holds.
fn attempt(evil: &mut Repository, old: &Repository, attempt: &str, held: &[Arc<TestKey>]) {
    match attempt {
        "change a tag of targets" => {
            evil.tag("targets", "old", "malware");
        }
        "change a tag of releases" => {
            evil.tag("targets/releases", "v1", "malware");
        }
        "roll targets back" => list_instead(evil, "targets", old.current["targets"].clone()),
        "roll releases back" => {
            list_instead(evil, "targets/releases", old.current["targets/releases"].clone());
        }
        "roll the snapshot back" => {
            let snapshot = old.current["snapshot"].clone();
            evil.spoil("snapshot", move |file| file.rewrite_bytes(|_| snapshot.clone()));
        }
        "drop releases" => {
            evil.spoil("snapshot", |file| {
                file.change(|signed| {
                    signed["meta"].as_object_mut().expect("meta").remove("targets/releases");
                });
            });
        }
        _ => {
            evil.delegate("targets/mallory", 1, &[TestKey::p256()], &[""]);
        }
    }
    for role in ["targets", "targets/releases", "snapshot", "timestamp"] {
        if role == "snapshot" || role == "timestamp" || evil.will_change(role) {
            let held = held.to_vec();
            evil.spoil(role, move |file| file.sign_with(&held));
        }
    }
    evil.publish();
}

#[test]
fn compromise_matrix() {
    let mut team = Repository::team();
    let second = TestKey::p256();
    let shared = [Arc::clone(&team.keys("targets")[0]), second];
    team.grant("targets", 2, &shared).publish();
    let old = team.clone();
    team.touch("targets").tag("targets/releases", "v1", "v1 with a fix").publish();
    let of = |roles: &[&str]| -> Vec<Arc<TestKey>> {
        roles.iter().flat_map(|role| team.keys(role).iter().cloned()).collect()
    };
    for (row, held) in [
        ("timestamp", of(&["timestamp"])),
        ("snapshot", of(&["snapshot"])),
        ("timestamp + snapshot", of(&["timestamp", "snapshot"])),
        ("targets, all", of(&["targets"])),
        ("targets, k - 1", vec![Arc::clone(&team.keys("targets")[0])]),
        (
            "k - 1 and server",
            [of(&["timestamp", "snapshot"]), vec![Arc::clone(&shared[0])]].concat(),
        ),
        ("releases", of(&["targets/releases"])),
    ] {
        for what in ATTEMPTS {
            let client = Client::warm(&team.server());
            let mut evil = team.clone();
            attempt(&mut evil, &old, what, &held);
            for tag in ["v1", "old"] {
                if let Ok(found) = client.resolve(&evil.server(), tag) {
                    let image = if tag == "v1" { "v1 with a fix" } else { "old" };
                    let honest = countersign::crypto::Sha256::of(image.as_bytes());
                    assert_eq!(found.reference.digest().sha256(), &honest, "{row}: {what}");
                }
            }
            let mut later = team.clone();
            later.leap().publish();
            client.resolve(&later.server(), "v1").unwrap_or_else(|error| {
                panic!("{row}: {what}: the honest publisher is locked out: {error}")
            });
        }
    }
}

#[test]
fn returning_to_an_old_root_is_refused() {
    let mut team = Repository::team();
    let old = team.clone();
    team.rotate("root").publish();
    let client = Client::warm(&team.server());
    let mut evil = old.clone();
    evil.rotate("root").rotate("targets").rotate("timestamp").publish();
    Attack::on(&team, "timestamp", "threshold").by_server(&client, &evil.server());
}

#[test]
fn require_pin_refuses_first_use() {
    let team = Repository::team();
    let mut client = Client::new();
    client.with(|policy| policy.anchor = verify::Anchor::unpinned(FirstUse::Refuse));
    let error = client.resolve(&team.server(), "v1").expect_err("never seen");
    assert_eq!(kind(&error), "first-use");
    assert!(client.files().is_empty());
}

// ---- what it costs
// ---------------------------------------------------------------------------------------------

#[test]
fn warm_verification_asks_one_question() {
    let team = Repository::team();
    let client = Client::warm(&team.server());
    let server = team.server();
    for tag in ["v1", "old", "v1"] {
        client.resolve(&server, tag).expect("honest");
        assert_eq!(server.asked(), ["timestamp.json"]);
        assert_eq!(server.rounds(), 1);
    }
}

#[test]
fn cold_verification_takes_at_most_four_rounds() {
    let team = Repository::team();
    let server = team.server();
    Client::new().resolve(&server, "v1").expect("honest");
    assert!(server.rounds() <= 3, "root and timestamp; next root and snapshot; targets");
    let asked = server.asked();
    assert_eq!(asked.len(), 6, "{asked:?}");
    let mut rotated = team;
    rotated.rotate("root").publish();
    let server = rotated.server();
    Client::new().resolve(&server, "v1").expect("honest");
    assert!(server.rounds() <= 4);
}
