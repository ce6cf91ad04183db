//! What docker and registries are handed, and what they may answer: the real programs, or one in
//! docker's place that writes down how it is called.
#![cfg(feature = "cli")]

#[path = "support/registry.rs"]
mod registry;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use registry::{TestRegistry, text};

/// R-01: whoever moves a tag in the registry moves nothing, because nobody asks for it.
#[test]
fn registry_never_sees_tag() {
    let servers = TestRegistry::start(&[]);
    let image = signed(&servers, "team/web", TAG);
    let asked = |what: &str| {
        let asked = requests(&servers).iter().any(|line| line.contains(what));
        asked.then(|| what.to_owned())
    };
    let folder = tempfile::tempdir().expect("a folder");
    let begin = requests(&servers).len();
    let shim = folder.path().join("docker");
    symlink(env!("CARGO_BIN_EXE_countersign"), &shim).expect("linked");
    let to = format!("oci:{}", folder.path().join("out").display());
    for words in [&["verify", &image][..], &["pull", &image, "--to", &to], &["verify-pull", &image]]
    {
        must(servers.command(env!("CARGO_BIN_EXE_countersign")).args(words));
    }
    for words in [&["pull", &image][..], &["create", &image]] {
        must(servers.command(&shim).args(words).env("DOCKER_CONTENT_TRUST", "1"));
    }
    let seen = requests(&servers);
    let tag = format!("/manifests/{TAG}");
    let with_tag: Vec<&String> = seen[begin..].iter().filter(|line| line.contains(&tag)).collect();
    assert!(with_tag.is_empty(), "{with_tag:?}");
    let digests = seen[begin..].iter().filter(|line| line.contains("/manifests/sha256:"));
    assert!(digests.count() >= 2, "they were pulled, by digest: {seen:?}");
    // The log would have shown it.
    must(servers.command("docker").args(["pull", &image]));
    assert_eq!(asked(&tag), Some(tag));
}

/// R-04: what was signed is what is compared; a child counts only inside of the signed index.
#[test]
fn index_and_child_table() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let index = signed(&servers, "team/multi", "1");
    let folder = tempfile::tempdir().expect("a folder");
    let raw = servers.run("skopeo", &["inspect", "--raw", "--tls-verify=false", &docker(&index)]);
    let listed: serde_json::Value = serde_json::from_str(&raw).expect("an index");
    let child = |architecture: &str| {
        let mut manifests = listed["manifests"].as_array().expect("manifests").iter();
        let found = manifests.find(|it| it["platform"]["architecture"] == architecture);
        found.expect(architecture)["digest"].as_str().expect("a digest").to_owned()
    };
    let arm = child("arm64");
    let to = |name: &str| format!("oci:{}", folder.path().join(name).display());
    let pull = |image: &str, to: &str, platform: &str| {
        let words = ["--format", "json", "pull", image, "--to", to, "--platform", platform];
        servers.command(env!("CARGO_BIN_EXE_countersign")).args(words).output().expect("it runs")
    };

    // A child that the signed index names: both digests are told.
    let output = pull(&index, &to("child"), "linux/arm64");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("an object");
    assert_eq!(told["kept"], arm.as_str(), "{}", text(&output));
    assert_ne!(told["digest"], told["kept"], "{}", text(&output));

    // Only a foreign platform.
    let output = pull(&index, &to("foreign"), "linux/s390x");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(!folder.path().join("foreign").exists());

    // The child itself was signed: it is the answer, and the index is not.
    let other = index.replace(":1", ":child");
    sign(&servers, &format!("{other}@{arm}"), &["--size", &size(&listed, &arm)]);
    let verified =
        must(servers.command(env!("CARGO_BIN_EXE_countersign")).args(["verify", &other]));
    assert!(verified.trim_end().ends_with(&arm), "{verified}");
    let output = pull(&other, &to("signed-child"), "linux/arm64");
    assert!(output.status.success(), "{}", text(&output));

    // A child of another index is no child of this one, whatever the registry has under its name.
    let hex = arm.trim_start_matches("sha256:");
    let blob = servers.directory().join("registry/docker/registry/v2/blobs/sha256");
    let blob = blob.join(&hex[..2]).join(hex).join("data");
    let amd = child("amd64").trim_start_matches("sha256:").to_owned();
    let theirs = blob.parent().and_then(Path::parent).and_then(Path::parent).expect("blobs");
    fs::copy(theirs.join(&amd[..2]).join(&amd).join("data"), &blob).expect("exchanged");
    let output = pull(&index, &to("exchanged"), "linux/arm64");
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    assert!(!folder.path().join("exchanged").exists());
}

