//! A real registry, trust server and (if wanted) docker daemon, for as long as the value lives.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Running servers; dropping the value ends them.
pub(crate) struct TestRegistry {
    directory: PathBuf,
    variables: HashMap<String, String>,
}

impl TestRegistry {
    /// Starts them with these options of `test-registry/start`, and with the original trust server
    /// if no option names another.
    ///
    /// # Panics
    ///
    /// When they do not start: `make test` installs what they need.
    pub(crate) fn start(options: &[&str]) -> Self {
        let original = ["--trust", NOTARY_SERVER];
        let named = options.contains(&"--trust");
        Self::launch(&[options, if named { &[] } else { &original }].concat())
    }

    /// The same with one trust server after the other: the original, then ours.
    #[expect(clippy::print_stderr, reason = "a test that fails shows with which one")]
    pub(crate) fn each(options: &'static [&'static str]) -> impl Iterator<Item = Self> {
        [NOTARY_SERVER, COUNTERSIGN].into_iter().map(move |server| {
            eprintln!("with {server}:");
            Self::launch(&[options, &["--trust", server]].concat())
        })
    }

    fn launch(options: &[&str]) -> Self {
        let directory = PathBuf::from(format!("/tmp/cst-{}-{}", std::process::id(), unique()));
        let mut start = Command::new(script("start"));
        if let Some(program) = option_env!("CARGO_BIN_EXE_countersign") {
            start.env("COUNTERSIGN", program);
        }
        let started = start
            .args(options)
            .args(["--while", &std::process::id().to_string()])
            .arg(&directory)
            .output()
            .expect("test-registry/start runs");
        assert!(started.status.success(), "test-registry/start: {}", text(&started));
        let variables = variables(&directory.join("env"));
        Self { directory, variables }
    }

    /// A variable of its `env` file.
    pub(crate) fn variable(&self, name: &str) -> &str {
        self.variables.get(name).unwrap_or_else(|| panic!("{name} in the env file"))
    }

    /// The same, if it is there.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The registry's `host:port`.
    pub(crate) fn registry(&self) -> &str {
        self.variable("REGISTRY")
    }

    /// docker's and notary's trust directory.
    pub(crate) fn trust_directory(&self) -> PathBuf {
        Path::new(self.variable("DOCKER_CONFIG")).join("trust")
    }

    /// A docker configuration directory that knows the servers' authority but has no credentials.
    pub(crate) fn stranger(&self) -> PathBuf {
        let ours = Path::new(self.variable("DOCKER_CONFIG"));
        let stranger = self.directory.join("stranger");
        std::fs::create_dir_all(&stranger).expect("a directory");
        let status = Command::new("cp").arg("-r").arg(ours.join("tls")).arg(&stranger).status();
        assert!(status.is_ok_and(|status| status.success()), "the authority is copied");
        stranger
    }

    /// A program in this environment and no other.
    #[expect(clippy::disallowed_methods, reason = "a test is a face")]
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(&self.variables).current_dir(&self.directory);
        command
    }

    /// Runs a program that must succeed; returns its standard output.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().expect("the program runs");
        assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs our own program.
    pub(crate) fn countersign(&self, arguments: &[&str]) -> Output {
        let Some(program) = option_env!("CARGO_BIN_EXE_countersign") else {
            panic!("built without the program");
        };
        self.command(program).args(arguments).output().expect("countersign runs")
    }

    /// The same, which must succeed; returns its standard output.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub(crate) fn does(&self, arguments: &[&str]) -> String {
        let output = self.countersign(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Pushes a tiny image; returns its digest (`sha256:…`) and size.
    pub(crate) fn seed(&self, name_and_tag: &str, options: &[&str]) -> (String, u64) {
        let seed = script("seed");
        let seed = seed.to_str().expect("a path in UTF-8");
        let mut arguments = options.to_vec();
        arguments.push(name_and_tag);
        let printed = self.run(seed, &arguments);
        let (reference, size) = printed.trim().split_once(' ').expect("NAME@DIGEST SIZE");
        let (_, digest) = reference.split_once('@').expect("NAME@DIGEST");
        (digest.to_owned(), size.parse().expect("a size"))
    }

    /// The registry's file of a manifest or blob.
    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let blobs = self.directory.join("registry/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }

    /// Where everything of it lies.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends one of its servers, and waits until it has ended.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub(crate) fn end(&self, server: &str) {
        let pids = std::fs::read_to_string(self.directory.join("pids")).expect("the list of pids");
        let words = pids.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mut found = words.filter(|words| words.first() == Some(&server));
        let process = found.next_back().and_then(|words| words.get(1)?.parse().ok());
        let process: i32 = process.unwrap_or_else(|| panic!("{server} was started"));
        let process = rustix::process::Pid::from_raw(process).expect("not zero");
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("told to end");
        for _ in 0..400 {
            if rustix::process::test_kill_process(process).is_err() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        panic!("{server} does not end");
    }

    /// The requests that the trust server answered so far: `GET /v2/…`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log =
            std::fs::read_to_string(self.variable("TRUST_LOG")).expect("the trust server's log");
        let lines =
            log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines
            .filter_map(|line| {
                let field = |name: &str| line[name].as_str().map(str::to_owned);
                let theirs = field("msg").is_some_and(|message| message == "response completed");
                let ours = field("event").is_some_and(|event| event == "request");
                let (method, path) = match () {
                    () if theirs => (field("http.request.method"), field("http.request.uri")),
                    () if ours => (field("method"), field("path")),
                    () => return None,
                };
                Some(format!("{} {}", method?, path?))
            })
            .collect()
    }
}

/// Notary's trust server, as `--trust` names it.
pub(crate) const NOTARY_SERVER: &str = "notary-server";
/// Ours.
pub(crate) const COUNTERSIGN: &str = "countersign";

impl Drop for TestRegistry {
    fn drop(&mut self) {
        let _ = Command::new(script("stop")).arg(&self.directory).output();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-registry").join(name)
}

fn variables(file: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(file).expect("the env file");
    let assignments = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    assignments.map(|(name, value)| (name.to_owned(), unquoted(value))).collect()
}

fn unquoted(value: &str) -> String {
    value.trim_matches(|c| c == '\'' || c == '"').to_owned()
}

/// What a program answered.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it said beside that.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// That it ended so.
///
/// # Panics
///
/// If it did not.
#[track_caller]
pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
}

/// Everything a program said.
pub(crate) fn text(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}{err}", output.status)
}

fn unique() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
