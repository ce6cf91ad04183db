//! What lies on the disk: lost, damaged, written by others, read and written by many at once.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use countersign::client::{self, Error, Wish};
use countersign::crypto::Sha256;
use countersign::docker;
use countersign::storage::{
    self, Accepted, Cache, CollectionDirectory, MemoryCache, TrustDirectory, Unread,
};
use countersign::tuf::{Landmark, Landmarks, Limits, RoleName, Version};
use countersign::verify::{Anchor, Governance, Pin, Seen};
use jiff::SignedDuration;
use repository::*;
use serde_json::json;

const ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "targets/releases"];

/// A team of which everything was published at least twice.
fn team() -> Repository {
    let mut team = Repository::team();
    team.touch("targets").touch("targets/releases").rotate("root").publish();
    team
}

fn storage_error(error: docker::Error) -> storage::Error {
    match error {
        docker::Error::Client(Error::Storage(error)) => error,
        other => panic!("{other}"),
    }
}

// ---- damage
// ----------------------------------------------------------------------------------------------------

#[test]
fn any_lost_or_damaged_file_is_fetched_again() {
    let team = team();
    type Damage = fn(&[u8]) -> Option<Vec<u8>>;
    let damages: [Damage; 6] = [
        |_| None,
        |_| Some(Vec::new()),
        |bytes| Some(bytes[..bytes.len() / 2].to_vec()),
        |bytes| Some([bytes, b"x"].concat()),
        |_| Some(b"{}".to_vec()),
        |bytes| Some(vec![0; bytes.len()]),
    ];
    for role in ROLES {
        for (number, damage) in damages.into_iter().enumerate() {
            let client = Client::warm(&team.server());
            let (whole, record) = (client.metadata(), client.record());
            match damage(&whole[role]) {
                None => fs::remove_file(client.path(role)).expect("cached"),
                Some(bytes) => fs::write(client.path(role), bytes).expect("cached"),
            }
            let found = client.resolve(&team.server(), "v1");
            let found = found.unwrap_or_else(|error| panic!("{role} {number}: {error}"));
            assert!(!found.collection.first_use, "a lost root is no first use");
            assert_eq!(client.metadata(), whole, "{role} {number}");
            assert_eq!(client.record()["roles"], record["roles"]);
        }
    }
}

#[test]
fn a_lost_root_is_known_again_by_version_and_hash() {
    let team = team();
    let client = Client::warm(&team.server());
    fs::remove_file(client.path("root")).expect("cached");
    let server = team.server();
    client.resolve(&server, "v1").expect("the server gives it back");
    assert_eq!(server.asked()[0], "2.root.json");
    assert_eq!(client.metadata()["root"], team.current["root"]);
    let mut mallory = Repository::team();
    mallory.rotate("root").publish();
    for (what, bytes) in [
        ("another root of that version", Some(mallory.file("2.root.json"))),
        ("an older root", Some(team.file("1.root.json"))),
        ("nothing", None),
    ] {
        fs::remove_file(client.path("root")).expect("cached");
        let before = client.files();
        let evil = mallory.server();
        match bytes {
            Some(bytes) => evil.serve("2.root.json", bytes),
            None => evil.fail("2.root", Fault::Missing),
        };
        let error = client.resolve(&evil, "v1").expect_err(what);
        assert!(matches!(error, docker::Error::Client(Error::RootLost { .. })), "{what}: {error}");
        assert_eq!(client.files(), before, "{what}");
        client.resolve(&team.server(), "v1").expect("the honest server gives it back");
    }
}

#[test]
fn a_replaced_root_is_found_out() {
    let team = team();
    let mut mallory = Repository::team();
    mallory.rotate("root").publish();
    for planted in
        [mallory.file("2.root.json"), mallory.file("1.root.json"), team.file("1.root.json")]
    {
        let client = Client::warm(&team.server());
        fs::write(client.path("root"), &planted).expect("planted");
        client.resolve(&team.server(), "v1").expect("the remembered one is fetched");
        assert_eq!(client.metadata()["root"], team.current["root"]);
    }
}

