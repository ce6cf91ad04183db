//! Collections that come from another server with their history: served as they were, never touched,
//! and moved by their owners.

use countersign::crypto::Sha256;
use countersign::server::{Error, TakenOver};
use countersign::tuf::RoleName;
use countersign::verify::submission::Refusal;

use super::bench::{Bench, FILES};
use super::repository::{Client, Repository, after_hours, now};

#[tokio::test]
async fn a_collection_from_elsewhere_is_served_byte_for_byte_with_its_history() {
    let (bench, team) = (Bench::new(), lived());
    let client = Client::of(team.gun.as_str());
    client.refresh(&team.server()).expect("the old server is honest");
    let taken = import(&bench, &team).await.expect("taken over");
    assert_eq!(taken.stored, files(&team).len());
    assert_eq!((taken.left_out, taken.timestamp.number()), (0, team.version("timestamp")));
    for (name, bytes) in &team.files {
        let (role, version) = role_and_version(name);
        let by_hash = format!("{role}.{}.json", Sha256::of(bytes));
        let asked = version.map_or(by_hash, |version| format!("{version}.{role}.json"));
        let served = bench.file(team.gun.as_str(), &asked).await;
        assert_eq!((served.status, &served.body), (200, bytes), "{asked}");
    }
    for role in FILES.iter().chain(&["timestamp"]) {
        let served = bench.file(team.gun.as_str(), &format!("{role}.json")).await;
        assert_eq!(served.body, team.current[*role], "{role}");
    }
    client.refresh(&bench.shown(&team).await).expect("nothing changed");
    let changes = bench.get("/v2/_trust/changefeed?records=10").await.json();
    assert_eq!(changes["count"], 1, "{changes}");
    let again = import(&bench, &team).await.expect("it is here");
    assert_eq!(again.stored, 0);
}

#[tokio::test]
async fn what_came_is_never_renewed_and_is_shown_when_it_has_expired() {
    let (bench, team) = (Bench::new(), lived());
    import(&bench, &team).await.expect("taken over");
    for hours in [8 * 24, 15 * 24] {
        bench.set_clock(after_hours(hours));
        bench.server.renew_due().await;
        bench.server.renew_due().await;
        let shown = bench.file(team.gun.as_str(), "timestamp.json").await;
        assert_eq!((shown.status, &shown.body), (200, &team.current["timestamp"]), "{hours}");
        let shown = bench.file(team.gun.as_str(), "snapshot.json").await;
        assert_eq!((shown.status, &shown.body), (200, &team.current["snapshot"]), "{hours}");
    }
    let metrics = String::from_utf8(bench.get("/metrics").await.body).expect("text");
    assert!(metrics.contains("\ncountersign_failed_renewals_total 0\n"), "{metrics}");
    assert!(metrics.contains("\ncountersign_foreign_timestamps 1\n"), "{metrics}");
    let log = bench.log.lock().expect("a log").clone();
    let told: Vec<&String> = log.iter().filter(|line| line.contains("trouble")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("timestamp snapshot --server-managed"), "{told:?}");
}

#[tokio::test]
async fn its_owner_moves_it_with_one_root_and_older_states_are_refused() {
    let (bench, mut team) = (Bench::new(), lived());
    let client = Client::of(team.gun.as_str());
    client.refresh(&team.server()).expect("the old server is honest");
    import(&bench, &team).await.expect("taken over");
    let before = (team.version("timestamp"), team.version("snapshot"));

    let (mut half, name) = (team.clone(), team.gun.to_string());
    half.grant("timestamp", 1, &[bench.key(&name, "timestamp").await]).publish();
    let refused = bench.upload(&half, &["root"]).await;
    assert_eq!((refused.status, refused.verdict().0), (400, "ErrBadHierarchy".to_owned()));

    team.grant("timestamp", 1, &[bench.key(&name, "timestamp").await]);
    team.grant("snapshot", 1, &[bench.key(&name, "snapshot").await]).publish();
    bench.set_clock(after_hours(30 * 24));
    assert_eq!(bench.upload(&team, &["root"]).await.status, 200);
    let version = async |role: &str| {
        bench.file(&name, &format!("{role}.json")).await.json()["signed"]["version"].as_u64()
    };
    assert_eq!(version("timestamp").await, Some(before.0 + 1));
    assert_eq!(version("snapshot").await, Some(before.1 + 1));
    let mut client = client;
    client.at(after_hours(30 * 24));
    client.refresh(&bench.shown(&team).await).expect("the chain of roots leads here");
    bench.set_clock(after_hours(38 * 24));
    bench.server.renew_due().await;
    assert_eq!(version("timestamp").await, Some(before.0 + 2), "from now on it is renewed");

    let restored = Bench::new();
    let older = lived_before(&team);
    import(&restored, &older).await.expect("taken over elsewhere");
    client.at(now());
    client.refresh(&restored.shown(&older).await).expect_err("that is the past");
}

