//! A trust server whose keys are on a token: docker and notary publish to it, and it bears a token
//! that goes, comes back, lies, hangs or wants another PIN.
#![cfg(all(feature = "server", feature = "cli", feature = "pkcs11"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

#[path = "support/registry.rs"]
mod registry;
#[path = "support/serve.rs"]
mod serve;
#[path = "support/token.rs"]
mod token;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign::net::{Remote as _, RemoteFile};
use countersign::tuf::{Dialect, Gun, Limits, RoleName, Threshold};
use registry::TestRegistry;
use serve::{Publisher, Serve, command, refused};
use token::TestToken;

/// A server with a configuration that names a token.
struct Stand {
    folder: tempfile::TempDir,
    token: TestToken,
}

impl Stand {
    /// The key `online` is on the token, and the right PIN in the file.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let token = TestToken::make(folder.path());
        token.make_key("EC:prime256v1", "online", "01");
        let stand = Self { folder, token };
        stand.write_pin("1234");
        stand.write_configuration("[\"online\"]");
        stand
    }

    fn write_pin(&self, pin: &str) {
        let path = self.path("pin");
        fs::write(&path, format!("{pin}\n")).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("closed");
    }

    fn write_configuration(&self, keys: &str) {
        let text = format!(
            "[token]\nlabel = \"release\"\nmodule = {:?}\nkeys = {keys}\npin_file = {:?}\ntimeout = \"2s\"\n",
            self.token.faulty_module(),
            self.path("pin")
        );
        fs::write(self.path("server.toml"), text).expect("written");
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn words(&self, more: &[&str]) -> Command {
        let mut command = command(&self.path("data"), more);
        command.arg("--config").arg(self.path("server.toml"));
        command
    }

    fn start(&self) -> Serve {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log"));
        Serve::logging(self.words(&[]), &self.path("data"), log.expect("a file").into())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).expect("a log")
    }
}

/// The status and the body of an answer.
fn ask(serve: &Serve, path: &str) -> (u16, String) {
    let output = Command::new("curl")
        .args(["-s", "--max-time", "20", "-w", "\n%{http_code}", "--cacert"])
        .arg(serve.data.join("ca.crt"))
        .arg(format!("{}{path}", serve.url))
        .output()
        .expect("curl runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

/// Until it is so, for some seconds.
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let seen = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        is_so()
    });
    assert!(seen, "{what}");
}

fn gun(name: &str) -> Gun {
    Gun::raw(name).expect("a name")
}

/// The ids of the keys that the root names for a role.
async fn keys_of(serve: &Serve, name: &Gun, role: RoleName) -> Vec<String> {
    let root = serve.collection(name).fetch(&RemoteFile::Current(RoleName::Root), 1 << 20).await;
    let bytes = root.expect("an answer").expect("a root");
    let root = Dialect::Notary.open_root(&bytes, &Limits::default()).expect("a root");
    let role = root.unverified_content().role(&role).cloned().expect("the role");
    role.keyids().iter().map(ToString::to_string).collect()
}

