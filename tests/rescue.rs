//! Trust data outlives its server: fetched whole, kept in one file, verified without anybody's
//! help.

#![expect(clippy::disallowed_methods, reason = "real processes have a clock and an environment")]

#[path = "support/registry.rs"]
mod registry;
#[path = "support/serve.rs"]
mod serve;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use registry::{COUNTERSIGN, TestRegistry, assert_code, stderr, stdout, text};
use serde_json::Value;
use serve::Serve;

#[test]
fn a_server_is_rescued_and_shut_down_and_its_images_are_still_verified() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let image = format!("{}/team/web", servers.registry());
        let (one, _) = servers.seed("team/web:1", &[]);
        let (two, _) = servers.seed("team/web:2", &["--text", "two"]);
        servers.does(&["sign", &format!("{image}:1")]);
        servers.run("docker", &["trust", "key", "generate", "alice"]);
        let key = ["trust", "signer", "add", "--key", "alice.pub", "alice", &image];
        servers.run("docker", &key);
        servers.does(&["sign", &format!("{image}:2")]);
        servers.run("notary", &["key", "rotate", &image, "snapshot", "-r"]);
        servers.run("notary", &["key", "rotate", &image, "timestamp", "-r"]);
        servers.does(&["sign", &format!("{image}:3@{one}")]);

        let shelf = tempfile::tempdir().expect("a folder");
        let archive = shelf.path().join("trust.tar");
        let archive = archive.to_str().expect("a path");
        let told = servers.does(&["rescue", "--format", "json", "--to", archive, &image]);
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
fn a_repository_from_which_nothing_can_be_pulled_is_kept_and_does_not_count_as_verified() {
    let servers = TestRegistry::start(&["--trust", COUNTERSIGN, "--no-docker"]);
    let image = format!("{}/team/web", servers.registry());
    servers.seed("team/web:1", &[]);
    let archive = servers.directory().join("trust.tar").display().to_string();
    let tag = format!("{image}:1");
    servers.does(&["sign", &tag]);
    servers.does(&["key", "generate", "alice"]);
    servers.does(&["signer", "add", "alice", "--key", "alice.pub", &image]);
    servers.does(&["sign", &tag]);
    servers.does(&["signer", "remove", "--force", "alice", &image]);

    let told = servers.countersign(&["rescue", "--to", &archive, &image]);
    assert_code(&told, 4);
    assert!(text(&told).contains("targets/releases: 0 of 1 required"), "{}", text(&told));
    for arguments in
        [&["rescue", "verify", &archive] as &[&str], &["rescue", "verify", &archive, &tag]]
    {
        assert_code(&servers.countersign(arguments), 4);
    }
}

