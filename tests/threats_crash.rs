//! Killed, or out of space, at any system call: files are old or new, never torn, and the next run
//! is honest. And for a power cut, which takes back what was not synced: the order of the calls.
//!
//! Needs `strace`, which injects the faults. The program under test is this program itself, started
//! again as a host that refreshes a collection whose server is a folder of files.
#![cfg(feature = "registry")]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a test program without a harness")]

#[path = "support/repository.rs"]
mod repository;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;

use countersign::client::{self, Refreshed, Wish};
use countersign::storage::TrustDirectory;
use repository::*;

/// Every call that can change a disk.
const CALLS: [&str; 8] =
    ["openat", "write", "fsync", "renameat", "mkdirat", "mkdir", "unlinkat", "flock"];

#[expect(clippy::disallowed_methods, reason = "a test program's own arguments")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "host", trust, server] => match host(Path::new(trust), Path::new(server)) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(if kind_of(&error) == "disk" { 8 } else { 4 })
            }
        },
        _ => {
            let names = arguments.iter().skip(1).filter(|argument| !argument.starts_with('-'));
            let names: Vec<&String> = names.collect();
            let wanted = |test: &str| names.is_empty() || names.iter().any(|it| test.contains(*it));
            let tests: [(&str, fn()); 3] = [
                ("kill9_every_syscall", kill9_every_syscall),
                ("disk_fault_table", disk_fault_table),
                ("power_cut_leaves_no_name_without_its_bytes", power_cut),
            ];
            tests.into_iter().filter(|(name, _)| wanted(name)).for_each(|(_, test)| test());
            ExitCode::SUCCESS
        }
    }
}

fn host(trust: &Path, server: &Path) -> Result<Refreshed, client::Error> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(server).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("text").replace('+', "/");
        files.insert(name, fs::read(entry.path()).expect("a file"));
    }
    let server = SimulatedServer::new(files);
    let policy = Arc::new(policy(GUN));
    let cache = TrustDirectory::new(trust).collection(&policy.gun);
    server.run(client::refresh(policy, &cache, Some(&server), Wish::EVERYTHING))
}

/// Two states of a collection, as folders that a host can be pointed at.
struct Stage {
    folder: tempfile::TempDir,
    states: [Repository; 3],
}

impl Stage {
    fn new() -> Self {
        let first = Repository::team();
        let mut second = first.clone();
        second.rotate("root").touch("targets").touch("targets/releases").publish();
        let mut third = second.clone();
        third.publish();
        let stage = Self { folder: temporary(), states: [first, second, third] };
        for (number, state) in stage.states.iter().enumerate() {
            let server = stage.server(number);
            fs::create_dir(&server).expect("a folder");
            for (name, bytes) in &state.files {
                fs::write(server.join(name.replace('/', "+")), bytes).expect("a file");
            }
        }
        stage
    }

    fn server(&self, number: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("server{number}"))
    }

    /// A trust directory that knows the first state, or nothing.
    fn trust(&self, warm: bool) -> tempfile::TempDir {
        let trust = temporary();
        if warm {
            host(trust.path(), &self.server(0)).expect("honest");
        }
        trust
    }

    /// Refreshes to the second state with a fault at the given occurrence of a call.
    fn run(&self, trust: &Path, call: &str, fault: &str, at: usize) -> ExitStatus {
        let me = std::env::current_exe().expect("this program");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
        command.args(["-e", &format!("inject={call}:{fault}:when={at}")]);
        command.arg(me).arg("host").args([trust, &self.server(1)]);
        // The folders of cargo's that the loader would look through are no part of the program.
        command.env_remove("LD_LIBRARY_PATH");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("strace is installed")
    }

    /// After any fault: each cached file is one that was published, whole; the root is never
    /// missing if it was there; what was seen is not forgotten; and an honest run heals everything.
    fn check(&self, trust: &Path, warm: bool, what: &str) {
        let policy = policy(GUN);
        let folder = TrustDirectory::new(trust).collection(&policy.gun).metadata_path();
        for role in ["root", "timestamp", "snapshot", "targets", "targets/releases"] {
            let stored = fs::read(folder.join(format!("{role}.json"))).ok();
            let published = self.states.iter().any(|it| it.current.get(role) == stored.as_ref());
            assert!(published || (stored.is_none() && !warm), "{what}: {role} is torn or lost");
        }
        let found = host(trust, &self.server(2)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!(warm && found.first_use), "{what}: trusted on first use again");
        let error = host(trust, &self.server(0)).expect_err("an older state");
        assert_eq!(kind_of(&error), "rollback", "{what}");
        let left = walk(trust).into_iter().find(|name| name.ends_with(".new"));
        assert_eq!(left, None, "{what}");
    }
}

fn walk(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path());
    entries
        .flat_map(|it| if it.is_dir() { walk(&it) } else { vec![it.display().to_string()] })
        .collect()
}