#[test]
fn docker_and_notary_publish_to_keys_on_a_token() {
    let stand = Stand::new();
    let serve = stand.start();
    let servers = TestRegistry::start(&[]);
    let tls = Path::new(servers.variable("DOCKER_CONFIG")).join("tls").join(serve.address());
    fs::create_dir_all(&tls).expect("a directory");
    fs::copy(serve.data.join("ca.crt"), tls.join("ca.crt")).expect("copied");
    let image = format!("{}/token/web", servers.registry());
    servers.seed("token/web:1", &[]);
    let authority = serve.data.join("ca.crt").display().to_string();
    let run = |program: &str, words: &[&str]| {
        let mut command = servers.command(program);
        command.env("DOCKER_CONTENT_TRUST_SERVER", &serve.url);
        let trusts = words.first().is_some_and(|word| ["push", "pull"].contains(word));
        command.env("DOCKER_CONTENT_TRUST", if trusts { "1" } else { "0" });
        let output = command.args(words).output().expect("it runs");
        let text = registry::text(&output);
        assert!(output.status.success(), "{program} {words:?}: {text}\n{}", stand.log());
        text
    };
    for docker in ["/usr/bin/docker", "docker"] {
        let tagged = format!("{image}:{}", docker.len());
        run("docker", &["image", "pull", "-q", &format!("{image}:1")]);
        run("docker", &["tag", &format!("{image}:1"), &tagged]);
        run(docker, &["push", "-q", &tagged]);
        run(docker, &["pull", "-q", &tagged]);
    }
    let notary = ["-s", &serve.url, "--tlscacert", &authority, "-d", "notary-on-token"];
    let run_notary = |words: &[&str]| run("notary", &[&notary, words].concat());
    run_notary(&["init", "-p", "token/notary"]);
    run_notary(&["add", "-p", "token/notary", "one", &authority]);
    run_notary(&["key", "rotate", "token/notary", "snapshot", "-r"]);
    assert!(run_notary(&["list", "token/notary"]).contains("one"));
    // One key for both roles of both collections, and nothing computed.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut ids = Vec::new();
        for name in [gun(&image), gun("token/notary")] {
            ids.extend(keys_of(&serve, &name, RoleName::Timestamp).await);
            ids.extend(keys_of(&serve, &name, RoleName::Snapshot).await);
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_token_is_out_uploads_wait_and_readers_do_not() {
    let stand = Stand::new();
    stand.token.fail("absent");
    let (serve, publisher, name) = (stand.start(), Publisher::new(), gun("token/app"));
    assert_eq!(ask(&serve, "/v2/token/app/_trust/tuf/timestamp.key").0, 503);
    let (status, said) = ask(&serve, "/_notary_server/ready");
    assert!(status == 503 && said.contains("token release"), "{status} {said}");
    assert_eq!(ask(&serve, "/_notary_server/health").0, 200, "it lives, and serves what it has");

    stand.token.fail("none");
    soon("ready with the token", || ask(&serve, "/_notary_server/ready").0 == 200);
    publisher.found(&serve, &name).await;

    stand.token.fail("absent");
    let server = serve.collection(&name);
    let draft = publisher.known(&server, &name).await.expect("it is read");
    assert!(!publisher.publish(draft, &server, 2).await, "nobody signs the timestamp");
    soon("not ready", || ask(&serve, "/_notary_server/ready").0 == 503);
    let refusal = stand.log();
    assert!(refusal.contains("\"status\":503") && refusal.contains("token release"), "{refusal}");

    stand.token.fail("none");
    soon("ready again", || ask(&serve, "/_notary_server/ready").0 == 200);
    let draft = publisher.known(&server, &name).await.expect("it is as it was");
    assert!(publisher.publish(draft, &server, 2).await);
    assert!(
        ask(&serve, "/metrics").1.contains("countersign_refusals_total{reason=\"no_token\"} 2")
    );
}

/// A signature that the key refuses is never stored, whoever made it.
#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_answers_wrongly_or_not_at_all_publishes_nothing() {
    let stand = Stand::new();
    let (serve, publisher, name) = (stand.start(), Publisher::new(), gun("token/app"));
    publisher.found(&serve, &name).await;
    let server = serve.collection(&name);
    let known = || async { publisher.known(&server, &name).await.expect("whole") };
    for fault in ["lie", "short", "removed", "hang-sign"] {
        stand.token.fail(fault);
        assert!(!publisher.publish(known().await, &server, 2).await, "{fault}");
        let published = known().await.targets(&RoleName::Targets).cloned().expect("targets");
        assert!(!published.targets.contains_key("v2"), "{fault}");
        stand.token.fail("none");
        soon(fault, || ask(&serve, "/_notary_server/ready").0 == 200);
    }
    assert!(publisher.publish(known().await, &server, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_pin_is_not_tried_again_and_a_corrected_one_is() {
    let stand = Stand::new();
    stand.write_pin("4321");
    let serve = stand.start();
    for _ in 0..3 {
        assert_eq!(ask(&serve, "/v2/token/app/_trust/tuf/timestamp.key").0, 503);
    }
    let (_, said) = ask(&serve, "/_notary_server/ready");
    assert!(said.contains("wrong PIN; it was tried once and not again"), "{said}");
    assert_eq!(stand.token.login_count(), 1);
    stand.write_pin("1234");
    soon("ready with the right PIN", || ask(&serve, "/_notary_server/ready").0 == 200);
    assert_eq!(stand.token.login_count(), 2);
    Publisher::new().found(&serve, &gun("token/app")).await;
    for place in [stand.log(), ask(&serve, "/metrics").1] {
        assert!(!place.contains("4321") && !place.contains("1234\""), "{place}");
    }
}

/// Collections keep the keys that their roots name; a rotation moves them to the first of today.
#[tokio::test(flavor = "multi_thread")]
async fn collections_move_to_the_token_and_to_its_next_key_when_they_rotate() {
    let stand = Stand::new();
    let (publisher, name) = (Publisher::new(), gun("token/app"));
    let without = Serve::start(&stand.path("data"));
    publisher.found(&without, &name).await;
    let computed = keys_of(&without, &name, RoleName::Timestamp).await;
    drop(without);

    let serve = stand.start();
    publish(&publisher, &serve, &name, 2).await;
    assert_eq!(keys_of(&serve, &name, RoleName::Timestamp).await, computed, "as its root says");
    let first = rotate(&publisher, &serve, &name).await;
    assert_ne!(first, computed);
    drop(serve);

    stand.token.make_key("EC:secp384r1", "online-2", "02");
    stand.write_configuration("[\"online-2\", \"online\"]");
    let serve = stand.start();
    publish(&publisher, &serve, &name, 3).await;
    assert_eq!(keys_of(&serve, &name, RoleName::Timestamp).await, first, "the old one signs on");
    assert_ne!(rotate(&publisher, &serve, &name).await, first);
    publish(&publisher, &serve, &name, 4).await;
}

async fn publish(publisher: &Publisher, serve: &Serve, name: &Gun, tags: usize) {
    let server = serve.collection(name);
    let draft = publisher.known(&server, name).await.expect("it is there");
    assert!(publisher.publish(draft, &server, tags).await, "{tags}");
}

/// Has the timestamp signed by the key that the server offers; the ids that the root names then.
async fn rotate(publisher: &Publisher, serve: &Serve, name: &Gun) -> Vec<String> {
    let (server, role) = (serve.collection(name), RoleName::Timestamp);
    let offered = server.rotate_key(&role).await.expect("a key");
    let key = Dialect::Notary.read_key(&role, &offered).expect("a key");
    let mut draft = publisher.known(&server, name).await.expect("it is there");
    let id = key.id().to_string();
    draft.rotate(&role, vec![key], Threshold::ONE).expect("rotated");
    assert!(publisher.publish(draft, &server, 1).await);
    let named = keys_of(serve, name, role).await;
    assert_eq!(named, [id]);
    named
}

#[test]
fn check_says_what_is_on_the_token_and_tries_no_pin() {
    let stand = Stand::new();
    stand.write_configuration("[\"online\", \"older\"]");
    let output = stand.words(&["--check"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("key online: token release has it"), "{said}");
    assert!(said.contains("key older: token release has no such key"), "{said}");
    assert_eq!(stand.token.login_count(), 0);
    fs::set_permissions(stand.path("server.toml"), fs::Permissions::from_mode(0o666)).expect("set");
    let (code, told) = refused(stand.words(&[]));
    assert!(code == 2 && told.contains("lets others write"), "{code} {told}");
}
