//! Trust data in the registry itself: signed, verified, copied, attacked, and signed by many at
//! once, on a real registry.

#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;
#[path = "support/unpacked.rs"]
mod unpacked;

use std::path::Path;

use person::Person;
use registry::{TestRegistry, text};
use serde_json::Value;
use unpacked::manifest;

/// Copies a tag, or a whole image, with skopeo.
fn skopeo_copy(servers: &TestRegistry, from: &str, to: &str) {
    servers.run(
        "skopeo",
        &[
            "copy",
            "--all",
            "--preserve-digests",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            from,
            to,
        ],
    );
}

fn docker(reference: &str) -> String {
    format!("docker://{reference}")
}

fn folder(path: &Path) -> String {
    format!("oci:{}", path.display())
}

#[test]
fn a_tag_is_signed_and_verified_with_the_registry_alone() {
    let servers = TestRegistry::start(&[]);
    let image = format!("{}/oci/web", servers.registry());
    let (one, _) = servers.seed("oci/web:1", &[]);
    let (publisher, reader) = (Person::new(&servers, "publisher"), Person::new(&servers, "reader"));
    assert_eq!(publisher.refusal(&format!("{image}:1")), "no-trust-data");
    publisher.does(&["sign", &format!("{image}:1")]);
    assert_eq!(reader.does(&["verify", &format!("{image}:1")]), format!("{image}@{one}\n"));
    let explained = reader.does(&["explain", &format!("{image}:1")]);
    assert!(explained.contains("targets"), "{explained}");
    assert!(reader.does(&["list", &image]).contains('1'));

    // The registry's tag is moved; what was signed is pulled, with and without docker.
    servers.seed("oci/web:1", &["--text", "evil"]);
    let pulled = reader.does(&["verify-pull", &format!("{image}:1")]);
    assert!(pulled.ends_with(&format!("{image}:1\n")), "{pulled}");
    let said = servers.run("docker", &["run", "--rm", "--network", "none", &format!("{image}:1")]);
    assert_eq!(said.trim(), "hello");
    let saved = servers.directory().join("saved");
    reader.does(&["pull", &format!("{image}:1"), "--to", &folder(&saved)]);

    publisher.does(&["revoke", "--yes", &format!("{image}:1")]);
    assert_eq!(reader.refusal(&format!("{image}:1")), "no-such-tag");
}

#[test]
fn roles_and_keys_are_changed_in_the_registry() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/oci/team", servers.registry());
    servers.seed("oci/team:1", &[]);
    let (publisher, reader) = (Person::new(&servers, "publisher"), Person::new(&servers, "reader"));
    publisher.does(&["init", &image]);
    let versions = || {
        let line = reader.does(&["verify", "--format", "json", &format!("{image}:1")]);
        serde_json::from_str::<Value>(&line).expect("JSON")["versions"].clone()
    };
    publisher.does(&["sign", &format!("{image}:1")]);
    let before = versions();

    // A timestamp is signed again when it is due, or when that is wanted, and nothing else is.
    publisher.does(&["refresh", "--timestamp", &image]);
    assert_eq!(versions(), before);
    publisher.does(&["refresh", "--timestamp", "--force", &image]);
    let after = versions();
    let number = |versions: &Value| versions["timestamp"].as_u64().expect("a version");
    assert_eq!(number(&after), number(&before) + 1);
    assert_eq!(after["snapshot"], before["snapshot"]);
    assert_eq!(after["targets"], before["targets"]);

    for role in ["timestamp", "snapshot", "targets"] {
        publisher.does(&["key", "rotate", &image, role]);
    }
    publisher.does(&["key", "rotate", "--yes", &image, "root"]);
    publisher.does(&["sign", &format!("{image}:1"), "--role", "targets"]);
    assert_eq!(versions()["root"], 5);
    let newcomer = Person::new(&servers, "newcomer");
    newcomer.does(&["verify", &format!("{image}:1")]);
}