#[test]
fn a_notary_server_is_moved_and_its_clients_do_not_notice() {
    let servers = TestRegistry::start(&[]);
    let image = format!("{}/team/web", servers.registry());
    let raw = "example.com/charts";
    live_on_notary(&servers, &image, raw);
    let archive = servers.directory().join("trust.tar").display().to_string();
    servers.does(&["rescue", "--to", &archive, &image]);
    servers.does(&["rescue", "--to", &archive, "--raw-gun", raw]);
    servers.end("notary_server");

    // Into the registry, signed anew by the owner; alice's key is here, too.
    let told = servers.countersign(&["import", &archive, &image, "--server", "oci"]);
    assert_code(&told, 0);
    assert_eq!(stdout(&told), format!("{image}: 3 entries in {ROLES}\n"));
    assert!(stderr(&told).contains(&format!("pin add {image} --root-key ")), "{}", text(&told));
    let pulled = servers.does(&["rescue", "verify", &archive, &format!("{image}:1")]);
    let one = format!("{image}:1");
    assert_eq!(servers.does(&["verify", "--server", "oci", &one]), pulled);
    let again = servers.does(&["import", &archive, &image, "--server", "oci"]);
    assert_eq!(again, format!("{image}: 0 entries in {ROLES}\n"));

    let ours = servers.directory().join("ours");
    let told = imported(&servers, &ours, &archive);
    assert_eq!(stdout(&told).matches(" files, timestamp ").count(), 2, "{}", text(&told));
    assert!(stderr(&told).contains("timestamp snapshot --server-managed"), "{}", text(&told));
    let again = imported(&servers, &ours, &archive);
    assert_eq!(stdout(&again).matches("is here already").count(), 2, "{}", text(&again));
    let serve = serving(&servers, &ours);

    let second = servers.directory().join("second.tar").display().to_string();
    servers.does(&["rescue", "--to", &second, &image]);
    servers.does(&["rescue", "--to", &second, "--raw-gun", raw]);
    assert_eq!(held(&second), held(&archive), "the same roots, versions and bytes");
    // docker's and notary's caches are those that they filled from notary-server.
    servers.run("docker", &["pull", "--disable-content-trust=false", &format!("{image}:1")]);
    assert!(servers.run("notary", &["list", raw]).contains("v2"));
    let early = servers.countersign(&["sign", &format!("{image}:2")]);
    assert_code(&early, 1);
    assert!(stderr(&early).contains("timestamp snapshot --server-managed"), "{}", text(&early));

    let rotate = ["key", "rotate", &image, "timestamp", "snapshot", "--server-managed"];
    assert_eq!(servers.does(&rotate).lines().count(), 2);
    servers.run("notary", &["key", "rotate", raw, "timestamp", "-r"]);
    servers.run("docker", &["push", "--disable-content-trust=false", &format!("{image}:2")]);
    servers.run("docker", &["pull", "--disable-content-trust=false", &format!("{image}:1")]);
    servers.run("docker", &["pull", "--disable-content-trust=false", &format!("{image}:2")]);
    sign_with_notary(&servers, raw, "v3");
    assert!(servers.run("notary", &["list", raw]).contains("v3"));
    servers.does(&["verify", &format!("{image}:1"), &format!("{image}:2")]);
    serve.kill();

    // A server that is put back to the archive is behind what these hosts saw.
    let older = servers.directory().join("older");
    imported(&servers, &older, &archive);
    let serve = serving(&servers, &older);
    let pull = ["pull", "--disable-content-trust=false", &format!("{image}:1")];
    let refused = servers.command("docker").args(pull).output().expect("docker runs");
    assert!(!refused.status.success(), "docker takes no rollback: {}", text(&refused));
    let refused = servers.command("notary").args(["lookup", raw, "v3"]).output();
    assert!(!refused.expect("notary runs").status.success(), "notary takes no rollback");
    assert_code(&servers.countersign(&["verify", &format!("{image}:1")]), 4);
    serve.kill();
}

const ROLES: &str = "targets/alice, targets/releases, targets";

#[test]
fn an_owner_moves_a_collection_after_its_last_timestamp_has_ended() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/late", servers.registry());
    let (digest, _) = servers.seed("team/late:1", &[]);
    let one = format!("{image}:1");
    servers.does(&["sign", &one]);
    let archive = servers.directory().join("trust.tar").display().to_string();
    servers.does(&["rescue", "--to", &archive, &image]);
    servers.end("countersign");
    let moved = servers.directory().join("moved");
    imported(&servers, &moved, &archive);
    let mut command = serving_command(&servers, &moved);
    in_twenty_days(&mut command);
    let serve = Serve::logging(command, &moved, Stdio::null());
    let then = |arguments: &[&str]| {
        let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
        in_twenty_days(&mut command).args(arguments).output().expect("it runs")
    };
    let expired = then(&["verify", &one]);
    assert_code(&expired, 4);
    assert!(stderr(&expired).contains("expired"), "{}", text(&expired));
    assert_code(&then(&["key", "rotate", &image, "targets"]), 4);
    let rotate = ["key", "rotate", &image, "timestamp", "snapshot", "--server-managed"];
    assert_code(&then(&rotate), 0);
    let verified = then(&["verify", &one]);
    assert_code(&verified, 0);
    assert_eq!(stdout(&verified), format!("{image}@{digest}\n"));
    assert_code(&then(&["sign", &format!("{image}:2@{digest}")]), 0);
    serve.kill();
}

fn in_twenty_days(command: &mut Command) -> &mut Command {
    later(command, "+20d")
}

fn later<'c>(command: &'c mut Command, by: &str) -> &'c mut Command {
    command.env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1");
    command.env("FAKETIME", by).env("DONT_FAKE_MONOTONIC", "1")
}

