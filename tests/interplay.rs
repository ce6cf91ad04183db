//! Docker, notary and countersign take turns at one collection and one key directory; and what goes
//! wrong on the way is repaired as the messages say.

#[path = "support/attacker.rs"]
mod attacker;
#[path = "support/registry.rs"]
mod registry;

use std::path::PathBuf;

use attacker::Attacker;
use registry::{TestRegistry, assert_code, stdout, text};

#[test]
fn docker_notary_and_we_take_turns() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let image = format!("{}/team/turns", servers.registry());
        let (one, _) = servers.seed("team/turns:1", &[]);
        let (two, _) = servers.seed("team/turns:2", &["--text", "two"]);
        servers.does(&["sign", &format!("{image}:1")]);

        // Keys that we made serve docker, docker's serve us.
        servers.run("docker", &["trust", "key", "generate", "alice"]);
        servers.does(&["key", "generate", "bob"]);
        for signer in ["alice", "bob"] {
            let key = format!("{signer}.pub");
            servers.run("docker", &["trust", "signer", "add", "--key", &key, signer, &image]);
        }
        servers.does(&["sign", &format!("{image}:2")]);
        let docker = servers.run("docker", &["trust", "inspect", "--pretty", &image]);
        assert!(docker.contains(&format!("{}   alice, bob", hex(&two))), "{docker}");
        assert_eq!(docker, servers.does(&["inspect", "--pretty", &image]));

        // What docker and notary change we follow, and go on from there.
        servers.run("docker", &["trust", "sign", &format!("{image}:1")]);
        for rotation in [&["snapshot", "-r"][..], &["timestamp", "-r"], &["targets"], &["snapshot"]]
        {
            servers.run("notary", &[&["key", "rotate", &image], rotation].concat());
            let tag = format!("{image}:after-{}-{}", rotation[0], rotation.len());
            servers.does(&["sign", &tag, "--digest", &one, "--size", "405"]);
            assert_eq!(servers.does(&["verify", &tag]), format!("{image}@{one}\n"));
            servers.run("docker", &["trust", "inspect", &tag]);
        }
        servers.run("notary", &["witness", &image, "targets/releases", "-p"]);
        servers.run("notary", &["delegation", "remove", &image, "targets/bob", "--yes", "-p"]);
        let refused =
            servers.countersign(&["sign", "--signer", "bob", &format!("{image}:2@{two}")]);
        assert_code(&refused, 2);
        servers.does(&["sign", &format!("{image}:3@{two}")]);

        // What we revoke is gone for all.
        servers.does(&["revoke", &format!("{image}:1")]);
        assert_code(&servers.countersign(&["verify", &format!("{image}:1")]), 3);
        let listed = servers.run("notary", &["list", &image]);
        assert!(!listed.contains("\n1 ") && listed.contains("\n3 "), "{listed}");
    }
}

#[test]
fn list_shows_each_tag_as_pulls_find_it() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/listed", servers.registry());
    let (old, _) = servers.seed("team/listed:1", &[]);
    let (new, _) = servers.seed("team/listed:2", &["--text", "new"]);
    servers.does(&["sign", &format!("{image}:1@{old}")]);
    servers.does(&["key", "generate", "alice"]);
    servers.run("docker", &["trust", "signer", "add", "--key", "alice.pub", "alice", &image]);
    servers.does(&["sign", &format!("{image}:1@{new}")]);
    assert_eq!(servers.does(&["verify", &format!("{image}:1")]), format!("{image}@{new}\n"));
    let listed = servers.does(&["list", "--format", "json", &image]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.contains(&new) && listed.contains("\"role\":\"targets/releases\""), "{listed}");
}

#[test]
fn collection_deleted_on_purpose_starts_anew_as_the_message_says() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let reference = format!("{}/team/gone:1", servers.registry());
        servers.seed("team/gone:1", &[]);
        servers.does(&["sign", &reference]);
        servers.does(&["verify", &reference]);
        servers.run("notary", &["delete", "--remote", reference.trim_end_matches(":1")]);
        let refused = servers.countersign(&["sign", &reference]);
        assert_code(&refused, 8);
        let said = text(&refused);
        let line = said.lines().find(|line| line.contains("To start anew, remove")).expect(&said);
        let places =
            line.split(' ').filter(|word| word.starts_with("tuf/") || word.contains(".json"));
        for place in places.map(|place| servers.trust_directory().join(place)) {
            // Notary has removed its part already.
            let _ = std::fs::remove_dir_all(&place).or_else(|_| std::fs::remove_file(&place));
            assert!(!place.exists(), "{}", place.display());
        }
        assert_code(&servers.countersign(&["verify", &reference]), 3);
        servers.does(&["sign", &reference]);
        servers.does(&["verify", &reference]);
    }
}

