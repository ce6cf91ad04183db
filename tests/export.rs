//! Trust data written as a TUF 1.0 repository, and read there by tough, and by our own client.

#![cfg(feature = "export")]

#[path = "support/registry.rs"]
mod registry;
#[path = "support/unpacked.rs"]
mod unpacked;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use registry::{COUNTERSIGN, TestRegistry, text};
use serde_json::Value;
use tough::{ExpirationEnforcement, RepositoryLoader, TargetName};
use unpacked::unpacked;
use url::Url;

/// What one told about an export.
fn exported(servers: &TestRegistry, arguments: &[&str]) -> Value {
    let arguments = [&["export", "--format", "json"], arguments].concat();
    serde_json::from_str(&servers.does(&arguments)).expect("an object")
}

/// Somebody who knows nothing yet.
fn reader(home: &Path, arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().env("HOME", home).args(arguments).output().expect("countersign runs")
}

/// The tags that tough finds, with their digests, beginning at the first root.
fn toughs(metadata: &Path, tags: &[&str]) -> BTreeMap<String, Option<String>> {
    let root = fs::read(metadata.join("1.root.json")).expect("a first root");
    let base = Url::from_directory_path(metadata).expect("a path");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let repository = runtime.expect("a runtime").block_on(async {
        let loader = RepositoryLoader::new(&root, base.clone(), base);
        loader.expiration_enforcement(ExpirationEnforcement::Safe).load().await
    });
    let repository = repository.expect("tough reads it");
    let targets = &repository.targets().signed;
    let digest = |tag: &str| {
        let found = targets.find_target(&TargetName::new(tag).expect("a name"), false).ok()?;
        Some(found.hashes.sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    tags.iter().map(|tag| ((*tag).to_owned(), digest(tag))).collect()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn file(metadata: &Path, name: &str) -> Value {
    let bytes = fs::read(metadata.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_slice(&bytes).expect("JSON")
}

fn names(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files.extend(names(&path)),
            false => files.push((path.clone(), fs::read(&path).expect("a file"))),
        }
    }
    files.sort();
    files
}

#[test]
fn tags_mean_to_other_clients_what_they_mean_to_docker() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let image = format!("{}/team/web", servers.registry());
        let (one, _) = servers.seed("team/web:1", &[]);
        let (two, _) = servers.seed("team/web:2", &["--text", "two"]);
        let (three, _) = servers.seed("team/web:3", &["--text", "three"]);
        // Signed by the repository before anybody else could, and later for release as something
        // else; and what only a signer signed, which no pull looks at.
        let custom = servers.directory().join("custom.json");
        fs::write(&custom, r#"{"build":7}"#).expect("written");
        servers.does(&["sign", "--custom", path(&custom), &format!("{image}:1@{one}")]);
        servers.does(&["sign", &format!("{image}:2@{one}")]);
        servers.run("docker", &["trust", "key", "generate", "alice"]);
        let add = ["trust", "signer", "add", "--key", "alice.pub", "alice", &image];
        servers.run("docker", &add);
        servers.does(&["sign", &format!("{image}:2@{two}")]);
        let alice = ["sign", "--role", "targets/alice", &format!("{image}:3@{three}")];
        servers.does(&alice);

        let site = servers.directory().join("site");
        let told = exported(&servers, &[&image, path(&site)]);
        assert_eq!(told["tags"], 2, "{told}");
        let metadata = site.join("metadata");
        let hex = |digest: &str| Some(digest.trim_start_matches("sha256:").to_owned());
        let found = toughs(&metadata, &["1", "2", "3"]);
        assert_eq!((&found["1"], &found["2"]), (&hex(&one), &hex(&two)));
        assert_eq!(found["3"], None, "no pull finds what only a signer signed");

        let targets = &file(&metadata, "1.targets.json")["signed"];
        assert_eq!(targets["targets"]["1"]["custom"]["build"], 7, "{targets}");
        assert!(targets["targets"]["2"].is_null(), "left to who decides");
        let roles = targets["delegations"]["roles"].as_array().expect("roles");
        let named: Vec<&str> = roles.iter().filter_map(|role| role["name"].as_str()).collect();
        assert_eq!(named, ["targets/releases", "targets/alice"]);
        assert_eq!(roles[0]["terminating"], true);
        let alice = &file(&metadata, "1.targets%2Falice.json")["signed"];
        assert!(alice["targets"]["3"].is_object(), "and yet it is there to see: {alice}");

        let home = tempfile::tempdir().expect("a folder");
        let server = format!("file://{}", metadata.display());
        let ask = |tag: &str| {
            reader(home.path(), &["verify", "--server", &server, &format!("{image}:{tag}")])
        };
        for (tag, digest) in [("1", &one), ("2", &two)] {
            let verified = ask(tag);
            assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
            assert_eq!(String::from_utf8_lossy(&verified.stdout), format!("{image}@{digest}\n"));
        }
        assert_eq!(ask("3").status.code(), Some(3));
        let explained =
            reader(home.path(), &["explain", "--server", &server, &format!("{image}:2")]);
        assert!(text(&explained).contains("targets/releases"), "{}", text(&explained));
    }
}

/// Trust data that our own editor wrote into a registry, a few versions of it, with a signer.
fn in_registry(servers: &TestRegistry) -> (String, PathBuf) {
    let image = format!("{}/oci/crew", servers.registry());
    let (one, _) = servers.seed("oci/crew:1", &[]);
    let oci = |arguments: &[&str]| servers.does(&[&["--server", "oci"], arguments].concat());
    oci(&["sign", &format!("{image}:1")]);
    oci(&["key", "rotate", &image, "timestamp"]);
    oci(&["key", "rotate", "--yes", &image, "root"]);
    oci(&["key", "generate", "alice"]);
    oci(&["signer", "add", "alice", "--key", "alice.pub", &image]);
    oci(&["sign", &format!("{image}:2@{one}")]);
    let metadata = servers.directory().join("crew");
    unpacked(servers, "oci/crew", &metadata);
    (one, metadata)
}

#[test]
fn tough_reads_what_our_own_editor_writes() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let (one, metadata) = in_registry(&servers);
    let found = toughs(&metadata, &["1", "2", "3"]);
    let hex = Some(one.trim_start_matches("sha256:").to_owned());
    assert_eq!((&found["1"], &found["2"], &found["3"]), (&hex, &hex, &None));
}