#[test]
fn several_holders_move_a_collection_after_its_last_timestamp_and_sign_again_what_expired() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/held", servers.registry());
    let (digest, _) = servers.seed("team/held:1", &[]);
    let (one, two) = (format!("{image}:1"), format!("{image}:2@{digest}"));
    let bob = servers.directory().join("bob");
    let bob = bob.to_str().expect("a path");
    let now = |arguments: &[&str]| servers.countersign(arguments);
    servers.does(&["sign", &one]);
    servers.does(&["--trust-dir", bob, "key", "generate", "bob"]);
    let id = servers.does(&["--trust-dir", bob, "key", "generate", "root"]);
    let certify = ["root", "certify", &image, "--key", id.trim(), "--out", "bob.pem"];
    servers.does(&[&["--trust-dir", bob], &certify[..]].concat());
    servers.does(&["key", "generate", "ann"]);
    let keys = ["--key", "ann.pub", "--key", "bob.pub", "--all-paths", "--threshold", "2"];
    let add = ["delegation", "add", &image, "targets/releases"];
    servers.does(&[&add[..], &keys].concat());
    sign_together(&now, bob, &["sign", &one, "--role", "targets/releases", "--request", "r0"]);
    for (role, key) in [("targets", "bob.pub"), ("root", "bob.pem")] {
        let change = ["root", "request", &image, "--role", role, "--add", key, "--threshold", "2"];
        sign_together(&now, bob, &[&change[..], &["--out", role]].concat());
    }
    let archive = servers.directory().join("trust.tar").display().to_string();
    servers.does(&["rescue", "--to", &archive, &image]);
    servers.end("countersign");
    let moved = servers.directory().join("moved");
    imported(&servers, &moved, &archive);
    let serve_later = |by: &str| {
        let mut command = serving_command(&servers, &moved);
        later(&mut command, by);
        Serve::logging(command, &moved, Stdio::null())
    };
    let do_later = |by: &str, arguments: &[&str]| {
        let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
        later(&mut command, by).args(arguments).output().expect("it runs")
    };
    let request = ["root", "request", &image];

    let serve = serve_later("+20d");
    let then = |arguments: &[&str]| do_later("+20d", arguments);
    for role in ["root", "targets"] {
        let refused = then(&[&request[..], &["--role", role, "--out", "refused"]].concat());
        assert_code(&refused, 4);
        assert!(stderr(&refused).contains("timestamp: expired"), "{}", text(&refused));
    }
    let roles = ["--role", "timestamp", "--role", "snapshot"];
    let unclear = then(&[&request[..], &roles, &["--out", "refused"]].concat());
    assert_code(&unclear, 2);
    sign_together(&then, bob, &[&request[..], &roles, &["-r", "--out", "keys"]].concat());
    assert_code(&then(&["verify", &one]), 0);
    serve.kill();

    let serve = serve_later("+1460d");
    let then = |arguments: &[&str]| do_later("+1460d", arguments);
    let refused = then(&[&request[..], &["--out", "refused"]].concat());
    assert_code(&refused, 4);
    assert!(stderr(&refused).contains("targets: expired"), "{}", text(&refused));
    assert!(!servers.directory().join("refused").exists());
    for (role, code) in [("targets", 4), ("targets/releases", 0)] {
        let file = format!("{}-again", role.replace('/', "-"));
        sign_together(&then, bob, &[&request[..], &["--role", role, "--out", &file]].concat());
        assert_code(&then(&["verify", &one]), code);
    }
    sign_together(&then, bob, &["sign", &two, "--role", "targets/releases", "--request", "r1"]);
    assert_code(&then(&["verify", &format!("{image}:2")]), 0);
    serve.kill();
}

/// Makes a request, whose file is the last word, signs it twice and submits it.
fn sign_together(run: &dyn Fn(&[&str]) -> Output, bob: &str, request: &[&str]) {
    assert_code(&run(request), 0);
    let file = request.last().expect("words");
    let [ours, theirs] = ["ours", "theirs"].map(|whose| format!("{file}-{whose}"));
    let sign = ["root", "sign", file, "--yes"];
    assert_code(&run(&[&sign[..], &["--name", "Ann", "--out", &ours]].concat()), 0);
    let at_bob_s = ["--trust-dir", bob];
    let signed = run(&[&at_bob_s[..], &sign, &["--name", "Bob", "--out", &theirs]].concat());
    assert_code(&signed, 0);
    assert_code(&run(&["root", "submit", file, &ours, &theirs]), 0);
}

