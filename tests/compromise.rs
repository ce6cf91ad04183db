//! Keys are stolen and used, hosts with docker, notary and countersign see what the thief made, and
//! one command brings all of them back: on the original trust server and on ours.
#![cfg(all(feature = "server", feature = "cli", feature = "registry"))]

#[path = "support/attacker.rs"]
mod attacker;
#[path = "support/database.rs"]
mod database;
#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use attacker::Attacker;
use countersign::crypto::{PrivateKey, Sha256, Signer as _};
use countersign::keys::Passphrase;
use countersign::server::Passphrases;
use countersign::storage::metadata::Address;
use countersign::storage::signer;
use countersign::tuf::{Dialect, FileMeta, Limits, Message, RoleName, Version};
use database::{Kind, TestDatabase};
use registry::{TestRegistry, text};

/// A collection, its publisher, hosts that pull from it, and a thief between them and the server.
struct Scene<'s> {
    servers: &'s TestRegistry,
    database: &'s TestDatabase,
    attacker: Attacker,
    image: String,
    good: String,
    evil: String,
}

/// Who looks, each with a trust directory of its own that lasts.
const HOSTS: [&str; 4] = ["countersign", "notary", "/usr/bin/docker", "docker"];

/// What a host makes of tag `1`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sees {
    Good,
    Evil,
    Nothing,
}

impl<'s> Scene<'s> {
    /// A collection whose tag `1` means the good image, as all hosts have seen.
    fn new(servers: &'s TestRegistry, database: &'s TestDatabase, name: &str) -> Self {
        let image = format!("{}/stolen/{name}", servers.registry());
        let (good, _) = servers.seed(&format!("stolen/{name}:1"), &["--text", "good"]);
        let (evil, _) = servers.seed(&format!("stolen/{name}:2"), &["--text", "evil"]);
        let attacker = Attacker::start(servers);
        let tls = Path::new(servers.variable("DOCKER_CONFIG")).join("tls");
        let host = tls.join(attacker.url.trim_start_matches("https://"));
        fs::create_dir_all(&host).expect("a directory");
        fs::copy(servers.variable("TEST_CA"), host.join("ca.crt")).expect("copied");
        let scene = Self { servers, database, attacker, image, good, evil };
        scene.publisher(&["sign", &format!("{}:1@{}", scene.image, scene.good)]);
        assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
        scene
    }

    /// Has the publisher do something, directly at the trust server.
    fn publisher(&self, words: &[&str]) -> String {
        self.servers.run(env!("CARGO_BIN_EXE_countersign"), &[&["-q"], words].concat())
    }

    /// What each host sees, by way of the thief.
    fn hosts_see(&self) -> [Sees; 4] {
        HOSTS.map(|host| self.sees(host))
    }

    fn sees(&self, host: &str) -> Sees {
        let home = self.home(host);
        let tag = format!("{}:1", self.image);
        let directory = home.join("trust").display().to_string();
        let at = ["-s", &self.attacker.url, "--tlscacert", &self.attacker.authority];
        let mut command = match host {
            "countersign" => self.servers.command(env!("CARGO_BIN_EXE_countersign")),
            host => self.servers.command(host),
        };
        match host {
            "countersign" => command.args(["verify", "-q", &tag]),
            "notary" => command.args(at).args(["-d", &directory, "lookup", &self.image, "1"]),
            _ => command.args(["trust", "inspect", &self.image]),
        };
        command.env("DOCKER_CONFIG", &home).env("DOCKER_CONTENT_TRUST_SERVER", &self.attacker.url);
        let said = text(&command.output().expect("it runs"));
        let means = |digest: &str| said.contains(digest.trim_start_matches("sha256:"));
        match () {
            () if means(&self.evil) => Sees::Evil,
            () if means(&self.good) => Sees::Good,
            () => Sees::Nothing,
        }
    }

