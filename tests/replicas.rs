//! Several servers on one PostgreSQL: coherent, and nothing lost when one of them dies, or when the
//! database is away for a while.

#![cfg(all(feature = "server", feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock")]

#[path = "support/database.rs"]
mod database;
#[path = "support/serve.rs"]
mod serve;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::client::{Foundation, Roles, Wish, initialise, refresh};
use countersign::storage::MemoryCache;
use countersign::tuf::{Gun, RoleName};
use countersign::verify::Wanted;
use rustix::process::{Pid, Signal, kill_process};

use database::{Kind, TestDatabase};
use serve::{Publisher, Serve, check, command, policy, refused};

/// A server on that database. What it needs besides is a passphrase; its directory is its own.
fn replica(home: &Path, url: &str) -> Serve {
    let mut command = command(home, &["-q", "--database", url]);
    command.env("COUNTERSIGN_SERVER_PASSPHRASE", "throw-away");
    Serve::run(command, home)
}

/// How many tags a server shows; everything that leads to them verifies.
async fn tags(serve: &Serve, gun: &Gun) -> Option<usize> {
    let server = serve.collection(gun);
    let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
    match refresh(policy(gun), &MemoryCache::new(), Some(&server), wish).await {
        Ok(found) => {
            Some(found.targets.role(&RoleName::Targets).expect("targets").content().targets.len())
        }
        Err(countersign::client::Error::Verify(error)) => panic!("{gun}: {error}"),
        Err(_) => None,
    }
}

/// Two servers, the first of which is to be killed.
struct Pair {
    servers: [Serve; 2],
    first_is_gone: AtomicBool,
}