/// Two collections with every kind of history, made by docker and notary, whose snapshot key is the
/// server's in one and the publisher's in the other; both clients have read them.
fn live_on_notary(servers: &TestRegistry, image: &str, raw: &str) {
    for tag in ["1", "2"] {
        servers.seed(&format!("team/web:{tag}"), &["--text", tag]);
        servers.run("docker", &["pull", "--disable-content-trust", &format!("{image}:{tag}")]);
    }
    servers.run("docker", &["push", "--disable-content-trust=false", &format!("{image}:1")]);
    servers.run("docker", &["trust", "key", "generate", "alice"]);
    servers.run("docker", &["trust", "signer", "add", "--key", "alice.pub", "alice", image]);
    servers.run("docker", &["push", "--disable-content-trust=false", &format!("{image}:1")]);
    servers.run("docker", &["pull", "--disable-content-trust=false", &format!("{image}:1")]);
    servers.run("notary", &["init", "-p", raw]);
    sign_with_notary(servers, raw, "v1");
    servers.run("notary", &["key", "rotate", raw, "targets"]);
    servers.run("notary", &["key", "rotate", raw, "timestamp", "-r"]);
    sign_with_notary(servers, raw, "v2");
    assert!(servers.run("notary", &["list", raw]).contains("v2"));
}

fn sign_with_notary(servers: &TestRegistry, gun: &str, tag: &str) {
    let file = servers.directory().join("content");
    fs::write(&file, format!("{gun} {tag}")).expect("written");
    servers.run("notary", &["add", "-p", gun, tag, file.to_str().expect("a path in UTF-8")]);
}

fn imported(servers: &TestRegistry, data: &Path, archive: &str) -> Output {
    let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
    command.args(["serve", "--import", archive, "--data"]).arg(data);
    let told = command.output().expect("it runs");
    assert_code(&told, 0);
    told
}

/// Our server where the original was, with its certificate.
fn serving(servers: &TestRegistry, data: &Path) -> Serve {
    let log = fs::File::create(servers.directory().join("log/moved.log")).expect("a log");
    Serve::logging(serving_command(servers, data), data, log.into())
}

fn serving_command(servers: &TestRegistry, data: &Path) -> Command {
    let address = servers.variable("DOCKER_CONTENT_TRUST_SERVER").trim_start_matches("https://");
    let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
    command.args(["-q", "serve", "--tls-cert", "tls/server.crt", "--tls-key", "tls/server.key"]);
    command.args(["--listen", address, "--data"]).arg(data);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The files of every collection in an archive: role, version, hash.
fn held(archive: &str) -> Vec<Value> {
    let tar = |words: &[&str]| {
        let output = Command::new("tar").args(words).output().expect("tar runs");
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).expect("text")
    };
    let listed = tar(&["tf", archive]);
    let mut files: Vec<Value> = Vec::new();
    for name in listed.lines().filter(|name| name.starts_with("collections/")) {
        let document: Value = serde_json::from_str(&tar(&["xOf", archive, name])).expect("JSON");
        let listed = document["files"].as_array().expect("files").iter();
        files.extend(listed.map(|file| {
            serde_json::json!([document["gun"], file["role"], file["version"], file["sha256"]])
        }));
    }
    files.sort_by_key(Value::to_string);
    assert!(files.len() > 25, "a history: {files:?}");
    files
}

#[test]
fn an_archive_that_was_changed_or_broken_off_is_found_out_and_gone_on_with() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let images = ["a", "b"].map(|name| format!("{}/team/{name}", servers.registry()));
    for (image, name) in images.iter().zip(["team/a:1", "team/b:1"]) {
        servers.seed(name, &[]);
        servers.does(&["sign", &format!("{image}:1")]);
    }
    let shelf = tempfile::tempdir().expect("a folder");
    let path = shelf.path().join("trust.tar");
    let archive = path.to_str().expect("a path");
    let nobody = format!("{}/team/nobody", servers.registry());
    let partly = servers.countersign(&["rescue", "--to", archive, &images[0], &nobody]);
    assert_code(&partly, 3);
    assert!(stderr(&partly).contains("1 could not be fetched"), "{}", text(&partly));
    let requests = |servers: &TestRegistry| servers.requests().len();
    let before = requests(&servers);
    let again = servers.countersign(&["rescue", "--to", archive, &images[0]]);
    assert_code(&again, 0);
    assert!(stderr(&again).contains("1 unchanged since"), "{}", text(&again));
    assert_eq!(requests(&servers), before + 1, "of what is there, the timestamp is asked for");

    let whole = fs::read(&path).expect("an archive");
    fs::write(&path, &whole[..whole.len() * 2 / 3]).expect("written");
    servers.does(&["rescue", "--to", archive, &images[0], &images[1]]);
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
    let mended = servers.countersign(&["rescue", "--to", archive, &images[0], &images[1]]);
    assert_code(&mended, 0);
    assert!(stderr(&mended).contains("1 unchanged since"), "{}", text(&mended));
    assert_code(&alone(shelf.path(), &["rescue", "verify", archive]), 0);

    fs::write(&path, "a letter").expect("written");
    assert_code(&servers.countersign(&["rescue", "--to", archive, &images[0]]), 8);
    assert_eq!(fs::read(&path).expect("still there"), b"a letter");
}