    /// A host's own docker configuration.
    fn home(&self, host: &str) -> PathBuf {
        let collection = self.image.rsplit('/').next().expect("a name");
        let home = format!("host-{collection}-{}", host.replace('/', "-"));
        let home = self.servers.directory().join(home);
        if !home.exists() {
            fs::create_dir_all(&home).expect("a directory");
            let tls = Path::new(self.servers.variable("DOCKER_CONFIG")).join("tls");
            let copied = std::process::Command::new("cp").arg("-r").arg(tls).arg(&home).status();
            assert!(copied.is_ok_and(|status| status.success()), "the authority is copied");
        }
        home
    }

    /// A file as our host saw it last.
    fn file(&self, role: &str) -> Vec<u8> {
        let cache = self.home("countersign").join("trust/tuf").join(&self.image);
        fs::read(cache.join(format!("metadata/{role}.json"))).expect("a cached file")
    }

    /// The server's key of a role: the thief has the database and its passphrase.
    fn server_key(&self, role: &RoleName) -> PrivateKey {
        let root = Dialect::Notary.open_root(&self.file("root"), &Limits::default());
        let root = root.expect("a root").into_unverified_content();
        let ids = root.role(role).expect("the role").keyids().to_vec();
        let passphrases = Passphrases::new("alias1".to_owned(), |_| {
            Some(Passphrase::new("throw-away-signer".to_owned()))
        });
        let address: Address = self.database.variable("SIGNER_URL").parse().expect("an address");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let rows = runtime.block_on(async {
            let table = signer::open(&address).await.expect("the table");
            table.find(&ids).await.expect("an answer")
        });
        passphrases.open(rows.first().expect("the key's row")).expect("the key")
    }

    /// The thief shows hosts these files instead of the server's.
    fn shows(&self, files: &[(&str, Vec<u8>)]) {
        let folder = self.servers.directory().join("shown");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a directory");
        for (role, bytes) in files {
            fs::write(folder.join(format!("{role}.json")), bytes).expect("written");
        }
        self.attacker.behave(&format!("stand-in {}", folder.display()));
    }

    /// A timestamp of the thief's over a snapshot, with a version that nobody reaches any more.
    fn forged_timestamp(&self, snapshot: &[u8], key: &PrivateKey) -> Vec<u8> {
        self.timestamp(snapshot, key, |_| far())
    }

    /// The same for a snapshot.
    fn forged_snapshot(&self, key: &PrivateKey) -> Vec<u8> {
        self.snapshot(key, |_| far())
    }

    fn timestamp(&self, over: &[u8], key: &PrivateKey, version: Numbered) -> Vec<u8> {
        let opened = Dialect::Notary.open_timestamp(&self.file("timestamp"), &Limits::default());
        let mut timestamp = opened.expect("a timestamp").into_unverified_content();
        timestamp.version = version(timestamp.version);
        timestamp.snapshot = FileMeta::of(over);
        sealed(&Dialect::Notary.timestamp_message(&timestamp), key)
    }

    fn snapshot(&self, key: &PrivateKey, version: Numbered) -> Vec<u8> {
        let opened = Dialect::Notary.open_snapshot(&self.file("snapshot"), &Limits::default());
        let mut snapshot = opened.expect("a snapshot").into_unverified_content();
        snapshot.version = version(snapshot.version);
        sealed(&Dialect::Notary.snapshot_message(&snapshot), key)
    }

    /// Puts a file into the server's database, as its newest of that role.
    fn store(&self, role: &str, bytes: &[u8]) {
        let (gun, sha256, data) = (&self.image, Sha256::of(bytes), hex(bytes));
        self.database.sql(
            "notaryserver",
            &format!(
                "INSERT INTO tuf_files (created_at, updated_at, gun, role, version, data, sha256) \
                 SELECT now(), now(), '{gun}', '{role}', max(version) + 1, '\\x{data}', '{sha256}' \
                 FROM tuf_files WHERE gun = '{gun}' AND role = '{role}'"
            ),
        );
    }