#[test]
fn versions_rise_with_what_changes_and_nothing_else_is_written() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    let (one, _) = servers.seed("team/web:1", &[]);
    servers.does(&["sign", &format!("{image}:1")]);
    let site = servers.directory().join("site");
    let metadata = site.join("metadata");
    let export = |more: &[&str]| exported(&servers, &[&[&*image, path(&site)], more].concat());
    let told = export(&[]);
    let all = serde_json::json!({"root": 1, "targets": 1, "snapshot": 1, "timestamp": 1});
    assert_eq!(told["versions"], all, "{told}");
    let before = names(&metadata);
    assert_eq!(export(&[])["versions"], serde_json::json!({}));
    assert_eq!(names(&metadata), before);

    let home = tempfile::tempdir().expect("a folder");
    let server = format!("file://{}", metadata.display());
    let ask = || reader(home.path(), &["verify", "--server", &server, &format!("{image}:1")]);
    assert_eq!(ask().status.code(), Some(0));
    servers.does(&["sign", &format!("{image}:2@{one}")]);
    let next = serde_json::json!({"targets": 2, "snapshot": 2, "timestamp": 2});
    assert_eq!(export(&[])["versions"], next);
    for (file, bytes) in before.iter().filter(|(file, _)| !file.ends_with("timestamp.json")) {
        assert_eq!(fs::read(file).ok().as_ref(), Some(bytes), "{} stays", file.display());
    }
    assert_eq!(ask().status.code(), Some(0), "who knows the earlier state follows");
    assert_eq!(toughs(&metadata, &["1", "2"]).values().flatten().count(), 2);
}

#[test]
fn what_ends_is_signed_again_and_what_ended_goes_on() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/web", servers.registry());
    servers.seed("team/web:1", &[]);
    servers.does(&["--server", "oci", "sign", &format!("{image}:1")]);
    let (site, exporter) = (servers.directory().join("site"), servers.directory().join("exporter"));
    let metadata = site.join("metadata");
    let export = |when: &str| -> Value {
        let mut command = servers.command("faketime");
        command.args([when, env!("CARGO_BIN_EXE_countersign"), "--server", "oci", "--trust-dir"]);
        command.arg(&exporter).args(["export", "--format", "json", &image, path(&site)]);
        let output = command.output().expect("faketime runs");
        assert!(output.status.success(), "{when}: {}", text(&output));
        serde_json::from_slice::<Value>(&output.stdout).expect("an object")["versions"].clone()
    };
    let all = serde_json::json!({"root": 1, "targets": 1, "snapshot": 1, "timestamp": 1});
    assert_eq!(export("-30 days"), all);
    let home = tempfile::tempdir().expect("a folder");
    let server = format!("file://{}", metadata.display());
    let ask = || reader(home.path(), &["verify", "--server", &server, &format!("{image}:1")]);
    assert_eq!(ask().status.code(), Some(4), "its timestamp has ended");
    assert_eq!(export("+0 days"), serde_json::json!({"timestamp": 2}));
    assert_eq!(ask().status.code(), Some(0));
    assert_eq!(toughs(&metadata, &["1"]).values().flatten().count(), 1);
    assert_eq!(export("+6 days"), serde_json::json!({}));
    assert_eq!(export("+8 days"), serde_json::json!({"timestamp": 3}));
}

