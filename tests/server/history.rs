//! One collection over time: races, rotations, what comes and goes.

use std::sync::Arc;
use std::time::Duration;

use countersign::server::{Access, Options};
use countersign::storage::metadata::{MemoryStore, MetadataStore, SqliteStore};

use super::bench::{Bench, FILES, SnapshotBy, key_in};
use super::repository::{Client, Repository, TestKey, after_hours, now, temporary};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_publish_one_winner() {
    let home = temporary();
    let sqlite = SqliteStore::open(&home.path().join("a.db")).await.expect("a database");
    let stores: [Arc<dyn MetadataStore>; 2] = [Arc::new(MemoryStore::new()), Arc::new(sqlite)];
    for store in stores {
        let bench = Bench::on(store, 7, Access::Open, Options::default());
        let mut team = bench.uploaded_team(SnapshotBy::Server).await;
        for round in 0..10 {
            let contenders = (0..16).map(|number| {
                let (bench, mut mine) = (bench.clone(), team.clone());
                tokio::spawn(async move {
                    mine.tag("targets", "v9", &format!("{round} {number}")).publish();
                    let status = bench.upload(&mine, &["targets"]).await;
                    (status.status == 200, (status.status != 200).then(|| status.code()), mine)
                })
            });
            let contenders: Vec<_> = contenders.collect();
            let mut winners = Vec::new();
            for contender in contenders {
                let (won, code, mine) = contender.await.expect("no panic");
                match won {
                    true => winners.push(mine),
                    false => assert_eq!(code.as_deref(), Some("VERSION")),
                }
            }
            assert_eq!(winners.len(), 1);
            team = winners.remove(0);
            let stored = bench.file(team.gun.as_str(), "targets.json").await.body;
            assert_eq!(stored, team.current["targets"], "the winner's bytes");
        }
        Client::of(team.gun.as_str()).refresh(&bench.shown(&team).await).expect("it verifies");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_of_different_roles_do_not_disturb_each_other() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let roles = ["targets", "targets/alice", "targets/releases", "targets/alice/ci"];
    let publishers = roles.map(|role| {
        let (bench, mut mine) = (bench.clone(), team.clone());
        tokio::spawn(async move {
            for round in 0..10 {
                mine.tag(role, "ci-new", &format!("{role} {round}")).publish();
                assert_eq!(bench.upload(&mine, &[role]).await.status, 200, "{role} {round}");
            }
        })
    });
    for publisher in publishers {
        publisher.await.expect("no conflict");
    }
    Client::of(team.gun.as_str()).refresh(&bench.shown(&team).await).expect("it verifies");
    let snapshot = bench.file(team.gun.as_str(), "snapshot.json").await.json();
    assert_eq!(snapshot["signed"]["version"], 41);
}

#[tokio::test]
async fn rotation_is_two_phase() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.to_string();
    for role in ["timestamp", "snapshot"] {
        let old = bench.key(&gun, role).await;
        let path = format!("/v2/{gun}/_trust/tuf/{role}.key");
        let new = key_in(&bench.ask("POST", &path, Vec::new()).await);
        let again = key_in(&bench.ask("POST", &path, Vec::new()).await);
        assert_ne!(old.id(), new.id());
        assert_eq!(new.id(), again.id(), "until it is used it is the next one");
        assert_eq!(bench.key(&gun, role).await.id(), old.id(), "the old one is in use");
        assert_eq!(bench.post(&gun, &[]).await.status, 200, "and signs");
        team.grant(role, 1, &[Arc::clone(&new)]).publish();
        assert_eq!(bench.upload(&team, &["root"]).await.status, 200);
        assert_eq!(bench.key(&gun, role).await.id(), new.id());
        let signed = bench.file(&gun, &format!("{role}.json")).await.json();
        assert_eq!(signed["signatures"][0]["keyid"], new.id());
        Client::of(&gun).refresh(&bench.shown(&team).await).expect("it verifies");
    }
}

#[tokio::test]
async fn keys_are_the_same_whoever_asks_and_however_often() {
    let store: Arc<dyn MetadataStore> = Arc::new(MemoryStore::new());
    let one = Bench::on(Arc::clone(&store), 7, Access::Open, Options::default());
    let other = Bench::on(store, 7, Access::Open, Options::default());
    let key = one.key("a/b", "timestamp").await.id();
    assert_eq!(one.key("a/b", "timestamp").await.id(), key);
    assert_eq!(other.key("a/b", "timestamp").await.id(), key);
    assert_ne!(one.key("a/c", "timestamp").await.id(), key);
    assert_ne!(one.key("a/b", "snapshot").await.id(), key);
}

#[tokio::test]
async fn a_server_key_of_another_collection_does_not_sign() {
    let bench = Bench::new();
    let mut team = bench.team(SnapshotBy::Publisher).await;
    let foreign = bench.key("registry.test/other", "timestamp").await;
    team.grant("timestamp", 1, &[foreign]).publish();
    let answer = bench.upload(&team, &FILES).await;
    let (name, message) = answer.verdict();
    assert_eq!(
        (name.as_str(), message.as_str()),
        ("ErrBadRoot", "no  timestamp keys exist on the server")
    );
}