#[test]
fn what_only_a_server_can_do_is_refused_in_words_and_a_young_timestamp_alarms_nobody() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/oci/plain", servers.registry());
    servers.seed("oci/plain:1", &[]);
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["sign", &format!("{image}:1")]);
    let request = servers.directory().join("request");
    let request = request.to_str().expect("text");
    for arguments in [
        &["history", &image][..],
        &["diff", &image, "1", "2"],
        &["root", "request", &image, "--out", request],
        &["sign", "--request", request, &format!("{image}:1")],
    ] {
        let refused = publisher.run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", text(&refused));
        assert!(text(&refused).contains("need a trust server"), "{}", text(&refused));
    }
    assert!(!Path::new(request).exists());
    publisher.does(&["status", "--within", "30d", &image]);
    let (later, mut command) = ("+8 days", servers.command("faketime"));
    command.args([later, env!("CARGO_BIN_EXE_countersign"), "--server", "oci", "--trust-dir"]);
    command.arg(&publisher.trust).args(["status", "--within", "30d", &image]);
    let told = command.output().expect("faketime runs");
    assert_eq!(told.status.code(), Some(4), "{}", text(&told));
    assert!(text(&told).contains("countersign refresh"), "{}", text(&told));
}

#[test]
fn a_signer_is_added_signs_and_is_removed() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (image, copy) =
        (format!("{}/oci/crew", servers.registry()), format!("{}/oci/ship", servers.registry()));
    let (digest, _) = servers.seed("oci/crew:1", &[]);
    let (publisher, reader) = (Person::new(&servers, "publisher"), Person::new(&servers, "reader"));
    publisher.does(&["init", &image]);
    publisher.does(&["key", "generate", "alice"]);
    publisher.does(&["signer", "add", "alice", "--key", "alice.pub", &image]);
    publisher.does(&["sign", &format!("{image}:1")]);
    let line = reader.does(&["verify", "--format", "json", &format!("{image}:1")]);
    let said: Value = serde_json::from_str(&line).expect("JSON");
    // What is released is asked for before any signer.
    assert_eq!(said["role"], "targets/releases", "{said}");
    assert_eq!(said["signers"], serde_json::json!(["alice"]));
    assert!(publisher.does(&["signer", "list", &image]).contains("alice"));

    skopeo_copy(&servers, &docker(&format!("{image}:_tuf")), &docker(&format!("{copy}:_tuf")));
    skopeo_copy(&servers, &docker(&format!("{image}:1")), &docker(&format!("{copy}:1")));
    assert_eq!(reader.does(&["verify", &format!("{copy}:1")]), format!("{copy}@{digest}\n"));

    // Another key, of which only the public half is here, has signed no first file.
    let bob = Person::new(&servers, "bob");
    bob.does(&["key", "generate", "bob"]);
    let refused = publisher.run(&["signer", "add", "bob", "--key", "bob.pub", &image]);
    assert_eq!(refused.status.code(), Some(6), "{}", text(&refused));
    publisher.does(&["signer", "remove", "--force", "alice", &image]);
    assert!(!publisher.does(&["signer", "list", &image]).contains("alice"));
    publisher.does(&["signer", "add", "alice", "--key", "alice.pub", &image]);
    publisher.does(&["signer", "remove", "--force", "alice", &image]);
    let refused = reader.run(&["verify", &format!("{image}:1")]);
    // Nobody is left who could sign what is released: that is refused, not passed over.
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
}

#[test]
fn trust_data_is_copied_with_the_image_and_believed_there() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (image, copy) =
        (format!("{}/oci/origin", servers.registry()), format!("{}/oci/copy", servers.registry()));
    let (digest, _) = servers.seed("oci/origin:1", &[]);
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["sign", &format!("{image}:1")]);
    for tag in ["1", "_tuf"] {
        let (from, to) = (format!("{image}:{tag}"), format!("{copy}:{tag}"));
        skopeo_copy(&servers, &docker(&from), &docker(&to));
    }
    let reader = Person::new(&servers, "reader");
    assert_eq!(reader.does(&["verify", &format!("{copy}:1")]), format!("{copy}@{digest}\n"));
}

