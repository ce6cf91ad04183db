//! `countersign serve` as a process: its start, its end, and what is left of it when it is killed.
#![cfg(all(feature = "server", feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

#[path = "support/serve.rs"]
mod serve;

use std::fs::Permissions;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use countersign::net::Remote as _;
use countersign::tuf::{Gun, RoleName};
use rustix::process::Signal;

use serve::{Publisher, Serve, certified, command, curl, pinging, ready, refused};

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_do_not_starve() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let gun = Gun::raw("a/b").expect("a name");
    let publisher = Publisher::new();
    publisher.found(&serve, &gun).await;
    let server = serve.collection(&gun);
    let idle: Vec<TcpStream> =
        (0..400).map(|_| TcpStream::connect(serve.address()).expect("a connection")).collect();
    for mut stream in &idle {
        stream.write_all(&[0x16, 3, 1]).expect("the start of a handshake");
    }
    let started = Instant::now();
    for _ in 0..50 {
        let file = countersign::net::RemoteFile::Current(RoleName::Timestamp);
        assert!(server.fetch(&file, 1 << 16).await.expect("an answer").is_some());
    }
    // Whoever waits for one of the silent waits ten seconds, until its handshake is given up.
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}

#[test]
fn a_server_ends_when_it_is_told_to() {
    let home = tempfile::tempdir().expect("a directory");
    let mut serve = Serve::start(home.path());
    serve.signal(Signal::TERM);
    let status = serve.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_server_that_lacks_something_does_not_start() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let missing = home.path().join("missing");
    let missing = missing.to_str().expect("text");
    let (code, told) = refused(command(&data, &["--tls-cert", missing, "--tls-key", missing]));
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("missing"), "{told}");
    drop(Serve::start(&data));
    let (ca, other_key) = (data.join("ca.crt"), data.join("server.key"));
    let (ca, other_key) = (ca.to_str().expect("text"), other_key.to_str().expect("text"));
    let (code, told) = refused(command(&data, &["--tls-cert", ca, "--tls-key", other_key]));
    assert_eq!(code, 2, "{told}");
    let serve = Serve::start(&data);
    let (code, told) = refused(command(&data, &[]));
    assert_eq!(code, 8, "{told}");
    assert!(told.contains("another process"), "{told}");
    drop(serve);
}

#[tokio::test]
async fn the_secret_of_the_online_keys_is_never_made_anew_unseen() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let gun = Gun::raw("a/b").expect("a name");
    let publisher = Publisher::new();
    publisher.found(&serve, &gun).await;
    drop(serve);
    std::fs::remove_file(home.path().join("online.key")).expect("removed");
    let (code, told) = refused(command(home.path(), &[]));
    assert_eq!(code, 6, "{told}");
    assert!(told.contains("online.key is missing"), "{told}");
}

#[test]
fn nobody_else_may_read_what_the_server_keeps() {
    let home = tempfile::tempdir().expect("a directory");
    // A volume that somebody made for it.
    let data = home.path().join("data");
    std::fs::create_dir(&data).expect("made");
    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).expect("open to others");
    let _serve = Serve::start(&data);
    for entry in data.read_dir().expect("a directory") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn an_unreachable_database_is_told_with_its_reason() {
    let home = tempfile::tempdir().expect("a directory");
    for database in ["postgres://a@127.0.0.1:1/b", "mysql://a@127.0.0.1:1/b"] {
        let (code, told) = refused(command(home.path(), &["--database", database]));
        assert_eq!(code, 5, "{told}");
        assert!(told.contains("Connection refused"), "{told}");
    }
}

#[test]
fn a_passphrase_must_be_the_one_that_it_was() {
    let home = tempfile::tempdir().expect("a directory");
    let with = |passphrase: &str| {
        let mut command = command(home.path(), &["-q"]);
        command.env("COUNTERSIGN_SERVER_PASSPHRASE", passphrase);
        command
    };
    drop(Serve::run(with("correct horse"), home.path()));
    drop(Serve::run(with("correct horse"), home.path()));
    assert!(!home.path().join("online.key").exists());
    for (command, expected) in [
        (with("battery staple"), "not the passphrase"),
        (command(home.path(), &[]), "set COUNTERSIGN_SERVER_PASSPHRASE"),
    ] {
        let (code, told) = refused(command);
        assert_eq!(code, 6, "{told}");
        assert!(told.contains(expected) && !told.contains("staple"), "{told}");
    }
}