    /// After the keys that were used to count ahead were replaced: our host goes on. notary and
    /// docker compare with a version that was signed by a key that is gone (notary 0.7
    /// `tufclient.go`, which loads cached files under the old root), until it is forgotten.
    fn recovers(&self) {
        let [ours, others @ ..] = self.hosts_see();
        assert_eq!(ours, Sees::Good);
        assert_eq!(others, [Sees::Nothing; 3]);
        for host in &HOSTS[1..] {
            let cache = self.home(host).join("trust/tuf").join(&self.image).join("metadata");
            for role in ["timestamp", "snapshot"] {
                fs::remove_file(cache.join(format!("{role}.json"))).expect("it was cached");
            }
        }
        assert_eq!(self.hosts_see(), [Sees::Good; 4]);
        self.publisher(&["sign", &format!("{}:1@{}", self.image, self.evil)]);
        assert_eq!(self.hosts_see(), [Sees::Evil; 4], "what is new arrives again");
    }

    /// A copy of the publisher's trust directory, with the keys of one role and no others.
    fn stolen_keys(&self, role: &str) -> String {
        let stolen = self.servers.directory().join("stolen-keys");
        let _ = fs::remove_dir_all(&stolen);
        let from = self.servers.trust_directory();
        let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(&stolen).status();
        assert!(copied.is_ok_and(|status| status.success()), "stolen");
        for entry in fs::read_dir(stolen.join("private")).expect("keys").flatten() {
            let text = fs::read_to_string(entry.path()).expect("a key");
            if !text.contains(&format!("role: {role}\n")) {
                fs::remove_file(entry.path()).expect("not stolen");
            }
        }
        stolen.display().to_string()
    }

    /// What the thief's program says to a signature; whether it was published.
    fn thief_signs(&self, keys: &str, role: &str) -> bool {
        let tag = format!("{}:1@{}", self.image, self.evil);
        let mut command = self.servers.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(["--trust-dir", keys, "sign", &tag, "--role", role]);
        command.output().expect("it runs").status.success()
    }
}

fn stolen_timestamp_key(scene: &Scene<'_>) {
    let key = scene.server_key(&RoleName::Timestamp);
    let forged = scene.forged_timestamp(&scene.file("snapshot"), &key);
    scene.shows(&[("timestamp", forged.clone())]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4], "they took the thief's timestamp");
    scene.attacker.behave("honest");
    assert_eq!(scene.hosts_see(), [Sees::Nothing; 4], "the server's is older");
    scene.publisher(&["key", "rotate", &scene.image, "timestamp", "-r"]);
    scene.recovers();
    scene.shows(&[("timestamp", forged)]);
    assert_eq!(scene.sees("countersign"), Sees::Nothing, "the thief's is worth nothing now");
}

/// Of no use without a timestamp key; a server has both.
fn stolen_snapshot_key(scene: &Scene<'_>) {
    scene.publisher(&["key", "rotate", &scene.image, "snapshot", "-r"]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
    let snapshot = scene.forged_snapshot(&scene.server_key(&RoleName::Snapshot));
    let timestamp = scene.forged_timestamp(&snapshot, &scene.server_key(&RoleName::Timestamp));
    scene.shows(&[("snapshot", snapshot), ("timestamp", timestamp)]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4], "they took the thief's snapshot");
    scene.attacker.behave("honest");
    assert_eq!(scene.hosts_see(), [Sees::Nothing; 4], "the server's is older");
    for role in ["timestamp", "snapshot"] {
        scene.publisher(&["key", "rotate", &scene.image, role, "-r"]);
    }
    scene.recovers();
}

