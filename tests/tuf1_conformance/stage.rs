//! A repository behind a web server, and one client on a disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use countersign::crypto::Sha256;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::commands::{self, Arguments};
use crate::http::{Answer, TestServer};
use crate::tuf1::{Repository, TOP};

/// Everything up to date.
pub(crate) const DAILY: [&str; 3] = ["targets", "snapshot", "timestamp"];
/// The same with a new root.
pub(crate) const ALL: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

/// The whole play. What is done to `repository` is seen by nobody until it is shown.
pub(crate) struct Stage {
    pub(crate) repository: Repository,
    /// Days after the first.
    pub(crate) day: i64,
    shown: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    heard: usize,
    server: TestServer,
    runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
}

impl Stage {
    /// An honest repository, and a client that was given its first root.
    pub(crate) fn new() -> Self {
        let mut stage = Self::before_init();
        let first = stage.repository.files["1.root.json"].clone();
        assert!(stage.init(&first));
        stage.show();
        stage
    }

    /// The same before the client was given anything.
    pub(crate) fn before_init() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let shown: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let files = Arc::clone(&shown);
        let server = runtime.block_on(TestServer::http(move |seen| {
            match files.lock().expect("no panic").get(&seen.path) {
                Some(bytes) => Answer::ok(bytes.clone()),
                None => Answer::status(404),
            }
        }));
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join("targets")).expect("a folder");
        Self { repository: Repository::new(), day: 0, shown, heard: 0, server, runtime, home }
    }

    /// Shows what the repository has put out, and nothing that it has withdrawn.
    pub(crate) fn show(&mut self) {
        let named =
            |(name, bytes): (&String, &Vec<u8>)| (format!("/metadata/{name}"), bytes.clone());
        let mut shown = self.shown.lock().expect("no panic");
        shown.retain(|path, _| !path.starts_with("/metadata/"));
        shown.extend(self.repository.files.iter().map(named));
    }

    /// The next version of these roles, signed and shown.
    pub(crate) fn publish(&mut self, roles: &[&str]) {
        self.repository.touch(roles).publish();
        self.show();
    }

    /// Shows a file below the folder of targets.
    pub(crate) fn show_target(&self, path: &str, bytes: &[u8]) {
        let path = format!("/targets/{path}");
        self.shown.lock().expect("no panic").insert(path, bytes.to_vec());
    }

    /// Shows the file that the repository signs under that name.
    pub(crate) fn show_artifact(&self, name: &str) {
        let hash = Sha256::of(name.as_bytes());
        let place = match name.rsplit_once('/') {
            Some((folder, file)) => format!("{folder}/{hash}.{file}"),
            None => format!("{hash}.{name}"),
        };
        self.show_target(&place, name.as_bytes());
    }

    /// So many days after the first, as metadata writes it.
    pub(crate) fn date(&self, days: i64) -> String {
        (start() + SignedDuration::from_hours(24 * days)).to_string()
    }

    /// Trusts a root. Does it succeed?
    pub(crate) fn init(&self, root: &[u8]) -> bool {
        let file = self.home.path().join("given.json");
        std::fs::write(&file, root).expect("written");
        self.run(&["init", file.to_str().expect("text")])
    }

    /// Does a refresh succeed?
    pub(crate) fn refreshes(&self) -> bool {
        self.run(&["refresh"])
    }

    /// Does a download of all of these succeed?
    pub(crate) fn downloads(&self, names: &[&str]) -> bool {
        let named = names.iter().flat_map(|name| ["--target-name", name]);
        self.run(&named.chain(["download"]).collect::<Vec<_>>())
    }

    fn run(&self, arguments: &[&str]) -> bool {
        let url = self.server.url();
        let (metadata, targets) = (format!("{url}/metadata"), format!("{url}/targets"));
        let (kept, loaded) = (self.metadata(), self.home.path().join("targets"));
        let mut words: Vec<&str> = vec!["client", "--metadata-url", &metadata];
        words.extend(["--target-base-url", &targets]);
        words.extend(["--metadata-dir", text(&kept), "--target-dir", text(&loaded)]);
        words.extend(arguments);
        let arguments = Arguments::try_parse_from(words).expect("the suite's grammar");
        let now = start() + SignedDuration::from_hours(24 * self.day);
        self.runtime.block_on(commands::run(&arguments, now)).is_ok()
    }

    fn metadata(&self) -> PathBuf {
        self.home.path().join("metadata")
    }

    /// What was asked for since this was asked last, without its folder.
    pub(crate) fn asked(&mut self) -> Vec<String> {
        let seen = self.server.seen();
        let new = seen[self.heard..].iter().map(|seen| {
            let name = seen.path.strip_prefix("/metadata/").unwrap_or(&seen.path);
            name.to_owned()
        });
        let new = new.collect();
        self.heard = seen.len();
        new
    }

    /// The file that the client keeps of a role.
    pub(crate) fn kept(&self, role: &str) -> Option<Vec<u8>> {
        std::fs::read(self.metadata().join(format!("{role}.json"))).ok()
    }

    /// The version of the file that the client keeps of a role; 0 if it keeps none.
    pub(crate) fn version(&self, role: &str) -> u64 {
        let Some(bytes) = self.kept(role) else { return 0 };
        let file: Value = serde_json::from_slice(&bytes).expect("JSON");
        file["signed"]["version"].as_u64().expect("a version")
    }

    /// The versions that the client keeps of root, timestamp, snapshot and targets.
    pub(crate) fn versions(&self) -> [u64; 4] {
        TOP.map(|role| self.version(role))
    }

    /// How many roles the client keeps files of.
    pub(crate) fn roles_kept(&self) -> usize {
        let entries = std::fs::read_dir(self.metadata()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".json")).count()
    }

    /// The downloads, in the order of their contents.
    pub(crate) fn loaded(&self) -> Vec<Vec<u8>> {
        let entries = std::fs::read_dir(self.home.path().join("targets")).expect("a folder");
        let mut loaded: Vec<Vec<u8>> = entries
            .map(|it| std::fs::read(it.expect("an entry").path()).expect("a file"))
            .collect();
        loaded.sort();
        loaded
    }

    /// Whether the client keeps, byte for byte, what the repository has put out of these roles.
    pub(crate) fn keeps_what_is_shown(&self, roles: &[&str]) -> bool {
        roles.iter().all(|role| {
            let version = &self.repository.roles[*role]["version"];
            let name = match *role {
                "timestamp" => "timestamp.json".to_owned(),
                role => format!("{version}.{role}.json"),
            };
            self.kept(role).as_ref() == Some(&self.repository.files[&name])
        })
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn start() -> Timestamp {
    START.parse().expect("a date")
}

/// Nothing of the repository ends before 2056.
const START: &str = "2026-11-25T00:00:00Z";

#[test]
fn the_repository_says_what_it_is_told_to_say() {
    let mut stage = Stage::new();
    let version = |stage: &Stage, role: &str| stage.repository.roles[role]["version"].clone();
    assert!(TOP.iter().all(|role| version(&stage, role) == 1));
    stage.repository.hashes = true;
    stage.publish(&DAILY);
    assert_eq!(TOP.map(|role| version(&stage, role).as_u64()), [1, 2, 2, 2].map(Some));
    let snapshot = &stage.repository.files["2.snapshot.json"];
    let listed = &stage.repository.roles["timestamp"]["meta"]["snapshot.json"];
    assert_eq!(listed["length"], snapshot.len());
    let hash = Sha256::of(snapshot).to_string();
    assert_eq!(listed["hashes"]["sha256"], hash);
    stage.repository.role("timestamp")["expires"] = stage.date(-5).into();
    stage.publish(&["timestamp"]);
    let file: Value =
        serde_json::from_slice(&stage.repository.files["timestamp.json"]).expect("JSON");
    assert_eq!(file["signed"]["expires"], "2026-11-20T00:00:00Z");
}
