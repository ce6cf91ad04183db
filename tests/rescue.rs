//! Trust data outlives its server: fetched whole, kept in one file, verified without anybody's help.

#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use registry::{COUNTERSIGN, TestRegistry, text};
use serde_json::Value;

#[test]
fn a_server_is_rescued_and_shut_down_and_its_images_are_still_verified() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let image = format!("{}/team/web", servers.registry());
        let (one, _) = servers.seed("team/web:1", &[]);
        let (two, _) = servers.seed("team/web:2", &["--text", "two"]);
        succeed(&servers, &["sign", &format!("{image}:1")]);
        servers.run("docker", &["trust", "key", "generate", "alice"]);
        let key = ["trust", "signer", "add", "--key", "alice.pub", "alice", &image];
        servers.run("docker", &key);
        succeed(&servers, &["sign", &format!("{image}:2")]);
        servers.run("notary", &["key", "rotate", &image, "snapshot", "-r"]);
        servers.run("notary", &["key", "rotate", &image, "timestamp", "-r"]);
        succeed(&servers, &["sign", &format!("{image}:3@{one}")]);

        let shelf = tempfile::tempdir().expect("a folder");
        let archive = shelf.path().join("trust.tar");
        let archive = archive.to_str().expect("a path");
        let told = succeed(&servers, &["rescue", "--format", "json", "--to", archive, &image]);
        let told: Value = serde_json::from_str(&told).expect("an object");
        assert_eq!(told["verdict"]["state"], "trusted", "{told}");
        assert_eq!(told["verdict"]["tags"], 3, "{told}");
        assert_eq!(told["problems"], serde_json::json!([]), "{told}");
        assert!(told["files"].as_u64().expect("a number") > 20, "history came, too: {told}");
        drop(servers);

        for (tag, digest) in [("1", &one), ("2", &two), ("3", &one)] {
            let reference = format!("{image}:{tag}");
            let verified = alone(shelf.path(), &["rescue", "verify", archive, &reference]);
            assert_code(&verified, 0);
            assert_eq!(stdout(&verified), format!("{image}@{digest}\n"));
        }
        let whole = alone(shelf.path(), &["rescue", "verify", archive]);
        assert_code(&whole, 0);
        assert!(stdout(&whole).starts_with(&format!("{image}: 3 tags, ")), "{}", text(&whole));

        let one = format!("{image}:1");
        let never = format!("{image}:4");
        let elsewhere = "registry.example.com/other:1";
        for (arguments, code) in [
            (&["rescue", "verify", archive, "--at", "2046-01-01", &one][..], 4),
            (&["rescue", "verify", archive, "--require-pin", &one], 4),
            (&["rescue", "verify", archive, &never], 3),
            (&["rescue", "verify", archive, elsewhere], 3),
        ] {
            let refused = alone(shelf.path(), arguments);
            assert_code(&refused, code);
            assert_eq!(stdout(&refused), "");
        }
    }
}

