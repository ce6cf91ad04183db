//! A host that is set up carelessly: what lies on it stays closed to others, and goes where it
//! belongs.
#![cfg(feature = "cli")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

#[test]
fn modes_under_umask_000() {
    let host = Host::new();
    let made = host.run("umask 000; exec \"$0\" -q key generate alice");
    assert!(made.status.success(), "{}", told(&made));
    for path in everything_below(&host.trust()) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
    assert_eq!(mode(&host.trust()), 0o700);
}

#[test]
fn loose_key_refused() {
    let host = Host::new();
    let made = host.run("exec \"$0\" -q key generate alice");
    assert!(made.status.success(), "{}", told(&made));
    let key = host.key();
    let id = key.file_stem().expect("a name").to_str().expect("hexadecimal digits").to_owned();
    let before = fs::read(&key).expect("a key");
    let passwd = format!("exec \"$0\" -q key passwd {id} --new-passphrase-file new");
    fs::write(host.home().join("new"), "other words\n").expect("written");
    fs::set_permissions(host.home().join("new"), Permissions::from_mode(0o600)).expect("set");
    for loose in [0o644, 0o640, 0o666, 0o604] {
        fs::set_permissions(&key, Permissions::from_mode(loose)).expect("set");
        let refused = host.run(&passwd);
        assert_eq!(refused.status.code(), Some(6), "{loose:o}: {}", told(&refused));
        assert!(told(&refused).contains("chmod 600"), "{loose:o}: {}", told(&refused));
        assert_eq!(fs::read(&key).expect("a key"), before, "{loose:o}");
    }
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("set");
    let done = host.run(&passwd);
    assert!(done.status.success(), "{}", told(&done));
    assert_ne!(fs::read(&key).expect("a key"), before);
}

/// Files are made beside those that they replace, so no rename ever crosses file systems.
#[test]
fn tmpdir_on_other_fs() {
    for elsewhere in ["/dev/shm", "/proc", "/nonexistent"] {
        let host = Host::new();
        let made = host.run(&format!("TMPDIR={elsewhere} exec \"$0\" -q key generate alice"));
        assert!(made.status.success(), "{elsewhere}: {}", told(&made));
        assert!(host.key().is_file(), "{elsewhere}");
    }
}

struct Host {
    home: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a directory") }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn trust(&self) -> PathBuf {
        self.home().join(".docker/trust")
    }

    fn key(&self) -> PathBuf {
        let files = everything_below(&self.trust().join("private"));
        let mut keys =
            files.into_iter().filter(|path| path.extension().is_some_and(|it| it == "key"));
        let key = keys.next().expect("a key");
        assert_eq!(keys.next(), None, "one key");
        key
    }

    /// Runs words of a shell, in which `$0` is the program.
    fn run(&self, words: &str) -> Output {
        Command::new("sh")
            .args(["-c", words, env!("CARGO_BIN_EXE_countersign")])
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin")
            .env("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "throw-away words")
            .current_dir(self.home())
            .stdin(Stdio::null())
            .output()
            .expect("a shell runs")
    }
}

fn everything_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        }
        found.push(path);
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
