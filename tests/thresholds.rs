//! What docker and notary make of thresholds above 1: they follow a collection that enough people
//! signed, and refuse one that too few did.

#[path = "support/attacker.rs"]
mod attacker;
#[path = "support/registry.rs"]
mod registry;
#[path = "support/repository.rs"]
mod repository;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attacker::Attacker;
use base64::Engine as _;
use registry::{NOTARY_SERVER, TestRegistry, text};
use repository::{Repository, TestKey};
use serde_json::json;

/// The servers, and a man in the middle who serves whatever repository is written down for him.
struct Scene {
    servers: TestRegistry,
    attacker: Attacker,
    gun: String,
    /// What the registry has.
    digest: String,
}

/// What a program makes of one repository.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    /// The digest that `targets/releases` signs.
    Signed,
    /// The other one, which `targets` signs.
    Fallback,
    Refused,
}

impl Scene {
    fn new() -> Self {
        let servers = TestRegistry::start(&["--no-docker", "--trust", NOTARY_SERVER]);
        let (digest, _) = servers.seed("thresholds/web:1", &[]);
        let gun = format!("{}/thresholds/web", servers.registry());
        let attacker = Attacker::start(&servers);
        let tls = Path::new(servers.variable("DOCKER_CONFIG")).join("tls");
        let host = tls.join(attacker.url.trim_start_matches("https://"));
        fs::create_dir_all(&host).expect("a directory");
        fs::copy(servers.variable("TEST_CA"), host.join("ca.crt")).expect("copied");
        Self { servers, attacker, gun, digest }
    }

    /// A collection whose root, targets and `targets/releases` need two of three keys.
    fn shared(&self) -> Repository {
        let mut shared = Repository::bare(&self.gun);
        let three = |make: &dyn Fn() -> Arc<TestKey>| [make(), make(), make()];
        shared.grant("root", 2, &three(&|| TestKey::certified(&self.gun)));
        shared.grant("targets", 2, &three(&TestKey::p256));
        shared.delegate("targets/releases", 2, &three(&TestKey::p256), &[""]);
        let until = "2035-01-01T00:00:00Z";
        for role in ["snapshot", "timestamp"] {
            shared.say(role, |signed| signed["expires"] = json!(until));
        }
        let hex = self.digest.trim_start_matches("sha256:");
        shared.say("targets/releases", |signed| {
            signed["targets"]["1"] = target(hex);
        });
        shared.say("targets", |signed| signed["targets"]["1"] = target(&"00".repeat(32)));
        shared
    }

    /// The same, with so many signatures on one role.
    fn signed_by(&self, role: &str, count: usize) -> Repository {
        let mut shared = self.shared();
        shared.spoil(role, move |file| file.signatures.truncate(count));
        shared
    }

    /// Has the man in the middle serve it.
    fn serve(&self, mut repository: Repository) {
        repository.publish();
        let folder = self.servers.directory().join("replayed");
        let _ = fs::remove_dir_all(&folder);
        for (role, bytes) in &repository.current {
            let path = folder.join(format!("{role}.json"));
            fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
            fs::write(path, bytes).expect("written");
        }
        self.attacker.behave(&format!("stand-in {}", folder.display()));
    }

    /// Which digest tag `1` has for somebody who saw nothing before: by notary, docker 20.10,
    /// docker 28 and us.
    fn answers(&self) -> [Answer; 4] {
        let folder = self.fresh("notary").display().to_string();
        let at = ["-s", &self.attacker.url, "--tlscacert", &self.attacker.authority];
        let lookup = [&at[..], &["-d", &folder, "lookup", &self.gun, "1"]].concat();
        let inspect = ["trust", "inspect", &self.gun];
        let verify = ["verify", &format!("{}:1", self.gun)];
        [
            self.answer("notary", &lookup),
            self.answer("/usr/bin/docker", &inspect),
            self.answer("docker", &inspect),
            self.answer(env!("CARGO_BIN_EXE_countersign"), &verify),
        ]
    }

    fn answer(&self, program: &str, words: &[&str]) -> Answer {
        let config = self.fresh("docker");
        let tls = Path::new(self.servers.variable("DOCKER_CONFIG")).join("tls");
        std::process::Command::new("cp").arg("-r").arg(tls).arg(&config).status().expect("copied");
        let mut command = self.servers.command(program);
        command
            .env("DOCKER_CONFIG", &config)
            .env("DOCKER_CONTENT_TRUST_SERVER", &self.attacker.url);
        let output = command.args(words).output().expect("it runs");
        let said = text(&output);
        match () {
            () if said.contains(self.digest.trim_start_matches("sha256:")) => Answer::Signed,
            () if said.contains(&"00".repeat(32)) => Answer::Fallback,
            () => Answer::Refused,
        }
    }

    fn fresh(&self, name: &str) -> PathBuf {
        let folder = self.servers.directory().join(format!("fresh-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a directory");
        folder
    }
}

fn target(hex: &str) -> serde_json::Value {
    let pairs = hex.as_bytes().chunks(2);
    let digit = |digit: u8| (digit as char).to_digit(16).expect("a digit") as u8;
    let bytes: Vec<u8> = pairs.map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    json!({"hashes": {"sha256": encoded}, "length": 405})
}

/// With enough signatures everybody follows. `notary lookup` asks `targets` first, whoever signed
/// `targets/releases`.
#[test]
fn two_of_three_signatures_are_enough_for_docker_and_notary() {
    let scene = Scene::new();
    for role in ["root", "targets", "targets/releases"] {
        scene.serve(scene.signed_by(role, 2));
        let [notary, others @ ..] = scene.answers();
        assert_eq!(notary, Answer::Fallback, "{role}");
        assert_eq!(others, [Answer::Signed, Answer::Signed, Answer::Signed], "{role}");
    }
}

/// Under the threshold docker and notary refuse root and targets, as we do. A delegation under its
/// threshold they pass over: docker then believes `targets`, which may say something else.
#[test]
fn one_of_two_signatures_is_refused_and_docker_passes_over_a_delegation() {
    let scene = Scene::new();
    for role in ["root", "targets"] {
        scene.serve(scene.signed_by(role, 1));
        assert!(scene.answers().iter().all(|answer| *answer == Answer::Refused), "{role}");
    }
    scene.serve(scene.signed_by("targets/releases", 1));
    let [notary, old, new, ours] = scene.answers();
    assert_eq!([notary, old, new], [Answer::Fallback, Answer::Fallback, Answer::Fallback]);
    assert_eq!(ours, Answer::Refused);
}