#[test]
fn a_newer_root_that_another_program_left_is_believed_only_if_it_follows_from_ours() {
    let mut team = team();
    let client = Client::warm(&team.server());
    let mut mallory = Repository::team();
    (0..4).for_each(|_| {
        mallory.rotate("root").publish();
    });
    mallory.leap().leap().publish();
    fs::write(client.path("root"), &mallory.current["root"]).expect("docker trusted anew");
    let left = client.metadata();
    let error = client.resolve(&mallory.server(), "v1").expect_err("we did not");
    assert!(matches!(error, docker::Error::Client(Error::RootLost { .. })), "{error}");
    client.resolve(&team.publish().server(), "v1").expect("the honest server gives ours back");
    assert_eq!(client.metadata(), left, "it is docker's to fall behind what it has");
    team.rotate("root").publish();
    fs::write(client.path("root"), &team.current["root"]).expect("docker went on");
    client.resolve(&team.server(), "v1").expect("and so do we");
    assert_eq!(client.record()["root_version"], 3);
}

#[test]
fn what_docker_went_on_to_is_not_replaced_by_what_we_knew() {
    for (rotated, shown) in [("targets", Some("rollback")), ("snapshot", None)] {
        let mut team = Repository::team();
        let old = team.clone();
        let client = Client::warm(&team.server());
        team.rotate("root").rotate("timestamp").rotate(rotated).publish();
        team.rotate("root").publish();
        for (role, bytes) in &team.current {
            fs::write(client.path(role), bytes).expect("docker, which shares the cache");
        }
        let (left, known) = (client.metadata(), client.record()["root_version"].clone());
        let (hidden, frozen, failing) = (team.server(), old.server(), team.server());
        hidden.fail("2.root", Fault::Missing);
        failing.fail("2.root", Fault::Status(500));
        for (server, expected) in
            [(frozen, shown), (hidden, Some("threshold")), (failing, Some("network"))]
        {
            let outcome = client.resolve(&server, "v1");
            assert_eq!(outcome.as_ref().err().map(kind), expected, "{rotated}");
            assert_eq!(
                (client.metadata(), &client.record()["root_version"]),
                (left.clone(), &known)
            );
        }
        client.resolve(&team.server(), "v1").expect("an honest server leads us there");
        assert_eq!(client.record()["root_version"], 3);
    }
}

#[test]
fn a_damaged_root_that_nobody_remembers_needs_a_person() {
    let team = team();
    let client = Client::warm(&team.server());
    fs::remove_file(client.cache().record_path()).expect("the record");
    for damage in [&b""[..], b"{}", b"{\"signed\":"] {
        fs::write(client.path("root"), damage).expect("damaged");
        let before = client.files();
        let error = client.resolve(&team.server(), "v1").expect_err("no second first use");
        assert!(matches!(error, docker::Error::Client(Error::RootDamaged { .. })), "{error}");
        assert_eq!(client.files(), before);
    }
}

