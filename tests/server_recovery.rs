//! A database is restored from a backup that is older than what clients saw; and they go on.
#![cfg(all(feature = "server", feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

#[path = "support/serve.rs"]
mod serve;

use std::path::{Path, PathBuf};
use std::process::Command;

use serve::{Serve, command, refused};

const GUN: &str = "registry.test/team/app";

/// Where a server is, a backup of it, and two who use it.
struct Scene {
    home: tempfile::TempDir,
    data: PathBuf,
    backup: PathBuf,
    publisher: User,
    reader: User,
}

impl Scene {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let (data, backup) = (home.path().join("server"), home.path().join("backup.db"));
        let [publisher, reader] = ["publisher", "reader"].map(|name| User::new(home.path(), name));
        Self { home, data, backup, publisher, reader }
    }
}

/// Somebody with notary and a trust directory.
struct User {
    directory: PathBuf,
}

impl User {
    fn new(home: &Path, name: &str) -> Self {
        Self { directory: home.join(name) }
    }

    /// Runs notary; whether it succeeded, and what it said.
    fn notary(&self, serve: &Serve, words: &[&str]) -> (bool, String) {
        let mut notary = Command::new("notary");
        notary.arg("-s").arg(&serve.url).arg("--tlscacert").arg(serve.data.join("ca.crt"));
        notary.arg("-d").arg(&self.directory).args(words);
        for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
            notary.env(format!("NOTARY_{role}_PASSPHRASE"), "throw-away");
        }
        let output = notary.output().expect("notary runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn succeeds(&self, serve: &Serve, words: &[&str]) -> String {
        let (well, said) = self.notary(serve, words);
        assert!(well, "{words:?}: {said}");
        said
    }

    fn tags(&self, serve: &Serve) -> Vec<String> {
        let listed = self.succeeds(serve, &["list", GUN]);
        let rows = listed.lines().skip_while(|line| !line.starts_with("---")).skip(1);
        rows.filter_map(|row| row.split_whitespace().next().map(str::to_owned)).collect()
    }

    fn sign(&self, serve: &Serve, tag: &str) {
        let content = self.directory.join("content");
        std::fs::write(&content, tag).expect("written");
        self.succeeds(serve, &["add", "-p", GUN, tag, content.to_str().expect("text")]);
    }

    /// Reads with our own client; its exit code and what it said.
    fn verify(&self, serve: &Serve, tag: &str) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["--server", &serve.url, "--tls-ca"])
            .arg(serve.data.join("ca.crt"))
            .arg("--trust-dir")
            .arg(&self.directory)
            .args(["--raw-gun", "verify", &format!("{GUN}:{tag}")])
            .env("HOME", &self.directory)
            .env_remove("DOCKER_CONFIG")
            .output()
            .expect("countersign runs");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }
}

/// Runs `serve` with these words to its end; its exit code and all it said.
fn run(data: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = command(data, words).spawn().expect("starts").wait_with_output().expect("ends");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn restore(data: &Path, backup: &Path) {
    for left in ["trust.db-wal", "trust.db-shm"] {
        // There may be none.
        let _ = std::fs::remove_file(data.join(left));
    }
    std::fs::copy(backup, data.join("trust.db")).expect("restored");
}

/// Backup, further work, restoration, recovery. Who signs snapshots is the publisher's choice.
fn restored_and_recovered(snapshot: &[&str]) {
    let Scene { home, data, backup, publisher, reader } = Scene::new();
    let ours = User::new(home.path(), "ours");

    let serve = Serve::start(&data);
    publisher.succeeds(&serve, &["init", "-p", GUN]);
    for words in snapshot {
        let words: Vec<&str> = words.split(' ').collect();
        publisher.succeeds(&serve, &words);
    }
    publisher.sign(&serve, "v1");
    let (code, said) = run(&data, &["--backup", backup.to_str().expect("text")]);
    assert_eq!(code, Some(0), "while it is served: {said}");
    assert!(said.contains("1 collections"), "{said}");
    for tag in ["v2", "v3", "v4", "v5"] {
        publisher.sign(&serve, tag);
    }
    let all = ["v1", "v2", "v3", "v4", "v5"];
    assert_eq!(reader.tags(&serve), all);
    assert_eq!(ours.verify(&serve, "v5").0, Some(0));
    serve.kill();

    restore(&data, &backup);
    let serve = Serve::start(&data);
    let (well, said) = reader.notary(&serve, &["list", GUN]);
    assert!(!well, "to who saw more this is a rollback: {said}");
    let (code, said) = ours.verify(&serve, "v1");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("(rollback)"), "{said}");
    assert_eq!(User::new(home.path(), "newcomer").tags(&serve), ["v1"]);
    let (code, said) = run(&data, &["--recover"]);
    assert_eq!(code, Some(8), "not under the feet of a running server: {said}");
    serve.kill();

    // notary keeps what it fetched, not what it published last: the reader has the newest.
    let mut words = vec!["-q", "--recover", "--recover-from", "/nowhere"];
    for user in [&publisher, &reader] {
        words.extend(["--recover-from", user.directory.to_str().expect("text")]);
    }
    let (code, said) = run(&data, &words);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with(&format!("{GUN}: ")) && said.contains("targets "), "{said}");
    let serve = Serve::start(&data);
    assert_eq!(reader.tags(&serve), all, "{said}");
    let (code, said) = ours.verify(&serve, "v5");
    assert_eq!(code, Some(0), "{said}");
    publisher.sign(&serve, "v6");
    assert_eq!(reader.tags(&serve).len(), 6);
    assert_eq!(ours.verify(&serve, "v6").0, Some(0));
    assert_eq!(User::new(home.path(), "another").tags(&serve).len(), 6);
}

