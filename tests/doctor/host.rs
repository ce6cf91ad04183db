//! A host on which all is well.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A host with a docker of our making.
pub(crate) struct Host {
    pub(crate) home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Host {
    /// A host that verifies: docker 28, content trust on, one pinned collection, one locked key.
    pub(crate) fn honest() -> Self {
        let home = tempfile::tempdir().expect("a home");
        let host = Self { home, variables: vec![("DOCKER_CONTENT_TRUST", "1".into())] };
        host.has_docker("28.2.2");
        let metadata = host.trust().join("tuf").join(GUN).join("metadata");
        fs::create_dir_all(&metadata).expect("a folder");
        for role in ["root", "snapshot", "targets", "timestamp"] {
            let file = format!("{role}.json");
            fs::copy(vectors().join(&file), metadata.join(&file)).expect("copied");
        }
        let made = host.command(&["key", "generate", "alice"]).output().expect("it runs");
        assert!(made.status.success(), "{made:?}");
        let pinned = host.command(&["pin", "add", GUN, "--root-key", &root_key()]).output();
        assert!(pinned.as_ref().is_ok_and(|it| it.status.success()), "{pinned:?}");
        host
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn trust(&self) -> PathBuf {
        self.path(".docker/trust")
    }

    pub(crate) fn metadata(&self, file: &str) -> PathBuf {
        self.trust().join("tuf").join(GUN).join("metadata").join(file)
    }

    pub(crate) fn key(&self) -> PathBuf {
        let keys = fs::read_dir(self.trust().join("private")).expect("keys");
        keys.flatten().map(|entry| entry.path()).next().expect("a key")
    }

    pub(crate) fn has_docker(&self, version: &str) {
        let folder = self.path("bin");
        fs::create_dir_all(&folder).expect("a folder");
        let text = format!("#!/bin/sh\necho 'Docker version {version}, build 0'\n");
        write(&folder.join("docker"), &text, 0o755);
    }

    pub(crate) fn has_tls(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(".docker/tls/t:1")).expect("a folder");
        fs::write(self.path(".docker/tls/t:1").join(name), text).expect("written");
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let path = format!("{}:/usr/bin-that-is-not", self.path("bin").display());
        command.env_clear().env("HOME", self.home.path()).env("PATH", path);
        command.env("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "throw-away");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments).current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn doctor(&self, arguments: &[&str]) -> Output {
        let arguments = [&["doctor", "--format", "json"], arguments].concat();
        self.command(&arguments).output().expect("it runs")
    }

    /// Ids of what is found, and the exit code.
    pub(crate) fn found(&self, arguments: &[&str]) -> (Vec<String>, Option<i32>) {
        let output = self.doctor(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let id = |line: &str| {
            let finding: Value = serde_json::from_str(line).expect("an object on each line");
            for field in ["severity", "subject", "message", "remedy"] {
                assert!(finding[field].as_str().is_some_and(|it| !it.is_empty()), "{line}");
            }
            finding["id"].as_str().expect("an id").to_owned()
        };
        (text.lines().map(id).collect(), output.status.code())
    }
}

pub(crate) fn write(path: &Path, text: &str, bits: u32) {
    fs::write(path, text).expect("written");
    mode(path, bits);
}

pub(crate) fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("set");
}

/// The root key of the collection that is in the cache.
fn root_key() -> String {
    let root = fs::read(vectors().join("root.json")).expect("a root");
    let root: Value = serde_json::from_slice(&root).expect("JSON");
    root["signed"]["roles"]["root"]["keyids"][0].as_str().expect("an id").to_owned()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/notary/docker-one-tag")
}

/// The collection that is in its cache.
pub(crate) const GUN: &str = "127.0.0.1:24257/docker-one-tag";