#[test]
fn a_damaged_record_is_an_error_and_no_fresh_start() {
    let team = team();
    let whole = {
        let client = Client::warm(&team.server());
        fs::read(client.cache().record_path()).expect("a record")
    };
    let text = String::from_utf8(whole.clone()).expect("text");
    for (what, damage) in [
        ("empty", Vec::new()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("zeros", vec![0; whole.len()]),
        ("of another collection", text.replace(GUN, "registry.test/other").into_bytes()),
        ("of another format", text.replace("\"format\": 1", "\"format\": 2").into_bytes()),
        ("version 0", text.replacen("\"root_version\": 2", "\"root_version\": 0", 1).into_bytes()),
        ("an unknown member", text.replacen('{', "{\"x\": 1,", 1).into_bytes()),
        ("no role", text.replacen("\"snapshot\"", "\"snäpshot\"", 1).into_bytes()),
        ("larger than any record", [whole.clone(), vec![b' '; 65 << 20]].concat()),
        ("two records", whole.repeat(2)),
    ] {
        let client = Client::warm(&team.server());
        fs::write(client.cache().record_path(), &damage).expect("damaged");
        let before = client.files();
        let error = storage_error(client.resolve(&team.server(), "v1").expect_err(what));
        assert!(matches!(error, storage::Error::Damaged { .. }), "{what}: {error}");
        assert_eq!(client.files(), before, "{what}");
        fs::remove_file(client.cache().record_path()).expect("what the person does");
        client.resolve(&team.server(), "v1").expect("the files still say what was seen");
    }
    let client = Client::warm(&team.server());
    let path = client.cache().record_path();
    fs::remove_file(&path).expect("a record");
    fs::create_dir(&path).expect("a folder in its place");
    let error = storage_error(client.resolve(&team.server(), "v1").expect_err("a folder"));
    assert!(matches!(error, storage::Error::Damaged { .. }), "{error}");
}

#[test]
fn a_record_that_attests_nothing_of_todays_keys_keeps_its_root_and_its_floors() {
    let mut team = team();
    let old = team.clone();
    team.touch("targets/releases").publish();
    let client = Client::warm(&team.server());
    let mut record = client.record();
    for role in record["roles"].as_object_mut().expect("roles").values_mut() {
        role["authority"] = json!("0".repeat(64));
    }
    fs::write(client.cache().record_path(), record.to_string()).expect("of an earlier version");
    let replayed = team.server();
    replayed.serve("timestamp.json", old.current["timestamp"].clone());
    assert_eq!(kind(&client.resolve(&replayed, "v1").expect_err("older")), "rollback");
    let found = client.resolve(&team.server(), "v1").expect("honest");
    assert!(!found.collection.first_use);
    assert_ne!(client.record()["roles"]["targets"]["authority"], json!("0".repeat(64)));
}

/// Who has the online keys can list as many roles as he likes, and each is remembered.
#[test]
fn what_was_listed_is_remembered_up_to_a_limit_and_until_an_online_key_is_rotated() {
    let mut team = team();
    let mut client = Client::warm(&team.server());
    client.with(|policy| policy.limits.listed = 500);
    let mut evil = team.clone();
    for (round, expected) in [(1, None), (2, None), (3, Some("too-many"))] {
        evil.spoil("snapshot", move |file| {
            file.change(|signed| {
                for number in 0..200 {
                    signed["meta"][format!("targets/alice/{round}-{number}")] = listing_of(b"");
                }
            });
        });
        let outcome = client.resolve(&evil.publish().server(), "v1");
        assert_eq!(outcome.as_ref().err().map(kind), expected, "{round}");
        let listed =
            client.record()["roles"]["snapshot"]["listed"].as_array().expect("names").len();
        assert!(listed <= 500, "{listed}");
    }
    client.resolve(&evil.publish().server(), "v1").expect("what was seen so far is few enough");
    team.leap().rotate("snapshot").publish();
    client.resolve(&team.server(), "v1").expect("the owners took the key away");
    let listed = client.record()["roles"]["snapshot"]["listed"].as_array().expect("names").len();
    assert!(listed < 10, "{listed}");
}

/// As many as one file has, with the longest names.
fn many_landmarks() -> Option<Arc<Landmarks>> {
    let mark = |number: u64| Landmark { at: number + 1, name: format!("{number:0128}") };
    Landmarks::new((0..64).map(mark).collect(), 65).map(Arc::new)
}

#[test]
fn no_record_is_written_that_cannot_be_read_back() {
    let seen = |names: usize, landmarks: Option<Arc<Landmarks>>| {
        let name = |number| RoleName::free(&format!("{}{number:06}", "\"".repeat(249)));
        let roles: Vec<RoleName> = (0..names).map(|it| name(it).expect("a role")).collect();
        let (version, sha256) = (Version::new((1 << 53) - 1).expect("a number"), Sha256::of(b""));
        let governance = Governance { keys: sha256, authority: sha256 };
        let alone = Seen { version, sha256, governance, listed: BTreeMap::new(), landmarks };
        let listed = roles.iter().map(|role| (role.clone(), Some(version))).collect();
        let snapshot = (RoleName::Snapshot, None, Seen { listed, ..alone.clone() });
        let files = roles.into_iter().map(|role| (role, None, alone.clone()));
        files.chain([snapshot]).collect::<Vec<_>>()
    };
    let keep = |cache: &CollectionDirectory, names, landmarks| {
        cache.keep(&Accepted {
            root: Some((Version::ONE, b"a root".to_vec())),
            begun: None,
            files: seen(names, landmarks),
            behind: false,
            dropped: Vec::new(),
            root_asked: true,
            confirmed: true,
            now: now(),
        })
    };
    let (client, names) = (Client::new(), Limits::default().listed);
    let error = keep(&client.cache(), 2 * names, None).expect_err("more than is ever accepted");
    assert!(matches!(error, storage::Error::RecordTooLarge { .. }), "{error}");
    assert_eq!(client.files(), BTreeMap::new(), "nothing is written");
    keep(&client.cache(), names, None).expect("the most that is accepted, under the longest names");
    let memory = client.cache().memory().expect("readable");
    assert_eq!(memory.baseline.seen().len(), names + 1);
    for (roles, kept) in [(9, true), (9000, false)] {
        let client = Client::new();
        keep(&client.cache(), roles, many_landmarks()).expect("landmarks as far as there is room");
        let seen = client.cache().memory().expect("readable").baseline.seen().clone();
        assert_eq!(seen.len(), roles + 1);
        assert!(seen.values().all(|seen| seen.landmarks.is_some() == kept), "{roles}");
    }
}

#[test]
fn roles_that_are_gone_are_forgotten() {
    let mut team = team();
    let client = Client::warm(&team.server());
    for round in 0..3 {
        let role = format!("targets/alice/r{round}");
        let key = TestKey::ed25519();
        team.delegate(&role, 1, &[key], &["r"]).tag(&role, "r", "r").publish();
        client.refresh(&team.server()).expect("honest");
        assert!(!client.record()["roles"][&role].is_null());
        team.undelegate(&role).publish();
        client.refresh(&team.server()).expect("honest");
        assert!(client.record()["roles"][&role].is_null(), "{role}");
    }
    assert!(!client.record()["roles"]["targets/alice/ci"].is_null());
}

#[test]
fn a_lost_record_is_made_up_from_files_that_are_truly_signed() {
    let mut team = team();
    let old = Repository::clone(&team);
    team.touch("targets").touch("targets/releases").publish();
    for role in &ROLES[1..] {
        let client = Client::warm(&team.server());
        fs::remove_file(client.cache().record_path()).expect("the record");
        let evil = match *role {
            "timestamp" => {
                let server = team.server();
                server.serve("timestamp.json", old.current["timestamp"].clone());
                server
            }
            "snapshot" => {
                let mut evil = team.clone();
                let bytes = old.current["snapshot"].clone();
                evil.spoil("snapshot", move |file| file.rewrite_bytes(|_| bytes.clone()));
                evil.publish().server()
            }
            listed => {
                let mut evil = team.clone();
                let (listed, bytes) = (listed.to_owned(), old.current[listed].clone());
                evil.spoil("snapshot", move |file| {
                    let listing = listing_of(&bytes);
                    file.change(|signed| signed["meta"][&listed] = listing);
                });
                evil.publish().server()
            }
        };
        let error = client.resolve(&evil, "v1").expect_err(role);
        assert_eq!(kind(&error), "rollback", "{role}: {error}");
    }
}

#[test]
fn files_that_docker_left_are_judged_like_any_others() {
    let mut team = team();
    let old = team.clone();
    team.touch("targets/releases").publish();
    let docker = Client::warm(&team.server());
    fs::remove_dir_all(docker.home().join("countersign")).expect("docker has no record");
    let replayed = team.server();
    replayed.serve("timestamp.json", old.current["timestamp"].clone());
    assert_eq!(kind(&docker.resolve(&replayed, "v1").expect_err("older")), "rollback");
    let found = docker.resolve(&team.server(), "v1").expect("honest");
    assert!(!found.collection.first_use, "docker's root is taken over");
    assert_eq!(docker.record()["root_version"], 2);
}

#[test]
fn a_root_that_docker_left_is_not_remembered_before_the_pins_are_asked() {
    let (mallory, honest) = (Repository::team(), Repository::team());
    let mut docker = Client::warm(&mallory.server());
    fs::remove_dir_all(docker.home().join("countersign")).expect("docker has no record");
    let pin = Pin::Keys(vec![honest.keys("root")[0].id().parse().expect("an id")]);
    docker.with(|policy| policy.anchor = Anchor::pinned(pin));
    for server in [mallory.server(), honest.server()] {
        assert!(docker.resolve(&server, "v1").is_err());
        assert!(docker.record().is_null() || docker.record()["root_version"].is_null());
    }
    fs::remove_file(docker.path("root")).expect("what the person does");
    fs::remove_file(docker.path("timestamp")).expect("what the person does");
    docker.resolve(&honest.server(), "v1").expect("nothing bars the way");
}

#[test]
fn what_cannot_be_written_is_an_error_and_hides_no_refusal() {
    let team = team();
    let client = Client::warm(&team.server());
    let lock = fs::read_dir(client.home().join("countersign")).expect("a folder");
    let lock = lock.map(|entry| entry.expect("an entry").path());
    let lock = lock.into_iter().find(|path| path.extension().is_some_and(|it| it == "lock"));
    let lock = lock.expect("a lock file");
    fs::remove_file(&lock).expect("unlocked");
    fs::create_dir(&lock).expect("it can no longer be taken");
    let mut next = team.clone();
    next.touch("targets/releases").publish();
    let error = client.resolve(&next.server(), "v1").expect_err("the floor was not raised");
    assert_eq!(kind(&error), "disk");
    next.spoil("targets", |file| file.signatures.clear()).publish();
    let error = client.resolve(&next.server(), "v1").expect_err("not trusted");
    assert_eq!(kind(&error), "threshold", "a refusal is not hidden by a full disk");
    client.resolve(&team.server(), "v1").expect("nothing has to be written");
}

#[test]
fn modes_under_any_umask() {
    let team = team();
    let client = Client::warm(&team.server());
    for name in client.files().keys() {
        let path = client.home().join(name);
        let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(path.clone()), 0o600, "{name}");
        assert_eq!(mode(path.parent().expect("a folder").to_owned()), 0o700, "{name}");
    }
}

