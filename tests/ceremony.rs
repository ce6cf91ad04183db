//! Signing by several people, from the first certificate to clients that knew the old root: ours and
//! notary's, on the original trust server and on ours.

#[path = "support/registry.rs"]
mod registry;
#[path = "support/transcript.rs"]
mod transcript;

use std::fs;
use std::path::Path;

use registry::TestRegistry;
use transcript::Stage;

#[test]
fn two_of_three_people_hold_a_repository() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        stage_with_images(&servers, "ceremony/web").play(&script("threshold.txt"));
    }
}

#[test]
fn two_of_three_people_sign_releases() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        stage_with_images(&servers, "ceremony/releases").play(&script("delegation.txt"));
    }
}

#[test]
fn rehearsal_needs_no_server() {
    Stage::new().play(&script("rehearsal.txt"));
}

/// Tags 1, 2 and 3 of an image, and the trust server beside its registry.
fn stage_with_images(servers: &TestRegistry, repository: &str) -> Stage {
    let mut stage = Stage::new();
    let image = format!("{}/{repository}", servers.registry());
    for tag in ["1", "2", "3"] {
        let text = format!("I am {tag}");
        let (digest, _) = servers.seed(&format!("{repository}:{tag}"), &["--text", &text]);
        stage.set(&format!("DIGEST{tag}"), &digest);
        stage.show(&digest, &format!("DIGEST{tag}"));
    }
    for name in [
        "DOCKER_CONTENT_TRUST_SERVER",
        "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
        "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
        "TEST_CA",
    ] {
        stage.set(name, servers.variable(name));
    }
    let host = servers.variable("TRUST_SERVER").trim_start_matches("https://").to_owned();
    let tls = stage.home().join(".docker/tls").join(&host);
    fs::create_dir_all(&tls).expect("a directory");
    fs::copy(servers.variable("TEST_CA"), tls.join("ca.crt")).expect("copied");
    let terminal = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notary/terminal.py");
    stage.set("TERMINAL", &format!("python3 {terminal}"));
    stage.set("IMAGE", &image);
    stage.show(&image, "IMAGE");
    stage
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/ceremony").join(name)
}
