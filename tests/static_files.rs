//! TUF 1.0 behind real web servers, and in a folder: everything that reads works there.

#![cfg(feature = "export")]

#[path = "support/registry.rs"]
mod registry;
#[path = "support/tuf1.rs"]
mod tuf1;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use registry::{COUNTERSIGN, TestRegistry, text};
use serde_json::{Value, json};

/// A web server; dropping the value ends it.
struct WebServer {
    process: Child,
    url: String,
}

impl WebServer {
    /// busybox, in plain HTTP.
    fn busybox(folder: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new("busybox");
        command.args(["httpd", "-f", "-p", &format!("127.0.0.1:{port}"), "-h"]).arg(folder);
        Self::start(command, port, format!("http://127.0.0.1:{port}"))
    }

    /// nginx, with the certificate of the test servers.
    fn nginx(folder: &Path, servers: &TestRegistry) -> Self {
        let (port, home) = (free_port(), servers.directory().join("nginx"));
        fs::create_dir_all(home.join("tmp")).expect("a folder");
        let tls = servers.directory().join("tls");
        let (folder, tls, at) = (folder.display(), tls.display(), home.display());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/tmp; "))
            .collect();
        let text = format!(
            "daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\n\
             http {{ access_log {at}/access.log; {temporary}\n\
               server {{ listen 127.0.0.1:{port} ssl; root {folder};\n\
                 ssl_certificate {tls}/server.crt; ssl_certificate_key {tls}/server.key; }} }}\n"
        );
        fs::write(home.join("nginx.conf"), text).expect("written");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&home).arg("-c").arg(home.join("nginx.conf"));
        command.arg("-e").arg(home.join("error.log"));
        Self::start(command, port, format!("https://127.0.0.1:{port}"))
    }

    fn start(mut command: Command, port: u16, url: String) -> Self {
        let process = command.spawn().expect("make test installs it");
        let server = Self { process, url };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{command:?} does not listen");
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let process = i32::try_from(self.process.id()).expect("a process id");
        let process = rustix::process::Pid::from_raw(process).expect("not zero");
        // nginx ends its worker when it is told to end.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn everything_that_reads_reads_plain_files_over_http_https_and_from_a_folder() {
    let servers = TestRegistry::start(&["--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    let (one, _) = servers.seed("team/web:1", &[]);
    servers.does(&["sign", &format!("{image}:1")]);
    servers.run("docker", &["trust", "key", "generate", "alice"]);
    let add = ["trust", "signer", "add", "--key", "alice.pub", "alice", &image];
    servers.run("docker", &add);
    servers.does(&["sign", &format!("{image}:1")]);
    let site = servers.directory().join("site");
    servers.does(&["export", &image, site.to_str().expect("text")]);
    servers.seed("team/web:1", &["--text", "evil"]);

    let (plain, secure) = (WebServer::busybox(&site), WebServer::nginx(&site, &servers));
    let authority = ["--tls-ca", servers.variable("TEST_CA")];
    for (number, (server, options)) in [
        (format!("{}/metadata", plain.url), &["--insecure-http"][..]),
        (format!("{}/metadata", secure.url), &authority),
        (format!("file://{}/metadata", site.display()), &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let trust = servers.directory().join(format!("reader{number}"));
        let reader = |arguments: &[&str]| {
            let trust = trust.to_str().expect("text");
            let place = ["--server", &server, "--trust-dir", trust];
            servers.does(&[&place, options, arguments].concat())
        };
        let reference = format!("{image}:1");
        assert_eq!(reader(&["verify", &reference]), format!("{image}@{one}\n"), "{server}");
        let listed = reader(&["list", &image]);
        assert!(listed.contains("targets/releases") && listed.contains("alice"), "{listed}");
        assert!(reader(&["inspect", &image]).contains(&one[7..]), "{server}");
        assert!(reader(&["explain", &reference]).contains("targets/releases"), "{server}");
        assert_eq!(reader(&["verify-pull", &reference]), format!("{reference}\n"), "{server}");
        let said = servers.run("docker", &["run", "--rm", "--network", "none", &reference]);
        assert_eq!(said.trim(), "hello", "not what the registry's tag means now");
        servers.run("docker", &["image", "rm", "--force", &reference]);
        let saved = servers.directory().join(format!("saved{number}"));
        reader(&["pull", &reference, "--to", &format!("oci:{}", saved.display())]);
        assert!(saved.join("blobs/sha256").join(&one[7..]).is_file(), "{server}");
        assert_eq!(reader(&["--offline", "verify", &reference]), format!("{image}@{one}\n"));
    }
}

#[test]
fn the_keys_of_plain_files_are_told_by_what_they_sign() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    servers.seed("team/web:1", &[]);
    servers.does(&["sign", &format!("{image}:1")]);
    let site = servers.directory().join("site");
    servers.does(&["export", &image, site.to_str().expect("text")]);
    let server = format!("file://{}/metadata", site.display());
    servers.does(&["--server", &server, "verify", &format!("{image}:1")]);
    let listed = servers.does(&["--server", &server, "key", "list", "--format", "json"]);
    let keys: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let unused: Vec<&Value> =
        keys.iter().filter(|key| key["signs"].as_array().is_some_and(Vec::is_empty)).collect();
    assert_eq!(keys.len(), 5, "one root key; two of targets, one of snapshot, one of timestamp");
    assert!(unused.is_empty(), "{listed}");
    let audit = servers.countersign(&["key", "audit"]);
    assert!(!text(&audit).contains("orphan"), "{}", text(&audit));
}

/// Small files of somebody to whom `targets` delegates, each of which says the same key ids of 2^14
/// bins in one line, and patterns that all roles below inherit.
#[test]
fn a_small_file_takes_no_gigabytes() {
    let mut evil = tuf1::Repository::new();
    evil.delegate("targets", "evil", json!({"paths": ["*"]}));
    let keys: Vec<_> = (0..200).map(|_| evil.key()).collect();
    let ids: Vec<String> = keys.iter().map(|key| tuf1::key_id(key)).collect();
    let objects: Value =
        ids.iter().cloned().zip(keys.iter().map(|key| tuf1::key_object(key))).collect();
    let prefix = "p".repeat(200);
    for index in 0..8 {
        let name = format!("e{index:02}");
        evil.delegate("evil", &name, json!({"paths": ["zz*"]}));
        let bins = json!({"bit_length": 14, "keyids": ids, "name_prefix": prefix, "threshold": 1});
        evil.role(&name)["delegations"] = json!({"keys": objects, "succinct_roles": bins});
    }
    evil.publish();
    let home = tempfile::tempdir().expect("a folder");
    let metadata = home.path().join("metadata");
    fs::create_dir(&metadata).expect("a folder");
    for (name, bytes) in &evil.files {
        fs::write(metadata.join(name), bytes).expect("written");
    }
    let place = format!("file://{}", metadata.display());
    let image = "registry.example.com/team/web";
    for arguments in [vec!["list", "--server", &place, image], vec!["key", "list"]] {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 1500000\nexec \"$@\"", "sh"]);
        command.arg(env!("CARGO_BIN_EXE_countersign")).arg("--trust-dir").arg(home.path());
        let told = command.args(&arguments).env("HOME", home.path()).output().expect("it runs");
        assert!(told.status.success(), "{arguments:?}: {}", text(&told));
    }
}