#[test]
fn symlink_table() {
    let team = team();
    let victim = repository::temporary();
    let target = victim.path().join("bashrc");
    for role in ROLES {
        let client = Client::warm(&team.server());
        fs::write(&target, "precious").expect("a file");
        fs::remove_file(client.path(role)).expect("cached");
        std::os::unix::fs::symlink(&target, client.path(role)).expect("a link");
        let mut next = team.clone();
        next.touch("targets").touch("targets/releases").touch("root").publish();
        let error = client.resolve(&next.server(), "v1").expect_err("a link");
        assert!(matches!(storage_error(error), storage::Error::Refused { .. }));
        assert_eq!(fs::read(&target).expect("a file"), b"precious", "{role}");
    }
    let client = Client::warm(&team.server());
    let folder = client.cache().metadata_path();
    for name in [".timestamp.json.new", ".root.json.new", ".snapshot.json.new"] {
        std::os::unix::fs::symlink(&target, folder.join(name)).expect("a link");
    }
    let mut next = team.clone();
    next.touch("root").publish();
    client.resolve(&next.server(), "v1").expect("a link in the way is taken away, not followed");
    assert_eq!(fs::read(&target).expect("a file"), b"precious");
}

#[test]
fn what_a_killed_writer_left_is_cleared_by_the_next() {
    let mut team = team();
    let client = Client::warm(&team.server());
    let left = client.cache().metadata_path().join(".timestamp.json.new");
    fs::write(&left, "half of a timesta").expect("left behind");
    client.resolve(&team.publish().server(), "v1").expect("honest");
    assert!(!left.exists());
    assert_eq!(client.metadata()["timestamp"], team.current["timestamp"]);
}