/// Nobody is a thief here: a publisher came between the server's reading of root and of snapshot, and
/// it signed the next snapshot with the key that a rotation had replaced in that moment. Ours does not
/// do that, and builds nothing on such files.
fn a_snapshot_of_the_replaced_key(scene: &Scene<'_>) {
    let sign = format!("{}:1@{}", scene.image, scene.evil);
    scene.publisher(&["key", "rotate", &scene.image, "snapshot", "-r"]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
    let replaced = scene.server_key(&RoleName::Snapshot);
    scene.publisher(&["key", "rotate", &scene.image, "snapshot", "-r"]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
    let snapshot = scene.snapshot(&replaced, next);
    let timestamp = scene.timestamp(&snapshot, &scene.server_key(&RoleName::Timestamp), next);
    scene.store("snapshot", &snapshot);
    scene.store("timestamp", &timestamp);
    assert_eq!(scene.sees("countersign"), Sees::Nothing);
    let refused =
        scene.servers.command(env!("CARGO_BIN_EXE_countersign")).args(["sign", &sign]).output();
    assert_eq!(refused.expect("it runs").status.code(), Some(4), "nor can it be changed");
    scene.publisher(&["key", "rotate", &scene.image, "snapshot", "-r"]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
    scene.publisher(&["sign", &sign]);
    assert_eq!(scene.hosts_see(), [Sees::Evil; 4]);
}

fn stolen_targets_key(scene: &Scene<'_>) {
    let keys = scene.stolen_keys("targets");
    assert!(scene.thief_signs(&keys, "targets"));
    assert_eq!(scene.hosts_see(), [Sees::Evil; 4], "as the thief wants");
    scene.publisher(&["key", "rotate", &scene.image, "targets"]);
    scene.publisher(&["sign", &format!("{}:1@{}", scene.image, scene.good)]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
    assert!(!scene.thief_signs(&keys, "targets"));
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
}

/// `notary lookup` asks `targets` first, which the thief cannot sign.
fn stolen_delegation_key(scene: &Scene<'_>) {
    let collection = scene.image.rsplit('/').next().expect("a name");
    let mallory = format!("mallory-{collection}");
    for name in [&format!("ada-{collection}"), &mallory] {
        scene.publisher(&["key", "generate", name, "--dir", "."]);
        scene.publisher(&["signer", "add", name, &scene.image, "--key", &format!("{name}.pub")]);
    }
    scene.publisher(&["sign", &format!("{}:1@{}", scene.image, scene.good)]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
    let keys = scene.stolen_keys(&mallory);
    assert!(scene.thief_signs(&keys, "targets/releases"));
    assert_eq!(scene.hosts_see(), [Sees::Evil, Sees::Good, Sees::Evil, Sees::Evil]);
    scene.publisher(&["signer", "remove", &mallory, &scene.image]);
    scene.publisher(&["sign", &format!("{}:1@{}", scene.image, scene.good)]);
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
    assert!(!scene.thief_signs(&keys, "targets/releases"));
    assert_eq!(scene.hosts_see(), [Sees::Good; 4]);
}

/// With everything in one database: the original servers, and then ours in their place.
#[test]
fn one_command_brings_back_hosts_that_saw_what_a_thief_made() {
    let database = TestDatabase::start(Kind::Postgres);
    database.make_notary_s_tables();
    let path = database.directory().to_str().expect("a path in UTF-8").to_owned();
    let servers = TestRegistry::start(&["--no-docker", "--database", &path]);
    play(&servers, &database, "original");
    a_snapshot_of_the_replaced_key(&Scene::new(&servers, &database, "original-race"));
    servers.end("notary_server");
    servers.end("notary_signer");
    let ours = Ours::start(&servers);
    play(&servers, &database, "ours");
    drop(ours);
}

fn play(servers: &TestRegistry, database: &TestDatabase, server: &str) {
    let scene = |stolen: &str| Scene::new(servers, database, &format!("{server}-{stolen}"));
    stolen_timestamp_key(&scene("timestamp"));
    stolen_snapshot_key(&scene("snapshot"));
    stolen_targets_key(&scene("targets"));
    stolen_delegation_key(&scene("delegation"));
}

/// Our server in place of the originals.
struct Ours(Child);

impl Ours {
    fn start(servers: &TestRegistry) -> Self {
        let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(["-q", "serve", "--notary-config", "notary-server.json"]);
        command.args(["--signer-config", "notary-signer.json", "--data", "ours"]);
        command.env("NOTARY_SIGNER_ALIAS1", "throw-away-signer").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), servers.variable("TRUST_SERVER"));
        Self(child)
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From a version to that of what is made after it.
type Numbered = fn(Version) -> Version;

fn next(version: Version) -> Version {
    version.next().expect("a version")
}

fn sealed(message: &Message, key: &PrivateKey) -> Vec<u8> {
    let signature = key.sign(message.as_bytes()).expect("signed");
    Dialect::Notary.seal(message, &[(Dialect::Notary.key(key.public()).id(), signature)])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The highest version that Notary's databases can hold.
fn far() -> Version {
    Version::new(2_147_483_647).expect("a version")
}