/// R-11: a server that the environment names is another server, and not another truth.
#[test]
fn env_server_is_separate_trust() {
    let (ours, theirs) =
        (TestRegistry::start(&["--no-docker"]), TestRegistry::start(&["--no-docker"]));
    let image = signed(&ours, "team/web", TAG);
    // Somebody else's keys for the same name, on a server of theirs.
    let digest = format!("sha256:{}", "e".repeat(64));
    let mut evil = theirs.command(env!("CARGO_BIN_EXE_countersign"));
    must(evil.args(["sign", &format!("{image}@{digest}"), "--size", "405"]));
    let tls = Path::new(ours.variable("DOCKER_CONFIG")).join("tls");
    let host = theirs.variable("TRUST_SERVER").trim_start_matches("https://");
    fs::create_dir_all(tls.join(host)).expect("a folder");
    fs::copy(theirs.variable("TEST_CA"), tls.join(host).join("ca.crt")).expect("copied");
    let verify = |server: &str| {
        let mut command = ours.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(["-v", "verify", &image]).env("DOCKER_CONTENT_TRUST_SERVER", server);
        command.output().expect("it runs")
    };

    let honest = verify(ours.variable("TRUST_SERVER"));
    assert!(honest.status.success(), "{}", text(&honest));
    let named = format!("trust server {}", ours.variable("TRUST_SERVER"));
    assert!(text(&honest).contains(&named), "{}", text(&honest));

    let other = verify(theirs.variable("TRUST_SERVER"));
    assert_eq!(other.status.code(), Some(4), "{}", text(&other));
    assert!(other.stdout.is_empty() && text(&other).contains(host), "{}", text(&other));
    let plain = verify(&theirs.variable("TRUST_SERVER").replace("https", "http"));
    assert_eq!(plain.status.code(), Some(2), "{}", text(&plain));
    // Nothing of it was kept.
    let again = verify(ours.variable("TRUST_SERVER"));
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(again.stdout, honest.stdout);
}

/// H-03: what begins with a dash is never docker's to read as an option.
#[test]
fn image_named_like_option() {
    let stage = FakeDocker::new();
    for image in ["--foo", "-it", "--privileged", "--", "-", "--env=A=web:1"] {
        for words in [
            &["verify-pull", "--", image][..],
            &["verify", "--", image],
            &["docker", "pull", "--", image],
            &["docker", "run", "--", image],
            &["docker", "create", "--", image],
        ] {
            let output = stage.run(words, &[("DOCKER_CONTENT_TRUST", "1")]);
            let refused = matches!(output.status.code(), Some(1 | 2 | 125));
            assert!(refused, "{words:?}: {}", text(&output));
            assert_eq!(stage.calls(), "", "{words:?}: docker was called");
        }
    }
}

/// H-08: the daemon elsewhere that pulls is the one that is asked what it pulled.
#[test]
fn remote_daemon_same_endpoint() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = signed(&servers, "team/web", TAG);
    let stage = FakeDocker::new();
    let docker = Path::new(servers.variable("DOCKER_CONFIG"));
    docker_context(docker, "plain", "tcp://daemon.example.com:2375");
    docker_context(docker, "far", "ssh://root@daemon.example.com");
    for (variable, daemon, told, warned) in [
        ("DOCKER_HOST", "tcp://daemon.example.com:2375", "tcp://daemon.example.com:2375", true),
        ("DOCKER_HOST", "ssh://root@daemon.example.com", "ssh://root@daemon.example.com", false),
        ("DOCKER_CONTEXT", "plain", "tcp://daemon.example.com:2375, as context plain says", true),
        ("DOCKER_CONTEXT", "far", "ssh://root@daemon.example.com, as context far says", false),
        ("DOCKER_CONTEXT", "elsewhere", "that of context elsewhere", false),
    ] {
        let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(["verify-pull", &image, "--docker-path"]).arg(stage.program());
        let output = stage.output(command.env_remove("DOCKER_HOST").env(variable, daemon));
        assert!(output.status.success(), "{}", text(&output));
        let calls = stage.calls();
        let actions: Vec<&str> = calls.lines().filter_map(|call| call.split(' ').nth(1)).collect();
        assert_eq!(actions, ["pull", "image", "tag"], "{calls}");
        assert!(calls.lines().all(|call| call.starts_with(&format!("{daemon} "))), "{calls}");
        let said = text(&output);
        assert_eq!(said.contains("nothing protects"), warned, "{said}");
        assert!(said.contains(&format!("docker's daemon is {told}")), "{said}");
    }
}

/// What `docker context create` writes.
fn docker_context(docker: &Path, name: &str, host: &str) {
    let id = countersign::crypto::Sha256::of(name.as_bytes());
    let folder = docker.join("contexts/meta").join(id.to_string());
    fs::create_dir_all(&folder).expect("a folder");
    let meta = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
    fs::write(folder.join("meta.json"), meta).expect("written");
}