#[test]
fn an_archive_is_brought_up_to_date_and_keeps_what_it_has_when_that_fails() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    let (digest, _) = servers.seed("team/web:1", &[]);
    let two = format!("{image}:2");
    servers.does(&["sign", &format!("{image}:1")]);
    let archive = servers.directory().join("trust.tar").display().to_string();
    let rescue = ["rescue", "--to", &archive, &image];
    servers.does(&rescue);
    servers.does(&["sign", &format!("{two}@{digest}")]);
    assert!(servers.does(&rescue).starts_with(&format!("{image}: 2 tags, ")));
    let verify = ["rescue", "verify", &archive, &two];
    assert_eq!(servers.does(&verify), format!("{image}@{digest}\n"));

    servers.does(&["delete", "--remote", "--yes", &image]);
    let gone = servers.countersign(&rescue);
    assert_code(&gone, 3);
    servers.end("countersign");
    let unreachable = servers.countersign(&rescue);
    assert_code(&unreachable, 5);
    for failed in [gone, unreachable] {
        for line in ["The archive keeps it as of ", "1 could not be fetched"] {
            assert!(stderr(&failed).contains(line), "{}", text(&failed));
        }
    }
    assert_eq!(servers.does(&verify), format!("{image}@{digest}\n"));
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
            servers.does(&["sign", "--tls-ca", servers.variable("TEST_CA"), &reference]);
        }
        servers.run("notary", &["delete", "--remote", &format!("{}/team/two", servers.registry())]);
        let shelf = tempfile::tempdir().expect("a folder");
        let archive = |name: &str| shelf.path().join(name).display().to_string();
        let authority = servers.variable("TEST_CA");
        let feed = ["rescue", "--tls-ca", authority, "--to", &archive("feed"), "--changefeed"];
        assert_eq!(servers.does(&feed).lines().count(), 2, "with {auth}");
        let registry = ["--catalog", servers.registry()];
        let catalogue = ["rescue", "--tls-ca", authority, "--to", &archive("catalogue")];
        let catalogue = servers.countersign(&[&catalogue[..], &registry].concat());
        assert_eq!(stdout(&catalogue).lines().count(), 2, "{}", text(&catalogue));
        assert_code(&catalogue, 0);
        let left = "1 repository in the catalogue without trust data";
        assert!(stderr(&catalogue).contains(left), "{}", text(&catalogue));
        let named = format!("{}/team/two", servers.registry());
        let nothing = ["rescue", "--tls-ca", authority, "--to", &archive("nothing"), &named];
        assert_code(&servers.countersign(&nothing), 3);
    }
}

