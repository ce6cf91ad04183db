//! Threat L-10: what lies in memory while a key is open, and who comes by it. A publication is held
//! up by its server, with the key open that signed it; then its memory is looked through.
#![cfg(feature = "cli")]

#[path = "support/canary.rs"]
mod canary;
#[path = "support/http.rs"]
mod http;

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary::{files, places, spelling_in, spellings};
use countersign::crypto::{Algorithm, PrivateKey, Signer};
use countersign::keys::{
    Error, KeyDirectory, KeyStore, Passphrase, PassphraseRequest, PassphraseSource,
};
use http::{Answer, Seen, TestServer};

/// The scalar of the root key.
const SCALAR: &[u8; 32] = b"canary-scalar-4714--canary-4714-";
const PASSPHRASE: &str = "canary-passphrase-4715";
const SECRETS: [&[u8]; 2] = [SCALAR, PASSPHRASE.as_bytes()];
const UNLIMITED_CORES: &str = "ulimit -c unlimited";

#[tokio::test(flavor = "multi_thread")]
async fn an_open_key_and_its_passphrase_lie_on_locked_pages_alone() {
    let waiting = Waiting::start(User::Root, "").await;
    assert!(waiting.locked() > 0, "nothing is locked");
    for (number, secret) in SECRETS.iter().enumerate() {
        let found = waiting.whereabouts(secret);
        let plain = found.iter().filter(|(spelling, _)| *spelling == "plain").count();
        assert!(plain > 0, "secret {number} is not there: has the key been closed?");
        for (spelling, flags) in found {
            let kept = ["lo", "dd"].iter().all(|flag| flags.split(' ').any(|it| it == *flag));
            assert!(kept, "secret {number}, {spelling}, lies on a page with the flags {flags}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_locked_is_used_all_the_same() {
    let waiting = Waiting::start(User::Nobody, "ulimit -l 0").await;
    assert_eq!(waiting.locked(), 0, "the limit is heeded");
    assert!(waiting.whereabouts(SCALAR).iter().all(|(_, flags)| flags.contains("dd")));
    let waiting = Waiting::start(User::Nobody, "ulimit -l 64").await;
    assert!(waiting.locked() > 0, "as much is locked as may be");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_core_with_key() {
    assert!(dumps_core_elsewhere(), "no program leaves a core file here: nothing is shown");
    for user in [User::Root, User::Nobody] {
        for signal in ["QUIT", "ABRT"] {
            let waiting = Waiting::start(user, UNLIMITED_CORES).await;
            let (status, home) = waiting.end_by(signal);
            assert!(status.signal().is_some() && !status.core_dumped(), "{signal}: {status}");
            holds_no_secret(home.path());
        }
    }
}

/// Whether a core file is left where ours would be.
fn dumps_core_elsewhere() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let kill = format!("{UNLIMITED_CORES}; exec env --default-signal sh -c 'kill -QUIT $$'");
    let mut command = Command::new("sh");
    command.args(["-c", &kill]).current_dir(folder.path());
    let status = command.status().expect("it runs");
    status.core_dumped() && fs::read_dir(folder.path()).expect("a folder").count() > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_user_s_debugger_is_refused() {
    let waiting = Waiting::start(User::Nobody, UNLIMITED_CORES).await;
    let pid = waiting.child.id().to_string();
    let dumped = waiting.beside(&["gcore", "-o", "dump", &pid]);
    assert!(!dumped.status.success() && !waiting.file(&format!("dump.{pid}")).exists());
    for name in ["environ", "mem", "maps"] {
        let path = waiting.proc(name).display().to_string();
        let read = waiting.beside(&["dd", "bs=1", "count=1", &format!("if={path}")]);
        assert!(!read.status.success(), "{path} can be read");
    }
    holds_no_secret(waiting.folder.path());
}

/// Nothing keeps root from reading memory; but what root's debugger dumps unasked holds no secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_by_root_leaves_secrets_out() {
    let waiting = Waiting::start(User::Root, UNLIMITED_CORES).await;
    let pid = waiting.child.id().to_string();
    let dumped = waiting.beside(&["gcore", "-o", "dump", &pid]);
    let core = fs::read(waiting.file(&format!("dump.{pid}"))).unwrap_or_default();
    let heap = waiting.file("passphrase").display().to_string();
    assert!(!places(&core, heap.as_bytes()).is_empty(), "no dump of its memory: {dumped:?}");
    for secret in SECRETS {
        assert_eq!(spelling_in(&core, secret), None);
    }
}

fn holds_no_secret(home: &Path) {
    let files = files(home);
    assert!(files.len() > 3, "a key, what was said, and more");
    for path in
        files.iter().filter(|path| !["passphrase", PROGRAM].iter().any(|it| path.ends_with(it)))
    {
        let bytes = fs::read(path).expect("readable");
        for secret in SECRETS {
            assert_eq!(spelling_in(&bytes, secret), None, "{}", path.display());
        }
    }
}

/// Whoever runs the program.
#[derive(Clone, Copy)]
enum User {
    Root,
    Nobody,
}

impl User {
    /// The words before a command.
    fn words(self) -> &'static [&'static str] {
        match self {
            User::Root => &[],
            User::Nobody => &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        }
    }

    fn program(self, home: &Path) -> PathBuf {
        match self {
            User::Root => BUILT.into(),
            User::Nobody => home.join(PROGRAM),
        }
    }
}

/// A publication that waits for its server.
struct Waiting {
    folder: tempfile::TempDir,
    user: User,
    child: Child,
    server: TestServer,
}

impl Waiting {
    /// Starts one; `limits` are the words of `ulimit` before it.
    async fn start(user: User, limits: &str) -> Self {
        let folder = tempfile::tempdir().expect("a home");
        furnish(folder.path(), user);
        let server = TestServer::http(unwilling).await;
        let reference = format!("{}/web:1", server.authority());
        let digest = format!("sha256:{}", "a".repeat(64));
        let url = server.url();
        let sign = ["--server", &url, "--insecure-http", "sign", &reference, "--digest", &digest];
        let mut command = Command::new("env");
        command.args(["--default-signal", "sh", "-c", &format!("{limits}\nexec \"$@\""), "sh"]);
        command.args(user.words()).arg(user.program(folder.path()));
        command.args(sign).args(["--size", "1"]).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", folder.path()).current_dir(folder.path());
        command.env("COUNTERSIGN_PASSPHRASE_FILE", folder.path().join("passphrase"));
        let said =
            fs::File::options().append(true).open(folder.path().join("said")).expect("a file");
        command.stdin(Stdio::null()).stdout(said.try_clone().expect("shared")).stderr(said);
        let child = command.spawn().expect("it runs");
        let waiting = Self { folder, user, child, server };
        waiting.until_it_has_signed().await;
        waiting
    }

    async fn until_it_has_signed(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.server.seen().iter().any(|request| request.method == "POST") {
            let said = fs::read_to_string(self.file("said")).unwrap_or_default();
            assert!(Instant::now() < end, "nothing is published: {said}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(name)
    }

    /// kB of memory that are locked.
    fn locked(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("readable");
        let line = status.lines().find(|line| line.starts_with("VmLck:")).expect("a line");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
    }

    /// How a secret is spelt in memory, and the flags of the pages where it is.
    fn whereabouts(&self, secret: &[u8]) -> Vec<(&'static str, String)> {
        let memory = fs::File::open(self.proc("mem")).expect("readable by root");
        let mut found = Vec::new();
        for Mapping { start, length, flags } in mappings(&self.proc("smaps")) {
            let mut bytes = vec![0; length];
            // The kernel's own pages cannot be read.
            if memory.read_exact_at(&mut bytes, start).is_err() {
                continue;
            }
            for (name, needle) in spellings(secret) {
                found.extend(places(&bytes, &needle).iter().map(|_| (name, flags.clone())));
            }
        }
        found
    }

    /// Runs a program as the same user.
    fn beside(&self, words: &[&str]) -> Output {
        let words = [self.user.words(), words].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.folder.path());
        command.output().expect("it runs")
    }

    fn end_by(mut self, signal: &str) -> (ExitStatus, tempfile::TempDir) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
        (self.child.wait().expect("it ends"), self.folder)
    }
}

/// Pages that were written to.
struct Mapping {
    start: u64,
    /// Bytes.
    length: usize,
    flags: String,
}

fn mappings(smaps: &Path) -> Vec<Mapping> {
    let text = fs::read_to_string(smaps).expect("readable by root");
    let mut found = Vec::new();
    let mut last = None;
    for line in text.lines() {
        match line.strip_prefix("VmFlags: ") {
            Some(flags) => found.extend(last.take().map(|(start, length)| Mapping {
                start,
                length,
                flags: flags.trim().to_owned(),
            })),
            None => last = writable(line).or(last),
        }
    }
    found
}

/// Start and length, if it is the first line of a mapping that can be written to.
fn writable(line: &str) -> Option<(u64, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    let (start, end) = (number(start)?, number(end)?);
    rest.starts_with("rw").then(|| (start, usize::try_from(end - start).expect("it fits")))
}

/// A key of known bytes, the passphrase in a file, and for nobody the program and everything else.
fn furnish(home: &Path, user: User) {
    struct Known;
    impl PassphraseSource for Known {
        fn passphrase(&mut self, _: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
            Ok(Passphrase::copy_of(PASSPHRASE))
        }
    }
    let key = PrivateKey::from_secret(Algorithm::EcdsaP256, SCALAR).expect("a scalar");
    let keys = KeyDirectory::new(&home.join(".docker/trust"));
    keys.store(&key, "root", None, &mut Known).expect("stored");
    fs::write(home.join("passphrase"), PASSPHRASE).expect("written");
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(home.join("passphrase"), mode).expect("set");
    fs::write(home.join("said"), "").expect("written");
    if let User::Nobody = user {
        give_away(home);
        let near = fs::hard_link(BUILT, home.join(PROGRAM));
        near.or_else(|_| fs::copy(BUILT, home.join(PROGRAM)).map(|_| ())).expect("a program");
    }
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives it away");
    if path.is_dir() {
        let inside = fs::read_dir(path).expect("a folder").flatten();
        inside.for_each(|entry| give_away(&entry.path()));
    }
}

/// A server that has nothing yet, gives keys, and never answers a publication.
fn unwilling(request: &Seen) -> Answer {
    let nothing = r#"{"errors":[{"code":"METADATA_NOT_FOUND","message":"none","detail":null}]}"#;
    match (request.method.as_str(), request.path.ends_with(".key")) {
        ("GET", true) => Answer::ok(server_key()),
        ("GET", false) => Answer::new(404, nothing),
        _ => Answer::silence(),
    }
}

fn server_key() -> String {
    let key = PrivateKey::from_secret(Algorithm::EcdsaP256, &[7; 32]).expect("a scalar");
    let public = STANDARD.encode(key.public().spki());
    format!(r#"{{"keytype":"ecdsa","keyval":{{"private":null,"public":"{public}"}}}}"#)
}

const BUILT: &str = env!("CARGO_BIN_EXE_countersign");
/// Where nobody has it.
const PROGRAM: &str = "countersign";
/// A user without rights.
const NOBODY: u32 = 65534;
