//! How releases are made: the same bytes wherever they are built, signed with what they are.

#![cfg(feature = "cli")]

#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use registry::{COUNTERSIGN, TestRegistry, text};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

/// The part that decides, whose libraries are half of all; `make reproducible` does it with the
/// program.
#[test]
fn reproducible_build() {
    let quick = r#"profile.dev.package."*".opt-level=0"#;
    let deciding = ["debug/libcountersign.rlib", "--lib", "--no-default-features"];
    let mut reproduce = Command::new(script("reproduce"));
    let output = reproduce.args(deciding).args(["--config", quick]).output().expect("bash");
    assert!(output.status.success(), "{}", text(&output));
    let digest = String::from_utf8(output.stdout).expect("text");
    assert!(digest.ends_with("  libcountersign.rlib\n") && digest.len() == 86, "{digest}");
}

#[test]
fn a_release_is_signed_with_itself_and_verified_without_a_network() {
    let servers = TestRegistry::start(&["--trust", COUNTERSIGN]);
    let program = env!("CARGO_BIN_EXE_countersign");
    let reference = format!("{}/countersign:0.1.0-linux-amd64", servers.registry());
    let folder = servers.directory().join("release");
    let mut sign = servers.command(script("sign"));
    sign.args([program, &reference]).arg(&folder).env("COUNTERSIGN", program);
    succeeds(&mut sign);

    let bundle = format!("bundle:{}", folder.join("countersign.bundle").display());
    let stranger = servers.directory().join("stranger");
    let mut verify = Command::new(folder.join("countersign"));
    verify.env_clear().arg("--trust-dir").arg(&stranger);
    let verified = succeeds(verify.args(["--server", &bundle, "verify", &reference]));
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).expect("written");
    let (digest, _) = sums.split_once(' ').expect("a digest and a name");
    assert!(verified.ends_with(&format!("@sha256:{digest}\n")), "{verified}");
    succeeds(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&folder));
}

fn succeeds(command: &mut Command) -> String {
    let output: Output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    String::from_utf8(output.stdout).expect("text")
}
