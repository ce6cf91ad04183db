//! What arrives is what was signed, or it is not kept.

use countersign::crypto::{Sha256, Sha512};
use serde_json::{Value, json};

use crate::stage::{DAILY, Stage};

/// What a role says of a file.
fn entry(bytes: &[u8]) -> Value {
    json!({"hashes": {"sha256": Sha256::of(bytes).to_string()}, "length": bytes.len()})
}

/// A file in a folder with consistent snapshots (TUF 1.0.34 §6.2).
fn place(path: &str, bytes: &[u8]) -> String {
    let hash = Sha256::of(bytes);
    match path.rsplit_once('/') {
        Some((folder, file)) => format!("{folder}/{hash}.{file}"),
        None => format!("{hash}.{path}"),
    }
}

/// Signs a file and shows it; it is published with the next version.
fn add(stage: &mut Stage, path: &str, bytes: &[u8]) {
    stage.repository.role("targets")["targets"][path] = entry(bytes);
    stage.show_target(&place(path, bytes), bytes);
}

#[test]
fn a_file_that_was_signed_is_downloaded_also_from_a_folder() {
    for path in ["target_file.txt", "path/to/a/target_file.txt"] {
        let mut stage = Stage::new();
        add(&mut stage, path, b"target file contents");
        stage.publish(&DAILY);
        assert!(stage.refreshes());
        assert!(stage.loaded().is_empty(), "a refresh downloads nothing");
        assert!(stage.downloads(&[path]));
        assert_eq!(stage.loaded(), [b"target file contents"]);
    }
}

#[test]
fn a_file_in_the_place_of_another_is_not_kept() {
    let mut stage = Stage::new();
    for (path, bytes) in [("one", &b"first"[..]), ("two", b"second")] {
        add(&mut stage, path, bytes);
    }
    stage.publish(&DAILY);
    assert!(stage.downloads(&["one"]));
    for (path, bytes) in [("one", &b"first"[..]), ("two", b"second")] {
        stage.show_target(&place(path, bytes), b"malicious data");
    }
    stage.downloads(&["one"]);
    assert_eq!(stage.loaded(), [b"first"]);
    assert!(!stage.downloads(&["two"]));
    assert_eq!(stage.loaded(), [b"first"]);
}

#[test]
fn each_version_of_a_file_takes_the_place_of_the_one_before() {
    let mut stage = Stage::new();
    add(&mut stage, "file", b"contents");
    stage.publish(&DAILY);
    assert!(stage.downloads(&["file"]));
    let mut new: Vec<Vec<u8>> = Vec::new();
    for round in 0..11 {
        let (changed, more) = (format!("modified {round}"), format!("new {round}"));
        add(&mut stage, "file", changed.as_bytes());
        add(&mut stage, &format!("new-{round}"), more.as_bytes());
        stage.publish(&DAILY);
        // A client that comes by now and then.
        if round % 5 != 0 {
            continue;
        }
        assert!(stage.downloads(&["file", &format!("new-{round}")]));
        new.push(more.into_bytes());
        let mut expected = new.clone();
        expected.push(changed.clone().into_bytes());
        expected.sort();
        assert_eq!(stage.loaded(), expected);
        stage.show_target(&place("file", changed.as_bytes()), b"malicious");
        stage.publish(&DAILY);
        stage.downloads(&["file"]);
        assert_eq!(stage.loaded(), expected);
    }
}

#[test]
fn a_file_is_asked_for_by_a_hash_that_is_signed_and_known() {
    let bytes = b"target file contents";
    let (sha256, sha512) = (Sha256::of(bytes).to_string(), Sha512::of(bytes).to_string());
    for (hashes, loaded) in [
        (json!({"sha256": sha256}), true),
        (json!({"sha512": sha512}), true),
        (json!({"sha256": sha256, "sha512": sha512}), true),
        (json!({"unknown-hash": sha512}), false),
    ] {
        let mut stage = Stage::new();
        let entry = json!({"hashes": hashes, "length": bytes.len()});
        stage.repository.role("targets")["targets"]["file"] = entry;
        for name in [format!("{sha256}.file"), format!("{sha512}.file"), "file".to_owned()] {
            stage.show_target(&name, bytes);
        }
        stage.publish(&DAILY);
        assert_eq!(stage.downloads(&["file"]), loaded, "{hashes}");
        let asked = stage.asked().iter().filter(|path| path.starts_with("/targets/")).count();
        assert_eq!((asked, stage.loaded().len()), (usize::from(loaded), usize::from(loaded)));
    }
}

#[test]
fn a_file_that_is_there_is_not_downloaded_again() {
    let mut stage = Stage::new();
    add(&mut stage, "file", b"contents");
    stage.publish(&DAILY);
    assert!(stage.downloads(&["file"]) && stage.downloads(&["file"]));
    let asked = stage.asked();
    assert_eq!(asked.iter().filter(|path| path.starts_with("/targets/")).count(), 1, "{asked:?}");
}
