//! What we write, read by python-tuf's client: exports and what our own editor signs, as they are
//! made, as they change, and as somebody else would have them.

#![cfg(feature = "export")]

#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;
#[path = "support/unpacked.rs"]
mod unpacked;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use person::Person;
use registry::{COUNTERSIGN, TestRegistry, text};
use serde_json::{Value, json};
use unpacked::unpacked;

const DIGEST: &str = "sha256:3bfc269594ef649228e9a74bab00f042efc91d5acc6fbee31a382e80d42388fe";

/// python-tuf's client, with what it has seen.
struct Python {
    state: tempfile::TempDir,
}

impl Python {
    fn new() -> Self {
        Self { state: tempfile::tempdir().expect("a folder") }
    }

    /// The SHA-256 of each name, or why nothing is believed.
    fn finds(&self, metadata: &Path, names: &[&str]) -> Value {
        let output = Command::new(interpreter())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/read.py"))
            .args([self.state.path(), metadata])
            .args(names)
            .output()
            .expect("python runs");
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).expect("an object")
    }

    fn refusal(&self, metadata: &Path, names: &[&str]) -> String {
        let found = self.finds(metadata, names);
        found["refused"].as_str().unwrap_or_else(|| panic!("believed: {found}")).to_owned()
    }
}

/// The Python that `test-registry/install test` makes.
fn interpreter() -> PathBuf {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("conformance");
    let python = made.join("python/bin/python3");
    assert!(
        python.exists(),
        "{}: python-tuf is missing: test-registry/install test",
        python.display()
    );
    python
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// An archive of one collection on a trust server, with docker's roles: 1 and 2 can be pulled, 3
/// was signed by a signer alone.
fn on_a_trust_server(servers: &TestRegistry, image: &str, digest: &str) -> PathBuf {
    let does = |arguments: &[&str]| {
        servers.run(env!("CARGO_BIN_EXE_countersign"), arguments);
    };
    does(&["sign", &format!("{image}:1@{digest}")]);
    servers.run("docker", &["trust", "key", "generate", "bob"]);
    servers.run("docker", &["trust", "signer", "add", "--key", "bob.pub", "bob", image]);
    does(&["sign", &format!("{image}:2@{digest}")]);
    does(&["sign", "--role", "targets/bob", &format!("{image}:3@{digest}")]);
    let archive = servers.directory().join("trust.tar");
    does(&["rescue", "--to", path(&archive), image]);
    archive
}

/// A few versions of one collection in the registry, with a signer and other keys than at first.
fn in_the_registry(servers: &TestRegistry, image: &str, digest: &str) -> PathBuf {
    let publisher = Person::new(servers, "publisher");
    publisher.does(&["sign", &format!("{image}:1@{digest}")]);
    publisher.does(&["key", "rotate", image, "timestamp"]);
    publisher.does(&["key", "rotate", "--yes", image, "root"]);
    publisher.does(&["key", "generate", "alice"]);
    publisher.does(&["signer", "add", "alice", "--key", "alice.pub", image]);
    publisher.does(&["sign", &format!("{image}:2@{digest}")]);
    let folder = servers.directory().join("crew");
    unpacked(servers, "oci/crew", &folder);
    folder
}

#[test]
fn a_tag_means_to_it_what_it_means_to_docker_wherever_it_was_signed() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let (one, _) = servers.seed("team/web:1", &[]);
    servers.seed("oci/crew:1", &[]);
    let docker = format!("{}/team/web", servers.registry());
    let archive = on_a_trust_server(&servers, &docker, &one);
    let crew = format!("{}/oci/crew", servers.registry());
    let folder = in_the_registry(&servers, &crew, &one);

    let exports: [(&str, &[&str]); 3] = [
        ("server", &["export", &docker]),
        ("oci", &["--server", "oci", "export", &crew]),
        ("archive", &["export", "--from", path(&archive), &docker]),
    ];
    let exported = exports.map(|(name, arguments)| {
        let site = servers.directory().join(name);
        servers.run(env!("CARGO_BIN_EXE_countersign"), &[arguments, &[path(&site)]].concat());
        site.join("metadata")
    });
    let expected = json!({"1": hex(&one), "2": hex(&one), "3": null});
    for metadata in exported.iter().chain([&folder]) {
        let found = Python::new().finds(metadata, &["1", "2", "3"]);
        assert_eq!(found, expected, "{}", metadata.display());
    }
}

#[test]
fn it_finds_every_tag_in_its_bin() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/bins/web", servers.registry());
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["init", "--bins", "16", &image]);
    let tags: Vec<String> = (0..40).map(|tag| format!("v{tag}")).collect();
    let references: Vec<String> = tags.iter().map(|tag| format!("{image}:{tag}")).collect();
    let mut sign = vec!["sign", "--digest", DIGEST, "--size", "527"];
    sign.extend(references.iter().map(String::as_str));
    publisher.does(&sign);
    let (folder, site) = (servers.directory().join("bins"), servers.directory().join("site"));
    unpacked(&servers, "bins/web", &folder);
    publisher.does(&["export", &image, path(&site)]);

    let mut names: Vec<&str> = tags.iter().map(String::as_str).collect();
    let mut expected: Value = names.iter().map(|name| (*name, json!(hex(DIGEST)))).collect();
    expected["v40"] = Value::Null;
    names.push("v40");
    for metadata in [folder, site.join("metadata")] {
        let bins = fs::read_dir(&metadata).expect("a folder").filter(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            name.to_string_lossy().contains("%2Fbin-")
        });
        assert!(bins.count() >= 16, "{} is in bins", metadata.display());
        assert_eq!(Python::new().finds(&metadata, &names), expected, "{}", metadata.display());
    }
}

#[test]
fn it_follows_what_is_published_next_and_refuses_what_was_there_before() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    let (one, _) = servers.seed("team/web:1", &[]);
    let (two, _) = servers.seed("team/web:1", &["--text", "two"]);
    let (site, older) = (servers.directory().join("site"), servers.directory().join("older"));
    let publish = |digest: &str| {
        let (program, reference) =
            (env!("CARGO_BIN_EXE_countersign"), format!("{image}:1@{digest}"));
        servers.run(program, &["sign", &reference]);
        servers.run(program, &["export", &image, path(&site)]);
    };
    let metadata = site.join("metadata");
    let client = Python::new();
    publish(&one);
    assert_eq!(client.finds(&metadata, &["1"]), json!({"1": hex(&one)}));
    servers.run("cp", &["-r", path(&metadata), path(&older)]);
    publish(&two);
    assert_eq!(client.finds(&metadata, &["1"]), json!({"1": hex(&two)}));

    let refused = client.refusal(&older, &["1"]);
    assert!(refused.starts_with("BadVersionNumberError"), "{refused}");
    assert_eq!(Python::new().finds(&older, &["1"]), json!({"1": hex(&one)}), "whole in itself");

    let targets = metadata.join("2.targets.json");
    let honest = fs::read_to_string(&targets).expect("a file");
    fs::write(&targets, honest.replace(hex(&two), hex(&one))).expect("written");
    let refused = Python::new().refusal(&metadata, &["1"]);
    assert!(refused.contains("hash") || refused.contains("sign"), "{refused}");
}