#[test]
fn founding_that_fails_leaves_no_repository_keys_and_replaces_no_damaged_root_key() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let attacker = Attacker::start(&servers);
    let reference = format!("{}/team/new:1", servers.registry());
    let (digest, _) = servers.seed("team/new:1", &[]);
    let sign = ["sign", &reference, "--digest", &digest, "--size", "405"];

    attacker.behave("status 404");
    assert_code(&servers.countersign(&[&sign[..], &attacker.server()].concat()), 5);
    let keys = key_files(&servers);
    assert_eq!(keys.len(), 1, "the root key is there for the next attempt: {keys:?}");

    let root = std::fs::read(&keys[0]).expect("the root key");
    std::fs::write(&keys[0], "damaged").expect("written");
    let refused = servers.countersign(&sign);
    assert_code(&refused, 6);
    let id = keys[0].file_stem().expect("an id").to_string_lossy().into_owned();
    assert!(text(&refused).contains(&id), "{}", text(&refused));
    assert_eq!(key_files(&servers), keys, "nothing was made in its place");
    let listed = servers.does(&["key", "list"]);
    assert!(listed.contains("(unreadable)"), "{listed}");

    std::fs::write(&keys[0], root).expect("written");
    servers.does(&sign);
    assert_eq!(key_files(&servers).len(), 2);
}

#[test]
fn each_mishap_on_the_wire_has_its_code_and_harms_nothing() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let attacker = Attacker::start(&servers);
    let reference = format!("{}/team/wire:1", servers.registry());
    let (digest, _) = servers.seed("team/wire:1", &[]);
    servers.does(&["sign", &reference]);
    let verify = ["verify", &reference, "--timeout", "2s"];
    let through = [&verify[..], &attacker.server()].concat();
    for (behaviour, code, said) in [
        ("html", 4, "a login page"),
        ("close", 5, "it closed the connection (network)"),
        ("status 500", 5, "status 500"),
        ("status 403", 5, "docker login"),
        ("status 404", 3, "ask its owner"),
        ("endless", 4, "is longer than"),
        ("stall 4", 5, "did not answer in time"),
        ("spoil timestamp", 4, "timestamp: 0 of 1"),
    ] {
        attacker.behave("honest");
        servers.does(&through);
        attacker.behave(behaviour);
        let refused = servers.countersign(&through);
        assert_code(&refused, code);
        assert_eq!(stdout(&refused), "", "{behaviour}");
        assert!(text(&refused).contains(said), "{behaviour}: {}", text(&refused));
        let signing = ["sign", &reference, "--digest", &digest, "--size", "405", "--timeout", "2s"];
        let unsigned = servers.countersign(&[&signing[..], &attacker.server()].concat());
        assert_ne!(unsigned.status.code(), Some(0), "{behaviour}: {}", text(&unsigned));
    }
    attacker.behave("honest");
    servers.does(&through);
}

#[test]
fn server_with_a_strange_certificate_is_named_with_the_remedy() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let reference = format!("{}/team/tls:1", servers.registry());
    let home = servers.trust_directory().join("elsewhere");
    let without = |more: &[&str]| {
        let mut verify = servers.command(env!("CARGO_BIN_EXE_countersign"));
        verify.env("DOCKER_CONFIG", &home).args(["verify", &reference]).args(more);
        verify.output().expect("countersign runs")
    };
    let refused = without(&[]);
    assert_code(&refused, 5);
    assert!(text(&refused).contains("--tls-ca FILE"), "{}", text(&refused));
    assert_code(&without(&["--tls-ca", servers.variable("TEST_CA")]), 3);
    let plain = without(&["--server", &format!("https://{}", servers.registry())]);
    assert_code(&plain, 5);
    assert!(text(&plain).contains("it does not speak TLS"), "{}", text(&plain));
}

#[test]
fn one_tag_is_given_one_meaning() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/two", servers.registry());
    let (one, _) = servers.seed("team/two:1", &[]);
    let (two, _) = servers.seed("team/two:2", &["--text", "two"]);
    let both = [format!("{image}:1@{one}"), format!("{image}:1@{two}")];
    let refused = servers.countersign(&["sign", &both[0], &both[1]]);
    assert_code(&refused, 2);
    assert_code(&servers.countersign(&["verify", &both[0]]), 3);
    servers.does(&["sign", &both[0], &both[0]]);
}

fn key_files(servers: &TestRegistry) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(servers.trust_directory().join("private")).expect("keys");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}