#[test]
fn a_bundle_is_read_where_there_is_no_network_by_the_rules_for_servers() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    let (digest, _) = servers.seed("team/web:1", &[]);
    let shelf = tempfile::tempdir().expect("a folder");
    let bundle = |name: &str| shelf.path().join(name).display().to_string();
    let (server, registry) = (servers.variable("DOCKER_CONTENT_TRUST_SERVER"), "oci");
    for (kind, place) in [("notary", server), ("tuf1", registry)] {
        let at = ["--server", place];
        servers.does(&[&at[..], &["sign", &format!("{image}:1")]].concat());
        servers.does(&[&at[..], &["key", "rotate", &image, "root", "--yes"]].concat());
        let (old, new) = (bundle(&format!("{kind}-old")), bundle(&format!("{kind}-new")));
        let write =
            |file: &str| servers.does(&[&at[..], &["bundle", "--to", file, &image]].concat());
        assert!(write(&old).starts_with(&format!("{image}: 1 tags, ")));
        servers.does(&[&at[..], &["sign", &format!("{image}:2@{digest}")]].concat());
        write(&new);
        write(&new);

        let host = shelf.path().join(format!("{kind}-host"));
        fs::create_dir(&host).expect("a folder");
        let verify = |file: &str, tag: &str| {
            let place = format!("bundle:{file}");
            alone(&host, &["verify", "--server", &place, &format!("{image}:{tag}")])
        };
        assert_code(&verify(&old, "2"), 3);
        let verified = verify(&new, "2");
        assert_code(&verified, 0);
        assert_eq!(stdout(&verified), format!("{image}@{digest}\n"), "{kind}");
        assert_code(&verify(&old, "1"), 4);
        let elsewhere = alone(&host, &["verify", "--server", &format!("bundle:{new}"), "alpine"]);
        assert_code(&elsewhere, 3);
        let kept = alone(&host, &["verify", "--offline", "--server", "oci", &format!("{image}:2")]);
        assert_eq!(kept.status.code(), Some(if kind == "tuf1" { 0 } else { 5 }), "{}", text(&kept));
        let signing =
            ["sign", "--server", &format!("bundle:{new}"), &format!("{image}:3@{digest}")];
        assert!(!servers.countersign(&signing).status.success(), "nothing is signed in a file");
    }
    let before = fs::read(bundle("notary-new")).expect("a bundle");
    let nobody = format!("{}/team/nobody", servers.registry());
    let half = ["bundle", "--to", &bundle("notary-new"), &image, &nobody];
    assert_code(&servers.countersign(&half), 3);
    assert_eq!(fs::read(bundle("notary-new")).expect("still there"), before, "all or nothing");
}