#[test]
fn a_registry_that_shows_an_older_state_or_another_collection_is_refused() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/oci/rolled", servers.registry());
    servers.seed("oci/rolled:1", &[]);
    servers.seed("oci/rolled:2", &["--text", "two"]);
    let (publisher, reader) = (Person::new(&servers, "publisher"), Person::new(&servers, "reader"));
    publisher.does(&["sign", &format!("{image}:1")]);
    let older = servers.directory().join("older");
    skopeo_copy(&servers, &docker(&format!("{image}:_tuf")), &folder(&older));
    publisher.does(&["sign", &format!("{image}:2")]);
    reader.does(&["verify", &format!("{image}:2")]);

    skopeo_copy(&servers, &folder(&older), &docker(&format!("{image}:_tuf")));
    assert_eq!(reader.refusal(&format!("{image}:1")), "rollback");

    // Another's collection in its place: a thief's, whole and well signed.
    let other = format!("{}/oci/thief", servers.registry());
    servers.seed("oci/thief:1", &["--text", "evil"]);
    let thief = Person::new(&servers, "thief");
    thief.does(&["sign", &format!("{other}:1")]);
    skopeo_copy(&servers, &docker(&format!("{other}:_tuf")), &docker(&format!("{image}:_tuf")));
    let refused = reader.run(&["verify", &format!("{image}:1")]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
    let newcomer = Person::new(&servers, "newcomer");
    let refused = newcomer.run(&["--require-pin", "verify", &format!("{image}:1")]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
}

#[test]
fn a_registry_that_mixes_drops_or_inflates_files_is_refused() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/oci/mixed", servers.registry());
    servers.seed("oci/mixed:1", &[]);
    servers.seed("oci/mixed:2", &["--text", "two"]);
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["sign", &format!("{image}:1")]);
    publisher.does(&["sign", &format!("{image}:2")]);
    let honest = manifest(&servers, "oci/mixed");
    let layer = |manifest: &Value, name: &str| {
        let layers = manifest["layers"].as_array().expect("layers");
        let named = |layer: &&Value| layer["annotations"]["tuf.io/filename"] == name;
        layers.iter().find(named).cloned().expect("a layer of that name")
    };
    let with = |name: &str, next: Option<Value>| {
        let mut spoiled = honest.clone();
        let layers = spoiled["layers"].as_array_mut().expect("layers");
        layers.retain(|layer| layer["annotations"]["tuf.io/filename"] != name);
        layers.extend(next);
        spoiled
    };
    let renamed = |from: &str, to: &str| {
        let mut layer = layer(&honest, from);
        layer["annotations"]["tuf.io/filename"] = to.into();
        Some(layer)
    };
    let mut large = layer(&honest, "timestamp.json");
    large["size"] = (64 << 20).into();
    let mut false_data = layer(&honest, "timestamp.json");
    false_data["data"] = layer(&honest, "2.snapshot.json")["data"].clone();
    for (name, spoiled, kind) in [
        ("mixed", with("2.targets.json", renamed("1.targets.json", "2.targets.json")), "mismatch"),
        (
            "swapped",
            with("2.snapshot.json", renamed("2.targets.json", "2.snapshot.json")),
            "mismatch",
        ),
        ("dropped", with("2.targets.json", None), "mismatch"),
        ("rootless", with("1.root.json", None), "no-trust-data"),
        ("inflated", with("timestamp.json", Some(large)), "too-large"),
        ("falsified", with("timestamp.json", Some(false_data)), "malformed"),
    ] {
        put_manifest(&servers, "oci/mixed", &spoiled);
        let newcomer = Person::new(&servers, name);
        assert_eq!(newcomer.refusal(&format!("{image}:1")), kind, "{name}");
    }
    put_manifest(&servers, "oci/mixed", &honest);
    Person::new(&servers, "honest").does(&["verify", &format!("{image}:1")]);
}