// ---- clocks
// ----------------------------------------------------------------------------------------------------

#[test]
fn clock_table() {
    let mut team = team();
    let far = now() + SignedDuration::from_hours(24 * 365 * 30);
    for role in ROLES {
        team.say(role, |signed| signed["expires"] = json!(far.to_string()));
    }
    team.publish();
    for (hours, expected) in [
        (0, None),
        (-1, None),
        (-2, Some("clock")),
        (-24 * 365, Some("clock")),
        (24 * 300, None),
        (24 * 365 * 20, Some("pin")),
        (24 * 365 * 31, Some("expired")),
    ] {
        let mut client = Client::warm(&team.server());
        let before = client.files();
        let result = client.at(after_hours(hours)).resolve(&team.server(), "v1");
        assert_eq!(result.as_ref().err().map(kind), expected, "{hours} h");
        if result.is_err() {
            assert_eq!(client.files(), before, "a wrong clock leaves no trace");
        }
        client.at(after_hours(24 * 300)).resolve(&team.server(), "v1").expect("the right time");
    }
}

/// The root lives longer than the rest, so it is asked for and believed before the rest is refused.
#[test]
fn a_refusal_by_a_wrong_clock_says_nothing_of_the_time() {
    let mut team = team();
    let far = now() + SignedDuration::from_hours(24 * 365 * 30);
    team.say("root", |root| root["expires"] = json!(far.to_string())).publish();
    let mut client = Client::warm(&team.server());
    let before = client.files();
    let result = client.at(after_hours(24 * 365 * 4)).resolve(&team.server(), "v1");
    assert_eq!(result.as_ref().err().map(kind), Some("expired"));
    assert_eq!(client.files(), before);
    client.at(after_hours(1)).resolve(&team.server(), "v1").expect("the right time");
}