impl Pair {
    /// Signs one more tag, at whichever server; returns at which, or nothing if it was not
    /// acknowledged.
    async fn sign(&self, publisher: &Publisher, gun: &Gun, tag: usize) -> Option<usize> {
        let at = if self.first_is_gone.load(Ordering::SeqCst) { 1 } else { tag % 2 };
        let server = self.servers[at].collection(gun);
        let draft = match tag {
            1 => {
                let foundation = Foundation::new(&publisher.root, &publisher.targets);
                initialise(&policy(gun), &server, foundation).await.ok()?
            }
            _ => publisher.known(&server, gun).await?,
        };
        publisher.publish(draft, &server, tag).await.then_some(at)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_coherent_and_one_may_die() {
    let database = TestDatabase::start(Kind::Postgres);
    let homes = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let url = database.variable("SERVER_URL");
    let servers = [replica(homes[0].path(), url), replica(homes[1].path(), url)];
    let victim = Pid::from_raw(i32::try_from(servers[0].child.id()).expect("small"));
    let pair = Arc::new(Pair { servers, first_is_gone: AtomicBool::new(false) });
    let publisher = Arc::new(Publisher::new());
    let seen_elsewhere = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let (pair, publisher) = (Arc::clone(&pair), Arc::clone(&publisher));
            let seen_elsewhere = Arc::clone(&seen_elsewhere);
            tokio::spawn(async move {
                let gun = Gun::raw(&format!("replicas/{worker}")).expect("a name");
                let (mut tag, mut attempts) = (1, 0);
                while tag <= 16 {
                    attempts += 1;
                    assert!(attempts < 200, "{gun}: no progress after tag {tag}");
                    let Some(at) = pair.sign(&publisher, &gun, tag).await else {
                        // It may be stored although nobody said so.
                        if tags(&pair.servers[1], &gun).await.is_some_and(|tags| tags >= tag) {
                            tag += 1;
                        }
                        continue;
                    };
                    // What one has acknowledged the other shows at once.
                    if let Some(shown) = tags(&pair.servers[1 - at], &gun).await {
                        assert!(shown >= tag, "{gun}: {shown} of {tag} tags at the other server");
                        seen_elsewhere.fetch_add(1, Ordering::SeqCst);
                    }
                    tag += 1;
                }
                (gun.to_string(), 16)
            })
        })
        .collect();
    while seen_elsewhere.load(Ordering::SeqCst) < 12 {
        assert!(!workers.iter().all(tokio::task::JoinHandle::is_finished), "they got on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kill_process(victim.expect("not zero"), Signal::KILL).expect("killed");
    pair.first_is_gone.store(true, Ordering::SeqCst);
    let mut acknowledged = BTreeMap::new();
    for worker in workers {
        acknowledged.extend([worker.await.expect("no panic")]);
    }
    check(&pair.servers[1], &acknowledged).await;
    let third = tempfile::tempdir().expect("a directory");
    check(&replica(third.path(), url), &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_said_so_and_found_again() {
    let database = TestDatabase::start(Kind::Postgres);
    let home = tempfile::tempdir().expect("a directory");
    let serve = replica(home.path(), database.variable("SERVER_URL"));
    let publisher = Publisher::new();
    let gun = Gun::raw("a/b").expect("a name");
    let server = serve.collection(&gun);
    let foundation = Foundation::new(&publisher.root, &publisher.targets);
    let draft = initialise(&policy(&gun), &server, foundation).await.expect("keys");
    assert!(publisher.publish(draft, &server, 1).await);
    let draft = publisher.known(&server, &gun).await.expect("a collection");

    database.stop();
    let answer = headers(&serve, "/v2/a/b/_trust/tuf/timestamp.json");
    assert!(answer.starts_with("HTTP/1.1 503"), "not from memory either: {answer}");
    assert!(answer.to_lowercase().contains("retry-after: "), "{answer}");
    assert!(headers(&serve, "/_notary_server/health").starts_with("HTTP/1.1 503"));
    assert!(!publisher.publish(draft, &server, 2).await);

    database.go_on();
    // It may still say that it is starting.
    for _ in 0..200 {
        if headers(&serve, "/_notary_server/health").starts_with("HTTP/1.1 200") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(tags(&serve, &gun).await, Some(1));
    let draft = publisher.known(&server, &gun).await.expect("a collection");
    assert!(publisher.publish(draft, &server, 2).await);
    assert!(headers(&serve, "/_notary_server/health").starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_die_without_a_word_keep_nobody_waiting() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let database = TestDatabase::start(kind);
        let port = database.variable("DATABASE_PORT");
        let firewall = Firewall::before(port.parse().expect("a port"));
        let url = database.variable("SERVER_URL");
        let through = url.replace(&format!(":{port}/"), &format!(":{}/", firewall.port));
        assert_ne!(through, url);
        let home = tempfile::tempdir().expect("a directory");
        let serve = replica(home.path(), &through);
        let publisher = Publisher::new();
        let gun = Gun::raw("a/b").expect("a name");
        let server = serve.collection(&gun);
        let foundation = Foundation::new(&publisher.root, &publisher.targets);
        let draft = initialise(&policy(&gun), &server, foundation).await.expect("keys");
        assert!(publisher.publish(draft, &server, 1).await);

        let path = "/v2/a/b/_trust/tuf/timestamp.json";
        assert!(headers(&serve, path).starts_with("HTTP/1.1 200"));
        firewall.forget();
        let asked = Instant::now();
        let answer = headers(&serve, path);
        let answered =
            ["200", "503"].iter().any(|it| answer.starts_with(&format!("HTTP/1.1 {it}")));
        assert!(answered, "{kind:?}: {answer}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{kind:?}: {:?}", asked.elapsed());
        while !headers(&serve, path).starts_with("HTTP/1.1 200") {
            assert!(asked.elapsed() < Duration::from_secs(40), "{kind:?}: it stays away");
        }
        assert!(headers(&serve, "/_notary_server/health").starts_with("HTTP/1.1 200"));
        let draft = publisher.known(&server, &gun).await.expect("a collection");
        assert!(publisher.publish(draft, &server, 2).await, "{kind:?}");
    }
}

/// Stands before a database, and may forget the connections through it: what is sent is swallowed, and
/// nobody is told.
struct Firewall {
    port: u16,
    opened: Arc<AtomicUsize>,
    forgotten: Arc<AtomicUsize>,
}

impl Firewall {
    fn before(database: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (opened, forgotten) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counting, forgetting) = (Arc::clone(&opened), Arc::clone(&forgotten));
        std::thread::spawn(move || {
            for here in listener.incoming().map_while(Result::ok) {
                let number = counting.fetch_add(1, Ordering::SeqCst);
                let there = TcpStream::connect(("127.0.0.1", database)).expect("the database");
                let again = |it: &TcpStream| it.try_clone().expect("a clone");
                for (from, to) in [(again(&here), again(&there)), (there, here)] {
                    let forgotten = Arc::clone(&forgetting);
                    std::thread::spawn(move || pass_on(from, to, number, &forgotten));
                }
            }
        });
        Self { port, opened, forgotten }
    }

    fn forget(&self) {
        self.forgotten.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, number: usize, forgotten: &AtomicUsize) {
    let mut bytes = [0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if number < forgotten.load(Ordering::SeqCst) {
            // It stays open.
            std::mem::forget((from, to));
            return;
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[test]
fn replicas_must_have_the_same_secret() {
    let database = TestDatabase::start(Kind::Postgres);
    let homes = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let url = database.variable("SERVER_URL");
    let words = ["-q", "--database", url];
    drop(Serve::run(command(homes[0].path(), &words), homes[0].path()));
    let (code, told) = refused(command(homes[1].path(), &words));
    assert_eq!(code, 6, "{told}");
    assert!(told.contains("online.key is missing") && told.contains("Copy it"), "{told}");
    std::fs::write(homes[1].path().join("online.key"), "0".repeat(64)).expect("written");
    let (code, told) = refused(command(homes[1].path(), &words));
    assert_eq!(code, 6, "{told}");
    assert!(told.contains("not the one that the other servers"), "{told}");
    let key = homes[0].path().join("online.key");
    std::fs::copy(key, homes[1].path().join("online.key")).expect("copied");
    drop(Serve::run(command(homes[1].path(), &words), homes[1].path()));

    let shown = url.replace("server@", "server:secret@");
    let (code, told) = refused(command(homes[1].path(), &["--database", &shown]));
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("COUNTERSIGN_DATABASE") && !told.contains("secret"), "{told}");
    let mut elsewhere = command(homes[1].path(), &["-q"]);
    elsewhere.env("COUNTERSIGN_DATABASE", shown);
    drop(Serve::run(elsewhere, homes[1].path()));
}

#[test]
fn tickets_are_good_on_every_replica_with_the_signer_s_passphrase() {
    let database = TestDatabase::start(Kind::Postgres);
    let homes = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let [first, second, stranger] = [0, 1, 2].map(|at| {
        let passphrase = if at == 2 { "another" } else { "throw-away" };
        with_signer(homes[at].path(), &database, passphrase)
    });
    let (code, told) = asked(&first, &["-u", "alice:right", "/token"]);
    assert_eq!(code, "200", "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let ticket = format!("authorization: Bearer {}", told["token"].as_str().expect("a ticket"));
    assert_eq!(asked(&first, &["-H", &ticket, "/v2/"]).0, "200");
    assert_eq!(asked(&second, &["-H", &ticket, "/v2/"]).0, "200", "another replica");
    assert_eq!(asked(&stranger, &["-H", &ticket, "/v2/"]).0, "401", "it has another passphrase");
    drop(first);
    let again = with_signer(homes[0].path(), &database, "throw-away");
    assert_eq!(asked(&again, &["-H", &ticket, "/v2/"]).0, "200", "after a restart");
}

/// A server whose online keys are a signer's, and that knows alice.
fn with_signer(home: &Path, database: &TestDatabase, passphrase: &str) -> Serve {
    let hash = bcrypt::hash("right", 4).expect("a hash");
    std::fs::write(home.join("htpasswd"), format!("alice:{hash}\n")).expect("written");
    let (config, htpasswd) = (home.join("server.toml"), home.join("htpasswd"));
    let (server, signer) = (database.variable("SERVER_URL"), database.variable("SIGNER_URL"));
    let text = format!(
        "database = {server:?}\n[signer]\ndatabase = {signer:?}\ndefault_alias = \"alias1\"\n\
         [auth.htpasswd]\nfile = {htpasswd:?}\n"
    );
    std::fs::write(&config, text).expect("written");
    let mut command = command(home, &["-q", "--config"]);
    command.arg(config).env("NOTARY_SIGNER_ALIAS1", passphrase);
    Serve::run(command, home)
}

/// The status and body of an answer; the path comes last.
fn asked(serve: &Serve, words: &[&str]) -> (String, String) {
    let (path, words) = words.split_last().expect("a path");
    let mut command = Command::new("curl");
    command.args(["-s", "-w", "\n%{http_code}", "--max-time", "20", "--cacert"]);
    command.arg(serve.data.join("ca.crt")).args(words).arg(format!("{}{path}", serve.url));
    let output = command.output().expect("curl runs").stdout;
    let text = String::from_utf8_lossy(&output).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    (status.to_owned(), body.to_owned())
}

/// The head of an answer.
fn headers(serve: &Serve, path: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["-s", "-o", "/dev/null", "-D", "-", "--max-time", "20", "--cacert"]);
    command.arg(serve.data.join("ca.crt")).arg(format!("{}{path}", serve.url));
    String::from_utf8_lossy(&command.output().expect("curl runs").stdout).into_owned()
}
