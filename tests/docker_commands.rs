//! Docker command lines, and what becomes of them: the table in `tests/docker/`.
//!
//! In a table, `$` begins a command line, with variables before it and `<file` behind it. Then
//! follow the calls of docker: `>` with what was checked, `|` with words and environment as they
//! came. `<` are the lines of the Dockerfile or model that the last call got, `0` those of its
//! stdin, `+` something on stdout, `!` something on stderr, `=` the exit code. `@` begins a file.
//! `[tag]` stands for the digest that is signed for the tag.

#[path = "support/registry.rs"]
mod registry;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use countersign::image::{ImageDigest, Reference};
use registry::{TestRegistry, text};

#[test]
fn run_option_parsing_golden() {
    assert_eq!(faults("run.txt", ""), Vec::<String>::new());
}

#[test]
fn pull_and_push_golden() {
    assert_eq!(faults("pull.txt", ""), Vec::<String>::new());
}

/// A build's images are not docker's own, as a rule.
#[test]
fn build_and_compose_golden() {
    assert_eq!(faults("build.txt", "1"), Vec::<String>::new());
}

#[test]
fn the_tables_have_docker_s_own_examples() {
    let lines = ["pull.txt", "run.txt", "build.txt"].map(|table| entries(table).len());
    assert!(lines.iter().sum::<usize>() >= 200, "{lines:?}");
}

/// The lines of a table that become something else than it says.
fn faults(table: &str, missing: &str) -> Vec<String> {
    let stage = Stage::new();
    entries(table).iter().filter_map(|entry| stage.fault(entry, missing)).collect()
}

#[test]
fn what_passes_through_is_docker_itself() {
    let stage = Stage::new();
    for trust in ["", "0", "false"] {
        let variables =
            [("DOCKER_CONTENT_TRUST", trust), ("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "x")];
        let output = stage.docker(&["exit", "37"], &variables, None);
        assert_eq!(output.status.code(), Some(37), "{}", text(&output));
        let output = stage.docker(&["signal"], &variables, None);
        let killed = std::os::unix::process::ExitStatusExt::signal(&output.status);
        assert_eq!(killed, Some(15), "{}", text(&output));
        let output = stage.docker(&["run", "x", "a b", "", "$(x)", "\u{1b}"], &variables, None);
        assert!(output.status.success(), "{}", text(&output));
        let call = stage.take_calls();
        assert!(call.contains("| run x a b  $(x) \u{1b}"), "{call:?}");
    }
}

#[test]
fn the_exit_code_of_what_was_checked_is_dockers() {
    let stage = Stage::new();
    for words in [&["run", "alpine:3", "FAIL"] as &[&str], &["build", "-t", "FAIL", "web"]] {
        fs::create_dir_all(stage.home().join("web")).expect("a folder");
        fs::write(stage.home().join("web/Dockerfile"), "FROM alpine:3\n").expect("written");
        let output = stage.docker(words, &[("DOCKER_CONTENT_TRUST", "1")], None);
        assert_eq!(output.status.code(), Some(42), "{words:?}: {}", text(&output));
    }
    let left = fs::read_dir(stage.home()).expect("a folder").filter_map(Result::ok);
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("countersign-"));
    assert_eq!(left.count(), 0, "temporary files are gone");
}

#[test]
fn signals_reach_docker_and_the_temporary_files_go() {
    let stage = Stage::new();
    fs::create_dir_all(stage.home().join("web")).expect("a folder");
    fs::write(stage.home().join("web/Dockerfile"), "FROM alpine:3\n").expect("written");
    let mut command = stage.command(&["build", "-t", "WAIT", "web"]);
    let child = command.env("DOCKER_CONTENT_TRUST", "1").spawn().expect("it runs");
    let waiting = stage.home().join("waiting");
    for _ in 0..600 {
        if waiting.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(waiting.exists(), "docker was started");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(43), "docker decided: {}", text(&output));
    let left = fs::read_dir(stage.home()).expect("a folder").filter_map(Result::ok);
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("countersign-"));
    assert_eq!(left.count(), 0, "temporary files are gone");
}

