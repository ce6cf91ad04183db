//! What every store must do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp as Instant};

use super::{
    Address, Error, Event, KeyRecord, MemoryStore, MetadataStore, Page, SqliteStore, StoredFile,
    Which,
};
use crate::crypto::Sha256;
use crate::storage::database::{Kind, TestDatabase};
use crate::tuf::{Gun, RoleName, Version};
use crate::verify::submission::Publication;

#[tokio::test]
async fn memory_keeps_the_contract() {
    let make = || async { Arc::new(MemoryStore::new()) as Arc<dyn MetadataStore> };
    keeps_the_contract(make, Names::Exact).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_the_contract() {
    let database = TestDatabase::start(Kind::Postgres);
    let number = AtomicUsize::new(0);
    let make = || async {
        let number = number.fetch_add(1, Ordering::Relaxed);
        opened(&database.fresh(&format!("contract_{number}"))).await
    };
    keeps_the_contract(make, Names::Exact).await;
    let url = database.fresh("shared");
    several_servers_are_coherent(opened(&url).await, opened(&url).await).await;
    tables_are_notary_s(&database, "postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_the_contract() {
    let database = TestDatabase::start(Kind::MariaDb);
    let number = AtomicUsize::new(0);
    let make = || async {
        let number = number.fetch_add(1, Ordering::Relaxed);
        opened(&database.fresh(&format!("contract_{number}"))).await
    };
    keeps_the_contract(make, Names::WithoutCase).await;
    let url = database.fresh("shared");
    several_servers_are_coherent(opened(&url).await, opened(&url).await).await;
    tables_are_notary_s(&database, "mariadb").await;
}

async fn opened(url: &str) -> Arc<dyn MetadataStore> {
    let address: Address = url.parse().expect("an address");
    address.open().await.expect("opened")
}

/// Whether names that differ only in their capitals may both have a collection. In Notary's tables
/// on MySQL they may not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Exact,
    WithoutCase,
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_keeps_the_contract() {
    let directory = tempfile::tempdir().expect("a directory");
    let number = AtomicUsize::new(0);
    let make = || async {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let path = directory.path().join(format!("{number}.db"));
        Arc::new(SqliteStore::open(&path).await.expect("opened")) as Arc<dyn MetadataStore>
    };
    keeps_the_contract(make, Names::Exact).await;
}

#[tokio::test]
async fn sqlite_is_there_again_when_opened_again_and_only_once_at_a_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.db");
    let store = SqliteStore::open(&path).await.expect("opened");
    publish(&store, "a", None, 1).await.expect("stored");
    assert!(matches!(SqliteStore::open(&path).await, Err(Error::Unusable { .. })));
    drop(store);
    let store = SqliteStore::open(&path).await.expect("opened again");
    let (gun, role) = (gun("a"), RoleName::Timestamp);
    assert!(store.file(&gun, &role, Which::Current).await.expect("read").is_some());
}

async fn keeps_the_contract<F: Future<Output = Arc<dyn MetadataStore>>>(
    make: impl Fn() -> F,
    names: Names,
) {
    files_are_found_by_role_hash_and_version(&*make().await).await;
    a_publication_on_another_state_is_a_conflict(&*make().await).await;
    a_stored_version_is_never_replaced(&*make().await).await;
    a_history_is_stored_at_once_and_its_end_is_current(&*make().await).await;
    of_many_publishers_one_wins(make().await).await;
    names_are_compared_byte_for_byte(&*make().await, names).await;
    a_deleted_collection_leaves_its_versions(&*make().await).await;
    changes_are_paged_both_ways(&*make().await).await;
    keys_are_found_by_collection(&*make().await).await;
    stale_collections_are_found_oldest_first(&*make().await).await;
    names_are_found_by_a_part_and_in_order(&*make().await).await;
}

async fn files_are_found_by_role_hash_and_version(store: &dyn MetadataStore) {
    let (name, targets) = (gun("a/b"), RoleName::Targets);
    publish(store, "a/b", None, 1).await.expect("stored");
    publish(store, "a/b", Some(1), 2).await.expect("stored");
    let first = content("a/b", 1);
    let found = async |which| store.file(&name, &targets, which).await.expect("read");
    let expected = |version: u64| StoredFile {
        version: number(version),
        sha256: Sha256::of(&content("a/b", version)),
        bytes: content("a/b", version).into(),
        stored_at: at(version),
    };
    assert_eq!(found(Which::Current).await, Some(expected(2)));
    assert_eq!(found(Which::Version(number(1))).await, Some(expected(1)));
    assert_eq!(found(Which::Hash(Sha256::of(&first))).await, Some(expected(1)));
    assert_eq!(found(Which::Version(number(3))).await, None);
    assert_eq!(found(Which::Hash(Sha256::of(b"other"))).await, None);
    let other = store.file(&gun("a"), &targets, Which::Hash(Sha256::of(&first))).await;
    assert_eq!(other.expect("read"), None, "a hash is asked of its own collection");
    let role = RoleName::Timestamp;
    let other = store.file(&name, &role, Which::Hash(Sha256::of(&first))).await;
    assert_eq!(other.expect("read"), None, "and of its own role");
    let held = store.holdings(&name, std::slice::from_ref(&targets)).await.expect("read");
    assert_eq!(held.versions.get(&RoleName::Timestamp), Some(&number(2)));
    assert_eq!(held.files.get(&targets), Some(&content("a/b", 2)));
    assert!(!held.files.contains_key(&RoleName::Timestamp), "only what was asked for");
}

async fn a_history_is_stored_at_once_and_its_end_is_current(store: &dyn MetadataStore) {
    let name = gun("moved");
    let history = |from: u64, to: u64| {
        let of = |role: &RoleName, version| {
            (role.clone(), number(version), format!("{role} {version}").into_bytes())
        };
        let roles = [RoleName::Root, RoleName::Targets, RoleName::Timestamp];
        let files = roles.into_iter().flat_map(move |role| {
            (from..=to).map(|version| of(&role, version)).collect::<Vec<_>>()
        });
        Publication::unjudged(&gun("moved"), (from > 1).then(|| number(from - 1)), files)
    };
    // More than goes into one statement anywhere.
    store.publish(&history(1, 1500), &[], at(1)).await.expect("stored");
    store.publish(&history(1501, 1503), &[], at(2)).await.expect("what follows");
    let refused = store.publish(&history(2, 1504), &[], at(3)).await;
    assert!(matches!(refused, Err(Error::Conflict)), "{refused:?}");
    let timestamp = RoleName::Timestamp;
    for (which, version) in
        [(Which::Current, 1503), (Which::Version(number(1)), 1), (Which::Version(number(900)), 900)]
    {
        let file = store.file(&name, &timestamp, which).await.expect("read").expect("there");
        assert_eq!(file.bytes, format!("timestamp {version}"));
    }
    let held = store.holdings(&name, &[RoleName::Root]).await.expect("read");
    assert_eq!(held.files[&RoleName::Root], b"root 1503");
    let changes = store.changes(None, Page::After { id: 0, limit: 10 }).await.expect("read");
    assert_eq!(changes.len(), 2, "one for each time: {changes:?}");
}

async fn a_publication_on_another_state_is_a_conflict(store: &dyn MetadataStore) {
    publish(store, "a", None, 1).await.expect("stored");
    for (on, version) in [(None, 2), (Some(2), 2), (Some(3), 4)] {
        let outcome = publish(store, "a", on, version).await;
        assert!(matches!(outcome, Err(Error::Conflict)), "{on:?} {outcome:?}");
    }
    assert!(matches!(publish(store, "b", Some(1), 2).await, Err(Error::Conflict)));
    publish(store, "a", Some(1), 2).await.expect("stored");
}

async fn names_are_found_by_a_part_and_in_order(store: &dyn MetadataStore) {
    for name in ["b/%", "a/b_c", "B", "a/bxc", "gone"] {
        // `%` is no letter of a name, and no pattern either.
        let Ok(gun) = Gun::raw(name) else { continue };
        publish(store, gun.as_str(), None, 1).await.expect("stored");
    }
    store.delete(&gun("gone"), at(2)).await.expect("deleted");
    for (part, after, limit, expected) in [
        ("", None, 9, &["B", "a/b_c", "a/bxc"][..]),
        ("", None, 2, &["B", "a/b_c"]),
        ("", Some("B"), 9, &["a/b_c", "a/bxc"]),
        ("", Some("a/b"), 1, &["a/b_c"]),
        ("b_c", None, 9, &["a/b_c"]),
        ("b", None, 9, &["a/b_c", "a/bxc"]),
        ("%", None, 9, &[]),
        ("' OR 1=1 --", None, 9, &[]),
    ] {
        let found = store.names(part, after, limit).await.expect("read");
        let found: Vec<&str> = found.iter().map(Gun::as_str).collect();
        assert_eq!(found, expected, "{part:?} {after:?} {limit}");
    }
}

async fn a_stored_version_is_never_replaced(store: &dyn MetadataStore) {
    publish(store, "a", None, 1).await.expect("stored");
    let files = [
        (RoleName::Snapshot, number(2), b"s".to_vec()),
        (RoleName::Targets, number(1), b"x".to_vec()),
        (RoleName::Timestamp, number(2), b"y".to_vec()),
    ];
    let publication = Publication::unjudged(&gun("a"), Some(number(1)), files);
    let outcome = store.publish(&publication, &[], at(2)).await;
    assert!(matches!(outcome, Err(Error::Conflict)), "{outcome:?}");
    let file = store.file(&gun("a"), &RoleName::Snapshot, Which::Current).await.expect("read");
    assert_eq!(file, None, "nothing of a refused publication stays");
    let file = store.file(&gun("a"), &RoleName::Timestamp, Which::Current).await.expect("read");
    assert_eq!(file.map(|file| file.version), Some(number(1)));
}

async fn of_many_publishers_one_wins(store: Arc<dyn MetadataStore>) {
    publish(&*store, "a", None, 1).await.expect("stored");
    for round in 1..20 {
        let contenders = (0..8).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { publish(&*store, "a", Some(round), round + 1).await })
        });
        let mut won = 0;
        for contender in contenders.collect::<Vec<_>>() {
            match contender.await.expect("no panic") {
                Ok(()) => won += 1,
                Err(Error::Conflict) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

async fn names_are_compared_byte_for_byte(store: &dyn MetadataStore, names: Names) {
    for name in ["a/x", "a_x", "a'x", "a;--", "a/x.", "$(x)", "a/x/y"] {
        publish(store, name, None, 1).await.expect("stored");
    }
    for name in ["A/x", "a/X"] {
        let outcome = publish(store, name, None, 1).await;
        match names {
            Names::Exact => outcome.expect("stored"),
            Names::WithoutCase => {
                assert!(matches!(outcome, Err(Error::Taken { .. })), "{outcome:?}");
                assert!(!store.delete(&gun(name), at(2)).await.expect("answered"));
            }
        }
    }
    let there = async |name: &str| {
        let file = store.file(&gun(name), &RoleName::Targets, Which::Current).await;
        file.expect("read").is_some()
    };
    assert_eq!(there("A/x").await, names == Names::Exact);
    store.delete(&gun("a/x"), at(2)).await.expect("deleted");
    assert_eq!(there("A/x").await, names == Names::Exact);
    assert!(!there("a/x").await && there("a/x/y").await && there("a_x").await);
}

/// Two servers on one database.
async fn several_servers_are_coherent(one: Arc<dyn MetadataStore>, other: Arc<dyn MetadataStore>) {
    let name = gun("a");
    let (first, second) = (one.shared().expect("shared"), other.shared().expect("shared"));
    assert_eq!(second.state(&name).await.expect("told"), None);
    let mut seen = vec![None];
    for version in 1..=3 {
        let on = Some(version - 1).filter(|on| *on > 0);
        publish(&*one, "a", on, version).await.expect("stored");
        let state = second.state(&name).await.expect("told");
        assert!(!seen.contains(&state), "every change is another state");
        assert_eq!(first.state(&name).await.expect("told"), state);
        seen.push(state);
    }
    one.delete(&name, at(4)).await.expect("deleted");
    assert_eq!(second.state(&name).await.expect("told"), None);
    publish(&*other, "a", None, 3).await.expect("stored");
    assert!(!seen.contains(&first.state(&name).await.expect("told")), "nor does one come back");

    for round in 3..13 {
        let contenders = [&one, &other, &one, &other].map(|store| {
            let store = Arc::clone(store);
            tokio::spawn(async move { publish(&*store, "a", Some(round), round + 1).await })
        });
        let mut won = 0;
        for contender in contenders {
            won += usize::from(contender.await.expect("no panic").is_ok());
        }
        assert_eq!(won, 1, "round {round}");
    }

    assert!(first.may_renew().await.expect("told"));
    assert!(!second.may_renew().await.expect("told"), "the other one does");
    assert!(first.may_renew().await.expect("told"));
    assert_eq!(first.agree("x", None).await.expect("told"), None);
    for (server, proposed) in [(first, b"one"), (second, b"two")] {
        let agreed = server.agree("x", Some(proposed)).await.expect("told");
        assert_eq!(agreed.as_deref(), Some(b"one".as_slice()));
    }
}

/// A fresh database has Notary's tables as Notary's own migrations make them (see `vectors/sql`),
/// and opening it again changes nothing.
async fn tables_are_notary_s(database: &TestDatabase, name: &str) {
    let url = database.fresh("tables");
    drop(opened(&url).await);
    let tables = ["tuf_files", "change_category", "changefeed", "schema_migrations"];
    let made = database.shape("tables", &tables);
    drop(opened(&url).await);
    assert_eq!(database.shape("tables", &tables), made);
    let vector = format!("{}/tests/vectors/sql/{name}-server.sql", env!("CARGO_MANIFEST_DIR"));
    let expected = std::fs::read_to_string(&vector).expect("a vector");
    assert_eq!(made, expected, "{vector}");
    let noted = database.sql("tables", "SELECT version, dirty FROM schema_migrations");
    let (version, clean) = if name == "postgres" { ("2", "f") } else { ("5", "0") };
    assert_eq!(noted.trim(), format!("{version}\t{clean}"));
}

async fn a_deleted_collection_leaves_its_versions(store: &dyn MetadataStore) {
    let name = gun("a");
    assert!(!store.delete(&name, at(1)).await.expect("answered"));
    publish(store, "a", None, 1).await.expect("stored");
    publish(store, "a", Some(1), 7).await.expect("stored");
    assert!(store.delete(&name, at(8)).await.expect("deleted"));
    assert!(!store.delete(&name, at(9)).await.expect("answered"));
    let held = store.holdings(&name, &[RoleName::Targets]).await.expect("read");
    assert!(held.versions.is_empty() && held.files.is_empty());
    assert_eq!(held.buried.get(&RoleName::Timestamp), Some(&number(7)));
    assert!(store.stale(at(100), 10).await.expect("read").is_empty());
    publish(store, "a", None, 8).await.expect("stored anew");
    let events = store.changes(None, Page::After { id: 0, limit: 10 }).await.expect("read");
    let deletions = events.iter().filter(|change| change.event == Event::Deletion).count();
    assert_eq!((events.len(), deletions), (4, 1));
}

async fn changes_are_paged_both_ways(store: &dyn MetadataStore) {
    for version in 1..=4 {
        let on = Some(version - 1).filter(|on| *on > 0);
        publish(store, "a", on, version).await.expect("stored");
        publish(store, "b", on, version).await.expect("stored");
    }
    let all = store.changes(None, Page::After { id: 0, limit: 100 }).await.expect("read");
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted_by_key(|change| change.id));
    let ids = async |gun: Option<&Gun>, page| -> Vec<usize> {
        let found = store.changes(gun, page).await.expect("read");
        found.iter().filter_map(|one| all.iter().position(|other| other == one)).collect()
    };
    let third = all[2].id;
    assert_eq!(ids(None, Page::After { id: third, limit: 2 }).await, [3, 4]);
    assert_eq!(ids(None, Page::Before { id: Some(third), limit: 1 }).await, [1]);
    assert_eq!(ids(None, Page::Before { id: None, limit: 3 }).await, [5, 6, 7]);
    assert_eq!(ids(Some(&gun("b")), Page::After { id: third, limit: 2 }).await, [3, 5]);
    assert_eq!(ids(Some(&gun("c")), Page::After { id: 0, limit: 2 }).await, [0; 0]);
}

async fn keys_are_found_by_collection(store: &dyn MetadataStore) {
    let key = |digit: &str, role: RoleName| KeyRecord {
        id: digit.repeat(64).parse().expect("an id"),
        gun: gun("a"),
        role,
        sealed: digit.as_bytes().to_vec(),
    };
    let keys = [key("a", RoleName::Timestamp), key("b", RoleName::Snapshot)];
    let files = |version| [(RoleName::Timestamp, number(version), content("a", version))];
    let first = Publication::unjudged(&gun("a"), None, files(1));
    store.publish(&first, &keys, at(1)).await.expect("stored");
    let more = [key("a", RoleName::Timestamp), key("c", RoleName::Timestamp)];
    let second = Publication::unjudged(&gun("a"), Some(number(1)), files(2));
    store.publish(&second, &more, at(2)).await.expect("a known key is no conflict");
    let mut found = store.keys(&gun("a")).await.expect("read");
    found.sort_by_key(|key| key.id);
    assert_eq!(found, [keys[0].clone(), keys[1].clone(), more[1].clone()]);
    store.delete(&gun("a"), at(3)).await.expect("deleted");
    let found = store.keys(&gun("a")).await.expect("read");
    assert_eq!(found.len(), 3, "keys outlive their collection");
    assert!(store.keys(&gun("b")).await.expect("read").is_empty());
}

async fn stale_collections_are_found_oldest_first(store: &dyn MetadataStore) {
    for (name, version) in [("c", 1), ("a", 2), ("b", 3)] {
        publish(store, name, None, version).await.expect("stored");
    }
    publish(store, "c", Some(1), 9).await.expect("stored");
    let stale = async |before, limit| -> Vec<String> {
        let found = store.stale(at(before), limit).await.expect("read");
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(stale(4, 10).await, ["a", "b"]);
    assert_eq!(stale(4, 1).await, ["a"]);
    assert_eq!(stale(10, 10).await, ["a", "b", "c"]);
}

/// Stores a timestamp and targets of that version.
async fn publish(
    store: &dyn MetadataStore,
    name: &str,
    on: Option<u64>,
    version: u64,
) -> Result<(), Error> {
    let bytes = content(name, version);
    let files = [
        (RoleName::Targets, number(version), bytes.clone()),
        (RoleName::Timestamp, number(version), [b"t", bytes.as_slice()].concat()),
    ];
    let publication = Publication::unjudged(&gun(name), on.map(number), files);
    store.publish(&publication, &[], at(version)).await
}

fn content(name: &str, version: u64) -> Vec<u8> {
    format!("{name} {version}").into_bytes()
}

fn gun(name: &str) -> Gun {
    Gun::raw(name).expect("a name")
}

fn number(version: u64) -> Version {
    Version::new(version).expect("a version")
}

fn at(second: u64) -> Instant {
    let seconds = i64::try_from(second).expect("small");
    Instant::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}
