//! Which of several servers on one PostgreSQL renews.

use std::sync::Arc;
use std::time::Duration;

use countersign::server::{Access, Options};
use countersign::storage::metadata::{Address, MetadataStore};
use jiff::Timestamp as Instant;

use super::bench::{Bench, SnapshotBy};
use super::database::{Kind, TestDatabase};
use super::repository::{Repository, after_hours};

struct Replica {
    store: Arc<dyn MetadataStore>,
    bench: Bench,
}

impl Replica {
    async fn on(database: &TestDatabase) -> Self {
        let address: Address = database.variable("SERVER_URL").parse().expect("an address");
        let store = address.open().await.expect("a database");
        let bench = Bench::on(Arc::clone(&store), 7, Access::Open, Options::default());
        Self { store, bench }
    }

    async fn may_renew(&self) -> bool {
        self.store.shared().expect("shared").may_renew().await.expect("told")
    }

    async fn timestamp(&self, team: &Repository) -> u64 {
        let file = self.bench.file(team.gun.as_str(), "timestamp.json").await;
        file.json()["signed"]["version"].as_u64().expect("a version")
    }

    /// Renews at that time for as long as it takes until `done`, or at most for so long.
    async fn renews(&self, at: Instant, most: Duration, team: &Repository, done: u64) {
        self.bench.set_clock(at);
        let seen = async {
            while self.timestamp(team).await != done {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = self.bench.server.keep_renewing() => unreachable!("it goes on for ever"),
            () = seen => {}
            () = tokio::time::sleep(most) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_renews_and_the_other_when_it_is_gone() {
    let database = TestDatabase::start(Kind::Postgres);
    let (one, other) = (Replica::on(&database).await, Replica::on(&database).await);
    let team = one.bench.uploaded_team(SnapshotBy::Server).await;
    let (short, long) = (Duration::from_secs(2), Duration::from_secs(60));
    assert!(one.may_renew().await);

    let due = after_hours(7 * 24 + 1);
    other.renews(due, short, &team, 2).await;
    assert_eq!(other.timestamp(&team).await, 1, "that is left to the one");
    one.renews(due, long, &team, 2).await;
    assert_eq!([one.timestamp(&team).await, other.timestamp(&team).await], [2, 2]);

    database.sql("notaryserver", "UPDATE countersign_lease SET until = until - interval '1 hour'");
    let due = after_hours(2 * (7 * 24 + 1));
    other.renews(due, long, &team, 3).await;
    assert_eq!(other.timestamp(&team).await, 3, "the one was not heard of for too long");
    assert!(!one.may_renew().await, "and is no longer the one");
}