#[tokio::test]
async fn what_follows_is_added_and_another_history_is_refused() {
    let (bench, mut team) = (Bench::new(), lived());
    let begun = import(&bench, &team).await.expect("taken over");
    let earlier = team.clone();
    team.tag("targets", "later", "later").publish();
    let more = import(&bench, &team).await.expect("the rest");
    assert_eq!(more.stored, files(&team).len() - begun.stored);
    assert_eq!(import(&bench, &earlier).await.expect("all of it is here").stored, 0);

    let mut other = earlier;
    other.tag("targets", "other", "other").publish();
    let refused = import(&bench, &other).await.expect_err("another history");
    assert!(matches!(refused, Error::Refused(Refusal::Apart { .. })), "{refused}");
    let shown = bench.file(team.gun.as_str(), "timestamp.json").await;
    assert_eq!(shown.body, team.current["timestamp"], "nothing changed");
}

#[tokio::test]
async fn what_a_client_would_have_refused_does_not_come_in() {
    let attacks: [Attack; 5] = [
        ("unsigned targets", |it| {
            it.spoil("targets", |file| file.signatures.clear());
        }),
        ("a stranger's timestamp", |it| {
            it.spoil("timestamp", |file| file.signatures.clear());
        }),
        ("no targets", |it| {
            let listed = it.current["targets"].clone();
            it.files.retain(|_, bytes| *bytes != listed);
        }),
        ("no snapshot", |it| {
            let listed = it.current["snapshot"].clone();
            it.files.retain(|_, bytes| *bytes != listed);
        }),
        ("two of one version", |it| {
            let file = it.file("1.targets.json");
            it.files.insert("targets.json".to_owned(), [&file[..], b" "].concat());
        }),
    ];
    for (name, attack) in attacks {
        let (bench, mut team) = (Bench::new(), lived());
        attack(&mut team);
        if !name.starts_with("no ") && !name.starts_with("two ") {
            team.publish();
        }
        let refused = import(&bench, &team).await.expect_err(name);
        assert!(matches!(refused, Error::Refused(_)), "{name}: {refused}");
        assert_eq!(bench.file(team.gun.as_str(), "root.json").await.status, 404, "{name}");
    }
    let (bench, team) = (Bench::new(), lived());
    let late = bench.server.import(&team.gun, after_hours(15 * 24), files(&team)).await;
    assert!(matches!(late, Err(Error::Refused(_))), "it had expired when it was fetched");
}

#[tokio::test]
async fn what_nothing_vouches_for_is_left_out() {
    let (bench, mut team) = (Bench::new(), lived());
    let whole = files(&team).len();
    let mut forged = team.clone();
    forged.spoil("targets", |file| file.signatures.clear()).publish();
    let stray = forged.current["targets/alice"].clone();
    team.files.insert("9.targets/bob.json".to_owned(), stray);
    team.files.insert("77.targets.json".to_owned(), forged.current["targets"].clone());
    team.files.insert("1.timestamp.json".to_owned(), b"not JSON".to_vec());
    let taken = import(&bench, &team).await.expect("the rest is good");
    assert_eq!(taken.left_out, 3);
    assert_eq!(taken.stored, whole);
    let current = bench.file(team.gun.as_str(), "targets.json").await;
    assert_eq!(current.body, team.current["targets"]);
}

/// What it is called, and what it does to an honest collection.
type Attack = (&'static str, fn(&mut Repository));

/// A collection that was published often, and changed its keys.
fn lived() -> Repository {
    let mut team = Repository::team();
    team.tag("targets", "second", "second").publish();
    team.rotate("targets").rotate("root").publish();
    team.publish_timestamp();
    team.rotate("timestamp").rotate("snapshot").publish();
    team.tag("targets/releases", "v2", "v2").publish();
    team
}

/// The same collection before its last publication.
fn lived_before(team: &Repository) -> Repository {
    let mut older = team.clone();
    let newest = |role: &str| older_name(role, team.version(role));
    for role in ["root", "snapshot", "timestamp"] {
        let previous = team.file(&older_name(role, team.version(role) - 1));
        let gone = team.file(&newest(role));
        older.files.retain(|_, bytes| *bytes != gone);
        older.current.insert(role.to_owned(), previous);
    }
    older
}

fn older_name(role: &str, version: u64) -> String {
    format!("{version}.{role}.json")
}

async fn import(bench: &Bench, team: &Repository) -> Result<TakenOver, Error> {
    bench.server.import(&team.gun, now(), files(team)).await
}

/// Each file once, with its role.
fn files(team: &Repository) -> Vec<(RoleName, Vec<u8>)> {
    let all = team.files.iter().map(|(name, bytes)| (role_and_version(name).0, bytes.clone()));
    let unique: std::collections::BTreeSet<(String, Vec<u8>)> = all.collect();
    unique.into_iter().map(|(role, bytes)| (role.parse().expect("a role"), bytes)).collect()
}

/// `2.root.json`, `targets/releases.HASH.json` and `snapshot.json` say which role they are of.
fn role_and_version(name: &str) -> (String, Option<u64>) {
    let name = name.strip_suffix(".json").expect("a file");
    if let Some((version, role)) = name.split_once('.')
        && let Ok(version) = version.parse()
    {
        return (role.to_owned(), Some(version));
    }
    (name.split('.').next().expect("a role").to_owned(), None)
}