#[test]
fn hosts_fail_closed_with_a_docker_that_knows_no_content_trust() {
    let stage = Stage::new();
    // The fake takes no notice of DOCKER_CONTENT_TRUST, as docker 29 does.
    let plain = stage.real_docker(&["pull", "evil:1"]).output().expect("it runs");
    assert!(plain.status.success(), "{}", text(&plain));
    stage.take_calls();
    for words in [
        &["pull", "evil:1"] as &[&str],
        &["pull", "-q", "evil:1"],
        &["run", "--rm", "evil:1"],
        &["create", "evil:1"],
        &["pull", "--disable-content-trust=false", "evil:1"],
    ] {
        let output = stage.docker(words, &[("DOCKER_CONTENT_TRUST", "1")], None);
        assert!(!output.status.success(), "{words:?}: {}", text(&output));
        assert_eq!(stage.take_calls(), "", "{words:?}: docker was not even asked");
        assert_eq!(output.stdout.len(), usize::from(words[0] == "none"), "{}", text(&output));
    }
}

#[test]
fn all_tags_partial_failure_is_failure() {
    let stage = Stage::new();
    let docker = || stage.docker(&["pull", "-a", "alpine"], &[("DOCKER_CONTENT_TRUST", "1")], None);
    assert!(docker().status.success(), "the honest twin");
    let both = stage.take_calls();
    let trust = stage.servers.trust_directory();
    let mut sign = stage.program(Path::new(env!("CARGO_BIN_EXE_countersign")));
    sign.args(["notary", "-d"]).arg(&trust);
    sign.args(["-s", stage.servers.variable("TRUST_SERVER"), "addhash", "--publish"]);
    sign.args(["docker.io/library/alpine", "no tag", "527", "--sha256", &"3b".repeat(32)]);
    let signed = sign.output().expect("it runs");
    assert!(signed.status.success(), "{}", text(&signed));
    let custom = stage.home().join("custom.json");
    let other = r#"{"countersign":{"gun":"docker.io/library/other"}}"#;
    fs::write(&custom, other).expect("written");
    let mut sign = stage.program(Path::new(env!("CARGO_BIN_EXE_countersign")));
    sign.args(["notary", "-d"]).arg(&trust);
    sign.args(["-s", stage.servers.variable("TRUST_SERVER"), "addhash", "--publish"]);
    sign.args(["docker.io/library/alpine", "moved", "527", "--sha256", &"3b".repeat(32)]);
    let signed = sign.arg("--custom").arg(&custom).output().expect("it runs");
    assert!(signed.status.success(), "{}", text(&signed));
    let output = docker();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("Skipping target for \"no tag\""), "{}", text(&output));
    let moved = "Skipping target for \"moved\": signed for docker.io/library/other";
    assert!(text(&output).contains(moved), "{}", text(&output));
    assert!(text(&output).contains("2 of the signed tags"), "{}", text(&output));
    assert_eq!(stage.take_calls(), both, "the others came, each by its digest");
    assert!(both.contains("alpine@[3]") && both.contains("alpine@[latest]"), "{both}");
}

/// Older digests in `targets` do not answer for a `targets/releases` that cannot be used.
#[test]
fn all_tags_are_refused_where_each_of_them_would_be() {
    let stage = Stage::new();
    for words in [
        &["key", "generate", "alice"] as &[&str],
        &["signer", "add", "alice", "--key", "alice.pub", "alpine"],
        &[
            "sign",
            "alpine:3@sha256:3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b",
            "--size",
            "1",
        ],
        &["signer", "remove", "--force", "alice", "alpine"],
    ] {
        let mut command = stage.program(Path::new(env!("CARGO_BIN_EXE_countersign")));
        let output = command.args(words).output().expect("it runs");
        assert!(output.status.success(), "{words:?}: {}", text(&output));
    }
    for words in [&["pull", "-a", "alpine"] as &[&str], &["pull", "alpine:3"]] {
        let output = stage.docker(words, &[("DOCKER_CONTENT_TRUST", "1")], None);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", text(&output));
        assert!(text(&output).contains("targets/releases: 0 of 1"), "{}", text(&output));
        assert_eq!(stage.take_calls(), "", "{words:?}: docker was not even asked");
    }
}