/// H-09: a source of the daemon's, mirror or registry, that has other bytes can only fail.
#[test]
fn mirror_wrong_bytes() {
    let servers = TestRegistry::start(&[]);
    for (what, spoil) in [
        ("manifest", spoil_manifest as fn(&TestRegistry, &str)),
        ("layer", spoil_layer as fn(&TestRegistry, &str)),
    ] {
        let image = signed(&servers, &format!("team/{what}"), TAG);
        let mut verify_pull = servers.command(env!("CARGO_BIN_EXE_countersign"));
        verify_pull.args(["verify-pull", &image]);
        let verified =
            must(servers.command(env!("CARGO_BIN_EXE_countersign")).args(["verify", &image]));
        let (_, digest) = verified.trim_end().rsplit_once('@').expect("NAME@DIGEST");
        spoil(&servers, digest);
        let output = verify_pull.output().expect("it runs");
        assert_eq!(output.status.code(), Some(7), "{what}: {}", text(&output));
        let inspected = servers.command("docker").args(["image", "inspect", &image]).output();
        assert!(!inspected.expect("docker runs").status.success(), "{what}: it was tagged");
    }
}

fn spoil_manifest(servers: &TestRegistry, digest: &str) {
    change_a_byte(&blob(servers, digest));
}

fn spoil_layer(servers: &TestRegistry, digest: &str) {
    let manifest = fs::read(blob(servers, digest)).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let layer = manifest["layers"][0]["digest"].as_str().expect("a digest");
    change_a_byte(&blob(servers, layer));
}

fn change_a_byte(path: &Path) {
    let mut bytes = fs::read(path).expect("a blob");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("spoiled");
}

/// The registry's file of a blob.
fn blob(servers: &TestRegistry, digest: &str) -> PathBuf {
    let hex = digest.trim_start_matches("sha256:");
    let blobs = servers.directory().join("registry/docker/registry/v2/blobs/sha256");
    blobs.join(&hex[..2]).join(hex).join("data")
}

/// The registry's log, a request on each line.
fn requests(servers: &TestRegistry) -> Vec<String> {
    let log = fs::read_to_string(servers.directory().join("log/registry.log")).expect("a log");
    log.lines().filter(|line| line.contains("/manifests/")).map(str::to_owned).collect()
}

/// An image that is in the registry and signed; `multi` in its name makes it an index.
fn signed(servers: &TestRegistry, name: &str, tag: &str) -> String {
    let options: &[&str] = if name.contains("multi") { &["--index"] } else { &["--text", name] };
    servers.seed(&format!("{name}:{tag}"), options);
    let image = format!("{}/{name}:{tag}", servers.registry());
    sign(servers, &image, &[]);
    image
}

fn sign(servers: &TestRegistry, image: &str, options: &[&str]) {
    let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
    must(command.args(["sign", image]).args(options));
}

fn docker(image: &str) -> String {
    format!("docker://{image}")
}

fn size(index: &serde_json::Value, digest: &str) -> String {
    let mut manifests = index["manifests"].as_array().expect("manifests").iter();
    let found = manifests.find(|it| it["digest"] == digest).expect("the child");
    found["size"].to_string()
}

/// Runs what must succeed, and returns its standard output.
fn must(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A program in docker's place that writes down which daemon it was to use, and its words.
struct FakeDocker(tempfile::TempDir);

impl FakeDocker {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$DOCKER_HOST$DOCKER_CONTEXT $*\" >>'{}'\n\
             case $1 in image) for it; do :; done; printf '[{{\"Id\":\"sha256:1\",\"RepoDigests\":[\"%s\"]}}]' \"$it\" ;; esac\n",
            folder.path().join("calls").display()
        );
        let fake = Self(folder);
        fs::write(fake.program(), script).expect("written");
        fs::set_permissions(fake.program(), Permissions::from_mode(0o755)).expect("set");
        fake
    }

    fn program(&self) -> PathBuf {
        self.0.path().join("docker")
    }

    /// What it was called with since this was asked last.
    fn calls(&self) -> String {
        let path = self.0.path().join("calls");
        let calls = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        calls
    }

    /// Runs us, with this docker alone in the path.
    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.env_clear().env("HOME", self.0.path()).env("PATH", self.0.path());
        self.output(command.args(words).envs(variables.iter().copied()))
    }

    fn output(&self, command: &mut Command) -> Output {
        command.current_dir(self.0.path()).output().expect("it runs")
    }
}

const TAG: &str = "a-tag-that-nobody-asks-for";
