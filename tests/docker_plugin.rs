//! Docker 29 and its plugin `docker-trust`, with docker's part played as its source does
//! (docker/cli 29.7 `cmd/docker/docker.go`, `cli-plugins/manager`, `cli-plugins/socket`), and a
//! program that is the plugin when it is called by that name.

#[path = "support/child.rs"]
mod child;

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use child::wait;
use serde_json::{Value, json};

/// Docker, as far as plugins see it.
struct Docker {
    home: tempfile::TempDir,
}

impl Docker {
    /// A docker into whose directory of plugins we were installed.
    fn new() -> Self {
        let docker = Self { home: tempfile::tempdir().expect("a home") };
        let installed = docker.countersign(&["docker-trust", "--install"]);
        assert!(installed.status.success(), "{installed:?}");
        assert_eq!(said(&installed).trim(), docker.plugin().to_str().expect("a path"));
        docker
    }

    fn plugin(&self) -> PathBuf {
        self.home.path().join(".docker/cli-plugins/docker-trust")
    }

    fn countersign(&self, arguments: &[&str]) -> Output {
        self.command(Path::new(env!("CARGO_BIN_EXE_countersign")))
            .args(arguments)
            .output()
            .expect("it runs")
    }

    #[expect(clippy::disallowed_methods, reason = "the search path is that of whoever tests")]
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("HOME", self.home.path()).env("PATH", path);
        command.current_dir(self.home.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What `newPlugin` asks of every candidate before it is used.
    fn metadata(&self) -> Value {
        let output =
            self.command(&self.plugin()).arg("docker-cli-plugin-metadata").output().expect("runs");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// `tryPluginRun`: the plugin gets every argument of docker, and three variables more.
    fn run(&self, arguments: &[&str]) -> Command {
        let metadata = self.metadata();
        assert_eq!(metadata["SchemaVersion"], "0.1.0");
        assert!(metadata["Vendor"].as_str().is_some_and(|vendor| !vendor.is_empty()));
        let mut command = self.command(&self.plugin());
        command.args(arguments);
        command.env("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "docker");
        command.env("OTEL_RESOURCE_ATTRIBUTES", "docker.cli.cobra.command_path=docker%20trust");
        command
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.run(arguments).output().expect("it runs")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complained(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn docker_shows_the_plugin_among_its_commands() {
    let metadata = Docker::new().metadata();
    assert_eq!(metadata["Version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(metadata["ShortDescription"], "Manage trust on Docker images");
}

#[test]
fn what_is_installed_elsewhere_is_undone_there() {
    let docker = Docker::new();
    let elsewhere = docker.home.path().join("elsewhere");
    let elsewhere = elsewhere.to_str().expect("a path");
    let installed = docker.countersign(&["docker-trust", "--install", elsewhere]);
    let undo = format!("To undo it: countersign docker-trust --uninstall {elsewhere}\n");
    assert!(complained(&installed).ends_with(&undo), "{installed:?}");
    let undone = docker.countersign(&["docker-trust", "--uninstall", elsewhere]);
    assert!(undone.status.success(), "{undone:?}");
    assert!(!Path::new(elsewhere).join("docker-trust").exists());
    assert!(docker.plugin().exists(), "the other one stays");
}

#[test]
fn plugin_is_called_with_all_of_dockers_words() {
    let docker = Docker::new();
    let elsewhere = docker.home.path().join("elsewhere");
    let elsewhere = elsewhere.to_str().expect("a path");
    let made = docker.ask(&["--config", elsewhere, "-D", "trust", "key", "generate", "alice"]);
    assert_eq!(made.status.code(), Some(1), "no passphrase, and nobody answers");
    let command = |arguments: &[&str]| {
        let mut command = docker.run(arguments);
        command.env("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "throw-away");
        command.output().expect("it runs")
    };
    let made = command(&["--config", elsewhere, "-D", "trust", "key", "generate", "alice"]);
    assert!(made.status.success(), "{made:?}");
    assert!(said(&made).contains("Successfully generated and loaded private key."));
    let keys = fs::read_dir(Path::new(elsewhere).join("trust/private")).expect("keys").count();
    assert_eq!(keys, 1, "in the directory that docker was told");

    let usage = docker.ask(&["trust", "sign"]);
    assert_eq!(usage.status.code(), Some(1));
    assert!(complained(&usage).starts_with("docker: 'docker trust sign' requires 1 argument\n"));
    let flag = docker.ask(&["trust", "inspect", "--bogus", "x"]);
    assert_eq!(flag.status.code(), Some(125));
    let nothing = docker.ask(&["trust"]);
    assert!(nothing.status.success() && complained(&nothing).starts_with("Usage:  docker trust"));
}

#[test]
fn help_and_completion_go_through_the_plugin() {
    let docker = Docker::new();
    for arguments in [&["help", "trust", "sign"][..], &["trust", "sign", "--help"]] {
        let help = docker.ask(arguments);
        assert!(help.status.success(), "{help:?}");
        assert!(said(&help).starts_with("Usage:  docker trust sign IMAGE:TAG\n"), "{help:?}");
    }
    let offered = docker.ask(&["__complete", "trust", "si"]);
    let lines: Vec<String> = said(&offered).lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("sign\t") && lines[1].starts_with("signer\t"), "{lines:?}");
    assert_eq!(lines[2], ":4");
    let hook = json!({"RootCmd": "pull", "Flags": {}, "CommandError": ""}).to_string();
    let mut command = docker.command(&docker.plugin());
    let hooked = command.args(["trust", "docker-cli-plugin-hooks", &hook]).output().expect("runs");
    let answer: Value = serde_json::from_slice(&hooked.stdout).expect("JSON");
    assert_eq!(answer["Type"], 0);
    assert!(answer["Template"].as_str().is_some_and(|text| text.contains("{{arg . 0}}")));
}

#[test]
fn plugin_ends_when_docker_closes_its_socket() {
    let docker = Docker::new();
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", server.local_addr().expect("an address"));
    let name = format!("docker_cli_{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("a socket");
    let mut child = docker
        .run(&["trust", "inspect", "web"])
        .env("DOCKER_CLI_PLUGIN_SOCKET", format!("@{name}"))
        .env("DOCKER_CONTENT_TRUST_SERVER", &url)
        .spawn()
        .expect("it runs");
    let (connection, _) = listener.accept().expect("the plugin comes");
    // It waits for a trust server that says nothing.
    let _silent = server.accept().expect("a request");
    assert!(child.try_wait().expect("a child").is_none(), "it waits");
    drop(connection);
    assert_eq!(wait(&mut child).code(), Some(128 + 15));
}

#[test]
fn without_docker_it_is_a_program_of_its_own() {
    let docker = Docker::new();
    let alone = docker.command(&docker.plugin()).arg("sign").output().expect("it runs");
    assert!(
        complained(&alone).starts_with("docker-trust: 'docker-trust sign' requires 1 argument")
    );
    let long = docker.countersign(&["docker-trust", "trust", "sign"]);
    assert_eq!(complained(&long), complained(&alone));
    let help = docker.countersign(&["docker-trust", "--help"]);
    assert!(said(&help).starts_with("Usage:  docker-trust COMMAND\n"), "{help:?}");
}

#[test]
fn installing_can_be_repeated_and_undone_and_spares_what_is_not_ours() {
    let docker = Docker::new();
    let again = docker.countersign(&["docker-trust", "--install"]);
    assert!(again.status.success() && complained(&again).contains("already"), "{again:?}");
    let gone = docker.countersign(&["docker-trust", "--uninstall"]);
    assert!(gone.status.success() && !docker.plugin().exists(), "{gone:?}");
    fs::write(docker.plugin(), "somebody else's").expect("written");
    for action in ["--install", "--uninstall"] {
        let refused = docker.countersign(&["docker-trust", action]);
        assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    }
    assert_eq!(fs::read(docker.plugin()).expect("there"), b"somebody else's");
    let other = docker.home.path().join("other");
    let elsewhere = docker.countersign(&["docker-trust", "--install", other.to_str().expect("x")]);
    assert!(elsewhere.status.success() && other.join("docker-trust").exists(), "{elsewhere:?}");
    let many = docker.countersign(&["docker-trust", "--install", "a", "b"]);
    assert_eq!(many.status.code(), Some(2));
}
