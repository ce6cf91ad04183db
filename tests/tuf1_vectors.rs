//! Repositories that python-tuf wrote (`vectors/tuf1/make.py`), and one that `export` wrote and
//! python-tuf has read, read by our client: every name is found where it should be, from the files
//! and again from the cache, and what we would write is what was signed.

#![cfg(feature = "client")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::client::{self, Refreshed, Wish};
use countersign::net::StaticRepository;
use countersign::storage::{Cache, FlatDirectory};
use countersign::tuf::{Dialect, Gun, KeyId, Limits, RoleName};
use countersign::verify::{Anchor, FirstUse, Pin, Policy};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    root_keyids: Vec<String>,
    versions: BTreeMap<String, u64>,
    found: BTreeMap<String, Option<Expected>>,
}

#[derive(Deserialize)]
struct Expected {
    role: String,
    length: u64,
    hashes: BTreeMap<String, String>,
}

fn cases() -> Vec<(PathBuf, Case)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tuf1");
    let folders = fs::read_dir(top).expect("vectors").map(|entry| entry.expect("an entry").path());
    let read = |path: PathBuf| {
        let text = fs::read(path.join("case.json")).expect("a case");
        (path, serde_json::from_slice(&text).expect("a case"))
    };
    let cases: Vec<_> = folders.filter(|path| path.is_dir()).map(read).collect();
    assert!(cases.len() >= 9, "all vectors are there");
    cases
}

fn policy(anchor: Anchor) -> Arc<Policy> {
    Arc::new(Policy {
        dialect: Dialect::Tuf1,
        gun: Gun::raw("registry.test/vectors").expect("a name"),
        anchor,
        now: "2026-11-25T00:00:00Z".parse().expect("a date"),
        limits: Limits::default(),
        max_age: None,
    })
}

fn pinned(case: &Case) -> Anchor {
    let ids = case.root_keyids.iter().map(|id| id.parse::<KeyId>().expect("an id"));
    Anchor::pinned(Pin::Keys(ids.collect()))
}

async fn refreshed(
    policy: &Arc<Policy>,
    cache: &impl Cache,
    remote: Option<&StaticRepository>,
) -> Result<Refreshed, client::Error> {
    client::refresh(Arc::clone(policy), cache, remote, Wish::TARGETS).await
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

#[test]
fn every_name_is_found_where_python_tuf_put_it() {
    for (path, case) in cases() {
        let home = tempfile::tempdir().expect("a folder");
        let (cache, policy) = (FlatDirectory::new(home.path()), policy(pinned(&case)));
        let files = StaticRepository::folder(path.join("metadata"));
        block_on(async {
            for remote in [Some(&files), Some(&files), None] {
                let mut collection = refreshed(&policy, &cache, remote).await.expect("trusted");
                let root = collection.targets.root().content().version.number();
                assert_eq!(root, case.versions["root"], "{}", path.display());
                for (name, expected) in &case.found {
                    check(&mut collection, &cache, remote, name, expected.as_ref()).await;
                }
            }
        });
    }
}

async fn check(
    collection: &mut Refreshed,
    cache: &FlatDirectory,
    remote: Option<&StaticRepository>,
    name: &str,
    expected: Option<&Expected>,
) {
    let found = client::search(collection, cache, remote, name).await.expect(name);
    let (Some(found), Some(expected)) = (&found, expected) else {
        assert!(found.is_none() && expected.is_none(), "{name}: {found:?}");
        return;
    };
    assert_eq!(found.role.as_str(), expected.role, "{name}");
    assert_eq!(found.target.length, expected.length, "{name}");
    let hashes = &found.target.hashes;
    let sha256 = hashes.sha256().map(|hash| hash.to_string());
    let sha512 = hashes.sha512().map(|hash| hash.to_string());
    assert_eq!(sha256.as_ref(), expected.hashes.get("sha256"), "{name}");
    assert_eq!(sha512.as_ref(), expected.hashes.get("sha512"), "{name}");
}

#[test]
fn what_we_would_write_is_what_was_signed() {
    let dialect = Dialect::Tuf1;
    let limits = Limits::default();
    let mut files = 0;
    for (path, _) in &cases() {
        for entry in fs::read_dir(path.join("metadata")).expect("metadata") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("text");
            let bytes = fs::read(entry.path()).expect("a file");
            let (ours, signed) = match name
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
            {
                "root.json" => {
                    let file = dialect.open_root(&bytes, &limits).expect("a root");
                    (dialect.root_message(file.unverified_content()), file.message().to_vec())
                }
                "timestamp.json" => {
                    let file = dialect.open_timestamp(&bytes, &limits).expect("a timestamp");
                    (dialect.timestamp_message(file.unverified_content()), file.message().to_vec())
                }
                "snapshot.json" => {
                    let file = dialect.open_snapshot(&bytes, &limits).expect("a snapshot");
                    (dialect.snapshot_message(file.unverified_content()), file.message().to_vec())
                }
                _ => {
                    let file = dialect.open_targets(&RoleName::Targets, &bytes, &limits);
                    let file = file.expect("targets");
                    (dialect.targets_message(file.unverified_content()), file.message().to_vec())
                }
            };
            assert_eq!(without_spec(ours.as_bytes()), without_spec(&signed), "{name}");
            files += 1;
        }
    }
    assert!(files > 80, "{files} files");
}

/// The text but for the version of the specification, and for a list of delegations that is empty:
/// these differ from writer to writer.
fn without_spec(message: &[u8]) -> String {
    let mut text = String::from_utf8(message.to_vec()).expect("text");
    let from = text.find("\"spec_version\":\"").expect("a version");
    let to = from + text[from..].find(',').expect("more");
    text.replace_range(from..to, "");
    text
}

#[test]
fn a_root_that_is_not_pinned_is_refused_and_nothing_is_kept() {
    let (path, _) = cases().into_iter().next().expect("a case");
    let files = StaticRepository::folder(path.join("metadata"));
    let other: KeyId = "00".repeat(32).parse().expect("an id");
    for anchor in [Anchor::pinned(Pin::Keys(vec![other])), Anchor::unpinned(FirstUse::Refuse)] {
        let home = tempfile::tempdir().expect("a folder");
        let cache = FlatDirectory::new(home.path());
        let refused = block_on(refreshed(&policy(anchor), &cache, Some(&files)));
        assert!(matches!(refused, Err(client::Error::Verify(_))), "{refused:?}");
        assert!(!home.path().join("root.json").exists());
    }
}

#[test]
fn files_that_are_only_read_take_no_changes() {
    use countersign::net::{self, Remote as _};
    let files = StaticRepository::folder("/nonexistent");
    for refused in [files.takes_changes(), block_on(files.publish(&[]))] {
        assert!(matches!(refused, Err(net::Error::ReadOnly { .. })), "{refused:?}");
    }
}
