//! Timestamps that are renewed in time, once, and never over trouble.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use countersign::server::{Access, Options};
use countersign::storage::metadata::{self as storage, SqliteStore};
use countersign::tuf::RoleName;

use super::bench::{Bench, SnapshotBy};
use super::failing::{Meddled, Touched};
use super::repository::{Client, Repository, after_hours, kind_of};

async fn version(bench: &Bench, team: &Repository, role: &str) -> u64 {
    let answer = bench.file(team.gun.as_str(), &format!("{role}.json")).await;
    assert_eq!(answer.status, 200, "{role}");
    answer.json()["signed"]["version"].as_u64().expect("a version")
}

#[tokio::test]
async fn timestamps_are_renewed_before_they_expire() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    bench.server.renew_due().await;
    assert_eq!(version(&bench, &team, "timestamp").await, 1, "it is new");
    bench.set_clock(after_hours(7 * 24 + 1));
    bench.server.renew_due().await;
    bench.server.renew_due().await;
    assert_eq!(version(&bench, &team, "timestamp").await, 2);
    assert_eq!(version(&bench, &team, "snapshot").await, 1, "the snapshot lasts");
    let mut client = Client::of(team.gun.as_str());
    client.at(after_hours(7 * 24 + 1)).refresh(&bench.shown(&team).await).expect("it verifies");
}

#[tokio::test]
async fn a_damaged_name_keeps_no_other_collection_from_being_renewed() {
    use sqlx::Connection as _;
    let home = tempfile::tempdir().expect("a directory");
    let path = home.path().join("trust.db");
    let store = SqliteStore::open(&path).await.expect("a store");
    let bench = Bench::on(Arc::new(store), 7, Access::Open, Options::default());
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let place = format!("sqlite:{}", path.display());
    let mut database = sqlx::SqliteConnection::connect(&place).await.expect("a connection");
    for name in ["x'61002f62'", "x'61ff'", "x'612062'"] {
        let row = format!("INSERT INTO collections SELECT CAST({name} AS TEXT), 1, 0");
        sqlx::raw_sql(sqlx::AssertSqlSafe(row)).execute(&mut database).await.expect("damaged");
    }
    bench.set_clock(after_hours(7 * 24 + 1));
    bench.server.renew_due().await;
    assert_eq!(version(&bench, &team, "timestamp").await, 2);
    let page = bench.get("/").await;
    let text = String::from_utf8_lossy(&page.body).replace("<wbr>", "");
    assert_eq!(page.status, 200, "{text}");
    assert!(text.contains("registry.test/team/app"), "the page names what it can: {text}");
}

#[tokio::test]
async fn a_snapshot_is_renewed_before_it_expires() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let late = after_hours((3 * 365 - 30) * 24);
    bench.set_clock(late);
    bench.server.renew_due().await;
    assert_eq!(version(&bench, &team, "timestamp").await, 2);
    assert_eq!(version(&bench, &team, "snapshot").await, 2);
}

#[tokio::test]
async fn a_publisher_s_snapshot_stands_until_it_ends_and_timestamps_are_renewed_over_it() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Publisher).await;
    let late = after_hours((3 * 365 - 30) * 24);
    bench.set_clock(late);
    bench.server.renew_due().await;
    assert_eq!(version(&bench, &team, "timestamp").await, 2);
    assert_eq!(version(&bench, &team, "snapshot").await, 1, "only its publisher can renew it");
    let mut client = Client::of(team.gun.as_str());
    client.at(late).refresh(&bench.shown(&team).await).expect("it verifies");
    bench.set_clock(after_hours(3 * 365 * 24 + 1));
    bench.server.renew_due().await;
    assert_eq!(version(&bench, &team, "timestamp").await, 2, "no new dates over what expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamp_renewal_single_flight() {
    let bench = Bench::new();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    bench.set_clock(after_hours(15 * 24));
    let readers = (0..500).map(|_| {
        let (bench, gun) = (bench.clone(), team.gun.to_string());
        tokio::spawn(async move { bench.file(&gun, "timestamp.json").await })
    });
    let readers: Vec<_> = readers.collect();
    let mut bodies = std::collections::BTreeSet::new();
    for reader in readers {
        let answer = reader.await.expect("no panic");
        assert_eq!(answer.status, 200);
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1, "all read the same");
    assert_eq!(version(&bench, &team, "timestamp").await, 2, "renewed once");
}