#[test]
fn the_shim_is_put_and_taken_away_and_never_finds_itself() {
    let stage = Stage::new();
    let shims = stage.home().join("shims");
    fs::create_dir(&shims).expect("a folder");
    let manage = |option: &str, directory: &Path| {
        let mut command = stage.program(Path::new(env!("CARGO_BIN_EXE_countersign")));
        command.args(["docker", option]).arg(directory).output().expect("it runs")
    };
    let installed = manage("--install-shim", &shims);
    assert!(installed.status.success(), "{}", text(&installed));
    assert_eq!(
        String::from_utf8_lossy(&installed.stdout).trim(),
        shims.join("docker").to_str().expect("text")
    );
    assert!(text(&installed).contains("export PATH="), "{}", text(&installed));
    assert!(manage("--install-shim", &shims).status.success(), "twice is once");

    let mut called = stage.program(&shims.join("docker"));
    let path = format!("{0}:{0}:{1}:/usr/bin:/bin", shims.display(), stage.path().display());
    let output = called
        .args(["ps"])
        .env("PATH", path)
        .env("DOCKER_CONTENT_TRUST", "0")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(stage.take_calls(), "| ps\n");
    let output = stage.program(&shims.join("docker")).args(["ps"]).env("PATH", &shims).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(127), "alone it is no docker: {}", text(&output));

    let removed = manage("--remove-shim", &shims);
    assert!(removed.status.success(), "{}", text(&removed));
    assert!(!shims.join("docker").exists());
    fs::write(shims.join("docker"), "another").expect("written");
    for option in ["--install-shim", "--remove-shim"] {
        assert!(!manage(option, &shims).status.success());
        assert_eq!(fs::read_to_string(shims.join("docker")).expect("there"), "another");
    }
    fs::set_permissions(&shims, fs::Permissions::from_mode(0o777)).expect("set");
    fs::remove_file(shims.join("docker")).expect("removed");
    let refused = manage("--install-shim", &shims);
    assert!(text(&refused).contains("everybody can write it"), "{}", text(&refused));
    let refused = manage("--install-shim", &stage.home().join("none"));
    assert!(text(&refused).contains("no such directory"), "{}", text(&refused));
}

#[test]
fn docker_and_the_shim_do_not_call_each_other_for_ever() {
    let stage = Stage::new();
    let us = Path::new(env!("CARGO_BIN_EXE_countersign"));
    // Another build of this program, and a script that calls us.
    let (other, script) = (stage.home().join("other"), stage.home().join("script"));
    for folder in [&other, &script] {
        fs::create_dir(folder).expect("a folder");
    }
    let mut bytes = fs::read(us).expect("this program");
    bytes.push(b' ');
    fs::write(other.join("docker"), bytes).expect("written");
    let text_of_script = format!("#!/bin/sh\n{} docker \"$@\"\n", us.display());
    fs::write(script.join("docker"), text_of_script).expect("written");
    for program in [&other, &script] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(program.join("docker"), mode).expect("set");
    }
    let shim = stage.home().join("shim");
    let ask = |folders: &[&Path], named: Option<&Path>, trust: &str| {
        let mut command = stage.command(&["ps"]);
        let folders = folders.iter().copied().chain([Path::new("/usr/bin"), Path::new("/bin")]);
        command.env("PATH", std::env::join_paths(folders).expect("a path"));
        command.env("DOCKER_CONTENT_TRUST", trust);
        command.envs(named.map(|named| ("COUNTERSIGN_DOCKER", named)));
        command.output().expect("it runs")
    };
    for trust in ["0", "1"] {
        for named in [&shim, &other, &script] {
            let named = named.join("docker");
            let refused = ask(&[&shim], Some(&named), trust);
            assert_eq!(refused.status.code(), Some(127), "{named:?}: {}", text(&refused));
            assert!(text(&refused).contains("countersign"), "{}", text(&refused));
        }
        for before in [&other, &script] {
            let refused = ask(&[&shim, before], None, trust);
            assert_eq!(refused.status.code(), Some(127), "{before:?}: {}", text(&refused));
        }
        assert_eq!(stage.take_calls(), "");
        let named = stage.path().join("docker");
        let done = ask(&[&shim, &other], Some(&named), trust);
        assert!(done.status.success(), "{}", text(&done));
        assert_eq!(stage.take_calls(), "| ps\n");
    }
}

#[test]
fn while_content_trust_is_on_no_docker_of_others_runs() {
    let stage = Stage::new();
    let docker = stage.path().join("docker");
    let own = fs::metadata(&docker).expect("there").permissions();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o777)).expect("set");
    let refused = stage.docker(&["ps"], &[("DOCKER_CONTENT_TRUST", "1")], None);
    assert_eq!(refused.status.code(), Some(127), "{}", text(&refused));
    assert!(text(&refused).contains("everybody can write it"), "{}", text(&refused));
    assert_eq!(stage.take_calls(), "");
    let done = stage.docker(&["ps"], &[("DOCKER_CONTENT_TRUST", "0")], None);
    assert!(done.status.success(), "as without us: {}", text(&done));
    fs::set_permissions(&docker, own).expect("set");
    let done = stage.docker(&["ps"], &[("DOCKER_CONTENT_TRUST", "1")], None);
    assert!(done.status.success(), "{}", text(&done));
}