#[test]
fn several_repositories_make_a_mirror() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let images = ["one", "two"].map(|name| format!("{}/team/{name}", servers.registry()));
    for (name, image) in ["one", "two"].iter().zip(&images) {
        servers.seed(&format!("team/{name}:1"), &[]);
        servers.does(&["sign", &format!("{image}:1")]);
    }
    let site = servers.directory().join("mirror");
    let nobody = format!("{}/team/nobody", servers.registry());
    let told = servers.countersign(&["export", &images[0], &nobody, &images[1], path(&site)]);
    assert_eq!(told.status.code(), Some(3), "one is not signed: {}", text(&told));
    assert!(text(&told).contains("3 repositories: 2 done, 1 not"), "{}", text(&told));
    let home = tempfile::tempdir().expect("a folder");
    for image in &images {
        let metadata = site.join(image).join("metadata");
        assert_eq!(toughs(&metadata, &["1"]).values().flatten().count(), 1);
        let server = format!("file://{}", metadata.display());
        let verified = reader(home.path(), &["verify", "--server", &server, &format!("{image}:1")]);
        assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));
    }
    assert!(!site.join(&nobody).exists(), "nothing is made for what is not signed");
    servers.does(&["export", "--mirror", &images[0], path(&site)]);
    assert!(!site.join("metadata").exists());
}

#[test]
fn an_archive_is_exported_when_its_server_is_gone_and_its_timestamps_have_ended() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let images = ["one", "two"].map(|name| format!("{}/team/{name}", servers.registry()));
    for (name, image) in ["one", "two"].iter().zip(&images) {
        servers.seed(&format!("team/{name}:1"), &[]);
        servers.does(&["sign", &format!("{image}:1")]);
    }
    let archive = servers.directory().join("trust.tar");
    servers.does(&["rescue", "--to", path(&archive), &images[0], &images[1]]);
    servers.end("notary_server");
    let later = |arguments: &[&str]| {
        let mut command = servers.command("faketime");
        command.args(["+800 days", env!("CARGO_BIN_EXE_countersign")]).args(arguments);
        command.output().expect("faketime runs")
    };
    let site = servers.directory().join("site");
    let told = later(&["export", "--from", path(&archive), path(&site)]);
    assert!(told.status.success(), "{}", text(&told));
    assert!(text(&told).contains("when it was fetched"), "{}", text(&told));
    let trust = servers.directory().join("reader");
    for image in &images {
        let server = format!("file://{}", site.join(image).join("metadata").display());
        let reference = format!("{image}:1");
        let there = ["--server", &server, "--trust-dir", path(&trust)];
        let read = later(&[&there[..], &["verify", &reference]].concat());
        assert!(read.status.success(), "{}", text(&read));
    }
    let again = later(&["export", "--from", path(&archive), path(&site)]);
    assert!(text(&again).contains("nothing new"), "{}", text(&again));

    let alone = servers.directory().join("alone");
    servers.does(&["export", "--from", path(&archive), &images[0], path(&alone)]);
    assert!(alone.join("metadata/timestamp.json").exists());
    let nobody = format!("{}/team/nobody", servers.registry());
    for (arguments, code, word) in [
        (&["export", "--from", path(&archive), &nobody, path(&alone)][..], 3, "not in the archive"),
        (&["export", "--from", "oci", path(&alone)], 2, "Name the repositories"),
        (&["export", "--from", path(&site.join("absent.tar")), path(&alone)], 8, "absent.tar"),
    ] {
        let told = servers.countersign(arguments);
        assert_eq!(told.status.code(), Some(code), "{arguments:?}: {}", text(&told));
        assert!(text(&told).contains(word), "{arguments:?}: {}", text(&told));
    }
}

