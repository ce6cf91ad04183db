//! Signals at any moment: what is left is old or new and never half, the terminal is as it was, and
//! the next run is honest.
#![cfg(feature = "cli")]

#[path = "support/registry.rs"]
mod registry;

use std::cell::Cell;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use countersign::image::ImageDigest;
use registry::{COUNTERSIGN, TestRegistry, text};
use rustix::process::{Pid, Signal, kill_process};

const SIGNALS: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::PIPE];
/// Moments at which each signal comes to each command.
const MOMENTS: u32 = 6;

/// A command, by the number of its round, and what must hold after it, however it ended.
type Play = (&'static str, fn(&Stage, u32) -> Command, fn(&Stage, u32));

const PLAYS: [Play; 4] = [
    ("sign", Stage::sign, Stage::is_signed),
    ("verify-pull", Stage::pull, Stage::is_pulled),
    ("key passwd", Stage::passwd, Stage::has_one_passphrase),
    ("pin add", Stage::pin, Stage::is_pinned),
];

#[test]
fn signal_storm() {
    let stage = Stage::new();
    let mut moments = Moments(0x5eed);
    let mut round = 0;
    for (name, command, holds) in PLAYS {
        let started = Instant::now();
        let honest = command(&stage, round).output().expect("it runs");
        let whole = started.elapsed();
        assert!(honest.status.success(), "{name}: {}", text(&honest));
        holds(&stage, round);
        let mut interrupted = 0;
        for signal in SIGNALS {
            for _ in 0..MOMENTS {
                round += 1;
                let status = strike(&mut command(&stage, round), signal, moments.within(whole));
                let number = signal.as_raw();
                let by_signal =
                    status.signal() == Some(number) || status.code() == Some(128 + number);
                let typed = status.code().is_some_and(|code| (0..=8).contains(&code));
                assert!(by_signal || typed, "{name}, {signal:?}: {status}");
                interrupted += u32::from(by_signal);
                holds(&stage, round);
            }
        }
        assert!(interrupted > 0, "{name}: no signal came while it ran");
        assert_eq!(stage.unfinished(), Vec::<PathBuf>::new(), "{name}");
    }
}

#[test]
fn a_signal_at_a_question_leaves_the_terminal_as_it_was() {
    let stage = Stage::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let seen = stage.at_terminal(|_, process| {
            kill_process(process, signal).expect("told to end");
        });
        assert_eq!(seen.code, 128 + signal.as_raw(), "{}", seen.said);
        assert_eq!(seen.before, seen.after, "{signal:?}: {}", seen.said);
        stage.has_one_passphrase(0);
    }
    let honest = stage.at_terminal(|input, _| {
        let current = stage.passphrases()[usize::from(stage.second.get())];
        input.write_all(format!("{current}\n").as_bytes()).expect("typed");
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(700));
            input.write_all(b"typed at a terminal\n").expect("typed");
        }
    });
    assert_eq!(honest.code, 0, "{}", honest.said);
    assert_eq!(honest.before, honest.after, "{}", honest.said);
    assert!(!honest.said.contains("typed at a terminal"), "{}", honest.said);
    assert!(honest.said.contains("Repeat passphrase"), "{}", honest.said);
}

/// Starts a command, and sends it a signal some time later.
fn strike(command: &mut Command, signal: Signal, after: Duration) -> ExitStatus {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().expect("it runs");
    std::thread::sleep(after);
    let process = Pid::from_raw(child.id().try_into().expect("a number")).expect("not zero");
    // It is not waited for yet, so the number is still its own.
    kill_process(process, signal).expect("there");
    let end = Instant::now() + Duration::from_secs(60);
    while child.try_wait().expect("a child").is_none() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let status = child.wait().expect("a child");
    assert!(Instant::now() < end, "{signal:?}: it did not end");
    status
}

/// Moments that look like chance, and are the same each time.
struct Moments(u64);

impl Moments {
    fn within(&mut self, whole: Duration) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        whole * u32::try_from(self.0 >> 54).expect("ten bits") / 1024
    }
}

/// A trust server, a signed tag, a key, and a docker that has whatever it is asked for.
struct Stage {
    servers: TestRegistry,
    folder: tempfile::TempDir,
    key: String,
    /// Whether the key has the second passphrase now.
    second: Cell<bool>,
}

/// What was seen at a terminal.
struct Seen {
    before: String,
    after: String,
    code: i32,
    said: String,
}

impl Stage {
    fn new() -> Self {
        let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
        let folder = tempfile::tempdir().expect("a folder");
        let mut stage = Self { servers, folder, key: String::new(), second: Cell::new(false) };
        stage.write("docker", 0o755, FAKE_DOCKER);
        for (number, passphrase) in stage.passphrases().into_iter().enumerate() {
            stage.write(&format!("passphrase{number}"), 0o600, passphrase);
        }
        stage.must(&mut stage.countersign(&["key", "generate", "alice"]));
        stage.must(&mut stage.sign(0));
        let listed = stage.must(&mut stage.countersign(&["key", "list", "--format", "json"]));
        let keys = listed.lines().map(|line| serde_json::from_str(line).expect("an object"));
        let alice = |key: &serde_json::Value| key["role"] == "alice";
        let key = keys.into_iter().find(alice).expect("the key");
        stage.key = key["id"].as_str().expect("an id").to_owned();
        stage
    }

    fn passphrases(&self) -> [&str; 2] {
        [self.servers.variable("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"), "quite another one"]
    }

    fn write(&self, name: &str, mode: u32, content: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
    }