#[test]
fn restore_then_recover() {
    restored_and_recovered(&["key rotate registry.test/team/app snapshot -r"]);
}

#[test]
fn restore_then_recover_where_publishers_sign_snapshots() {
    restored_and_recovered(&[]);
}

#[test]
fn without_newer_files_the_timestamp_at_least_is_numbered_past_what_clients_saw() {
    let Scene { home: _home, data, backup, publisher, reader } = Scene::new();
    let serve = Serve::start(&data);
    publisher.succeeds(&serve, &["init", "-p", GUN]);
    publisher.succeeds(&serve, &["key", "rotate", GUN, "snapshot", "-r"]);
    publisher.sign(&serve, "v1");
    assert_eq!(run(&data, &["--backup", backup.to_str().expect("text")]).0, Some(0));
    // Renewals alone: the server's own versions rise, those of publishers do not.
    for _ in 0..3 {
        publisher.succeeds(&serve, &["key", "rotate", GUN, "timestamp", "-r"]);
        publisher.succeeds(&serve, &["witness", "-p", GUN, "targets"]);
    }
    let ca = serve.data.join("ca.crt");
    assert!(ca.exists());
    reader.tags(&serve);
    serve.kill();
    restore(&data, &backup);
    let (code, said) = run(&data, &["-q", "--recover"]);
    assert_eq!(code, Some(0), "{said}");
    let serve = Serve::start(&data);
    let (well, said) = reader.notary(&serve, &["list", GUN]);
    assert!(!well, "what publishers signed meanwhile is missing, and clients notice: {said}");
}

#[test]
fn where_publishers_sign_snapshots_and_nobody_has_newer_ones_the_timestamp_is_numbered_anew() {
    let Scene { home: _home, data, backup, publisher, reader } = Scene::new();
    let serve = Serve::start(&data);
    publisher.succeeds(&serve, &["init", "-p", GUN]);
    publisher.sign(&serve, "v1");
    assert_eq!(run(&data, &["--backup", backup.to_str().expect("text")]).0, Some(0));
    assert_eq!(reader.tags(&serve), ["v1"]);
    serve.kill();
    restore(&data, &backup);
    let from = reader.directory.to_str().expect("text");
    for words in [&["-q", "--recover"][..], &["-q", "--recover", "--recover-from", from]] {
        let (code, said) = run(&data, words);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with(&format!("{GUN}: timestamp ")), "{said}");
    }
    let serve = Serve::start(&data);
    assert_eq!(reader.tags(&serve), ["v1"]);
    publisher.sign(&serve, "v2");
    assert_eq!(reader.tags(&serve), ["v1", "v2"]);
}

#[test]
fn a_backup_overwrites_nothing_and_says_what_is_wrong() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("server");
    drop(Serve::start(&data));
    let there = home.path().join("there");
    std::fs::write(&there, "precious").expect("written");
    let (code, told) = refused(command(&data, &["--backup", there.to_str().expect("text")]));
    assert_eq!(code, 8, "{told}");
    assert!(told.contains("it exists already"), "{told}");
    assert_eq!(std::fs::read(&there).expect("read"), b"precious");
    let nowhere = home.path().join("no/where");
    let (code, told) = refused(command(&data, &["--backup", nowhere.to_str().expect("text")]));
    assert_eq!(code, 8, "{told}");
    let none = home.path().join("none");
    let (code, told) = refused(command(&none, &["--backup", "x"]));
    assert_eq!(code, 8, "{told}");
    let words = ["--database", "memory:", "--backup", "x"];
    assert_eq!(refused(command(&data, &words)).0, 2);
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("a directory").collect();
    assert_eq!(left.len(), 2, "nothing half is left: {left:?}");
}
