//! `countersign serve` as a process: its start, its end, and what is left of it when it is killed.
#![cfg(all(feature = "server", feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::client::{Foundation, Roles, Wish, initialise, refresh};
use countersign::crypto::{Algorithm, PrivateKey, Signer};
use countersign::edit::{Draft, Signers};
use countersign::net::{
    Account, Anonymous, Deadline, Http, HttpOptions, NotaryServer, PlainHttp, Realms, Remote as _,
    ServerUrl,
};
use countersign::storage::MemoryCache;
use countersign::tuf::{Dialect, Gun, Hashes, Limits, RoleName, Target};
use countersign::verify::{Anchor, FirstUse, Policy, Wanted};

/// A running server.
struct Serve {
    child: Child,
    url: String,
    data: PathBuf,
}

fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("serve").args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(words);
    command.env_remove("COUNTERSIGN_SERVER_PASSPHRASE").env_remove("COUNTERSIGN_CONFIG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Serve {
    fn start(data: &Path) -> Self {
        Self::run(command(data, &["-q"]), data)
    }

    fn run(mut command: Command, data: &Path) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert!(line.starts_with("https://"), "it says where it listens: {line:?}");
        Self { child, url: line.trim().to_owned(), data: data.to_owned() }
    }

    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("https://")
    }

    fn collection(&self, gun: &Gun) -> NotaryServer {
        let extra_authorities = Some(self.data.join("ca.crt"));
        let http = Http::new(HttpOptions { extra_authorities, ..HttpOptions::default() });
        let url = ServerUrl::parse(&self.url, PlainHttp::Refused).expect("a URL");
        let account = Account::at("test", Arc::new(Anonymous), Arc::new(Realms::default()));
        let until = Deadline::after(Duration::from_secs(60));
        NotaryServer::new(http, &url, gun, account, until).expect("a server")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a server that is expected not to start.
fn refused(command: Command) -> (i32, String) {
    let mut command = command;
    let child = command.spawn().expect("the program starts");
    let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
    (status.code().expect("no signal"), String::from_utf8_lossy(&stderr).into_owned())
}

fn policy(gun: &Gun) -> Arc<Policy> {
    Arc::new(Policy {
        dialect: Dialect::Notary,
        gun: gun.clone(),
        anchor: Anchor::unpinned(FirstUse::Allow),
        now: jiff::Timestamp::now(),
        limits: Limits::default(),
        max_age: None,
    })
}

/// A publisher of one collection after the other, and the tags of each that were acknowledged.
struct Publisher {
    root: PrivateKey,
    targets: PrivateKey,
}

type Acknowledged = Arc<Mutex<BTreeMap<String, usize>>>;

impl Publisher {
    fn new() -> Self {
        let key = || PrivateKey::generate(Algorithm::EcdsaP256).expect("a key");
        Self { root: key(), targets: key() }
    }

    /// Founds collections and signs tags in them until the server is gone.
    async fn work(&self, serve: &Serve, name: &str, acknowledged: &Acknowledged) {
        for number in 0.. {
            let gun = Gun::raw(&format!("{name}/{number}")).expect("a name");
            let server = serve.collection(&gun);
            let foundation = Foundation::new(&self.root, &self.targets);
            let Ok(draft) = initialise(&policy(&gun), &server, foundation).await else { return };
            let mut draft = Some(draft);
            for tags in 1..=5 {
                let next = match draft.take() {
                    Some(draft) => draft,
                    None => match self.known(&server, &gun).await {
                        Some(draft) => draft,
                        None => return,
                    },
                };
                if !self.publish(next, &server, tags).await {
                    return;
                }
                acknowledged.lock().expect("a list").insert(gun.to_string(), tags);
            }
        }
    }

    async fn known(&self, server: &NotaryServer, gun: &Gun) -> Option<Draft> {
        let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
        let known = refresh(policy(gun), &MemoryCache::new(), Some(server), wish).await;
        known.ok().map(|known| Draft::of(known.targets))
    }

    async fn publish(&self, mut draft: Draft, server: &NotaryServer, tags: usize) -> bool {
        let text = format!("image {tags}");
        let target = Target { length: 1, hashes: Hashes::of(text.as_bytes()), custom: None };
        draft.set_target(&RoleName::Targets, &format!("v{tags}"), target).expect("a tag");
        let signers: Signers<'_> = [&self.root as &dyn Signer, &self.targets].into_iter().collect();
        let update = draft.sign(jiff::Timestamp::now(), &signers).expect("signed");
        server.publish(update.files()).await.is_ok()
    }
}

/// Every acknowledged tag is there, and everything that is served verifies.
async fn check(serve: &Serve, acknowledged: &BTreeMap<String, usize>) {
    for (name, tags) in acknowledged {
        let gun = Gun::raw(name).expect("a name");
        let server = serve.collection(&gun);
        let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
        let found = refresh(policy(&gun), &MemoryCache::new(), Some(&server), wish).await;
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        let role = found.targets.role(&RoleName::Targets).expect("targets");
        assert!(role.content().targets.len() >= *tags, "{name}: {tags} tags were acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_kill9_atomic() {
    let home = tempfile::tempdir().expect("a directory");
    let rounds = std::env::var("COUNTERSIGN_KILLS").ok().and_then(|text| text.parse().ok());
    let publisher = Arc::new(Publisher::new());
    let mut total = 0;
    for round in 0..rounds.unwrap_or(12_u64) {
        let serve = Arc::new(Serve::start(home.path()));
        let acknowledged = Acknowledged::default();
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                let (publisher, serve) = (Arc::clone(&publisher), Arc::clone(&serve));
                let acknowledged = Arc::clone(&acknowledged);
                tokio::spawn(async move {
                    publisher.work(&serve, &format!("r{round}/w{worker}"), &acknowledged).await;
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(60 + (round * 37) % 240)).await;
        let process = i32::try_from(serve.child.id()).expect("a process");
        let process = rustix::process::Pid::from_raw(process).expect("not zero");
        rustix::process::kill_process(process, rustix::process::Signal::KILL).expect("killed");
        for worker in workers {
            worker.await.expect("no panic");
        }
        Arc::into_inner(serve).expect("nobody else has it").kill();
        let acknowledged = acknowledged.lock().expect("a list").clone();
        total += acknowledged.values().sum::<usize>();
        let serve = Serve::start(home.path());
        check(&serve, &acknowledged).await;
    }
    assert!(total > 50, "only {total} publications were interrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_do_not_starve() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let gun = Gun::raw("a/b").expect("a name");
    let publisher = Publisher::new();
    let server = serve.collection(&gun);
    let foundation = Foundation::new(&publisher.root, &publisher.targets);
    let draft = initialise(&policy(&gun), &server, foundation).await.expect("keys");
    assert!(publisher.publish(draft, &server, 1).await);
    let idle: Vec<TcpStream> =
        (0..400).map(|_| TcpStream::connect(serve.address()).expect("a connection")).collect();
    for mut stream in &idle {
        stream.write_all(&[0x16, 3, 1]).expect("the start of a handshake");
    }
    let started = Instant::now();
    for _ in 0..50 {
        let file = countersign::net::RemoteFile::Current(RoleName::Timestamp);
        assert!(server.fetch(&file, 1 << 16).await.expect("an answer").is_some());
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_server_ends_when_it_is_told_to() {
    let home = tempfile::tempdir().expect("a directory");
    let mut serve = Serve::start(home.path());
    let process = i32::try_from(serve.child.id()).expect("a process");
    let process = rustix::process::Pid::from_raw(process).expect("not zero");
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("told");
    let status = serve.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_server_that_lacks_something_does_not_start() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let missing = home.path().join("missing");
    let missing = missing.to_str().expect("text");
    let (code, told) = refused(command(&data, &["--tls-cert", missing, "--tls-key", missing]));
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("missing"), "{told}");
    drop(Serve::start(&data));
    let (ca, other_key) = (data.join("ca.crt"), data.join("server.key"));
    let (ca, other_key) = (ca.to_str().expect("text"), other_key.to_str().expect("text"));
    let (code, told) = refused(command(&data, &["--tls-cert", ca, "--tls-key", other_key]));
    assert_eq!(code, 2, "{told}");
    let serve = Serve::start(&data);
    let (code, told) = refused(command(&data, &[]));
    assert_eq!(code, 8, "{told}");
    assert!(told.contains("another process"), "{told}");
    drop(serve);
}

#[tokio::test]
async fn the_secret_of_the_online_keys_is_never_made_anew_unseen() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let gun = Gun::raw("a/b").expect("a name");
    let publisher = Publisher::new();
    let server = serve.collection(&gun);
    let foundation = Foundation::new(&publisher.root, &publisher.targets);
    let draft = initialise(&policy(&gun), &server, foundation).await.expect("keys");
    assert!(publisher.publish(draft, &server, 1).await);
    drop(serve);
    std::fs::remove_file(home.path().join("online.key")).expect("removed");
    let (code, told) = refused(command(home.path(), &[]));
    assert_eq!(code, 6, "{told}");
    assert!(told.contains("online.key is missing"), "{told}");
}

#[test]
fn a_passphrase_must_be_the_one_that_it_was() {
    let home = tempfile::tempdir().expect("a directory");
    let with = |passphrase: &str| {
        let mut command = command(home.path(), &["-q"]);
        command.env("COUNTERSIGN_SERVER_PASSPHRASE", passphrase);
        command
    };
    drop(Serve::run(with("correct horse"), home.path()));
    drop(Serve::run(with("correct horse"), home.path()));
    assert!(!home.path().join("online.key").exists());
    for (command, expected) in [
        (with("battery staple"), "not the passphrase"),
        (command(home.path(), &[]), "set COUNTERSIGN_SERVER_PASSPHRASE"),
    ] {
        let (code, told) = refused(command);
        assert_eq!(code, 6, "{told}");
        assert!(told.contains(expected) && !told.contains("staple"), "{told}");
    }
}

#[test]
fn notary_server_s_configuration_is_understood_or_named() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("server-config.json");
    let write = |text: &str| std::fs::write(&file, text).expect("written");
    let check = || {
        let words = ["--check", "--notary-config", file.to_str().expect("text")];
        let child = command(home.path(), &words).spawn().expect("the program starts");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    write(
        r#"{"server": {"http_addr": ":4443", "tls_cert_file": "./a.crt", "tls_key_file": "./a.key"},
        "trust_service": {"type": "remote", "hostname": "signer", "port": "7899", "key_algorithm": "ecdsa"},
        "storage": {"backend": "memory"}, "logging": {"level": "debug"}, "reporting": {"bugsnag": {}},
        "auth": {"type": "token", "options": {"realm": "https://a/token", "issuer": "a", "service": "s", "rootcertbundle": "/r"}},
        "repositories": {"gun_prefixes": ["docker.io/"]}, "surprise": {"x": 1}}"#,
    );
    let (code, said, remarks) = check();
    assert_eq!(code, Some(0), "{remarks}");
    for expected in ["a.crt", "https://a/token", "in memory", "docker.io/"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    for named in ["trust_service.type", "trust_service.hostname", "reporting.bugsnag", "surprise.x"]
    {
        assert!(remarks.contains(named), "{named}: {remarks}");
    }
    for (text, named) in [
        (r#"{"storage": {"backend": "rethinkdb"}}"#, "storage.backend"),
        (r#"{"server": {"http_addr": "here"}}"#, "server.http_addr"),
        (r#"{"server": {"client_ca_file": "x"}}"#, "server.client_ca_file"),
        (r#"{"repositories": {"gun_prefixes": ["docker.io"]}}"#, "docker.io"),
        (r#"{"auth": {"type": "token", "options": {}}}"#, "auth.options.realm"),
        ("[", "server-config.json"),
    ] {
        write(text);
        let (code, _, told) = check();
        assert_eq!(code, Some(2), "{text}");
        assert!(told.contains(named), "{named}: {told}");
    }
}

/// Speaks as no client does.
fn raw(serve: &Serve, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(serve.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    stream.write_all(bytes).expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn plain_http_gets_no_answer_in_http() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let answer = raw(&serve, b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(!answer.starts_with(b"HTTP/"), "TLS only");
}