#[test]
fn what_go_tuf_mirror_puts_into_a_registry_is_read() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mirror = top.join("test-registry/tuf-mirror");
    // Repositories that python-tuf made: each with a name, who signs it, and another that nobody
    // does.
    for (case, signed, role, absent) in [
        ("tags", "1.4", "targets", "absent"),
        ("ecdsa", "v1", "targets", "v2"),
        ("threshold-and-rotation", "v1", "targets", "v2"),
        ("globs", "README.md", "docs", "foo-1.zip"),
    ] {
        let (metadata, image) = (
            top.join("tests/vectors/tuf1").join(case).join("metadata"),
            format!("{}/mirror/{case}", servers.registry()),
        );
        let pushed = [metadata.to_str().expect("text"), &image, "_tuf"];
        servers.run(mirror.to_str().expect("text"), &pushed);
        let reader = Person::new(&servers, case);
        let line = reader.does(&["verify", "--format", "json", &format!("{image}:{signed}")]);
        let said: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(said["role"], role, "{case}: {said}");
        let case: Value = serde_json::from_slice(
            &std::fs::read(metadata.with_file_name("case.json")).expect("a case"),
        )
        .expect("JSON");
        let expected = &case["found"][signed]["hashes"]["sha256"];
        assert_eq!(said["digest"], format!("sha256:{}", expected.as_str().expect("text")));
        let missing = reader.refusal(&format!("{image}:{absent}"));
        assert!(missing == "no-such-tag", "{missing}");
    }
}

#[test]
fn a_look_up_takes_one_manifest_and_what_it_does_not_bring_along() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/oci/few", servers.registry());
    servers.seed("oci/few:1", &[]);
    Person::new(&servers, "publisher").does(&["sign", &format!("{image}:1")]);
    let log = servers.directory().join("log/registry.log");
    let asked = || {
        let log = std::fs::read_to_string(&log).expect("the registry's log");
        log.matches("\"GET /v2/oci/few/").count()
    };
    let reader = Person::new(&servers, "reader");
    for (when, most) in [("cold", 3), ("warm", 1), ("warm again", 1)] {
        let before = asked();
        reader.does(&["verify", &format!("{image}:1")]);
        let requests = asked() - before;
        assert!((1..=most).contains(&requests), "{when}: {requests} requests");
    }
}

#[test]
fn a_registry_that_has_nothing_new_sends_nothing() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/oci/quiet", servers.registry());
    servers.seed("oci/quiet:1", &[]);
    servers.seed("oci/quiet:2", &[]);
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["sign", &format!("{image}:1")]);
    let log = servers.directory().join("log/registry.log");
    let answers = || {
        let log = std::fs::read_to_string(&log).expect("the registry's log");
        let asked = log.lines().filter(|line| line.contains("\"GET /v2/oci/quiet/manifests/_tuf"));
        asked.filter(|line| line.contains("\" 304 ")).count()
    };
    let reader = Person::new(&servers, "reader");
    let verify = |tag: &str| reader.does(&["verify", &format!("{image}:{tag}")]);
    verify("1");
    let before = answers();
    let unchanged = verify("1");
    assert_eq!(answers(), before + 1);
    publisher.does(&["sign", &format!("{image}:2")]);
    let before = answers();
    verify("2");
    assert_eq!(answers(), before, "there was something new");
    assert_eq!(verify("1"), unchanged);
    assert_eq!(answers(), before + 1);
}

fn put_manifest(servers: &TestRegistry, repository: &str, manifest: &Value) {
    let url = format!("http://{}/v2/{repository}/manifests/_tuf", servers.registry());
    let (kind, body) = (format!("Content-Type: {MANIFEST}"), manifest.to_string());
    let put =
        ["--silent", "--fail", "--request", "PUT", "--header", &kind, "--data-raw", &body, &url];
    servers.run("curl", &put);
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[test]
fn of_sixteen_who_sign_at_once_nobody_loses_a_tag() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/oci/storm", servers.registry());
    let (digest, _) = servers.seed("oci/storm:base", &[]);
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["sign", &format!("{image}:base")]);
    publisher.does_at_once(
        (0..16).map(|job| vec!["sign".to_owned(), format!("{image}:t{job}@{digest}")]),
    );
    let reader = Person::new(&servers, "reader");
    for job in 0..16 {
        reader.does(&["verify", &format!("{image}:t{job}")]);
    }
}
