//! Publishers and readers that go away before they are answered: what they began is done to its
//! end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::server::{Access, Options};
use countersign::storage::metadata::{
    Answer, Change, KeyRecord, MemoryStore, MetadataStore, Page, StoredFile, Which,
};
use countersign::tuf::{Gun, RoleName};
use countersign::verify::submission::{Holdings, Publication};
use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use tokio::sync::Notify;

use super::bench::{Bench, SnapshotBy};
use super::repository::{Repository, after_hours};

#[tokio::test]
async fn a_publisher_that_goes_away_leaves_nothing_old_in_memory() {
    let (bench, store) = slow_bench();
    let mut team = bench.uploaded_team(SnapshotBy::Server).await;
    assert_eq!(version(&bench, &team).await, 1);
    team.touch("targets").publish();
    store.is_slow.store(true, Ordering::SeqCst);
    tokio::select! {
        answer = bench.upload(&team, &["targets"]) => panic!("answered: {answer:?}"),
        () = store.has_stored.notified() => {}
    }
    store.go_on();
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
    store.is_slow.store(true, Ordering::SeqCst);
    tokio::select! {
        answer = bench.file(team.gun.as_str(), "timestamp.json") => panic!("answered: {answer:?}"),
        () = store.has_stored.notified() => {}
    }
    store.go_on();
    assert_eq!(version_after(1, &bench, &team).await, 2);
}

fn slow_bench() -> (Bench, Arc<Slow>) {
    let store = Arc::new(Slow::default());
    let shared: Arc<dyn MetadataStore> = Arc::<Slow>::clone(&store);
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

/// A store that has stored long before it says so.
#[derive(Default)]
struct Slow {
    store: MemoryStore,
    is_slow: AtomicBool,
    has_stored: Notify,
    may_answer: Notify,
}

impl Slow {
    fn go_on(&self) {
        self.is_slow.store(false, Ordering::SeqCst);
        self.may_answer.notify_one();
    }
}

impl MetadataStore for Slow {
    fn file<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        which: Which,
    ) -> Answer<'a, Option<StoredFile>> {
        self.store.file(gun, role, which)
    }

    fn holdings<'a>(&'a self, gun: &'a Gun, roles: &'a [RoleName]) -> Answer<'a, Holdings> {
        self.store.holdings(gun, roles)
    }

    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
        keys: &'a [KeyRecord],
        at: Instant,
    ) -> Answer<'a, ()> {
        async move {
            let outcome = self.store.publish(publication, keys, at).await;
            if self.is_slow.load(Ordering::SeqCst) {
                self.has_stored.notify_one();
                self.may_answer.notified().await;
            }
            outcome
        }
        .boxed()
    }

    fn delete<'a>(&'a self, gun: &'a Gun, at: Instant) -> Answer<'a, bool> {
        self.store.delete(gun, at)
    }

    fn changes<'a>(&'a self, gun: Option<&'a Gun>, page: Page) -> Answer<'a, Vec<Change>> {
        self.store.changes(gun, page)
    }

    fn keys<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Vec<KeyRecord>> {
        self.store.keys(gun)
    }

    fn stale(&self, before: Instant, limit: usize) -> Answer<'_, Vec<Gun>> {
        self.store.stale(before, limit)
    }

    fn check(&self) -> Answer<'_, ()> {
        self.store.check()
    }
}
