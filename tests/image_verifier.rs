//! `image-verifier`, called as containerd calls it (containerd 2.x `pkg/imageverifier/bindir`): the
//! executable that was installed, Go's flags, a descriptor on stdin, little environment and a limit.
#![cfg(feature = "cli")]

#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use person::{Person, digest};
use registry::{COUNTERSIGN, TestRegistry, text};

/// A node: what containerd has, and a trust directory.
struct Node<'s> {
    administrator: Person<'s>,
    bin: PathBuf,
}

impl<'s> Node<'s> {
    /// One where the verifier was installed with these options.
    fn new(servers: &'s TestRegistry, name: &str, options: &[&str]) -> Self {
        Self::at(servers, name, servers.variable("TRUST_SERVER"), options)
    }

    fn at(servers: &'s TestRegistry, name: &str, server: &str, options: &[&str]) -> Self {
        let bin = servers.directory().join(format!("{name}-bin"));
        fs::create_dir(&bin).expect("a directory");
        let node = Self { administrator: Person::new(servers, name).at(server), bin };
        let installed = node.install(options);
        assert!(installed.status.success(), "{}", text(&installed));
        node
    }

    fn install(&self, options: &[&str]) -> Output {
        let bin = self.bin.to_str().expect("text");
        self.administrator.run(&[options, &["image-verifier", "--install", bin]].concat())
    }

    fn verifier(&self) -> PathBuf {
        self.bin.join("countersign")
    }

    /// What containerd would be told about a pull.
    fn pull(&self, name: &str, digest: &str) -> (i32, String) {
        call(&self.verifier(), name, digest, &descriptor(digest))
    }

    /// The kind of a refusal, in the words of `verify`.
    fn refusal(&self, name: &str, digest: &str) -> String {
        let (code, reason) = self.pull(name, digest);
        assert_ne!(code, 0, "{name}: {reason}");
        kind(&reason)
    }

    fn allows(&self, name: &str, digest: &str) {
        let (code, reason) = self.pull(name, digest);
        assert_eq!(code, 0, "{name}: {reason}");
        assert!(reason.starts_with(name) && reason.contains(digest), "{reason}");
    }
}

fn kind(reason: &str) -> String {
    assert_eq!(reason.lines().count(), 1, "{reason}");
    let (_, after) = reason.rsplit_once(" (").unwrap_or_else(|| panic!("no kind: {reason}"));
    after.split(')').next().expect("a kind").to_owned()
}

fn descriptor(digest: &str) -> String {
    let media_type = "application/vnd.oci.image.index.v1+json";
    let descriptor = serde_json::json!({"mediaType": media_type, "digest": digest, "size": 527});
    format!("{descriptor}\n")
}

/// Calls an executable as `runVerifier` does; its exit code, and what containerd makes of its stdout.
fn call(program: &Path, name: &str, digest: &str, stdin: &str) -> (i32, String) {
    let mut child = started(program, name, digest);
    // Whoever refuses the flags reads no further.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    ended(child)
}

fn started(program: &Path, name: &str, digest: &str) -> Child {
    let mut command = Command::new(program);
    command.args(["-name", name, "-digest", digest]);
    command.args(["-stdin-media-type", "application/vnd.oci.descriptor.v1+json"]);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).spawn().expect("it can be run")
}

fn ended(mut child: Child) -> (i32, String) {
    let mut reason = String::new();
    let stdout = child.stdout.take().expect("piped");
    stdout.take(32 << 10).read_to_string(&mut reason).expect("text");
    let code = child.wait().expect("it ends").code().expect("by itself");
    (code, reason.trim().to_owned())
}

fn servers() -> TestRegistry {
    TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN])
}

fn publisher(servers: &TestRegistry) -> Person<'_> {
    Person::new(servers, "publisher").at(servers.variable("TRUST_SERVER"))
}