#[test]
fn notary_server_s_variables_count_or_are_named_or_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("server-config.json");
    std::fs::write(&file, r#"{"storage": {"backend": "memory"}}"#).expect("written");
    let check = |variable: &str, value: &str| {
        let words = ["--check", "--notary-config", file.to_str().expect("text")];
        let mut command = command(home.path(), &words);
        command.env(format!("NOTARY_SERVER_{variable}"), value);
        let output = command.spawn().expect("the program starts").wait_with_output();
        let output = output.expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, said, told) = check("REPOSITORIES_GUN_PREFIXES", "reg.example/ docker.io/");
    assert_eq!(code, Some(0), "{told}");
    assert!(said.contains("begin with reg.example/ or docker.io/"), "{said}");
    let (code, _, told) = check("CACHING_MAX_AGE_CURRENT_METADATA", "60");
    assert!(code == Some(0) && !told.contains("CACHING"), "{told}");
    let (code, _, told) = check("REPORTING_BUGSNAG_API_KEY", "secret");
    assert!(code == Some(0) && told.contains("REPORTING_BUGSNAG_API_KEY"), "{told}");
    assert!(!told.contains("secret"), "{told}");
    for (variable, value, named) in [
        ("REPOSITORIES_GUN_PREFIXES", "reg.example", "gun_prefixes"),
        ("REPOSITORIES_GUN_PREFIXES", "  ", "gun_prefixes"),
        ("REPOSITORIES_PREFIXES", "reg.example/", "NOTARY_SERVER_REPOSITORIES_PREFIXES"),
        ("AUTH_OPTIONS_REALM", "https://a/token", "NOTARY_SERVER_AUTH_OPTIONS_REALM"),
        ("CACHING_MAX_AGE_CONSISTENT_METADATA", "-1", "consistent_metadata"),
    ] {
        let (code, _, told) = check(variable, value);
        assert_eq!(code, Some(2), "{variable}: {told}");
        assert!(told.contains(named), "{named}: {told}");
    }
}