fn kill9_every_syscall() {
    let stage = Stage::new();
    let mut kills = 0;
    for warm in [true, false] {
        for call in CALLS {
            for at in 1.. {
                assert!(at < MAX_CALLS, "{call} without end");
                let trust = stage.trust(warm);
                let status = stage.run(trust.path(), call, "signal=KILL", at);
                let killed = !status.success();
                stage.check(trust.path(), warm, &format!("killed at {call} {at}"));
                if !killed {
                    break;
                }
                kills += 1;
            }
        }
    }
    assert!(kills > 60, "{kills} kills");
    println!("kill9_every_syscall ... ok ({kills} kills)");
}

fn disk_fault_table() {
    let stage = Stage::new();
    let mut faults = 0;
    for (call, error) in [
        ("write", "ENOSPC"),
        ("write", "EIO"),
        ("write", "EINTR"),
        ("fsync", "EIO"),
        ("fsync", "EDQUOT"),
        ("renameat", "ENOSPC"),
        ("renameat", "EXDEV"),
        ("mkdirat", "EROFS"),
        ("mkdir", "EACCES"),
        ("flock", "EINTR"),
        ("flock", "ENOLCK"),
    ] {
        for warm in [true, false] {
            for at in 1.. {
                assert!(at < MAX_CALLS, "{call} without end");
                let trust = stage.trust(warm);
                let status = stage.run(trust.path(), call, &format!("error={error}"), at);
                let what = format!("{error} at {call} {at}");
                assert!(matches!(status.code(), Some(0 | 8)), "{what}: {status}");
                stage.check(trust.path(), warm, &what);
                let survived = status.success() && error != "EINTR";
                if survived || at == ENOUGH_INTERRUPTIONS {
                    break;
                }
                faults += 1;
            }
        }
    }
    assert!(faults > 40, "{faults} faults");
    println!("disk_fault_table ... ok ({faults} faults)");
}

/// A disk may write names and bytes in any order between two syncs. So no file gets its name before
/// its bytes are synced; the root's name is synced before anything that was believed because of it
/// gets its own; and the record, which says what was seen, comes last.
fn power_cut() {
    let stage = Stage::new();
    for warm in [true, false] {
        let trust = stage.trust(warm);
        let log = stage.folder.path().join("calls");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-y", "-e", "trace=write,fsync,fdatasync,renameat,renameat2"]);
        command.arg("-o").arg(&log).arg(std::env::current_exe().expect("this program"));
        command.arg("host").args([trust.path(), &stage.server(1)]).env_remove("LD_LIBRARY_PATH");
        assert!(command.status().expect("strace is installed").success());
        let placed = placed_in_order(&fs::read_to_string(&log).expect("a log"));
        let names: Vec<&str> = placed.iter().map(String::as_str).collect();
        let (record, files) = names.split_last().expect("something was placed");
        assert!(record.contains("/countersign/"), "{names:?}");
        let root = files.iter().position(|name| name.ends_with("/root.json"));
        assert_eq!(root, Some(0), "{names:?}");
        assert!(files.len() >= 5, "{names:?}");
    }
    println!("power_cut_leaves_no_name_without_its_bytes ... ok");
}

/// The files that got their names, in order, from a log of calls; panics where one came too early.
fn placed_in_order(log: &str) -> Vec<String> {
    let mut unsynced: Vec<String> = Vec::new();
    let mut placed: Vec<String> = Vec::new();
    let mut root_settled = true;
    for line in log.lines() {
        let Some((call, rest)) = line.split_once(' ').and_then(|(_, call)| call.split_once('('))
        else {
            continue;
        };
        let mut folders = rest.split('<').skip(1).filter_map(|text| text.split('>').next());
        let mut names = rest.split('"').skip(1).step_by(2);
        match (call.trim(), folders.next()) {
            ("write", Some(path)) => unsynced.push(path.to_owned()),
            ("fsync" | "fdatasync", Some(path)) => {
                unsynced.retain(|unsynced| unsynced != path);
                root_settled |= placed.last().is_some_and(|root| root.starts_with(path));
            }
            ("renameat" | "renameat2", Some(folder)) => {
                let from = names.next().map(|name| format!("{folder}/{name}")).expect("a name");
                let to = names.next().map(|name| format!("{folder}/{name}")).expect("a name");
                assert!(!unsynced.contains(&from), "{to} has a name before its bytes:\n{log}");
                assert!(root_settled, "{to} before the root's name is on the disk:\n{log}");
                root_settled = !to.ends_with("/root.json");
                placed.push(to);
            }
            _ => {}
        }
    }
    placed
}

const MAX_CALLS: usize = 200;
/// What is tried again after an interruption never shows that it was the last one.
const ENOUGH_INTERRUPTIONS: usize = 25;
