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
        // A repository of its own for each.
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let stage = Stage::beside(&servers, &format!("transcript/{name}"), &["1", "2"]);
        stage.play(&path);
    }
}