#[test]
fn containerd_pulls_what_is_signed_and_nothing_else() {
    let servers = servers();
    let (publisher, node) = (publisher(&servers), Node::new(&servers, "node", &[]));
    let image = format!("{}/team/web", servers.registry());
    let (web, other, none) =
        (format!("{image}:1"), format!("{image}:2"), image.replace("web", "none:1"));
    publisher.signs(&web, "a", &[]);
    publisher.signs(&format!("{image}:latest"), "b", &[]);
    let [a, b, c] = ["a", "b", "c"].map(digest);

    node.allows(&web, &a);
    node.allows(&image, &b);
    node.allows(&format!("{web}@{a}"), &a);
    node.allows(&format!("{image}@{a}"), &a);
    node.allows(&format!("{image}@{b}"), &b);

    assert_eq!(node.refusal(&web, &c), "mismatch", "the tag was moved in the registry");
    assert_eq!(node.refusal(&web, &b), "mismatch", "a signed digest, of another tag");
    assert_eq!(node.refusal(&other, &a), "no-such-tag");
    assert_eq!(node.refusal(&none, &a), "no-trust-data");
    assert_eq!(node.refusal(&format!("{image}@{c}"), &c), "no-such-tag", "nobody signed it");
    assert_eq!(node.refusal(&format!("{web}@{b}"), &b), "mismatch", "tag and digest differ");
    assert_eq!(node.refusal(&format!("{image}@{a}"), &b), "mismatch", "not what was asked for");

    publisher.signs(&web, "c", &[]);
    node.allows(&web, &c);
    assert_eq!(node.refusal(&web, &a), "mismatch");
    assert_eq!(node.refusal(&format!("{image}@{a}"), &a), "no-such-tag", "of yesterday");
}