#[test]
fn nothing_is_written_that_would_be_refused_or_that_somebody_else_signed() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", COUNTERSIGN]);
    let image = format!("{}/team/web", servers.registry());
    let (one, _) = servers.seed("team/web:1", &[]);
    servers.does(&["sign", &format!("{image}:1")]);
    let site = servers.directory().join("site");
    exported(&servers, &[&image, path(&site)]);
    let metadata = site.join("metadata");
    let before = names(&metadata);

    // Without the keys, there is nothing to go on with.
    servers.does(&["sign", &format!("{image}:2@{one}")]);
    let other = servers.directory().join("other");
    let refused = |arguments: &[&str], code: i32, word: &str| {
        let told = servers.countersign(arguments);
        assert_eq!(told.status.code(), Some(code), "{arguments:?}: {}", text(&told));
        assert!(text(&told).contains(word), "{arguments:?}: {}", text(&told));
        assert_eq!(names(&metadata), before);
    };
    refused(&["--trust-dir", path(&other), "export", &image, path(&site)], 6, "keys at hand");
    refused(&["export", &image], 2, "a directory");
    refused(&["list", "--format", "tuf1", &image], 2, "--format tuf1 is for export");

    // What was signed for another collection, and would not say so any more.
    let custom = servers.directory().join("custom.json");
    let elsewhere = r#"{"countersign":{"gun":"registry.example.com/team/other"}}"#;
    fs::write(&custom, elsewhere).expect("written");
    servers.does(&["sign", "--custom", path(&custom), &format!("{image}:3@{one}")]);
    let told = servers.countersign(&["verify", &format!("{image}:3")]);
    assert_eq!(told.status.code(), Some(4), "{}", text(&told));
    let listed = servers.does(&["list", &image]);
    assert!(listed.contains("(signed for registry.example.com/team/other)"), "{listed}");
    refused(&["export", &image, path(&site)], 4, "was signed for registry.example.com/team/other");
    let inspected = servers.countersign(&["inspect", &image]);
    let warning =
        "warning: IMAGE: 3 was signed for registry.example.com/team/other, and pulls refuse it";
    assert_eq!(inspected.status.code(), Some(0), "{}", text(&inspected));
    assert_eq!(
        String::from_utf8_lossy(&inspected.stderr).replace(&image, "IMAGE"),
        format!("{warning}\n")
    );
    let plugin = servers.countersign(&["docker-trust", "inspect", &image]);
    assert!(plugin.status.success() && text(&plugin).contains("warning: 3 was signed for"));
    assert_eq!(plugin.stdout, inspected.stdout);
    let server = servers.variable("DOCKER_CONTENT_TRUST_SERVER");
    let copy = format!("{image}-copy");
    let imported =
        servers.countersign(&["import", server, &image, "--as", &copy, "--server", "oci"]);
    assert_eq!(imported.status.code(), Some(0), "{}", text(&imported));
    let left = "1 entries were signed for another collection, and stay behind";
    assert!(text(&imported).contains(left), "{}", text(&imported));
    let verify = |tag: u8| {
        let copy = format!("{copy}:{tag}");
        servers.countersign(&["verify", "--server", "oci", &copy]).status.code()
    };
    assert_eq!((verify(2), verify(3)), (Some(0), Some(3)));
    servers.does(&["revoke", "--yes", &format!("{image}:3")]);
    assert_eq!(text(&servers.countersign(&["inspect", &image])).matches("warning").count(), 0);

    // What lies there is not what was signed.
    let targets = metadata.join("1.targets.json");
    let whole = fs::read(&targets).expect("a file");
    fs::write(&targets, String::from_utf8_lossy(&whole).replace("\"1\"", "\"9\""))
        .expect("written");
    let told = servers.countersign(&["export", &image, path(&site)]);
    assert_eq!(told.status.code(), Some(4), "{}", text(&told));
    fs::write(&targets, &whole).expect("written");
    exported(&servers, &[&image, path(&site)]);

    // A kind of key that other readers do not know.
    let odd = servers.directory().join("odd");
    let curve = servers.directory().join("p384.pem");
    servers.run(
        "openssl",
        &[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-384",
            "-out",
            path(&curve),
        ],
    );
    servers.does(&["--trust-dir", path(&odd), "key", "import", "--role", "root", path(&curve)]);
    let elsewhere = servers.directory().join("elsewhere");
    let told =
        servers.countersign(&["--trust-dir", path(&odd), "export", &image, path(&elsewhere)]);
    assert_eq!(told.status.code(), Some(2), "{}", text(&told));
    assert!(text(&told).contains("cannot sign it"), "{}", text(&told));
    assert!(!elsewhere.join("metadata/1.root.json").exists());
    let kept = servers.does(&["--trust-dir", path(&odd), "key", "list", "--format", "json"]);
    assert_eq!(kept.lines().count(), 1, "keys that were made in vain are gone: {kept}");
}
