//! Publishers and readers that go away before they are answered: what they began is done to its
//! end.

use std::sync::Arc;
use std::time::Duration;

use countersign::server::{Access, Options};
use countersign::storage::metadata::MetadataStore;

use super::bench::{Bench, SnapshotBy};
use super::failing::Meddled;
use super::repository::{Repository, after_hours};

#[tokio::test]
async fn a_publisher_that_goes_away_leaves_nothing_old_in_memory() {
    let (bench, store) = slow_bench();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    assert_eq!(version(&bench, &team).await, 1);
    team.touch("targets").publish();
    store.pause.begin();
    tokio::select! {
        answer = bench.upload(&team, &["targets"]) => panic!("answered: {answer:?}"),
        () = store.pause.has_stored.notified() => {}
    }
    store.pause.end();
    assert_eq!(version_after(1, &bench, &team).await, 2);
    assert_eq!(published(&bench), 2, "the log says it, although nobody was told");
    team.touch("targets").publish();
    assert_eq!(bench.upload(&team, &["targets"]).await.status, 200, "the next one finds its way");
}

#[tokio::test]
async fn a_reader_that_goes_away_leaves_nothing_old_in_memory() {
    let (bench, store) = slow_bench();
    let team = bench.uploaded_team(SnapshotBy::Server).await;
    assert_eq!(version(&bench, &team).await, 1);
    bench.set_clock(after_hours(15 * 24));
    store.pause.begin();
    tokio::select! {
        answer = bench.file(team.gun.as_str(), "timestamp.json") => panic!("answered: {answer:?}"),
        () = store.pause.has_stored.notified() => {}
    }
    store.pause.end();
    assert_eq!(version_after(1, &bench, &team).await, 2);
}

fn slow_bench() -> (Bench, Arc<Meddled>) {
    let store = Arc::new(Meddled::by(|_| Ok(())));
    let shared: Arc<dyn MetadataStore> = Arc::<Meddled>::clone(&store);
    (Bench::on(shared, 7, Access::Open, Options::default()), store)
}

async fn version(bench: &Bench, team: &Repository) -> u64 {
    let answer = bench.file(team.gun.as_str(), "timestamp.json").await;
    assert_eq!(answer.status, 200);
    answer.json()["signed"]["version"].as_u64().expect("a version")
}

/// The version once it is another one, or the old one after a while.
async fn version_after(old: u64, bench: &Bench, team: &Repository) -> u64 {
    for _ in 0..200 {
        let found = version(bench, team).await;
        if found != old {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    old
}

fn published(bench: &Bench) -> usize {
    let log = bench.log.lock().expect("a log");
    log.iter().filter(|line| line.contains("\"event\":\"published\"")).count()
}
