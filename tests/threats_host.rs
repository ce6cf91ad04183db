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

/// Where no home can be meant, nothing is made anywhere else instead.
#[test]
fn home_table() {
    let host = Host::new();
    let (others, read_only) = (host.home().join("others"), host.home().join("read-only"));
    for directory in [&others, &read_only] {
        fs::create_dir(directory).expect("a directory");
    }
    let by_root = rustix::process::geteuid().is_root();
    if by_root {
        std::os::unix::fs::chown(&others, Some(65534), None).expect("given away");
    }
    fs::set_permissions(&read_only, Permissions::from_mode(0o555)).expect("set");
    // What no mode keeps root from, the system's own files do; to others a strange home is /usr.
    let read_only = if by_root { Path::new("/sys") } else { &read_only };
    let others = if by_root { &others } else { Path::new("/usr") };
    for command in ["key generate alice", PIN, VERIFY, SIGN] {
        for home in ["", "/", "relative", ".", "../x", "/nonexistent", "/etc/passwd"] {
            host.has_no_home(Some(Path::new(home)), command);
        }
        host.has_no_home(None, command);
        host.has_no_home(Some(others), command);
    }
    for command in ["key generate alice", PIN] {
        host.has_no_home(Some(read_only), command);
    }
    let honest = host.run(&format!("exec \"$0\" {PIN}"));
    assert!(honest.status.success(), "{}", told(&honest));
}

const PIN: &str = "pin add registry.example.com/web --root-key \
    0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
const VERIFY: &str = "--server https://127.0.0.1:1 verify registry.example.com/web:1";
const SIGN: &str = "--server https://127.0.0.1:1 sign --size 1 registry.example.com/web:1@sha256:\
    0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

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

    /// Runs a command with this home; it must end with 8, and leave the working directory empty.
    fn has_no_home(&self, home: Option<&Path>, command: &str) {
        let here = tempfile::tempdir().expect("a directory");
        let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
        program.env_clear().args(command.split_whitespace()).current_dir(&here);
        program.env("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "throw-away words");
        program.env("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "throw-away words");
        if let Some(home) = home {
            program.env("HOME", home);
        }
        let refused = program.stdin(Stdio::null()).output().expect("it runs");
        let what = format!("{home:?} {command}: {}", told(&refused));
        assert_eq!(refused.status.code(), Some(8), "{what}");
        assert_eq!(everything_below(here.path()), Vec::<PathBuf>::new(), "{what}");
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