#[test]
fn what_cannot_be_said_ends_as_docker_ends() {
    let stage = Stage::new();
    let mut pull = stage.command(&["pull", "alpine"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let output = pull.env("DOCKER_CONTENT_TRUST", "1").stdout(full).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("stdout cannot be written"), "{}", text(&output));
    let output = stage.docker(&["pull", "alpine"], &[("DOCKER_CONTENT_TRUST", "1")], None);
    assert!(output.status.success(), "{}", text(&output));
}

/// A line of the table.
#[derive(Debug, Default)]
struct Entry {
    line: String,
    files: Vec<(PathBuf, String)>,
    calls: String,
    stdout: Vec<String>,
    stderr: Vec<String>,
    code: i32,
}

fn entries(table: &str) -> Vec<Entry> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker").join(table);
    let mut entries: Vec<Entry> = Vec::new();
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for line in fs::read_to_string(file).expect("a table").lines() {
        let (mark, rest) = line.split_at_checked(1).unwrap_or_default();
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let entry = entries.last_mut();
        match (mark, entry) {
            ("@", _) => files.push((rest.into(), String::new())),
            (".", _) => {
                let (_, text) = files.last_mut().expect("a file before its lines");
                text.push_str(rest);
                text.push('\n');
            }
            ("$", _) => {
                let files = std::mem::take(&mut files);
                entries.push(Entry { line: rest.to_owned(), files, ..Entry::default() });
            }
            (">" | "|" | "<" | "0", Some(entry)) => {
                entry.calls.push_str(line.trim_end());
                entry.calls.push('\n');
            }
            ("+", Some(entry)) => entry.stdout.push(rest.to_owned()),
            ("!", Some(entry)) => entry.stderr.push(rest.to_owned()),
            ("=", Some(entry)) => entry.code = rest.parse().expect("a number"),
            ("#" | "", _) => {}
            _ => panic!("{table}: {line}"),
        }
    }
    entries
}

/// A trust server with some signed tags, and a fake docker that writes down how it is called.
struct Stage {
    servers: TestRegistry,
    home: tempfile::TempDir,
    digests: BTreeMap<String, String>,
}

impl Stage {
    fn new() -> Self {
        let servers = TestRegistry::start(&["--no-docker"]);
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("bin");
        fs::create_dir(&path).expect("a folder");
        let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker/fake-docker");
        fs::copy(fake, path.join("docker")).expect("copied");
        let stage = Self { servers, home, digests: digests() };
        stage.sign();
        stage
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn path(&self) -> PathBuf {
        self.home().join("bin")
    }

    fn sign(&self) {
        let mut command = self.program(Path::new(env!("CARGO_BIN_EXE_countersign")));
        command.args(["sign", "--size", "527"]);
        command.args(self.digests.iter().map(|(image, digest)| format!("{image}@{digest}")));
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output));
    }

    /// A program that finds the fake docker.
    fn program(&self, program: &Path) -> Command {
        let mut command = self.servers.command(program);
        let path = format!("{}:/usr/bin:/bin", self.path().display());
        command.env("PATH", path).env("CALLS", self.home().join("calls"));
        command.env("DOCKER_HOST", "unix:///nonexistent.sock").env("TMPDIR", self.home());
        command.current_dir(self.home());
        command
    }

    fn real_docker(&self, words: &[&str]) -> Command {
        let mut command = self.program(&self.path().join("docker"));
        command.args(words).env("DOCKER_CONTENT_TRUST", "1");
        command
    }

    /// Ourselves under docker's name.
    fn command(&self, words: &[&str]) -> Command {
        let shim = self.home().join("shim");
        fs::create_dir_all(&shim).expect("a folder");
        if !shim.join("docker").exists() {
            symlink(env!("CARGO_BIN_EXE_countersign"), shim.join("docker")).expect("linked");
        }
        let mut command = self.program(&shim.join("docker"));
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
        command
    }

    fn docker(&self, words: &[&str], variables: &[(&str, &str)], input: Option<&str>) -> Output {
        let mut command = self.command(words);
        command.envs(variables.iter().copied());
        if let Some(file) = input {
            command.stdin(fs::File::open(self.home().join(file)).expect("a file"));
        }
        command.output().expect("it runs")
    }

    fn take_calls(&self) -> String {
        let file = self.home().join("calls");
        let calls = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        self.shown(&calls)
    }

    /// Digests as the tags that they are signed for, temporary directories by one name.
    fn shown(&self, said: &str) -> String {
        let mut shown = said.to_owned();
        for (image, digest) in &self.digests {
            let (_, tag) = image.rsplit_once(':').expect("a tag");
            shown = shown.replace(&format!("@{digest}"), &format!("@[{tag}]"));
        }
        let home = fs::canonicalize(self.home()).expect("there").display().to_string();
        while let Some(at) = shown.find(&format!("{home}/countersign-")) {
            let end = shown[at + home.len() + 1..]
                .find('/')
                .map_or(shown.len(), |end| at + home.len() + 1 + end);
            shown.replace_range(at..end, "TEMP");
        }
        shown.replace(&home, "DIR")
    }

    fn fault(&self, entry: &Entry, missing: &str) -> Option<String> {
        for (path, text) in &entry.files {
            let path = self.home().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("written");
        }
        let line = Line::of(&entry.line, &self.digests);
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        let mut variables = vec![("DOCKER_CONTENT_TRUST", "1"), ("MISSING", missing)];
        variables
            .extend(line.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let output = self.docker(&words, &variables, line.input.as_deref());
        let calls = self.take_calls();
        let (said, told) = (self.shown(&lossy(&output.stdout)), self.shown(&lossy(&output.stderr)));
        let shows_files = entry.calls.lines().any(|line| line.starts_with(['<', '0']));
        let calls = if shows_files { calls } else { without_files(&calls) };
        let says = |expected: &[String], found: &str| {
            expected.iter().all(|line| found.contains(line.as_str()))
        };
        let as_expected = calls == entry.calls
            && output.status.code() == Some(entry.code)
            && says(&entry.stdout, &said)
            && says(&entry.stderr, &told)
            && (entry.code == 0 || !told.is_empty());
        (!as_expected).then(|| {
            format!(
                "$ {}\nexpected {}\n{}found {:?}\n{calls}{said}{told}",
                entry.line,
                entry.code,
                entry.calls,
                output.status.code()
            )
        })
    }
}