#[tokio::test]
async fn no_timestamp_under_an_expired_root() {
    let bench = Bench::new();
    let mut team = bench.team(SnapshotBy::Server).await;
    team.say("root", |root| {
        root["version"] = 0.into();
        root["expires"] = after_hours(24).to_string().into();
    });
    team.publish();
    let roles = SnapshotBy::Server.roles(&super::bench::FILES).to_vec();
    assert_eq!(bench.upload(&team, &roles).await.status, 200);
    bench.set_clock(after_hours(15 * 24));
    bench.server.renew_due().await;
    assert_eq!(version(&bench, &team, "timestamp").await, 1, "clients see why they refuse it");
    assert_eq!(version(&bench, &team, "snapshot").await, 1);
    let log = bench.log.lock().expect("a log").join("\n");
    assert!(log.contains("trouble") && log.contains("expired"), "{log}");
    let mut client = Client::of(team.gun.as_str());
    let refused = client.at(after_hours(15 * 24)).refresh(&bench.shown(&team).await);
    let refused = refused.expect_err("it has expired");
    assert_eq!(kind_of(&refused), "expired", "{refused}");
}

#[tokio::test]
async fn no_timestamp_over_corrupt_snapshot() {
    let store = Meddled::by(|touched| {
        if let Touched::Holdings(held) = touched
            && let Some(snapshot) = held.files.get_mut(&RoleName::Snapshot)
        {
            snapshot.push(b' ');
        }
        Ok(())
    });
    let bench = Bench::on(Arc::new(store), 7, Access::Open, Options::default());
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    bench.set_clock(after_hours(15 * 24));
    assert_eq!(version(&bench, &team, "timestamp").await, 1);
    let empty = bench.post(team.gun.as_str(), &[]).await;
    assert_eq!((empty.status, empty.code().as_str()), (500, "UNKNOWN"));
    let log = bench.log.lock().expect("a log").join("\n");
    assert!(log.contains("damaged"), "{log}");
}

#[tokio::test]
async fn what_could_not_be_renewed_is_tried_again_after_a_minute() {
    let is_damaged = Arc::new(AtomicBool::new(true));
    let damaged = Arc::clone(&is_damaged);
    let store = Meddled::by(move |touched| {
        if let Touched::Holdings(held) = touched
            && let Some(snapshot) = held.files.get_mut(&RoleName::Snapshot)
            && damaged.load(SeqCst)
        {
            snapshot.push(b' ');
        }
        Ok(())
    });
    let bench = Bench::on(Arc::new(store), 7, Access::Open, Options::default());
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    let expired = after_hours(15 * 24);
    bench.set_clock(expired);
    for _ in 0..5 {
        assert_eq!(version(&bench, &team, "timestamp").await, 1);
    }
    let log = bench.log.lock().expect("a log").clone();
    assert_eq!(log.iter().filter(|line| line.contains("trouble")).count(), 1, "{log:?}");
    is_damaged.store(false, SeqCst);
    assert_eq!(version(&bench, &team, "timestamp").await, 1, "it was tried just before");
    bench.set_clock(expired + jiff::SignedDuration::from_secs(61));
    assert_eq!(version(&bench, &team, "timestamp").await, 2);
}

#[tokio::test]
async fn a_store_that_is_away_while_a_timestamp_expired_is_said_to_be_away() {
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let store = Meddled::by(move |touched| match touched {
        Touched::Holdings(_) if away.load(SeqCst) => {
            Err(storage::Error::Unreachable { source: "nobody answers".into() })
        }
        _ => Ok(()),
    });
    let bench = Bench::on(Arc::new(store), 7, Access::Open, Options::default());
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    bench.set_clock(after_hours(15 * 24));
    is_away.store(true, SeqCst);
    assert_eq!(bench.file(team.gun.as_str(), "timestamp.json").await.status, 503);
    is_away.store(false, SeqCst);
    assert_eq!(version(&bench, &team, "timestamp").await, 2, "at once");
}