// ---- many at once
// ----------------------------------------------------------------------------------------------

#[test]
fn parallel_refreshes_never_go_back() {
    let mut states = vec![team()];
    for number in 0..7 {
        let mut next = states[number].clone();
        next.touch("targets/releases").touch("targets");
        if number % 3 == 2 {
            next.touch("root");
        }
        next.publish();
        states.push(next);
    }
    let home = repository::temporary();
    let policy = Arc::new(policy(GUN));
    let refresh = |state: &Repository| {
        let cache = TrustDirectory::new(home.path())
            .with_patience(Duration::from_secs(20))
            .collection(&policy.gun);
        let server = state.server();
        server.run(client::refresh(Arc::clone(&policy), &cache, Some(&server), Wish::EVERYTHING))
    };
    refresh(&states[0]).expect("honest");
    std::thread::scope(|scope| {
        let workers = states.iter().cycle().take(40).map(|state| {
            scope.spawn(move || match refresh(state) {
                Ok(_) => {}
                Err(Error::Verify(error)) => {
                    // Another worker was ahead of this one's server.
                    let error = kind_of(&Error::Verify(error));
                    assert!(matches!(error, "rollback" | "mismatch"), "{error}");
                }
                Err(other) => panic!("{other}"),
            })
        });
        workers.collect::<Vec<_>>().into_iter().for_each(|worker| {
            worker.join().expect("no worker fails");
        });
    });
    let newest = &states[7];
    refresh(newest).expect("the newest state");
    let cache = TrustDirectory::new(home.path()).collection(&policy.gun);
    for role in ROLES {
        let name: RoleName = role.parse().expect("a role");
        let stored = cache.read(&name, Limits::default().bytes(&name)).expect("readable");
        assert_eq!(stored.as_ref(), newest.current.get(role), "{role}");
    }
    for old in &states[..7] {
        let error = refresh(old).expect_err("older");
        assert_eq!(kind_of(&error), "rollback", "floors only rise");
    }
}

/// A cache in which another process is faster: right before the first time that something is kept.
struct Meanwhile<'c> {
    cache: CollectionDirectory,
    other: RefCell<Option<Box<dyn FnOnce() + 'c>>>,
}

impl Cache for Meanwhile<'_> {
    fn look(&self, role: &RoleName, limit: u64) -> Result<Option<Unread>, storage::Error> {
        self.cache.look(role, limit)
    }

    fn memory(&self) -> Result<storage::Memory, storage::Error> {
        self.cache.memory()
    }

    fn keep(&self, accepted: &Accepted) -> Result<(), storage::Error> {
        if let Some(other) = self.other.take() {
            other();
        }
        self.cache.keep(accepted)
    }

    fn offer(&self, role: &RoleName, bytes: &[u8]) -> Result<(), storage::Error> {
        self.cache.offer(role, bytes)
    }
}

#[test]
fn of_two_first_uses_side_by_side_the_slower_one_goes_on_from_the_root_of_the_faster() {
    let founded = Repository::team();
    let mut rotated = founded.clone();
    rotated.touch("targets").rotate("root").publish();
    let mut mallory = Repository::team();
    mallory.rotate("root").publish();
    for (what, faster, slower, expected) in [
        ("a liar is slow", &founded, &mallory, Some("threshold")),
        ("a liar of the same version is slow", &rotated, &mallory, Some("threshold")),
        ("both see the same", &rotated, &rotated, None),
        ("a rotation between them", &founded, &rotated, None),
        ("a rotation the other way round", &rotated, &founded, Some("rollback")),
    ] {
        let client = Client::new();
        let other = || {
            client.resolve(&faster.server(), "v1").expect(what);
        };
        let cache = Meanwhile { cache: client.cache(), other: RefCell::new(Some(Box::new(other))) };
        let (policy, server) = (Arc::new(client.policy.clone()), slower.server());
        let outcome = server.run(client::refresh(policy, &cache, Some(&server), Wish::EVERYTHING));
        assert_eq!(outcome.as_ref().err().map(kind_of), expected, "{what}");
        let newest = if outcome.is_ok() { slower } else { faster };
        assert_eq!(client.metadata()["root"], newest.current["root"], "{what}");
        if let Ok(slow) = outcome {
            let the_same = faster.current["root"] == slower.current["root"];
            assert_eq!(slow.first_use, the_same, "{what}");
        }
        client.resolve(&newest.server(), "v1").expect(what);
    }
}