#[test]
fn notary_server_s_configuration_is_understood_or_named() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("server-config.json");
    let write = |text: &str| std::fs::write(&file, text).expect("written");
    let check = || {
        let words = ["--check", "--notary-config", file.to_str().expect("text")];
        let child = command(home.path(), &words).spawn().expect("the program starts");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    write(
        r#"{"server": {"http_addr": ":4443", "tls_cert_file": "./a.crt", "tls_key_file": "./a.key", "client_ca_file": "./clients.crt"},
        "trust_service": {"type": "remote", "hostname": "signer", "port": "7899", "key_algorithm": "ecdsa"},
        "storage": {"backend": "memory"}, "logging": {"level": "debug"}, "reporting": {"bugsnag": {}},
        "auth": {"type": "token", "options": {"realm": "https://a/token", "issuer": "a", "service": "s", "rootcertbundle": "/r"}},
        "repositories": {"gun_prefixes": ["docker.io/"]}, "surprise": {"x": 1}}"#,
    );
    let (code, _, remarks) = check();
    assert_eq!(code, Some(2), "{remarks}");
    for missing in ["a.crt: No such file", "/r: No such file"] {
        assert!(remarks.contains(missing), "{missing}: {remarks}");
    }
    let (authority, certificate, key) = certified("a");
    for (name, text) in [("a.crt", certificate), ("a.key", key), ("clients.crt", authority)] {
        std::fs::write(home.path().join(name), text).expect("written");
    }
    let text = std::fs::read_to_string(&file)
        .expect("read")
        .replace("/r\"", &format!("{}\"", home.path().join("clients.crt").display()));
    write(&text);
    let (code, said, remarks) = check();
    assert_eq!(code, Some(0), "{said}{remarks}");
    for expected in ["a.crt", "clients.crt", "https://a/token", "in memory", "docker.io/"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    for named in ["trust_service.type", "trust_service.hostname", "reporting.bugsnag", "surprise.x"]
    {
        assert!(remarks.contains(named), "{named}: {remarks}");
    }
    for (text, named) in [
        (r#"{"storage": {"backend": "rethinkdb"}}"#, "storage.backend"),
        (r#"{"server": {"http_addr": "here"}}"#, "server.http_addr"),
        (r#"{"repositories": {"gun_prefixes": ["docker.io"]}}"#, "docker.io"),
        (r#"{"auth": {"type": "token", "options": {}}}"#, "auth.options.realm"),
        (r#"{"auth": {"type": "token"}}"#, "auth.options"),
        (
            r#"{"auth": {"type": "tokens", "options": {"realm": "r", "issuer": "i", "service": "s", "rootcertbundle": "c"}}}"#,
            "auth.type",
        ),
        ("[", "server-config.json"),
        // What the original understands, whatever the case, must not be passed over: it would let
        // everybody in.
        (r#"{"Auth": {"Type": "token"}}"#, "auth.options"),
        (r#"{"auth": "token"}"#, "auth: no section"),
        (
            r#"{"caching": {"max_age": {"current_metadata": -1}}}"#,
            "caching.max_age.current_metadata",
        ),
        (
            r#"{"caching": {"max_age": {"Consistent_Metadata": 31536001}}}"#,
            "caching.max_age.consistent_metadata",
        ),
    ] {
        write(text);
        let (code, _, told) = check();
        assert_eq!(code, Some(2), "{text}");
        assert!(told.contains(named), "{named}: {told}");
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_by_line_and_without_its_passwords() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("server.toml");
    for (text, named) in [
        ("log = \"info\"\ndatabase = \"postgres://a:hunter2@b/c", "line 2"),
        ("database = [\"postgres://a:hunter2@b/c\"]", "line 1: invalid type: sequence"),
        ("signer = \"postgres://a:hunter2@b/c\"", "line 1: invalid type: string, expected a table"),
        ("database = \"redis://a:hunter2@b/c\"", "use sqlite:FILE"),
        ("[limits]\nconnections = 0", "line 2: invalid value: integer `0`"),
        ("upload_bytes = 0", "line 1: invalid value: integer `0`"),
        ("[auth]", "[auth.htpasswd] or [auth.token]"),
        ("auth = \"none\"", "line 1: invalid type: string, expected a table"),
        (
            "[auth.htpasswd]\nfile = \"f\"\n[auth.token]\nrealm = \"r\"\nissuer = \"i\"\n\
             service = \"s\"\ncertificates = \"c\"",
            "only one of them",
        ),
        ("[limits]\nconnections_each = 0", "line 2: invalid value: integer `0`"),
    ] {
        std::fs::write(&file, text).expect("written");
        let (code, told) = checked(&[], &["--config", file.to_str().expect("text")]);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(named) && !told.contains("hunter2"), "{named}: {told}");
    }
}

/// Speaks as no client does.
fn raw(serve: &Serve, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(serve.address()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    stream.write_all(bytes).expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn server_refuses_plain_http() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(home.path());
    let answer = raw(&serve, b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(!answer.starts_with(b"HTTP/"), "TLS only");
    assert_eq!(curl(&serve, &[]).0, 0, "and with TLS there is an answer");
}

/// A server with this configuration, and three connections to it on which nothing is said.
fn with_three_silent(home: &Path, configuration: &str) -> (Serve, Vec<TcpStream>) {
    let file = home.join("server.toml");
    std::fs::write(&file, configuration).expect("written");
    let words = ["-q", "--config", file.to_str().expect("text")];
    let serve = Serve::run(command(home, &words), home);
    let connect = |_| TcpStream::connect(serve.address()).expect("a connection");
    let silent = (0..3).map(connect).collect();
    (serve, silent)
}

/// Asks until there is an answer.
fn is_served_again(serve: &Serve) {
    let began = Instant::now();
    while curl(serve, &[]).0 != 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "freed connections serve again");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn connections_above_the_limit_of_all_wait_for_freed_ones() {
    let home = tempfile::tempdir().expect("a directory");
    let (serve, silent) = with_three_silent(home.path(), "[limits]\nconnections = 3\n");
    let mut fourth = pinging(&serve).stdout(Stdio::piped()).spawn().expect("curl runs");
    std::thread::sleep(Duration::from_secs(1));
    assert!(fourth.try_wait().expect("asked").is_none(), "it waits");
    drop(silent);
    let answer = fourth.wait_with_output().expect("curl ends");
    assert!(answer.stdout.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    is_served_again(&serve);
}

#[test]
fn connections_are_no_more_than_there_are_descriptors_for() {
    let home = tempfile::tempdir().expect("a directory");
    let limited = |words: &[&str]| {
        let usual = command(home.path(), words);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -Sn 150; ulimit -Hn 400; exec \"$0\" \"$@\""]);
        command.arg(usual.get_program()).args(usual.get_args());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let said = limited(&["--check"]).output().expect("the program runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("take 300 connections at once, and not 10000"), "{said}");
    let log = home.path().join("log");
    let file = std::fs::File::create(&log).expect("a log");
    let serve = Serve::logging(limited(&[]), home.path(), file.into());
    let connect = |_| TcpStream::connect(serve.address()).expect("a connection");
    let silent: Vec<TcpStream> = (0..250).map(connect).collect();
    assert_eq!(curl(&serve, &[]).0, 0, "there is room for more");
    let more: Vec<TcpStream> = (0..250).map(connect).collect();
    std::thread::sleep(Duration::from_millis(500));
    drop((silent, more));
    is_served_again(&serve);
    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(log.contains("take 300 connections") && !log.contains("Too many open"), "{log}");
}

#[test]
fn connections_above_the_limit_of_each_are_closed_unless_a_trusted_proxy_makes_them() {
    let home = tempfile::tempdir().expect("a directory");
    let limits = "[limits]\nconnections_each = 3\n";
    let (serve, silent) = with_three_silent(home.path(), limits);
    assert_ne!(curl(&serve, &[]).0, 0, "the fourth is closed");
    drop(silent);
    is_served_again(&serve);
    drop(serve);
    let proxies = format!("{limits}[proxies]\ntrusted = [\"127.0.0.0/8\"]\n");
    let (serve, _silent) = with_three_silent(home.path(), &proxies);
    assert_eq!(curl(&serve, &[]).0, 0, "a proxy brings those of many");
}

#[test]
fn proxies_are_networks_or_the_configuration_is_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("server.toml");
    let checked = |proxies: &str| {
        std::fs::write(&file, format!("[proxies]\n{proxies}\n")).expect("written");
        let words = ["--check", "--config", file.to_str().expect("text")];
        let output = command(home.path(), &words).output().expect("it runs");
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).expect("text"))
    };
    let (code, told) = checked("trusted = [\"10.0.0.0/8\", \"::1\"]\nheader = \"forwarded\"");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("believe Forwarded of 10.0.0.0/8 and ::1/128\n"), "{told}");
    let (code, told) = checked("trusted = [\"10.0.0.0/40\"]");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("10.0.0.0/40") && told.contains("server.toml"), "{told}");
    let (code, told) = checked("trusted = [\"10.0.0.1\"]\nheader = \"x-real-ip\"");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("x-forwarded-for"), "{told}");
}

/// Runs `--check` with these variables and words; its code, and all that it said.
fn checked(variables: &[(&str, &str)], words: &[&str]) -> (Option<i32>, String) {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["serve", "--check"]).args(words).env_clear();
    command.env("HOME", home.path()).envs(variables.iter().copied());
    let output = command.output().expect("it runs");
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).expect("text"))
}

#[test]
fn a_flag_stands_above_its_variable_and_that_above_the_file() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("server.toml");
    let text = "listen = \"127.0.0.1:1\"\ndata = \"/file\"\ngun_prefixes = [\"file/\"]\n\
                drain_seconds = 1\n[proxies]\ntrusted = [\"10.0.0.1\"]\n";
    std::fs::write(&file, text).expect("written");
    let variables = [
        ("COUNTERSIGN_LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_DATA", "/variable"),
        ("COUNTERSIGN_DATABASE", "sqlite:/variable.db"),
        ("COUNTERSIGN_TLS_CERT", "/variable.crt"),
        ("COUNTERSIGN_TLS_KEY", "/variable.key"),
        ("COUNTERSIGN_GUN_PREFIXES", "variable/, other/"),
        ("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.2, 192.0.2.0/24"),
        ("COUNTERSIGN_FORWARDED_HEADER", "forwarded"),
        ("COUNTERSIGN_DRAIN_SECONDS", "2"),
    ];
    let flags = [
        "--listen=127.0.0.1:3",
        "--data=/flag",
        "--database=sqlite:/flag.db",
        "--tls-cert=/flag.crt",
        "--tls-key=/flag.key",
        "--gun-prefix=flag/",
        "--trusted-proxy=10.0.0.3",
        "--trusted-proxy=2001:db8::/32",
        "--forwarded-header=x-forwarded-for",
        "--drain-seconds=3",
    ];
    let with_file = ["--config", file.to_str().expect("text")];
    // What would be done is said, and then that the certificate is not there.
    let says = |(code, told): (Option<i32>, String), expected: &[&str]| {
        assert_eq!(code == Some(2), told.contains(".crt: No such file"), "{told}");
        for line in expected {
            assert!(told.lines().any(|told| told == *line), "{line}: {told}");
        }
    };
    says(
        checked(&[], &with_file),
        &[
            "listen on 127.0.0.1:1",
            "keep everything in /file",
            "believe X-Forwarded-For of 10.0.0.1/32",
            "serve only collections that begin with file/",
            "after SIGTERM, serve on for 1 s",
        ],
    );
    says(
        checked(&variables, &with_file),
        &[
            "listen on 127.0.0.1:2",
            "keep everything in /variable",
            "keep collections in /variable.db",
            "use the certificate /variable.crt",
            "believe Forwarded of 10.0.0.2/32 and 192.0.2.0/24",
            "serve only collections that begin with variable/ or other/",
            "after SIGTERM, serve on for 2 s",
        ],
    );
    says(
        checked(&variables, &[&with_file[..], &flags].concat()),
        &[
            "listen on 127.0.0.1:3",
            "keep everything in /flag",
            "keep collections in /flag.db",
            "use the certificate /flag.crt",
            "believe X-Forwarded-For of 10.0.0.3/32 and 2001:db8::/32",
            "serve only collections that begin with flag/",
            "after SIGTERM, serve on for 3 s",
        ],
    );
}