/// Of what the table shows of the calls, only the words.
fn without_files(calls: &str) -> String {
    let kept = calls.lines().filter(|line| line.starts_with(['>', '|']));
    kept.map(|line| format!("{line}\n")).collect()
}

/// A command line taken apart.
#[derive(Default)]
struct Line {
    variables: Vec<(String, String)>,
    words: Vec<String>,
    input: Option<String>,
}

impl Line {
    fn of(text: &str, digests: &BTreeMap<String, String>) -> Self {
        let mut line = Self::default();
        let mut is_docker = false;
        for word in words(text) {
            match word.split_once('=') {
                Some((name, value)) if !is_docker => {
                    line.variables.push((name.to_owned(), value.to_owned()));
                }
                _ if !is_docker => is_docker = true,
                _ => match word.strip_prefix('<') {
                    Some(file) => line.input = Some(file.to_owned()),
                    None => line.words.push(with_digests(&word, digests)),
                },
            }
        }
        line
    }
}

/// Parts a line at blanks, but for those in quotes; single ones keep what is in them.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in text.chars() {
        match (letter, quote) {
            (' ', None) => words.push(String::new()),
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(open)) if open == letter => quote = None,
            _ => words.last_mut().expect("a word").push(letter),
        }
    }
    words
}

/// `alpine:3@[3]` and `evil@[3]` become references with a digest.
fn with_digests(word: &str, digests: &BTreeMap<String, String>) -> String {
    let Some((name, tag)) = word.strip_suffix(']').and_then(|word| word.split_once("@[")) else {
        return word.to_owned();
    };
    let bare = name.parse::<Reference>().expect("a name");
    let known = digests.get(&format!("{}:{tag}", bare.name().familiar()));
    let digest = known.cloned().unwrap_or_else(|| digests["alpine:3"].clone());
    format!("{name}@{digest}")
}

fn digests() -> BTreeMap<String, String> {
    let of = |image: &str| (image.to_owned(), ImageDigest::of(image.as_bytes()).to_string());
    SIGNED.iter().map(|image| of(image)).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const SIGNED: [&str; 13] = [
    "alpine:3",
    "alpine:latest",
    "busybox:latest",
    "docker/dockerfile:1",
    "golang:1.24",
    "localhost:5000/app:2",
    "nginx:1",
    "redis:7",
    "registry.example.com/team/web:1.4",
    "ubuntu:24.04",
    "ubuntu:latest",
    "vieux/sshfs:latest",
    "python:3.12",
];
