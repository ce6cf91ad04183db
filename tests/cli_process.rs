//! How the program treats secrets, signals and those who stop listening.

#[path = "support/canary.rs"]
mod canary;
#[path = "support/child.rs"]
mod child;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use canary::{files, spelling_in};
use child::wait;

const CANARY: &str = "canary-9f4e1c7a";

#[expect(clippy::disallowed_methods, reason = "the search path is that of whoever tests")]
fn countersign(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(home).stdin(Stdio::null());
    command
}

/// The same, whatever signals those who started us told us to ignore, as `nohup` and `&` do.
fn heeding_signals(home: &Path) -> Command {
    started_by(&["env", "--default-signal"], &countersign(home))
}

/// The same where files can be made and nothing written, as on a full disk.
fn where_no_file_grows(plain: &Command) -> Command {
    started_by(&["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"], plain)
}

fn started_by(starter: &[&str], plain: &Command) -> Command {
    let mut command = Command::new(starter[0]);
    command.args(&starter[1..]).arg(plain.get_program()).args(plain.get_args());
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(plain.get_current_dir().expect("a folder")).stdin(Stdio::null());
    command
}

/// A server that takes connections and says nothing.
fn silent_server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    (listener, url)
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("set");
}

/// What lies where a file of settings is looked for may be anything.
#[test]
fn what_is_no_file_keeps_nobody_waiting() {
    let pipe = |path: &Path| {
        assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
    };
    let endless = |path: &Path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link");
    let regular = |path: &Path| fs::write(path, "").expect("written");
    let after = |place: &str, make: &dyn Fn(&Path), line: &str| {
        let home = tempfile::tempdir().expect("a home");
        let path = home.path().join(place);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        make(&path);
        let mut child = countersign(home.path()).args(line.split(' ')).spawn().expect("it runs");
        wait(&mut child).code()
    };
    const SETTINGS: &str = ".docker/trust/countersign.toml";
    const PINS: &str = ".docker/trust/pins.toml";
    const DOCKER: &str = ".docker/config.json";
    const AUTHORITY: &str = ".docker/tls/127.0.0.1:1/ca.crt";
    for (place, line, code, usual) in [
        (SETTINGS, "key list", 2, 0),
        (SETTINGS, "verify 127.0.0.1:1/web:1", 2, 5),
        (PINS, "verify 127.0.0.1:1/web:1", 2, 5),
        (AUTHORITY, "verify 127.0.0.1:1/web:1", 2, 2),
        (DOCKER, "doctor", 8, 8),
    ] {
        for no_file in [&pipe as &dyn Fn(&Path), &endless] {
            assert_eq!(after(place, no_file, line), Some(code), "{place}: {line}");
        }
        assert_eq!(after(place, &regular, line), Some(usual), "{place}: {line}");
    }
}