#[test]
fn a_check_says_what_a_start_would_run_into_and_touches_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let (data, new) = (home.path().join("data"), home.path().join("new"));
    let checking = |data: &Path, words: &[&str]| {
        let words = [&["--check"], words].concat();
        let output = command(data, &words).output().expect("it runs");
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), told)
    };
    let expect = |(code, told): (Option<i32>, String), expected: i32, line: &str| {
        assert_eq!(code, Some(expected), "{line}: {told}");
        assert!(told.contains(line), "{line}: {told}");
    };
    expect(checking(&new, &[]), 0, "make the database ");
    assert!(!new.exists());

    let serve = Serve::start(&data);
    expect(checking(&data, &[]), 0, "trust.db open now, and has to end");
    let listen = ["--listen", serve.address()];
    let words =
        [&["serve", "--check", "--data", new.to_str().expect("text")][..], &listen].concat();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(words).output();
    let told = String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned();
    assert!(
        told.contains(&format!("listens on {} now, and has to end", serve.address())),
        "{told}"
    );
    drop(serve);
    let before = listing(&data);
    expect(checking(&data, &[]), 0, "go on with the database ");
    assert_eq!(listing(&data), before);

    let file = home.path().join("file");
    std::fs::write(&file, "bob:{SHA}x\n").expect("written");
    expect(checking(&file, &[]), 8, "is no directory");
    let path = file.to_str().expect("text");
    expect(checking(&new, &["--tls-cert", path, "--tls-key", path]), 2, "the key cannot be read");
    let database = format!("sqlite:{path}");
    expect(checking(&new, &["--database", &database]), 8, "is no SQLite database");
    let config = home.path().join("server.toml");
    let config_text = format!("[auth.htpasswd]\nfile = {path:?}\n");
    std::fs::write(&config, config_text).expect("written");
    let words = ["--config", config.to_str().expect("text")];
    expect(checking(&new, &words), 2, "line 1 is no `name:$2y$");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&data, everybody).expect("changed");
    expect(checking(&data, &[]), 0, "everybody on this host may replace files");
}

