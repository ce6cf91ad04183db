//! `pull --to`: whole and right, or not at all.

#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::process::Output;

use registry::{TestRegistry, text};

fn countersign(servers: &TestRegistry, arguments: &[&str]) -> Output {
    let mut command = servers.command(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).output().expect("countersign runs")
}

fn signed(servers: &TestRegistry, name: &str, options: &[&str]) -> (String, String) {
    let (digest, _) = servers.seed(&format!("{name}:1"), options);
    let reference = format!("{}/{name}:1", servers.registry());
    let output = countersign(servers, &["sign", &reference]);
    assert!(output.status.success(), "{}", text(&output));
    (reference, digest)
}

/// The first layer of a manifest.
fn layer(servers: &TestRegistry, digest: &str) -> String {
    let manifest = fs::read(servers.blob(digest)).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    manifest["layers"][0]["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn index_is_kept_whole_or_as_one_platform() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (reference, digest) = signed(&servers, "team/multi", &["--index"]);
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    let to = format!("oci:{}", whole.display());
    let output = countersign(&servers, &["pull", &reference, "--to", &to]);
    assert!(output.status.success(), "{}", text(&output));
    let raw = servers.run("skopeo", &["inspect", "--raw", &to]);
    assert!(raw.contains("arm64") && raw.contains("amd64"), "{raw}");
    let name = digest.trim_start_matches("sha256:");
    assert!(whole.join("blobs/sha256").join(name).is_file(), "the signed index is there");

    let archive = folder.path().join("arm.tar");
    let to = format!("docker-archive:{}", archive.display());
    let one = ["pull", &reference, "--to", &to, "--platform", "linux/arm64"];
    let output = countersign(&servers, &one);
    assert!(output.status.success(), "{}", text(&output));
    let config = servers.run("skopeo", &["inspect", "--config", &to]);
    assert!(config.contains("arm64"), "{config}");

    let to = format!("oci:{}", folder.path().join("none").display());
    let none = ["pull", &reference, "--to", &to, "--platform", "linux/s390x"];
    let output = countersign(&servers, &none);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing else is left");
}

#[test]
fn blob_that_was_changed_leaves_nothing_behind() {
    let servers = TestRegistry::start(&["--no-docker"]);
    for (name, spoil) in [("longer", "x"), ("other", "")] {
        let (reference, digest) = signed(&servers, &format!("team/{name}"), &["--text", name]);
        let path = servers.blob(&layer(&servers, &digest));
        let mut bytes = fs::read(&path).expect("a layer");
        bytes.extend(spoil.bytes());
        *bytes.first_mut().expect("a byte") ^= 1;
        fs::write(&path, bytes).expect("spoiled");
        let folder = tempfile::tempdir().expect("a folder");
        for to in ["oci", "docker-archive"] {
            let to = format!("{to}:{}", folder.path().join("out").display());
            let output = countersign(&servers, &["pull", &reference, "--to", &to]);
            assert_eq!(output.status.code(), Some(7), "{name} {to}: {}", text(&output));
            assert!(text(&output).contains("(digest-mismatch)"), "{}", text(&output));
            assert!(output.stdout.is_empty(), "{}", text(&output));
            assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "{name} {to}");
        }
    }
}

/// what is signed, and not there any more, is no reason to look away.
#[test]
fn what_is_gone_from_the_registry_is_told_with_who_can_help() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (reference, digest) = signed(&servers, "team/gone", &["--text", "gone"]);
    let folder = tempfile::tempdir().expect("a folder");
    for lost in [layer(&servers, &digest), digest] {
        fs::remove_file(servers.blob(&lost)).expect("removed");
        let to = format!("oci:{}", folder.path().join("out").display());
        // Several times: what is fetched beside it may be anywhere on its way.
        for _ in 0..8 {
            let output = countersign(&servers, &["pull", &reference, "--to", &to]);
            assert_eq!(output.status.code(), Some(5), "{}", text(&output));
            assert!(text(&output).contains("can push it again"), "{}", text(&output));
            assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        }
    }
}

/// R-02, T-45: whoever asks, other bytes under a digest are told as what they are.
#[test]
fn manifest_that_was_changed_is_a_digest_mismatch() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (reference, digest) = signed(&servers, "team/lies", &["--text", "lies"]);
    let repository = reference.trim_end_matches(":1");
    let (longer, shorter) = (format!("{repository}:longer"), format!("{repository}:shorter"));
    let length = fs::metadata(servers.blob(&digest)).expect("a manifest").len();
    for (image, length) in [(&longer, length + 1), (&shorter, length - 1)] {
        let size = length.to_string();
        let sign = ["sign", image, "--digest", &digest, "--size", &size];
        let output = countersign(&servers, &sign);
        assert!(output.status.success(), "{}", text(&output));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pull = |image: &str, name: &str| {
        let to = format!("oci:{}", folder.path().join(name).display());
        countersign(&servers, &["pull", image, "--to", &to])
    };
    let is_mismatch = |output: Output| {
        assert_eq!(output.status.code(), Some(7), "{}", text(&output));
        assert!(text(&output).contains("(digest-mismatch)"), "{}", text(&output));
        assert!(output.stdout.is_empty(), "{}", text(&output));
    };
    assert!(pull(&reference, "honest").status.success());
    is_mismatch(pull(&longer, "longer"));
    is_mismatch(pull(&shorter, "shorter"));

    let by_digest = format!("{repository}:again@{digest}");
    assert!(countersign(&servers, &["sign", &by_digest]).status.success());
    let path = servers.blob(&digest);
    let mut bytes = fs::read(&path).expect("a manifest");
    bytes.push(b' ');
    fs::write(&path, bytes).expect("spoiled");
    is_mismatch(pull(&reference, "changed"));
    is_mismatch(countersign(&servers, &["sign", &by_digest]));
}

#[test]
fn what_is_there_stays_as_it_is() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (reference, _) = signed(&servers, "team/web", &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("precious");
    fs::write(&file, "mine").expect("written");
    for to in
        [format!("docker-archive:{}", file.display()), format!("oci:{}", folder.path().display())]
    {
        let output = countersign(&servers, &["pull", &reference, "--to", &to]);
        assert_eq!(output.status.code(), Some(2), "{to}: {}", text(&output));
    }
    assert_eq!(fs::read_to_string(&file).expect("still there"), "mine");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    let to = format!("oci:{}", empty.display());
    let output = countersign(&servers, &["pull", &reference, "--to", &to]);
    assert!(output.status.success(), "an empty folder may be filled: {}", text(&output));
}
