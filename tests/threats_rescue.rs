//! What a server may try on whoever comes to rescue what it has.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use countersign::docker::Error;
use countersign::docker::rescue::{Rescued, kept, rescue};
use countersign::storage::archive::{ArchiveReader, ArchiveWriter, ArchivedCollection, Verdict};
use repository::*;
use serde_json::{Value, json};

/// What comes of a rescue, and what was asked for.
fn rescued(server: &SimulatedServer) -> (ArchivedCollection, Vec<String>) {
    match Shelf::new().rescue(server) {
        Ok(Rescued::Fetched(collection)) => (collection, server.asked()),
        other => panic!("{other:?}"),
    }
}

/// An archive that is written again and again.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("trust.tar")
    }

    fn rescue(&self, server: &SimulatedServer) -> Result<Rescued, Error> {
        let policy = policy(GUN);
        let archive = Mutex::new(ArchiveWriter::open(&self.path(), policy.now).expect("opened"));
        let rescued = server.run(rescue(&policy, server, u64::MAX, &archive));
        archive.into_inner().expect("unlocked").finish("a test", Vec::new()).expect("finished");
        rescued
    }

    /// What is in it, with every file as it was kept.
    fn whole(&self) -> ArchivedCollection {
        let archive = Arc::new(ArchiveReader::open(&self.path()).expect("an archive"));
        let collection = archive.collection(GUN).expect("read").expect("there");
        kept(&archive, &collection).map(drop).expect("whole");
        collection
    }

    /// Changes a byte in the first file that says so.
    fn damage(&self, text: &str) {
        let mut bytes = fs::read(self.path()).expect("an archive");
        let at = bytes.windows(text.len()).position(|it| it == text.as_bytes());
        bytes[at.expect("a file")] ^= 1;
        fs::write(self.path(), bytes).expect("written");
    }
}

fn version(collection: &ArchivedCollection, role: &str) -> Option<u64> {
    let of_role = |file: &&countersign::storage::archive::ArchivedFile| file.role == role;
    collection.files.iter().filter(of_role).find(|file| file.current)?.version
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

#[test]
fn what_is_in_the_archive_is_asked_for_again_only_if_the_timestamp_moved() {
    let mut team = Repository::team();
    let (shelf, server) = (Shelf::new(), team.server());
    assert!(matches!(shelf.rescue(&server), Ok(Rescued::Fetched(_))));
    server.asked();
    assert!(matches!(shelf.rescue(&server), Ok(Rescued::Unchanged(_))));
    assert_eq!(server.asked(), ["timestamp.json"]);
    let first = shelf.whole();

    team.tag("targets/releases", "v2", "v2").rotate("timestamp").publish();
    let server = team.server();
    // Whoever serves no history any more takes nothing from the archive.
    server.fail("1.timestamp", Fault::Missing).fail("1.root", Fault::Missing);
    let Ok(Rescued::Fetched(moved)) = shelf.rescue(&server) else { panic!("it moved") };
    assert!(matches!(moved.verdict, Verdict::Trusted { tags: 3, .. }), "{:?}", moved.verdict);
    let whole = shelf.whole();
    assert_eq!(whole, moved);
    assert_eq!(version(&whole, "timestamp"), Some(2));
    for file in &first.files {
        assert!(whole.files.iter().any(|it| it.sha256 == file.sha256), "{file:?}");
    }
    assert!(matches!(shelf.rescue(&server), Ok(Rescued::Unchanged(_))));
}

#[test]
fn what_was_trusted_gives_way_to_nothing_that_a_client_would_refuse() {
    let mut team = Repository::team();
    let old = team.server();
    team.tag("targets", "v2", "v2").publish();
    let shelf = Shelf::new();
    shelf.rescue(&team.server()).expect("fetched");
    let before = shelf.whole();
    let spoiled = team.server();
    spoil(&spoiled, "timestamp.json", |file| file["signed"]["version"] = json!(7));
    for (server, kind) in [
        (old, "rollback"),
        (Repository::team().server(), "another root"),
        (spoiled, "a bad signature"),
    ] {
        assert!(shelf.rescue(&server).is_err(), "{kind}");
        assert_eq!(shelf.whole(), before, "{kind}");
    }
    // What was refused anyway is kept as the server shows it, and gives way to what verifies.
    let shelf = Shelf::new();
    let spoiled = team.server();
    spoil(&spoiled, "timestamp.json", |file| file["signed"]["version"] = json!(7));
    for _ in 0..2 {
        let Ok(Rescued::Fetched(kept)) = shelf.rescue(&spoiled) else { panic!("fetched") };
        assert!(matches!(kept.verdict, Verdict::Refused { .. }));
    }
    let Ok(Rescued::Fetched(kept)) = shelf.rescue(&team.server()) else { panic!("fetched") };
    assert!(matches!(kept.verdict, Verdict::Trusted { .. }));
}

#[test]
fn what_is_damaged_in_the_archive_is_fetched_again() {
    let mut team = Repository::team();
    team.tag("targets", "v2", "v2").publish();
    let server = team.server();
    for text in [r#""_type":"Root""#, r#""_type":"Timestamp""#, r#""_type":"Targets""#, r#""gun""#]
    {
        let shelf = Shelf::new();
        shelf.rescue(&server).expect("fetched");
        let before = shelf.whole();
        shelf.damage(text);
        assert!(matches!(shelf.rescue(&server), Ok(Rescued::Fetched(_))), "{text}");
        assert_eq!(shelf.whole(), before, "{text}");
    }
    // History that the server has no more is named.
    let shelf = Shelf::new();
    shelf.rescue(&server).expect("fetched");
    let old = team.file("1.timestamp.json");
    shelf.damage(&String::from_utf8(old).expect("JSON"));
    server.fail("1.timestamp", Fault::Missing);
    let Ok(Rescued::Fetched(left)) = shelf.rescue(&server) else { panic!("fetched") };
    assert!(left.problems[0].contains("damaged in the archive"), "{:?}", left.problems);
    assert_eq!(shelf.whole(), left);
}