/// Names, lengths and times of the files of a directory.
fn listing(directory: &Path) -> Vec<(std::ffi::OsString, u64, std::time::SystemTime)> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let about = entry.metadata().expect("there");
            (entry.file_name(), about.len(), about.modified().expect("a time"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_help_begins_with_what_the_server_is() {
    let (code, told) = checked(&[], &["--help"]);
    assert!(code == Some(0) && told.starts_with("Be the trust server\n"), "{told}");
}

#[test]
fn a_variable_that_makes_no_sense_is_named() {
    for (name, value) in [
        ("COUNTERSIGN_LISTEN", "here"),
        ("COUNTERSIGN_GUN_PREFIXES", "registry.example.com"),
        ("COUNTERSIGN_TRUSTED_PROXIES", "10.0.0.1,10.0.0.0/40"),
        ("COUNTERSIGN_FORWARDED_HEADER", "x-real-ip"),
        ("COUNTERSIGN_DRAIN_SECONDS", "-1"),
        ("COUNTERSIGN_TLS_CERT", "/only.crt"),
    ] {
        let (code, told) = checked(&[(name, value)], &[]);
        assert_eq!(code, Some(2), "{name}: {told}");
        let named = if name == "COUNTERSIGN_TLS_CERT" { "--tls-key" } else { name };
        assert!(told.contains(named), "{name}: {told}");
    }
    let (code, told) = checked(&[], &["--trusted-proxy", "10.0.0.0/40"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("--trusted-proxy") && told.contains("10.0.0.0/40"), "{told}");
}

#[test]
fn signer_needs_client_cert() {
    let home = tempfile::tempdir().expect("a directory");
    let place = |name: &str| home.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(place(name), text).expect("written");
    let (ca, server, server_key) = certified("server");
    let (clients, alice, alice_key) = certified("alice\n{\"event\":\"forged\"}");
    let (_, mallory, mallory_key) = certified("alice");
    for (name, text) in [
        ("ca.crt", &ca),
        ("server.crt", &server),
        ("server.key", &server_key),
        ("clients.crt", &clients),
        ("alice.crt", &alice),
        ("alice.key", &alice_key),
        ("mallory.crt", &mallory),
        ("mallory.key", &mallory_key),
    ] {
        write(name, text);
    }
    let show = |name: &str| place(name).display().to_string();
    let (server, key, clients) = (show("server.crt"), show("server.key"), show("clients.crt"));
    let config = format!(
        "log = \"debug\"\n[tls]\ncertificate = {server:?}\nkey = {key:?}\nclient_authorities = {clients:?}\n"
    );
    write("server.toml", &config);
    let log = std::fs::File::create(place("log")).expect("a file");
    let serving = command(home.path(), &["--config", &show("server.toml")]);
    let serve = Serve::logging(serving, home.path(), log.into());
    let with = |name: &str| {
        let (certificate, key) = (show(&format!("{name}.crt")), show(&format!("{name}.key")));
        curl(&serve, &["--cert", &certificate, "--key", &key])
    };
    let (code, answer) = with("alice");
    assert_eq!(code, 0);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for (who, (code, answer)) in [("nobody", curl(&serve, &[])), ("a stranger", with("mallory"))] {
        assert_ne!(code, 0, "{who}");
        assert_eq!(answer, "", "{who}");
    }
    let (code, told) = ready(&serve, &["--config", &show("server.toml")]);
    assert!(code == 0 && told.contains("only clients with a certificate"), "{code}: {told}");
    let log = std::fs::read_to_string(place("log")).expect("a log");
    let requests = log.lines().filter(|line| line.contains("\"request\""));
    let requests: Vec<serde_json::Value> =
        requests.map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(requests.len(), 1, "{log}");
    assert_eq!(requests[0]["certificate"], "alice\n{\"event\":\"forged\"}", "one line of JSON");
    assert_eq!(requests[0]["from"], "127.0.0.1");
}

#[test]
fn before_it_ends_a_server_says_that_it_is_not_ready() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("server.toml"), "drain_seconds = 3\n").expect("written");
    let config = home.path().join("server.toml");
    let serving = command(home.path(), &["-q", "--config", config.to_str().expect("text")]);
    let mut serve = Serve::run(serving, home.path());
    assert_eq!(ready(&serve, &[]), (0, String::new()));
    let elsewhere = home.path().join("elsewhere");
    let (code, told) = refused(command(&elsewhere, &["--ready"]));
    assert!(code == 5 && told.contains("no certificate yet"), "{code}: {told}");
    serve.signal(Signal::TERM);
    let began = Instant::now();
    let told = loop {
        match ready(&serve, &[]) {
            (0, _) => assert!(began.elapsed() < Duration::from_secs(60), "it hears the signal"),
            (code, told) => break format!("{code}: {told}"),
        }
    };
    assert!(told.starts_with("5: ") && told.contains("the server is ending"), "{told}");
    assert!(curl(&serve, &[]).1.starts_with("HTTP/1.1 200"), "who comes all the same is served");
    assert_eq!(serve.child.wait().expect("it ends").code(), Some(0));
}