#[test]
fn what_an_owner_cannot_sign_anew_stays_behind_and_no_pull_finds_anything_else() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    let (one, _) = servers.seed("team/web:1", &[]);
    let (two, _) = servers.seed("team/web:2", &["--text", "two"]);
    let own = servers.directory().join("own.json");
    fs::write(&own, r#"{"build":7}"#).expect("written");
    let custom = own.to_str().expect("a path in UTF-8");
    servers.does(&["sign", &format!("{image}:1@{one}")]);
    servers.does(&["sign", "--custom", custom, &format!("{image}:3@{one}")]);
    // bob's key is here, and he has signed nothing yet; alice's are nowhere but with her.
    servers.does(&["key", "generate", "bob"]);
    servers.does(&["delegation", "add", &image, "targets/bob", "--key", "bob.pub", "--all-paths"]);
    let hers = servers.directory().join("hers").display().to_string();
    servers.does(&["--trust-dir", &hers, "key", "generate", "alice"]);
    servers.does(&["signer", "add", "--key", "alice.pub", "alice", &image]);
    servers.does(&["--trust-dir", &hers, "sign", &format!("{image}:2@{two}")]);
    servers.does(&["--trust-dir", &hers, "sign", &format!("{image}:1@{two}")]);

    let server = servers.variable("DOCKER_CONTENT_TRUST_SERVER");
    let import = ["import", server, &image, "--server", "oci"];
    let told = servers.countersign(&import);
    assert_code(&told, 0);
    assert_eq!(stdout(&told), format!("{image}: 3 entries in targets/bob, targets\n"));
    for role in ["targets/alice did not come", "targets/releases did not come", "where pulls find"]
    {
        assert!(stderr(&told).contains(role), "{}", text(&told));
    }
    for tag in ["1", "2"] {
        let reference = format!("{image}:{tag}");
        let there = servers.does(&["verify", "--server", "oci", &reference]);
        assert_eq!(there, servers.does(&["verify", &reference]), "as pulls find it");
        assert_eq!(there, format!("{image}@{two}\n"));
    }

    let otherwise = ["sign", "--role", "targets", "--server", "oci", &format!("{image}:2@{one}")];
    servers.does(&otherwise);
    let refused = servers.countersign(&import);
    assert_code(&refused, 4);
    assert!(stderr(&refused).contains("signs 2 as"), "{}", text(&refused));

    // Another name, back to a trust server, and the publisher's own data comes along.
    let renamed = format!("{}/team/copy", servers.registry());
    let back = ["import", "oci", &image, "--as", &renamed];
    servers.does(&back);
    let targets = format!("{server}/v2/{renamed}/_trust/tuf/targets.json");
    let targets = servers.run("curl", &["-sS", "--cacert", servers.variable("TEST_CA"), &targets]);
    assert!(targets.contains(r#""custom":{"build":7}"#), "{targets}");
    // And once through a folder that other clients of TUF 1.0 read.
    let (folder, third) =
        (servers.directory().join("folder"), format!("{}/team/third", servers.registry()));
    let folder = folder.to_str().expect("a path in UTF-8");
    servers.does(&["export", "--format", "tuf1", &renamed, folder]);
    let metadata = format!("{folder}/metadata");
    servers.does(&["convert", &metadata, &renamed, "--as", &third, "--server", "oci"]);
    let tag = format!("{third}:3");
    assert_eq!(servers.does(&["verify", "--server", "oci", &tag]), format!("{third}@{one}\n"));
    let tag = format!("{renamed}:3");
    assert_eq!(servers.does(&["verify", &tag]), format!("{renamed}@{one}\n"));
    for (arguments, code) in [
        (&["import", server, &image, "--server", "https://127.0.0.1:1/metadata"][..], 2),
        (&["import", server, "--server", "oci"], 2),
        (&["import", "--trust-dir", &hers, server, &image, "--server", "oci"], 6),
        (&["import", server, &format!("{image}-none"), "--server", "oci"], 3),
    ] {
        assert_code(&servers.countersign(arguments), code);
    }
}

#[test]
fn rates_are_kept() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/slow", servers.registry());
    servers.seed("team/slow:1", &[]);
    servers.does(&["sign", &format!("{image}:1")]);
    let shelf = tempfile::tempdir().expect("a folder");
    let archive = shelf.path().join("trust.tar").display().to_string();
    let (before, started) = (servers.requests().len(), std::time::Instant::now());
    servers.does(&["rescue", "--rate", "5", "--jobs", "16", "--to", &archive, &image]);
    let (asked, took) = (servers.requests().len() - before, started.elapsed());
    // The first request waits for nobody; one more may be that by which it learns of credentials.
    let least = std::time::Duration::from_millis(200) * u32::try_from(asked - 2).expect("few");
    assert!(asked >= 4 && took >= least, "{asked} requests in {took:?}");
}

#[test]
fn whoever_is_killed_while_he_rescues_goes_on_where_he_was() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let images: Vec<String> =
        (0..12).map(|number| format!("{}/team/n{number}", servers.registry())).collect();
    let signed: Vec<String> = images.iter().map(|image| format!("{image}:1")).collect();
    let digest = format!("sha256:{}", "7".repeat(64));
    let sign = ["sign", "--digest", &digest, "--size", "527"];
    let signed = signed.iter().map(String::as_str);
    servers.does(&sign.into_iter().chain(signed).collect::<Vec<_>>());
    let shelf = tempfile::tempdir().expect("a folder");
    let archive = shelf.path().join("trust.tar").display().to_string();
    let names = images.iter().map(String::as_str);
    let rescue: Vec<&str> =
        ["rescue", "--to", &archive, "--rate", "200"].into_iter().chain(names).collect();
    let mut held = 0;
    for moment in 1..=8 {
        let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
        command.args(&rescue).stdout(Stdio::null()).stderr(Stdio::null());
        let mut job = command.spawn().expect("it runs");
        std::thread::sleep(std::time::Duration::from_millis(25 * moment));
        let _ = job.kill();
        job.wait().expect("it ends");
        let told = alone(shelf.path(), &["rescue", "verify", &archive]);
        let now = stdout(&told).lines().count();
        assert_code(&told, if now == 0 { 8 } else { 0 });
        assert!(now >= held, "{now} of {held}");
        held = now;
    }
    assert_eq!(servers.does(&rescue).lines().count(), images.len() - held);
    let before = servers.requests().len();
    servers.does(&rescue);
    assert_eq!(servers.requests().len(), before + images.len(), "nothing is fetched twice");
    let whole = alone(shelf.path(), &["rescue", "verify", &archive]);
    assert_code(&whole, 0);
    assert_eq!(stdout(&whole).lines().count(), images.len());
    assert!(!stderr(&whole).contains("not finished"), "{}", text(&whole));
}

/// With no server, no cache and no configuration.
fn alone(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).current_dir(home).args(arguments).output().expect("it runs")
}