#[test]
fn an_archive_that_was_changed_or_broken_off_is_found_out_and_gone_on_with() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let images = ["a", "b"].map(|name| format!("{}/team/{name}", servers.registry()));
    for (image, name) in images.iter().zip(["team/a:1", "team/b:1"]) {
        servers.seed(name, &[]);
        succeed(&servers, &["sign", &format!("{image}:1")]);
    }
    let shelf = tempfile::tempdir().expect("a folder");
    let path = shelf.path().join("trust.tar");
    let archive = path.to_str().expect("a path");
    let nobody = format!("{}/team/nobody", servers.registry());
    let partly = countersign(&servers, &["rescue", "--to", archive, &images[0], &nobody]);
    assert_code(&partly, 3);
    assert!(stderr(&partly).contains("1 could not be fetched"), "{}", text(&partly));
    let requests = |servers: &TestRegistry| servers.requests().len();
    let before = requests(&servers);
    succeed(&servers, &["rescue", "--to", archive, &images[0]]);
    assert_eq!(requests(&servers), before, "what is there is not asked for again");

    let whole = fs::read(&path).expect("an archive");
    fs::write(&path, &whole[..whole.len() * 2 / 3]).expect("written");
    succeed(&servers, &["rescue", "--to", archive, &images[0], &images[1]]);
    let verified = alone(shelf.path(), &["rescue", "verify", archive]);
    assert_code(&verified, 0);
    assert_eq!(stdout(&verified).lines().count(), 2, "{}", text(&verified));

    let whole = fs::read(&path).expect("an archive");
    let text_of_a_target = whole.windows(9).position(|it| it == b"\"Targets\"").expect("a file");
    let mut changed = whole.clone();
    changed[text_of_a_target + 1] = b't';
    fs::write(&path, changed).expect("written");
    let refused = alone(shelf.path(), &["rescue", "verify", archive]);
    assert_code(&refused, 8);
    assert!(stderr(&refused).contains("another hash"), "{}", text(&refused));

    fs::write(&path, "a letter").expect("written");
    assert_code(&countersign(&servers, &["rescue", "--to", archive, &images[0]]), 8);
    assert_eq!(fs::read(&path).expect("still there"), b"a letter");
}

#[test]
fn all_that_a_changefeed_or_a_catalogue_names_is_rescued() {
    for auth in ["none", "token"] {
        let servers = TestRegistry::start(match auth {
            "token" => &["--no-docker", "--auth", "token", "--trust", COUNTERSIGN],
            _ => &["--no-docker", "--trust", COUNTERSIGN],
        });
        for name in ["one", "two", "three"] {
            servers.seed(&format!("team/{name}:1"), &[]);
            let reference = format!("{}/team/{name}:1", servers.registry());
            succeed(&servers, &["sign", "--tls-ca", servers.variable("TEST_CA"), &reference]);
        }
        servers.run("notary", &["delete", "--remote", &format!("{}/team/two", servers.registry())]);
        let shelf = tempfile::tempdir().expect("a folder");
        let archive = |name: &str| shelf.path().join(name).display().to_string();
        let authority = servers.variable("TEST_CA");
        let feed = ["rescue", "--tls-ca", authority, "--to", &archive("feed"), "--changefeed"];
        assert_eq!(succeed(&servers, &feed).lines().count(), 2, "with {auth}");
        let registry = ["--catalog", servers.registry()];
        let catalogue = ["rescue", "--tls-ca", authority, "--to", &archive("catalogue")];
        let catalogue = countersign(&servers, &[&catalogue[..], &registry].concat());
        assert_eq!(stdout(&catalogue).lines().count(), 2, "{}", text(&catalogue));
        assert_code(&catalogue, 3);
        assert!(stderr(&catalogue).contains("team/two"), "{}", text(&catalogue));
    }
}

#[test]
fn rates_are_kept() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/slow", servers.registry());
    servers.seed("team/slow:1", &[]);
    succeed(&servers, &["sign", &format!("{image}:1")]);
    let shelf = tempfile::tempdir().expect("a folder");
    let archive = shelf.path().join("trust.tar").display().to_string();
    let started = std::time::Instant::now();
    succeed(&servers, &["rescue", "--rate", "5", "--to", &archive, &image]);
    assert!(started.elapsed() > std::time::Duration::from_millis(500), "{:?}", started.elapsed());
}

/// With no server, no cache and no configuration.
#[expect(clippy::disallowed_methods, reason = "the search path is that of whoever tests")]
fn alone(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).current_dir(home).args(arguments).output().expect("it runs")
}

fn countersign(servers: &TestRegistry, arguments: &[&str]) -> Output {
    let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).output().expect("it runs")
}

fn succeed(servers: &TestRegistry, arguments: &[&str]) -> String {
    let output = countersign(servers, arguments);
    assert_code(&output, 0);
    stdout(&output)
}

fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
