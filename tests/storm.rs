//! Many processes on one trust directory: nobody sees half of anything, nobody's tag is lost, and
//! what was seen is never forgotten.

#[path = "support/database.rs"]
mod database;
#[path = "support/registry.rs"]
mod registry;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use database::{Kind, TestDatabase};
use registry::{TestRegistry, text};
use serde_json::Value;

#[test]
fn parallel_cli_storm() {
    // Notary's server reads the root first, and then the snapshot that it makes the next one of. If a
    // root that names another key for it comes in between, it signs with the old one, and nobody
    // can read or change the collection any more. So there, nobody signs while keys are rotated.
    let sign_meanwhile = [false, true];
    for (servers, sign_meanwhile) in TestRegistry::each(&["--no-docker"]).zip(sign_meanwhile) {
        let image = format!("{}/team/storm", servers.registry());
        let (digest, _) = servers.seed("team/storm:base", &[]);
        let sign = |tag: &str| {
            let reference = format!("{image}:{tag}@{digest}");
            countersign(&servers, &["sign", "--size", "405", &reference])
        };
        assert_eq!(finish(spawn(sign("base"))), (Some(0), String::new()));
        let rotating_elsewhere = elsewhere(&servers);

        let verify = || {
            let base = format!("{image}:base");
            countersign(&servers, &["verify", "--format", "json", &base])
        };
        let mut signers: Vec<Child> = (0..8).map(|job| spawn(sign(&format!("t{job}")))).collect();
        let mut verifiers: Vec<Child> = (0..32).map(|_| spawn(verify())).collect();
        let signed = |signers: Vec<Child>| {
            for signer in signers {
                assert_eq!(finish(signer), (Some(0), String::new()));
            }
        };
        if !sign_meanwhile {
            signed(std::mem::take(&mut signers));
            verifiers.extend((0..32).map(|_| spawn(verify())));
        }
        for role in ["timestamp", "snapshot"] {
            rotate(&servers, &rotating_elsewhere, &image, role);
        }
        signed(signers);
        let seen: Vec<BTreeMap<String, u64>> = verifiers.into_iter().map(versions).collect();

        let last = versions(spawn(verify()));
        for (role, version) in seen.iter().flatten() {
            assert!(last[role] >= *version, "{role}: {version} was seen, and now {}", last[role]);
        }
        let listed = servers.run("notary", &["-d", "fresh", "list", &image]);
        for job in 0..8 {
            assert!(listed.contains(&format!("\nt{job} ")), "t{job} in {listed}");
        }
    }
}

/// On PostgreSQL, Notary's server answers with 500 where another publisher was faster by a moment.
#[test]
fn sixteen_signers_of_a_new_and_of_a_known_collection_all_succeed_on_databases() {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let database = TestDatabase::start(kind);
        database.make_notary_s_tables();
        let directory = database.directory().to_str().expect("a path in UTF-8");
        let servers = TestRegistry::start(&["--no-docker", "--database", directory]);
        let image = format!("{}/team/storm", servers.registry());
        let (digest, _) = servers.seed("team/storm:base", &[]);
        for round in ["new", "known"] {
            let sign = |job| {
                let reference = format!("{image}:{round}-{job}@{digest}");
                spawn(countersign(&servers, &["sign", "--size", "405", &reference]))
            };
            let signers: Vec<Child> = (0..16).map(sign).collect();
            for signer in signers {
                assert_eq!(finish(signer), (Some(0), String::new()), "{kind:?}, {round}");
            }
        }
        let listed = servers.run("notary", &["-d", "fresh", "list", &image]);
        let tags = listed.lines().filter(|line| line.contains(&digest["sha256:".len()..]));
        assert_eq!(tags.count(), 32, "{listed}");
    }
}

#[test]
fn lock_released_on_kill() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let reference = format!("{}/team/locked:1", servers.registry());
    servers.seed("team/locked:1", &[]);
    servers.run(env!("CARGO_BIN_EXE_countersign"), &["sign", &reference]);
    let ours = servers.trust_directory().join("countersign");
    let files = std::fs::read_dir(&ours).expect("our folder").flatten().map(|file| file.path());
    let lock = files.into_iter().find(|file| file.extension().is_some_and(|it| it == "lock"));
    let mut holder = Command::new("flock")
        .arg(lock.expect("a lock file"))
        .args(["sh", "-c", "echo held; exec sleep 60"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock runs");
    let mut said = [0; 5];
    let mut pipe = holder.stdout.take().expect("a pipe");
    std::io::Read::read_exact(&mut pipe, &mut said).expect("it holds the lock");

    let signer = spawn(countersign(&servers, &["sign", &reference]));
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    // The shell's descendants inherited the lock; `exec` left one process beside flock itself.
    for process in [child_of(holder.id()), Some(holder.id())].into_iter().flatten() {
        let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }
    holder.wait().expect("it ended");
    assert_eq!(finish(signer).0, Some(0));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

fn countersign(servers: &TestRegistry, arguments: &[&str]) -> Command {
    let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn spawn(mut command: Command) -> Child {
    command.spawn().expect("countersign runs")
}

/// The exit code, and everything that was said if it is not 0.
fn finish(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().expect("it ends");
    let said = if output.status.success() { String::new() } else { text(&output) };
    (output.status.code(), said)
}

/// The versions on which a successful `verify` stands.
fn versions(verifier: Child) -> BTreeMap<String, u64> {
    let output = verifier.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", text(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an object");
    serde_json::from_value(answer["versions"].clone()).expect("versions")
}

/// Another machine with the same keys; Notary's client heeds no lock of ours.
fn elsewhere(servers: &TestRegistry) -> String {
    let elsewhere = servers.trust_directory().with_file_name("elsewhere");
    let copied =
        Command::new("cp").arg("-r").arg(servers.trust_directory()).arg(&elsewhere).status();
    assert!(copied.is_ok_and(|status| status.success()));
    elsewhere.display().to_string()
}

/// Has the server make a new key for a role. Notary's client gives up when somebody was faster.
fn rotate(servers: &TestRegistry, trust: &str, image: &str, role: &str) {
    assert!(Path::new(trust).is_dir());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        let mut notary = servers.command("notary");
        notary.args(["-d", trust, "key", "rotate", image, role, "-r"]);
        if notary.output().expect("notary runs").status.success() {
            return;
        }
    }
    panic!("{role} could not be rotated");
}

fn child_of(process: u32) -> Option<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}
