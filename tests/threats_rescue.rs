//! What a server may try on whoever comes to rescue what it has.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::sync::Mutex;

use countersign::docker::rescue::rescue;
use countersign::storage::archive::{ArchiveWriter, ArchivedCollection, Verdict};
use repository::*;
use serde_json::{Value, json};

/// What comes of a rescue, and what was asked for.
fn rescued(server: &SimulatedServer) -> (ArchivedCollection, Vec<String>) {
    let home = tempfile::tempdir().expect("a folder");
    let policy = policy(GUN);
    let archive = ArchiveWriter::open(&home.path().join("trust.tar"), policy.now);
    let archive = Mutex::new(archive.expect("an archive"));
    let rescue = server.run(rescue(&policy, server, u64::MAX, &archive));
    (rescue.expect("fetched"), server.asked())
}

/// Has a server show a file that says something else, whether anybody signed that or not.
fn spoil(server: &SimulatedServer, file: &str, change: impl FnOnce(&mut Value)) {
    let mut says: Value = serde_json::from_slice(&server.file(file)).expect("JSON");
    change(&mut says);
    server.serve(file, says.to_string().into_bytes());
}

#[test]
fn an_honest_server_is_asked_for_everything_once() {
    let server = Repository::team().server();
    let (collection, mut asked) = rescued(&server);
    assert!(matches!(collection.verdict, Verdict::Trusted { .. }), "{:?}", collection.verdict);
    assert_eq!(collection.problems, [""; 0]);
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), all, "{asked:?}");
}

#[test]
fn versions_without_end_are_not_asked_for() {
    let server = Repository::team().server();
    spoil(&server, "timestamp.json", |file| {
        file["signed"]["version"] = json!(9_007_199_254_740_991_u64);
    });
    let (collection, asked) = rescued(&server);
    assert!(asked.len() < 200, "{} requests", asked.len());
    let told = collection.problems.iter().any(|problem| problem.contains("were not asked for"));
    assert!(told, "{:?}", collection.problems);
    assert!(matches!(collection.verdict, Verdict::Refused { .. }), "{:?}", collection.verdict);
    assert!(collection.files.len() > 4, "what there is, is kept");
}

#[test]
fn roots_without_end_are_not_asked_for() {
    let server = Repository::team().server();
    spoil(&server, "root.json", |file| file["signed"]["version"] = json!(1_u64 << 50));
    let (_, asked) = rescued(&server);
    assert!(asked.len() < 1200, "{} requests", asked.len());
}

#[test]
fn a_file_that_is_not_what_it_was_listed_as_is_kept_and_not_believed() {
    let team = Repository::team();
    let server = team.server();
    for name in team.files.keys().filter(|name| name.starts_with("targets.")) {
        server.serve(name, b"{}".to_vec());
    }
    let (collection, _) = rescued(&server);
    assert!(matches!(collection.verdict, Verdict::Refused { .. }), "{:?}", collection.verdict);
}