/// A path may be any bytes. What else is no text could be a restriction, and is not passed over.
#[test]
fn variables_that_are_no_text_are_heeded_or_refused() {
    let home = tempfile::tempdir().expect("a home");
    let bytes = |name: &[u8]| home.path().join(OsStr::from_bytes(name));
    let settings = bytes(b"caf\xe9.toml");
    fs::write(&settings, "require_pin = true\n").expect("written");
    let pins = bytes(b"docker-\xe9/trust");
    fs::create_dir_all(&pins).expect("a folder");
    fs::write(pins.join("pins.toml"), "none").expect("written");
    let ended = |name: &str, value: &OsStr, line: &str| {
        let mut command = countersign(home.path());
        let output = command.env(name, value).args(line.split(' ')).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    const VERIFY: &str = "verify 127.0.0.1:1/web:1";
    let config = |path: &Path| ended("COUNTERSIGN_CONFIG", path.as_os_str(), VERIFY);
    assert_eq!(config(&settings).0, Some(5));
    fs::write(&settings, "require_pins = true\n").expect("written");
    assert_eq!(config(&settings).0, Some(2));
    let (code, told) = ended("DOCKER_CONFIG", bytes(b"docker-\xe9").as_os_str(), VERIFY);
    assert_eq!((code, told.contains("pins.toml")), (Some(2), true), "{told}");
    let (code, told) = ended("HOME", bytes(b"docker-\xe9").as_os_str(), "key list");
    assert_eq!(code, Some(0), "{told}");
    for name in ["DOCKER_CONTENT_TRUST_SERVER", "COUNTERSIGN_TOKEN_PIN", "https_proxy"] {
        let (code, told) = ended(name, OsStr::from_bytes(b"\xff"), VERIFY);
        assert_eq!((code, told.contains(name)), (Some(2), true), "{told}");
    }
    for name in ["DOCKER_CONTENT_TRUST_SERVER", "DOCKER_HOST"] {
        let line = "docker pull --disable-content-trust=false 127.0.0.1:1/web:1";
        let (code, told) = ended(name, OsStr::from_bytes(b"\xff"), line);
        assert_eq!((code, told.contains(name)), (Some(1), true), "{told}");
    }
    assert_eq!(ended("OTHER", OsStr::from_bytes(b"\xff"), VERIFY).0, Some(5));
}

/// Notary's own configuration may hold pins, also in a home directory that cannot be meant.
#[test]
fn pins_of_notary_are_not_lost_with_the_home_directory() {
    let place = tempfile::tempdir().expect("a folder");
    let verify = || {
        let mut command = countersign(place.path());
        command.env("DOCKER_CONFIG", place.path()).env("HOME", "home");
        command.args(["verify", "127.0.0.1:1/web:1"]).status().expect("it runs").code()
    };
    assert_eq!(verify(), Some(5), "a relative home without such a file");
    fs::create_dir_all(place.path().join("home/.notary")).expect("a folder");
    fs::write(place.path().join("home/.notary/config.json"), "{}").expect("written");
    assert_eq!(verify(), Some(8));
}

/// It may be a pipe, and one call may need it for several references.
#[test]
fn the_passphrase_file_is_read_once() {
    let home = tempfile::tempdir().expect("a home");
    for name in ["one.pem", "two.pem"] {
        let path = home.path().join(name);
        let words = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let made = Command::new("openssl").args(words).arg("-out").arg(&path).output();
        assert!(made.expect("openssl runs").status.success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    }
    let line = "COUNTERSIGN_PASSPHRASE_FILE=<(echo throw-away) \"$0\" key import one.pem two.pem --role carl";
    let program = env!("CARGO_BIN_EXE_countersign");
    let mut bash = started_by(&["bash", "-c", line, program], &countersign(home.path()));
    let output = bash.output().expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority that was renewed under its old name, where the old one is still in docker's folder.
#[test]
fn a_renewed_authority_is_found_among_the_systems() {
    let home = tempfile::tempdir().expect("a home");
    let mut sh = started_by(&["sh", "-ec", RENEWED, "sh"], &countersign(home.path()));
    let mut server = sh.stdout(Stdio::piped()).spawn().expect("sh runs");
    let mut port = String::new();
    let stdout = server.stdout.as_mut().expect("its stdout");
    BufReader::new(stdout).read_line(&mut port).expect("its port");
    let folder = home.path().join(format!(".docker/tls/127.0.0.1:{}", port.trim()));
    fs::create_dir_all(&folder).expect("a folder");
    let verify = |own: &str, system: &str| {
        fs::copy(home.path().join(own), folder.join("ca.crt")).expect("copied");
        let mut command = countersign(home.path());
        command.env("SSL_CERT_FILE", home.path().join(system));
        command.args(["verify", "--server", &format!("https://127.0.0.1:{}", port.trim())]);
        command.arg("reg.example.com/web:1").status().expect("it runs").code()
    };
    let found = [verify("new.crt", "old.crt"), verify("old.crt", "new.crt")];
    let refused = verify("old.crt", "old.crt");
    server.kill().expect("ended");
    server.wait().expect("ended");
    assert_eq!((found, refused), ([Some(3), Some(3)], Some(5)));
}

/// Two authorities of one name, and a server that has nothing with a certificate of the second.
const RENEWED: &str = r#"
for ca in old new; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $ca.key -out $ca.crt \
        -subj '/CN=Corp CA' -days 30 2>/dev/null
done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout s.key -out s.csr -subj /CN=s 2>/dev/null
echo 'subjectAltName=IP:127.0.0.1' >extensions
openssl x509 -req -in s.csr -CA new.crt -CAkey new.key -out s.crt -days 30 -extfile extensions 2>/dev/null
exec python3 -c '
import http.server, ssl
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("s.crt", "s.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_error(404)
server.RequestHandlerClass = Nothing
print(server.server_port, flush=True)
server.serve_forever()
'
"#;

#[test]
fn without_descriptors_it_ends_with_a_reason() {
    let home = tempfile::tempdir().expect("a home");
    let ended = |limit: u32| {
        let line = format!("ulimit -n {limit}; exec \"$0\" verify --offline 127.0.0.1:1/web:1");
        let mut command = Command::new("sh");
        command.args(["-c", &line]).arg(env!("CARGO_BIN_EXE_countersign"));
        let output = command.env_clear().env("HOME", home.path()).output().expect("sh runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for limit in 4..12 {
        let (code, said) = ended(limit);
        assert!(!said.contains("panicked"), "{limit}: {code:?} {said}");
        assert!(said.starts_with("error: "), "{limit}: {code:?} {said}");
    }
    let (code, said) = ended(256);
    assert_eq!(code, Some(5), "{said}");
}

#[test]
fn secret_canary_nowhere() {
    let home = tempfile::tempdir().expect("a home");
    let bin = home.path().join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    fs::create_dir_all(home.path().join(".docker")).expect("a folder");
    fs::write(home.path().join(".docker/config.json"), r#"{"credsStore":"spy"}"#).expect("written");
    // A helper and a docker that tell all they know.
    script(&bin.join("docker-credential-spy"), "env >>\"$HOME/helper\"; cat >/dev/null; exit 1");
    script(&bin.join("docker"), "env >>\"$HOME/child\"; exit 1");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut said = Vec::new();
    for arguments in [
        &["key", "generate", "alice", "-v"] as &[&str],
        &[
            "sign",
            "-v",
            "127.0.0.1:1/web:1",
            "--digest",
            &format!("sha256:{}", "a".repeat(64)),
            "--size",
            "1",
        ],
        &["sign", "--format", "json", "127.0.0.1:1/web:1"],
        &["key", "passwd", "aaaa"],
        &["verify-pull", "127.0.0.1:1/web:1"],
    ] {
        let output = countersign(home.path())
            .args(arguments)
            .env("PATH", &path)
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "1")
            .env("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", CANARY)
            .env("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", CANARY)
            .env("NOTARY_TARGETS_PASSPHRASE", CANARY)
            .output()
            .expect("it runs");
        said.extend(output.stdout);
        said.extend(output.stderr);
    }
    assert_eq!(spelling_in(&said, CANARY.as_bytes()), None, "it was said");
    let files = files(home.path());
    for path in &files {
        let bytes = fs::read(path).expect("readable");
        let spelling = spelling_in(&bytes, CANARY.as_bytes());
        assert_eq!(spelling, None, "{} holds it", path.display());
    }
    assert!(files.len() >= 4, "the key and its public half were written");
}

#[test]
fn reader_that_leaves_ends_it_quietly() {
    let home = tempfile::tempdir().expect("a home");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut child = countersign(home.path())
        .arg("man")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    assert_eq!(wait(&mut child).code(), Some(128 + 13));
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(said, "");
}

#[test]
fn signals_end_it_and_leave_nothing_behind() {
    for (signal, arguments) in [
        ("TERM", &["verify", "web"] as &[&str]),
        ("INT", &["verify", "web"]),
        ("HUP", &["pull", "web", "--to", "oci:out"]),
    ] {
        let home = tempfile::tempdir().expect("a home");
        let (server, url) = silent_server();
        let mut child = heeding_signals(home.path())
            .args(["--server", &url])
            .args(arguments)
            .spawn()
            .expect("it runs");
        // It is waiting for an answer then.
        let _connection = server.accept().expect("a connection");
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs");
        assert!(sent.success());
        let status = wait(&mut child);
        let number = match signal {
            "TERM" => 15,
            "INT" => 2,
            _ => 1,
        };
        let told = status.signal() == Some(number) || status.code() == Some(128 + number);
        assert!(told, "{signal}: {status}");
        let left = files(home.path());
        assert!(left.is_empty(), "{signal}: {left:?}");
    }
}

#[test]
fn deadline_covers_a_server_that_says_nothing() {
    let home = tempfile::tempdir().expect("a home");
    let (_server, url) = silent_server();
    let started = Instant::now();
    let output = countersign(home.path())
        .args(["--server", &url, "--timeout", "1s", "verify", "web"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(5));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// A server that asks everybody for a password, as often as it is asked.
fn asking_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8).flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"here\"\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    url
}

#[test]
fn deadline_ends_a_credential_helper_and_names_it() {
    let home = tempfile::tempdir().expect("a folder");
    let (docker, bin) = (home.path().join(".docker"), home.path().join("bin"));
    fs::create_dir_all(&docker).expect("a folder");
    fs::create_dir_all(&bin).expect("a folder");
    fs::write(docker.join("config.json"), r#"{"credsStore": "hang"}"#).expect("written");
    script(&bin.join("docker-credential-hang"), "echo $$ >\"$HOME/pid\"; exec sleep 60");
    let mut command = countersign(home.path());
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command.args(["--timeout", "2s", "--insecure-http", "--server", &asking_server()]);
    let started = Instant::now();
    let output = command.args(["verify", "registry.example.com/web:1"]).output().expect("it runs");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("docker-credential-hang does not answer"), "{said}");
    let pid = fs::read_to_string(home.path().join("pid")).expect("it ran");
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it was ended");
}

#[test]
fn who_does_not_answer_is_told_with_the_right_hint() {
    let home = tempfile::tempdir().expect("a folder");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let said = |arguments: &[&str]| {
        let output = countersign(home.path()).args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(5), "{said}");
        said
    };
    let image = format!("{free}/web:1");
    let of_server = said(&["--server", &format!("https://{free}"), "verify", &image]);
    assert!(of_server.contains("the right trust server?"), "{of_server}");
    let of_registry = said(&["--server", &format!("https://{free}"), "sign", &image]);
    assert!(of_registry.contains("the right registry, and up?"), "{of_registry}");
}

#[test]
fn deadline_covers_a_lock_that_another_process_keeps() {
    let home = tempfile::tempdir().expect("a folder");
    let trust = home.path().join(".docker/trust");
    fs::create_dir_all(&trust).expect("a folder");
    let held = fs::File::open(&trust).expect("a folder");
    held.lock().expect("nobody has it");
    let pin = || {
        let mut command = countersign(home.path());
        command.args(["--timeout", "1s", "pin", "add", "registry.example.com/web", "--root-key"]);
        command.arg("0".repeat(64)).output().expect("it runs")
    };
    let started = Instant::now();
    let output = pin();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("locked by another process for more than 1 s"), "{said}");
    assert!(said.contains(&format!("fuser -v {}", trust.display())), "{said}");
    drop(held);
    assert_eq!(pin().status.code(), Some(0), "free again");
}

/// What could not be written is in nobody's way, and no share is left of a splitting that failed.
#[test]
fn files_of_keys_are_whole_or_not_there() {
    let home = tempfile::tempdir().expect("a home");
    let line = |words: &[&str]| {
        let mut command = countersign(home.path());
        command.args(words).env("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", CANARY);
        command
    };
    let run = |words: &[&str]| line(words).output().expect("it runs");
    let id = String::from_utf8(run(&["key", "generate", "root", "-q"]).stdout).expect("text");
    let split = ["key", "split", id.trim(), "--threshold", "2", "--shares", "3", "--dir", "shares"];
    let export = ["key", "export", "--out", "keys.pem"];
    for words in [&split as &[&str], &export] {
        let output = where_no_file_grows(&line(words)).output().expect("it runs");
        assert_eq!(output.status.code(), Some(8), "{words:?}: {output:?}");
    }
    let shares = || fs::read_dir(home.path().join("shares")).expect("a folder").count();
    assert!(!home.path().join("keys.pem").exists());
    assert_eq!(shares(), 0);
    let others = home.path().join("shares/share-3.txt");
    fs::write(&others, "another's").expect("written");
    assert_eq!(run(&split).status.code(), Some(2));
    assert_eq!(shares(), 1);
    fs::remove_file(&others).expect("removed");
    for words in [&split as &[&str], &export] {
        let output = run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
    }
}