#[test]
fn what_is_not_understood_is_refused() {
    let servers = servers();
    let (publisher, node) = (publisher(&servers), Node::new(&servers, "node", &[]));
    let web = format!("{}/team/web:1", servers.registry());
    publisher.signs(&web, "a", &[]);
    let a = digest("a");
    node.allows(&web, &a);
    let honest = descriptor(&a);
    let long = format!("{honest}{}", " ".repeat(1 << 20));
    for (stdin, expected) in [
        ("", "malformed"),
        ("{}", "malformed"),
        (&honest[..60], "malformed"),
        (&honest.replace("sha256", "sha512"), "mismatch"),
        (&descriptor(&digest("b")), "mismatch"),
        (&long, "too-large"),
    ] {
        let (code, reason) = call(&node.verifier(), &web, &a, stdin);
        assert_eq!((code, kind(&reason).as_str()), (4, expected), "{reason}");
    }
    for (name, digest) in [
        ("team/UPPER:1", a.as_str()),
        ("web:1:2", &a),
        ("--config=/x", &a),
        ("", &a),
        (&web, "sha512:00"),
        (&web, "sha256:00"),
        (&web, ""),
    ] {
        let (code, reason) = call(&node.verifier(), name, digest, &honest);
        assert_eq!(code, 2, "{name} {digest}: {reason}");
    }
    let mut bare = Command::new(node.verifier());
    bare.args(["-name", &web, "-digest", &a, "-new-flag", "x"]).env_clear().env("PATH", "/bin");
    let output = bare.stdin(Stdio::null()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(!output.stdout.is_empty(), "{}", text(&output));
}

#[test]
fn it_ends_before_containerd_loses_patience() {
    let servers = servers();
    let web = format!("{}/team/web:1", servers.registry());
    let a = digest("a");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", silent.local_addr().expect("bound"));
    let node = Node::at(&servers, "silent", &url, &["--timeout", "1s"]);
    let started_at = Instant::now();
    let (code, reason) = node.pull(&web, &a);
    assert_eq!((code, kind(&reason).as_str()), (5, "network"), "{reason}");
    // Whoever holds the pipe open and writes nothing.
    let (code, reason) = ended(started(&node.verifier(), &web, &a));
    assert_eq!((code, kind(&reason).as_str()), (5, "network"), "{reason}");
    assert!(started_at.elapsed() < Duration::from_secs(8), "{:?}", started_at.elapsed());
    let usual = Node::at(&servers, "usual", &url, &[]);
    let started_at = Instant::now();
    let (code, reason) = usual.pull(&web, &a);
    assert_eq!((code, kind(&reason).as_str()), (5, "network"), "{reason}");
    assert!(started_at.elapsed() < Duration::from_secs(10), "{:?}", started_at.elapsed());
}

#[test]
fn a_server_that_is_gone_is_no_reason_to_pull_unless_the_node_says_so() {
    let servers = servers();
    let publisher = publisher(&servers);
    let web = format!("{}/team/web:1", servers.registry());
    publisher.signs(&web, "a", &[]);
    let config = servers.directory().join("lenient.toml");
    fs::write(&config, "when_unreachable = \"cache\"\n").expect("written");
    let strict = Node::new(&servers, "strict", &[]);
    let lenient = Node::new(&servers, "lenient", &["--config", config.to_str().expect("text")]);
    let offline = Node::at(&servers, "lenient-offline", servers.variable("TRUST_SERVER"), &[]);
    for node in [&strict, &lenient, &offline] {
        node.allows(&web, &digest("a"));
    }
    assert!(offline.install(&["--offline"]).status.success());
    servers.end(COUNTERSIGN);
    assert_eq!(strict.refusal(&web, &digest("a")), "network");
    lenient.allows(&web, &digest("a"));
    offline.allows(&web, &digest("a"));
    assert_eq!(lenient.refusal(&web, &digest("b")), "mismatch");
    assert_eq!(offline.refusal(&web, &digest("b")), "mismatch");
}

#[test]
fn pins_and_required_signers_count() {
    let servers = servers();
    let publisher = publisher(&servers);
    let image = format!("{}/team/web", servers.registry());
    let [web, own] = ["1", "own"].map(|tag| format!("{image}:{tag}"));
    publisher.signs(&own, "a", &[]);
    publisher.does(&["key", "generate", "alice"]);
    publisher.does(&["signer", "add", "alice", "--key", "alice.pub", &image]);
    publisher.signs(&web, "b", &["--signer", "alice"]);
    let [a, b] = ["a", "b"].map(digest);
    let of_alice = Node::new(&servers, "alice-only", &["--require-signer", "alice"]);
    of_alice.allows(&web, &b);
    of_alice.allows(&format!("{image}@{b}"), &b);
    for name in [own, format!("{image}@{a}")] {
        assert_eq!(of_alice.refusal(&name, &a), "policy", "{name}");
    }
    let pinned = Node::new(&servers, "pinned", &["--require-pin"]);
    assert_eq!(pinned.refusal(&web, &b), "first-use");
    let inspected = publisher.does(&["inspect", &image]);
    let shown: serde_json::Value = serde_json::from_str(&inspected).expect("JSON");
    let keys = shown[0]["AdministrativeKeys"].as_array().expect("keys");
    let root = keys.iter().find(|key| key["Name"] == "Root").expect("a root");
    let id = root["Keys"][0]["ID"].as_str().expect("an id");
    pinned.administrator.does(&["pin", "add", &image, "--root-key", id]);
    pinned.allows(&web, &b);
}

#[test]
fn a_digest_is_found_in_whichever_hashed_bin_it_stands() {
    let servers = servers();
    let publisher = Person::new(&servers, "publisher");
    let image = format!("{}/team/many", servers.registry());
    publisher.does(&["init", "--bins", "8", &image]);
    for digit in ["1", "2", "3", "4"] {
        publisher.signs(&format!("{image}:v{digit}"), digit, &[]);
    }
    let node = Node::at(&servers, "node", "oci", &[]);
    for digit in ["1", "2", "3", "4"].map(digest) {
        node.allows(&format!("{image}@{digit}"), &digit);
    }
    assert_eq!(node.refusal(&format!("{image}@{}", digest("5")), &digest("5")), "no-such-tag");
    publisher.does(&["revoke", &format!("{image}:v2")]);
    assert_eq!(node.refusal(&format!("{image}@{}", digest("2")), &digest("2")), "no-such-tag");
    node.allows(&format!("{image}@{}", digest("3")), &digest("3"));
}

#[test]
fn pins_in_the_home_directory_count_though_containerd_passes_none_on() {
    let servers = servers();
    let (publisher, node) = (publisher(&servers), Node::new(&servers, "node", &[]));
    let web = format!("{}/team/web:1", servers.registry());
    publisher.signs(&web, "a", &[]);
    let home = servers.directory().join("home");
    fs::create_dir_all(home.join(".notary")).expect("a directory");
    let pins = r#"{"trust_pinning": {"disable_tofu": true}}"#;
    fs::write(home.join(".notary/config.json"), pins).expect("written");
    let bin = node.bin.to_str().expect("text");
    let mut install = node.administrator.command(&["image-verifier", "--install", bin]);
    let installed = install.env("HOME", &home).output().expect("it runs");
    assert!(installed.status.success(), "{}", text(&installed));
    assert_eq!(node.refusal(&web, &digest("a")), "first-use");
    fs::remove_dir_all(home.join(".notary")).expect("removed");
    node.allows(&web, &digest("a"));
}

#[test]
fn a_link_by_any_name_answers_too_and_says_what_it_lacks() {
    let servers = servers();
    let link = servers.directory().join("check-images");
    symlink(env!("CARGO_BIN_EXE_countersign"), &link).expect("linked");
    let (web, a) = (format!("{}/team/web:1", servers.registry()), digest("a"));
    let (code, reason) = call(&link, &web, &a, &descriptor(&a));
    assert_eq!((code, kind(&reason).as_str()), (8, "state"), "{reason}");
    assert!(reason.contains("HOME") && reason.contains("--trust-dir"), "{reason}");
}

#[test]
fn what_is_installed_can_be_read_replaced_and_taken_away() {
    let servers = servers();
    let node = Node::new(&servers, "it's a node", &[]);
    let place = node.verifier();
    let script = fs::read_to_string(&place).expect("text");
    assert!(script.starts_with("#!/bin/sh\n"), "{script}");
    let trust = node.administrator.trust.to_str().expect("text").replace('\'', "'\\''");
    assert!(script.contains(&format!("'--trust-dir' '{trust}'")), "{script}");
    assert!(script.contains("image-verifier \"$@\""), "{script}");
    assert_eq!(fs::metadata(&place).expect("there").permissions().mode() & 0o777, 0o755);

    let again = node.install(&[]);
    assert!(again.status.success() && text(&again).contains("already"), "{}", text(&again));
    let said = text(&node.install(&["--max-age", "36h", "--timeout", "20s"]));
    for line in ["bindir", "bin_dir = ", "per_verifier_timeout = \"22s\"", "--uninstall"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let changed = fs::read_to_string(&place).expect("text");
    assert!(changed.contains("'--max-age' '129600s' '--timeout' '20s'"), "{changed}");
    let left: Vec<_> = fs::read_dir(&node.bin).expect("a directory").collect();
    assert_eq!(left.len(), 1, "containerd runs whatever is there");

    let bin = node.bin.to_str().expect("text");
    let uninstall = || node.administrator.run(&["image-verifier", "--uninstall", bin]);
    assert!(uninstall().status.success() && !place.exists());
    assert!(text(&uninstall()).contains("There is none."));
    fs::write(&place, "#!/bin/sh\nexit 0\n").expect("another's");
    for refused in [uninstall(), node.install(&[])] {
        assert_eq!(refused.status.code(), Some(8), "{}", text(&refused));
        assert!(place.exists());
    }
    fs::remove_file(&place).expect("removed");
    for (mode, code) in [(0o777, 2), (0o755, 0)] {
        fs::set_permissions(&node.bin, fs::Permissions::from_mode(mode)).expect("set");
        assert_eq!(node.install(&[]).status.code(), Some(code));
    }
    let nowhere = node.administrator.run(&["image-verifier", "--install", "/nonexistent/bin"]);
    assert_eq!(nowhere.status.code(), Some(2), "{}", text(&nowhere));
    assert!(text(&nowhere).contains("mkdir -p"), "{}", text(&nowhere));
}
