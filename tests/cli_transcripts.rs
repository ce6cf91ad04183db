//! What users type and see: the transcripts in `tests/cli`.

#[path = "support/registry.rs"]
mod registry;
#[path = "support/transcript.rs"]
mod transcript;

use registry::TestRegistry;
use transcript::{Stage, transcripts};

#[test]
fn transcripts_without_servers() {
    for path in transcripts(".") {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/keys-example");
        let mut stage = Stage::new();
        stage.set("KEYS", keys);
        let terminal = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notary/terminal.py");
        stage.set("TERMINAL", &format!("python3 {terminal}"));
        stage.show(keys, "KEYS");
        stage.play(&path);
    }
}

#[test]
fn transcripts_with_a_registry_and_a_trust_server() {
    let servers = TestRegistry::start(&["--no-docker"]);
    for path in transcripts("servers") {
        let mut stage = Stage::new();
        // A repository of its own for each.
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let image = format!("{}/transcript/{name}", servers.registry());
        for tag in ["1", "2"] {
            let text = format!("I am {tag}");
            let (digest, _) = servers.seed(&format!("transcript/{name}:{tag}"), &["--text", &text]);
            stage.set(&format!("DIGEST{tag}"), &digest);
            stage.show(&digest, &format!("DIGEST{tag}"));
        }
        let host = servers.variable("TRUST_SERVER").trim_start_matches("https://").to_owned();
        for name in [
            "DOCKER_CONTENT_TRUST_SERVER",
            "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
            "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
            "TEST_CA",
        ] {
            stage.set(name, servers.variable(name));
        }
        let tls = stage.home().join(".docker/tls").join(&host);
        std::fs::create_dir_all(&tls).expect("a directory");
        std::fs::copy(servers.variable("TEST_CA"), tls.join("ca.crt")).expect("copied");
        stage.set("IMAGE", &image);
        stage.set("REGISTRY", servers.registry());
        stage.show(&image, "IMAGE");
        stage.show(&host, "TRUST");
        stage.show(servers.registry(), "REGISTRY");
        stage.play(&path);
    }
}