#[test]
fn a_held_lock_is_waited_for_and_then_reported() {
    let team = team();
    let client = Client::warm(&team.server());
    let lock = fs::read_dir(client.home().join("countersign")).expect("a folder");
    let lock = lock.map(|entry| entry.expect("an entry").path());
    let lock = lock.into_iter().find(|path| path.extension().is_some_and(|it| it == "lock"));
    let held = fs::File::open(lock.expect("a lock file")).expect("a file");
    held.lock().expect("nobody has it");
    let mut next = team.clone();
    next.publish();
    let cache = TrustDirectory::new(client.home())
        .with_patience(Duration::from_millis(50))
        .collection(&client.policy.gun);
    let refresh = |server: &SimulatedServer| {
        let policy = Arc::new(client.policy.clone());
        server.run(client::refresh(policy, &cache, Some(server), Wish::EVERYTHING)).map(drop)
    };
    let error = refresh(&next.server()).expect_err("locked");
    assert!(matches!(error, Error::Storage(storage::Error::Locked { .. })), "{error}");
    refresh(&team.server()).expect("who writes nothing needs no lock");
    drop(held);
    refresh(&next.server()).expect("free again");
}

#[test]
fn a_publisher_between_two_answers_costs_nothing() {
    for rotated in ["root", "timestamp", "snapshot", "targets"] {
        let known = team();
        let mut before = known.clone();
        before.rotate("timestamp").publish();
        let mut after = before.clone();
        after.rotate(rotated).touch("targets/releases").publish();
        for (client, file) in [
            (Client::warm(&known.server()), "timestamp.json"),
            (Client::warm(&known.server()), "3.root.json"),
            (Client::warm(&known.server()), "4.root.json"),
            (Client::new(), "root.json"),
            (Client::new(), "4.root.json"),
        ] {
            let server = before.server();
            server.change_after(file, after.files.clone());
            if let Err(error) = client.resolve(&server, "v1") {
                panic!("{rotated} after {file}: {error}");
            }
        }
    }
}

#[test]
fn a_root_for_each_answer_ends_in_a_refusal() {
    let mut team = team();
    let client = Client::warm(&team.server());
    let server = team.rotate("timestamp").publish().server();
    for version in 4..20 {
        team.rotate("snapshot").publish();
        server.change_after(&format!("{version}.root.json"), team.files.clone());
    }
    let error = client.resolve(&server, "v1").expect_err("there is no end to it");
    assert_eq!(kind(&error), "threshold");
    let asked = server.asked();
    assert!(asked.len() < 30, "{asked:?}");
    let known = client.record()["root_version"].as_u64().expect("a version");
    assert!(known > 4, "what was found of the chain is kept: {known}");
    client.resolve(&team.server(), "v1").expect("the next honest run");
}

// ---- without a disk
// --------------------------------------------------------------------------------------------

#[test]
fn a_cache_in_memory_holds_the_same_floors() {
    let mut team = team();
    let old = team.current["timestamp"].clone();
    team.publish();
    let cache = MemoryCache::new();
    let policy = Arc::new(policy(GUN));
    let refresh = |server: &SimulatedServer| {
        server
            .run(client::refresh(Arc::clone(&policy), &cache, Some(server), Wish::EVERYTHING))
            .map(drop)
    };
    refresh(&team.server()).expect("honest");
    let files = cache.files();
    assert_eq!(files[&RoleName::Timestamp], team.current["timestamp"]);
    let replayed = team.server();
    replayed.serve("timestamp.json", old);
    assert_eq!(kind_of(&refresh(&replayed).expect_err("older")), "rollback");
    assert_eq!(cache.files(), files);
}
