//! What `countersign serve` takes over while it runs.
#![cfg(all(feature = "server", feature = "cli"))]
#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

#[path = "support/serve.rs"]
mod serve;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use serve::{Serve, certified, command, curl};

/// What a server said.
struct Said(PathBuf);

fn logging(command: Command, data: &Path) -> (Serve, Said) {
    let said = Said(data.with_extension("log"));
    let log = std::fs::File::create(&said.0).expect("a file");
    (Serve::logging(command, data, log.into()), said)
}

impl Said {
    fn count(&self, told: &str) -> usize {
        std::fs::read_to_string(&self.0).expect("a log").matches(told).count()
    }

    /// Tells the server to read everything again, and waits until it says this.
    fn hang_up(&self, serve: &Serve, told: &str) {
        let before = self.count(told);
        serve.signal(Signal::HUP);
        let began = Instant::now();
        while self.count(told) == before {
            assert!(began.elapsed() < Duration::from_secs(60), "it says: {told}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_certificate_is_taken_over_without_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    let place = |name: &str| home.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(place(name), text).expect("written");
    let (first_ca, first, first_key) = certified("first");
    let (second_ca, second, second_key) = certified("second");
    let put = |ca: &str, certificate: &str, key: &str| {
        write("ca.crt", ca);
        write("tls.crt", certificate);
        write("tls.key", key);
    };
    put(&first_ca, &first, &first_key);
    let (certificate, key) = (place("tls.crt"), place("tls.key"));
    let words = [
        "--tls-cert",
        certificate.to_str().expect("text"),
        "--tls-key",
        key.to_str().expect("text"),
    ];
    let (serve, log) = logging(command(home.path(), &words), home.path());
    assert_eq!(curl(&serve, &[]).0, 0, "the first");
    put(&second_ca, &second, &first_key);
    log.hang_up(&serve, "the old certificate stays");
    write("ca.crt", &first_ca);
    assert_eq!(curl(&serve, &[]).0, 0, "a key that does not fit changes nothing");
    put(&second_ca, &second, &second_key);
    log.hang_up(&serve, "the certificate was read again");
    assert_eq!(curl(&serve, &[]).0, 0, "the second");
    write("ca.crt", &first_ca);
    assert_ne!(curl(&serve, &[]).0, 0, "the first is gone");
}

/// The status of a request for a key, which takes a password.
fn status(serve: &Serve, words: &[&str]) -> String {
    let key = format!("{}/v2/a/b/_trust/tuf/timestamp.key", serve.url);
    let output = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", "--cacert"])
        .arg(serve.data.join("ca.crt"))
        .args(words)
        .arg(key)
        .output()
        .expect("curl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A ticket for somebody with that name and password.
fn ticket(serve: &Serve, user: &str) -> String {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "20", "-u", user, "--cacert"])
        .arg(serve.data.join("ca.crt"))
        .arg(format!("{}/token?service=trust", serve.url))
        .output()
        .expect("curl runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    answer["token"].as_str().expect("a ticket").to_owned()
}

#[test]
fn passwords_are_taken_over_without_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    let (file, config) = (home.path().join("htpasswd"), home.path().join("server.toml"));
    let users = |users: &[(&str, &str)]| {
        let line = |(name, password): &(&str, &str)| {
            format!("{name}:{}\n", bcrypt::hash(password, 4).expect("a hash"))
        };
        users.iter().map(line).collect::<String>()
    };
    let write = |text: &str| std::fs::write(&file, text).expect("written");
    write(&users(&[("alice", "one"), ("bob", "two")]));
    let text = format!("[auth.htpasswd]\nfile = {file:?}\nanonymous_read = true\n");
    std::fs::write(&config, text).expect("written");
    let data = home.path().join("data");
    let words = ["--config", config.to_str().expect("text")];
    let (serve, said) = logging(command(&data, &words), &data);
    let basic = |user: &str| status(&serve, &["-u", user]);
    let (alice, bob) = (ticket(&serve, "alice:one"), ticket(&serve, "bob:two"));
    let bearing =
        |ticket: &str| status(&serve, &["-H", &format!("Authorization: Bearer {ticket}")]);
    assert_eq!([basic("alice:one"), basic("bob:two"), bearing(&bob)], ["200"; 3]);

    let damaged = users(&[("alice", "one"), ("mallory", "four")]);
    for text in [&damaged[..damaged.len() - 20], "", "not a password file"] {
        write(text);
        said.hang_up(&serve, "the old passwords stay");
    }
    std::fs::remove_file(&file).expect("removed");
    said.hang_up(&serve, "the old passwords stay");
    assert_eq!([basic("alice:one"), basic("bob:two"), bearing(&bob)], ["200"; 3]);
    assert_eq!(basic("mallory:four"), "401", "of a damaged file nothing is taken");

    write(&users(&[("alice", "new"), ("carol", "three")]));
    said.hang_up(&serve, "the passwords were read again");
    assert_eq!([basic("alice:new"), basic("carol:three"), bearing(&alice)], ["200"; 3]);
    assert_eq!([basic("alice:one"), basic("bob:two"), bearing(&bob)], ["401"; 3]);
    assert_eq!(said.count("mallory") + said.count("$2b$"), 0, "nothing of the file is said");
}

/// The end of the certificate that a server shows.
fn shown(serve: &Serve, authority: &Path, later: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", "openssl s_client -connect \"$0\" -CAfile \"$1\" -verify_return_error -attime \"$2\" </dev/null | openssl x509 -noout -enddate"])
        .args([serve.address(), authority.to_str().expect("text"), later])
        .output()
        .expect("openssl runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the chain verifies: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_servers_own_certificate_never_ends_while_it_runs() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    drop(Serve::start(&data));
    let time = home.path().join("time");
    let set = |days: i64| std::fs::write(&time, format!("+{days}d\n")).expect("written");
    set(0);
    let mut faked = command(&data, &[]);
    faked
        .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1")
        .env("FAKETIME_TIMESTAMP_FILE", &time)
        .env("FAKETIME_NO_CACHE", "1")
        .env("DONT_FAKE_MONOTONIC", "1");
    let (serve, said) = logging(faked, &data);
    let known = home.path().join("known.crt");
    std::fs::copy(data.join("ca.crt"), &known).expect("a host believes it");
    let mut ends = Vec::new();
    // The authority of ten years is renewed after nine; a host's copy of it lasts ten.
    for days in [0, 760, 775, 1_600, 2_400, 3_200, 3_300, 3_600] {
        set(days);
        said.hang_up(&serve, "the certificate was read again");
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        let at = at.as_second().to_string();
        let end = shown(&serve, &known, &at);
        assert_eq!(end, shown(&serve, &data.join("ca.crt"), &at), "after {days} days");
        ends.push(end);
    }
    assert_eq!(ends[0], ends[1], "what lasts is kept");
    ends.dedup();
    assert!(ends.len() >= 5, "{ends:?}");
    assert_eq!(said.count("was renewed with the same key"), 1, "hosts need a new copy once");
}
