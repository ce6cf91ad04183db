//! Signing by several people, from the first certificate to clients that knew the old root: ours
//! and notary's, on the original trust server and on ours.

#[path = "support/registry.rs"]
mod registry;
#[path = "support/transcript.rs"]
mod transcript;

use std::path::Path;

use registry::{COUNTERSIGN, TestRegistry};
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
fn what_follows_another_root_than_the_known_one_is_not_signed() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let hers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let mut stage = stage_with_images(&servers, "ceremony/forged");
    stage.set("MALLORY", hers.variable("TRUST_SERVER"));
    stage.set("MALLORY_CA", hers.variable("TEST_CA"));
    stage.play(&script("forged.txt"));
}

#[test]
fn rehearsal_needs_no_server() {
    let mut stage = Stage::new();
    stage.set("KEPT", script("kept").to_str().expect("a path in UTF-8"));
    stage.play(&script("rehearsal.txt"));
}

/// Tags 1, 2 and 3 of an image, and the trust server beside its registry.
fn stage_with_images(servers: &TestRegistry, repository: &str) -> Stage {
    let mut stage = Stage::beside(servers, repository, &["1", "2", "3"]);
    let terminal = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notary/terminal.py");
    stage.set("TERMINAL", &format!("python3 {terminal}"));
    stage
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/ceremony").join(name)
}