    /// The program, heeding signals whatever those who started us told us to ignore.
    fn countersign(&self, words: &[&str]) -> Command {
        let mut command = self.servers.command("env");
        command.args(["--default-signal", env!("CARGO_BIN_EXE_countersign")]).args(words);
        command.env("PATH", format!("{}:/usr/bin:/bin", self.folder.path().display()));
        command
    }

    fn must(&self, command: &mut Command) -> String {
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    fn image(&self, round: u32) -> String {
        format!("{}/team/web:{round}", self.servers.registry())
    }

    fn sign(&self, round: u32) -> Command {
        let signed = format!("{}@{}", self.image(round), digest(round));
        self.countersign(&["sign", "--size", "7", &signed])
    }

    fn is_signed(&self, round: u32) {
        self.must(&mut self.sign(round));
        let found = self.must(&mut self.countersign(&["verify", &self.image(round)]));
        assert!(found.trim().ends_with(&digest(round)), "{found}");
    }

    fn pull(&self, _: u32) -> Command {
        self.countersign(&["verify-pull", &self.image(0)])
    }

    fn is_pulled(&self, round: u32) {
        let pulled = self.must(&mut self.pull(round));
        assert!(pulled.contains("/team/web"), "{pulled}");
        assert!(!self.folder.path().join("refused").exists(), "docker was asked for a tag");
    }

    fn passwd(&self, _: u32) -> Command {
        self.passwd_from(self.second.get())
    }

    /// From the second passphrase to the first, or the other way.
    fn passwd_from(&self, second: bool) -> Command {
        let new = self.folder.path().join(format!("passphrase{}", u8::from(!second)));
        let new = new.to_str().expect("text").to_owned();
        let mut command =
            self.countersign(&["key", "passwd", &self.key, "--new-passphrase-file", &new]);
        let old = self.passphrases()[usize::from(second)];
        command.env("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", old);
        command
    }

    /// The key opens with the passphrase before or with the one after.
    fn has_one_passphrase(&self, _: u32) {
        let now = self.second.get();
        let opens = |output: &Output| match output.status.code() {
            Some(0) => true,
            Some(6) => false,
            _ => panic!("{}", text(output)),
        };
        let kept = self.passwd_from(now).output().expect("it runs");
        if opens(&kept) {
            return self.second.set(!now);
        }
        let changed = self.passwd_from(!now).output().expect("it runs");
        assert!(opens(&changed), "neither passphrase opens it: {}", text(&changed));
    }

    fn pin(&self, round: u32) -> Command {
        let gun = format!("registry.example.com/team/{round}");
        self.countersign(&["pin", "add", &gun, "--root-key", &"0a".repeat(32)])
    }

    fn is_pinned(&self, round: u32) {
        self.must(&mut self.pin(round));
        let pins = self.must(&mut self.countersign(&["pin", "list"]));
        let gun = format!("registry.example.com/team/{round}");
        let found = pins.split_whitespace().filter(|word| *word == gun).count();
        assert_eq!(found, 1, "{pins}");
    }

    /// Files that were begun below the trust directory.
    fn unfinished(&self) -> Vec<PathBuf> {
        let files = everything_below(&self.servers.trust_directory());
        let is_whole = |path: &Path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            [".json", ".key", ".toml", ".lock", ".founding"].iter().any(|end| name.ends_with(end))
        };
        files.into_iter().filter(|path| !is_whole(path)).collect()
    }

    /// Changes the passphrase at a terminal, and lets somebody act once it asks.
    fn at_terminal(&self, act: impl FnOnce(&mut dyn Write, Pid)) -> Seen {
        let folder = self.folder.path();
        for name in ["pid", "before", "after", "code", "said"] {
            let _ = fs::remove_file(folder.join(name));
        }
        let plain = self.countersign(&["key", "passwd", &self.key]);
        let mut command = Command::new("script");
        command.args(["-q", "-f", "-c", AT_TERMINAL, "said"]).current_dir(folder);
        let variables = plain.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let secret = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with("PASSPHRASE");
        command.env_clear().envs(variables.filter(|(name, _)| !secret(name)));
        command.env("PROGRAM", env!("CARGO_BIN_EXE_countersign")).env("KEY", &self.key);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("script runs");
        let mut input = child.stdin.take().expect("a pipe");
        await_text(&folder.join("said"), "Enter passphrase");
        let process = await_text(&folder.join("pid"), "\n").trim().parse().expect("a number");
        act(&mut input, Pid::from_raw(process).expect("not zero"));
        let code = await_text(&folder.join("code"), "\n").trim().parse().expect("a number");
        drop(input);
        child.wait().expect("it ends");
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect("text");
        Seen { before: read("before"), after: read("after"), code, said: read("said") }
    }
}

/// What a file says once it says this.
fn await_text(path: &Path, expected: &str) -> String {
    for _ in 0..1200 {
        let said = fs::read_to_string(path).unwrap_or_default();
        if said.contains(expected) {
            return said;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{}: no {expected:?}", path.display());
}

fn digest(round: u32) -> String {
    ImageDigest::of(round.to_string().as_bytes()).to_string()
}

fn everything_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path());
    entries.flat_map(|it| if it.is_dir() { everything_below(&it) } else { vec![it] }).collect()
}

const AT_TERMINAL: &str = "stty -a >before; \
    sh -c 'echo $$ >pid; exec env --default-signal \"$PROGRAM\" key passwd \"$KEY\"'; \
    echo $? >ended; stty -a >after; mv ended code";

const FAKE_DOCKER: &str = "#!/bin/sh
for it; do :; done
case $1 in
    image) printf '[{\"Id\":\"sha256:1\",\"RepoDigests\":[\"%s\"]}]' \"$it\" ;;
    pull) case $it in *@sha256:*) ;; *) : >\"${0%/*}/refused\" ;; esac ;;
esac
";