#[tokio::test]
async fn lost_timestamp_key() {
    let (bench, lost, mut team) = under_another_secret().await;
    let gun = team.gun.to_string();
    assert_eq!(shut_keys(&lost).await, "0", "nothing was asked of a key");
    team.tag("targets", "v5", "x").publish();
    let answer = lost.upload(&team, &["targets", "snapshot"]).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_UPDATE"));
    assert_eq!(answer.verdict().0, "ErrBadRoot", "another root helps, and nothing else");
    let key = lost.file(&gun, "timestamp.key").await;
    assert_eq!((key.status, key.header("retry-after")), (503, Some("60")));
    lost.set_clock(after_hours(15 * 24));
    for file in ["timestamp.json", "snapshot.json"] {
        assert_eq!(
            lost.file(&gun, file).await.status,
            200,
            "what is signed is served, expired too"
        );
    }
    lost.set_clock(now());
    let log = lost.log.lock().expect("a log").clone();
    let said: Vec<_> = log.iter().filter(|line| line.contains("\"POST\"")).collect();
    let id = team.keys("timestamp")[0].id();
    assert!(
        matches!(said[..], [line] if line.contains(&id) && line.contains("\"error\"")),
        "{log:?}"
    );

    assert_eq!(shut_keys(&lost).await, "1");
    for path in ["/_notary_server/health", "/_notary_server/ready"] {
        assert_eq!(lost.get(path).await.status, 200, "one collection is not the server");
    }
    let honest = bench.upload(&team, &["targets", "snapshot"]).await;
    assert_eq!(honest.status, 200, "the same files where the key opens");
    assert_eq!(shut_keys(&bench).await, "0");
}

/// A server with a collection, and one on the same store that cannot open its keys.
async fn under_another_secret() -> (Bench, Bench, Repository) {
    let store: Arc<dyn MetadataStore> = Arc::new(MemoryStore::new());
    let on = |secret| Bench::on(Arc::clone(&store), secret, Access::Open, Options::default());
    let (bench, lost) = (on(7), on(8));
    let team = bench.uploaded_team(SnapshotBy::Publisher).await;
    (bench, lost, team)
}

/// What the metrics say of keys that do not open.
async fn shut_keys(bench: &Bench) -> String {
    let metrics = bench.get("/metrics").await;
    let text = String::from_utf8(metrics.body.to_vec()).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix("countersign_shut_keys "));
    line.expect("a gauge").to_owned()
}

#[tokio::test]
async fn the_owner_replaces_a_timestamp_key_that_the_server_lost() {
    let (_bench, lost, mut team) = under_another_secret().await;
    let gun = team.gun.to_string();
    assert_eq!(lost.file(&gun, "timestamp.key").await.status, 503);
    assert_eq!(shut_keys(&lost).await, "1");
    let path = format!("/v2/{gun}/_trust/tuf/timestamp.key");
    let new = key_in(&lost.ask("POST", &path, Vec::new()).await);
    team.grant("timestamp", 1, &[new]).publish();
    let answer = lost.upload(&team, &["root", "snapshot"]).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(shut_keys(&lost).await, "0");
    Client::of(&gun).refresh(&lost.shown(&team).await).expect("it verifies");
}

#[tokio::test]
async fn a_deleted_collection_has_no_key_that_stays_shut() {
    let (bench, lost, team) = under_another_secret().await;
    let path = format!("/v2/{}/_trust/tuf/", team.gun);
    assert_eq!(lost.get(&format!("{path}timestamp.key")).await.status, 503);
    assert_eq!(shut_keys(&lost).await, "1");
    assert_eq!(lost.ask("DELETE", &path, Vec::new()).await.status, 200);
    assert_eq!(shut_keys(&lost).await, "0");

    let again = bench.uploaded_team(SnapshotBy::Publisher).await;
    assert_eq!(lost.file(again.gun.as_str(), "timestamp.key").await.status, 503);
    assert_eq!(bench.ask("DELETE", &path, Vec::new()).await.status, 200);
    assert_eq!(shut_keys(&lost).await, "1", "another server was told");
    let noticed = async {
        while shut_keys(&lost).await != "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = lost.server.keep_renewing() => unreachable!("it goes on for ever"),
        () = noticed => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("it is found out by itself"),
    }
}

#[tokio::test]
async fn what_docker_and_notary_do_over_time_is_accepted() {
    let bench = Bench::new();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    let gun = team.gun.to_string();
    let check = async |team: &mut Repository, roles: &[&str], what: &str| {
        team.publish();
        let answer = bench.upload(team, roles).await;
        assert_eq!(answer.status, 200, "{what}: {}", String::from_utf8_lossy(&answer.body));
        let client = Client::of(&gun);
        client.refresh(&bench.shown(team).await).unwrap_or_else(|error| panic!("{what}: {error}"));
    };
    team.rotate("targets");
    check(&mut team, &["root", "targets"], "targets key rotated").await;
    team.rotate("root");
    check(&mut team, &["root"], "root key rotated").await;
    let carol = TestKey::p256();
    team.declare("targets/carol", 1, &[carol], &["c"]);
    check(&mut team, &["targets"], "signer added who has published nothing").await;
    let bob = TestKey::p256();
    team.declare("targets/alice", 1, &[bob], &[""]);
    check(&mut team, &["targets"], "key of a delegation replaced, its file not yet").await;
    team.touch("targets/alice");
    check(&mut team, &["targets/alice"], "and witnessed").await;
    team.say("targets", |signed| {
        let roles = signed["delegations"]["roles"].as_array_mut().expect("roles");
        roles.retain(|role| role["name"] != "targets/alice");
    });
    check(&mut team, &["targets"], "signer removed, its file stays listed").await;
    team.say("targets", |signed| signed["delegations"]["roles"] = serde_json::Value::Null);
    check(&mut team, &["targets"], "the last delegation removed").await;
}
