//! Collections that are split into hashed bins, on a real registry: grown, read by those who knew
//! them before and by other clients of TUF 1.0, signed by many at once.

#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;
#[path = "support/unpacked.rs"]
mod unpacked;

use std::collections::BTreeSet;
use std::fs;

use person::Person;
use registry::{TestRegistry, text};
use serde_json::{Value, json};
use unpacked::{manifest, unpacked};

const DIGEST: &str = "sha256:3bfc269594ef649228e9a74bab00f042efc91d5acc6fbee31a382e80d42388fe";

/// Signs tags `v0`, `v1`, … all at once.
fn sign_many(person: &Person<'_>, image: &str, tags: std::ops::Range<usize>) {
    let references: Vec<String> = tags.map(|tag| format!("{image}:v{tag}")).collect();
    let mut arguments = vec!["sign", "--digest", DIGEST, "--size", "527"];
    arguments.extend(references.iter().map(String::as_str));
    person.does(&arguments);
}

#[test]
fn a_collection_grows_into_bins_and_those_who_knew_it_before_follow() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/bins/grown", servers.registry());
    let (publisher, reader) = (Person::new(&servers, "publisher"), Person::new(&servers, "reader"));
    sign_many(&publisher, &image, 0..4096);
    let verified = format!("{image}@{DIGEST}\n");
    assert_eq!(reader.does(&["verify", &format!("{image}:v0")]), verified);
    let bins = |versions: &Value| {
        let roles = versions.as_object().expect("versions").keys();
        roles.filter(|role| role.contains("/bin-")).count()
    };
    let sign = |tag: &str| {
        let reference = format!("{image}:{tag}");
        let arguments = ["sign", "--format", "json", "--digest", DIGEST, "--size", "527"];
        publisher.answers(&[&arguments[..], &[&reference]].concat())
    };
    let grown = sign("v4096");
    assert_eq!(bins(&grown["versions"]), 128, "{grown}");
    assert_eq!(grown["roles"][0]["role"], "targets", "nobody is told of bins: {grown}");
    let one_more = sign("v4097");
    assert_eq!(bins(&one_more["versions"]), 1, "{one_more}");
    assert_eq!(one_more["versions"].as_object().expect("versions").len(), 3, "{one_more}");

    for tag in ["v0", "v17", "v4096", "v4097"] {
        let reference = format!("{image}:{tag}");
        let said = reader.answers(&["verify", "--format", "json", &reference]);
        assert_eq!((&said["role"], &said["signers"]), (&json!("targets"), &json!([])), "{said}");
        assert_eq!(reader.does(&["--offline", "verify", &reference]), verified);
    }
    assert_eq!(reader.refusal(&format!("{image}:v9999")), "no-such-tag");
    let explained = reader.does(&["explain", &format!("{image}:v0")]);
    assert!(explained.contains("targets keeps a share of its tags in it"), "{explained}");
    assert_eq!(reader.does(&["list", "--format", "json", &image]).lines().count(), 4098);
    let inspected = reader.answers(&["inspect", &format!("{image}:v1")]);
    assert_eq!(inspected[0]["Signers"], json!([]), "{inspected}");

    publisher.does(&["revoke", "--yes", &format!("{image}:v17")]);
    assert_eq!(reader.refusal(&format!("{image}:v17")), "no-such-tag");
    assert_eq!(reader.does(&["verify", &format!("{image}:v18")]), verified);
}

#[test]
fn bins_are_made_by_hand_renewed_and_signed_again_with_another_key() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/bins/made", servers.registry());
    let (publisher, reader) = (Person::new(&servers, "publisher"), Person::new(&servers, "reader"));
    let made = publisher.answers(&["init", "--bins", "8", "--format", "json", &image]);
    assert_eq!(made["split"], json!(["targets"]), "{made}");
    sign_many(&publisher, &image, 0..20);
    let again = publisher.run(&["init", "--bins", "8", &image]);
    assert!(text(&again).contains("these bins already"), "{}", text(&again));
    let read_all = || {
        for tag in 0..20 {
            reader.does(&["verify", &format!("{image}:v{tag}")]);
        }
    };
    read_all();
    let status = publisher.run(&["status", "--within", "9999d", &image]);
    assert!(text(&status).contains("targets"), "{}", text(&status));
    assert!(!text(&status).contains("bin-"), "{}", text(&status));
    let renewed = publisher.answers(&["refresh", "--within", "9999d", "--format", "json", &image]);
    let names: Vec<&str> = renewed["renewed"]
        .as_array()
        .expect("roles")
        .iter()
        .map(|it| it["role"].as_str().expect("a role"))
        .collect();
    assert_eq!(names, ["root", "snapshot", "targets"], "{renewed}");
    let versions = renewed["versions"].as_object().expect("versions");
    let bins = versions.keys().filter(|role| role.contains("/bin-"));
    assert_eq!(bins.count(), 8, "all of them: {renewed}");
    read_all();
    publisher.does(&["key", "rotate", &image, "targets"]);
    read_all();
    sign_many(&publisher, &image, 19..21);
    let split = publisher.answers(&["init", "--bins", "2", "--format", "json", &image]);
    assert_eq!(split["split"], json!(["targets"]), "{split}");
    read_all();
    Person::new(&servers, "newcomer").does(&["verify", &format!("{image}:v20")]);

    let refused = publisher.run(&["init", "--bins", "100", &image]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    let server = servers.variable("TRUST_SERVER");
    let refused = publisher.at(server).run(&["init", "--bins", "8", &image]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("docker and notary would not find"), "{}", text(&refused));
}

#[test]
fn signers_share_bins_and_who_is_removed_loses_them() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/bins/team", servers.registry());
    let (publisher, reader) = (Person::new(&servers, "publisher"), Person::new(&servers, "reader"));
    publisher.does(&["init", &image]);
    for name in ["alice", "bob"] {
        publisher.does(&["key", "generate", name]);
        publisher.does(&["signer", "add", name, "--key", &format!("{name}.pub"), &image]);
    }
    sign_many(&publisher, &image, 0..12);
    let split = publisher.answers(&["init", "--bins", "4", "--format", "json", &image]);
    let everybody = json!(["targets/alice", "targets/bob", "targets/releases"]);
    assert_eq!(split["split"], everybody, "{split}");
    let said = reader.answers(&["verify", "--format", "json", &format!("{image}:v3")]);
    assert_eq!(said["signers"], json!(["alice", "bob"]), "{said}");
    assert_eq!(said["role"], "targets/releases", "{said}");
    let signers = reader.does(&["signer", "list", "--format", "json", &image]);
    let tags: BTreeSet<(String, u64)> = signers
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .map(|it: Value| (it["signer"].to_string(), it["tags"].as_u64().expect("a number")))
        .collect();
    let expected = [("\"alice\"".to_owned(), 12), ("\"bob\"".to_owned(), 12)];
    assert_eq!(tags, BTreeSet::from(expected), "{signers}");
    assert!(!reader.does(&["delegation", "list", &image]).contains("bin-"));

    let removed = publisher.answers(&["signer", "remove", "--format", "json", "bob", &image]);
    assert_eq!(removed["roles"]["removed"], json!(["targets/bob"]), "{removed}");
    let said = reader.answers(&["verify", "--format", "json", &format!("{image}:v3")]);
    assert_eq!(said["signers"], json!(["alice"]), "{said}");
    let newcomer = Person::new(&servers, "newcomer");
    assert_eq!(newcomer.does(&["list", "--format", "json", &image]).lines().count(), 12);
}

#[test]
fn sixteen_who_sign_in_different_bins_at_once_lose_nothing() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/bins/storm", servers.registry());
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["init", "--bins", "32", &image]);
    publisher.does_at_once((0..16).map(|job| {
        let reference = format!("{image}:v{job}");
        ["sign", "--digest", DIGEST, "--size", "527", &reference].map(str::to_owned).to_vec()
    }));
    let reader = Person::new(&servers, "reader");
    assert_eq!(reader.does(&["list", "--format", "json", &image]).lines().count(), 16);
    let versions = reader.answers(&["verify", "--format", "json", &format!("{image}:v7")]);
    assert!(versions["versions"]["snapshot"].as_u64() >= Some(17), "{versions}");
}

#[test]
fn a_look_up_reads_its_own_bin_and_a_manifest_stays_small() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/bins/few", servers.registry());
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["init", "--bins", "128", &image]);
    sign_many(&publisher, &image, 0..2000);
    publisher.does(&["sign", "--digest", DIGEST, "--size", "527", &format!("{image}:v2000")]);
    let manifest = manifest(&servers, "bins/few");
    let layers = manifest["layers"].as_array().expect("layers").len();
    assert!((132..=140).contains(&layers), "{layers} layers");
    let size = manifest.to_string().len();
    assert!(size < 90_000, "{size} bytes");
    let log = servers.directory().join("log/registry.log");
    let lines = || {
        let log = fs::read_to_string(&log).expect("the registry's log");
        log.matches("\"GET /v2/bins/few/").count()
    };
    // The registry writes its log when it has answered, in its own time.
    let asked = || {
        let mut known = lines();
        for _ in 0..50 {
            std::thread::sleep(std::time::Duration::from_millis(200));
            let now = lines();
            if now == known {
                break;
            }
            known = now;
        }
        known
    };
    let reader = Person::new(&servers, "reader");
    let record = || {
        let folder = fs::read_dir(reader.trust.join("countersign")).expect("a folder");
        let files = folder.map(|it| it.expect("an entry").path()).filter(|it| it.is_file());
        files.map(|it| fs::metadata(it).expect("there").modified().expect("a time")).max()
    };
    // Manifest, snapshot, targets, bin; then the manifest alone.
    for (when, most) in [("cold", 4), ("warm", 1)] {
        let before = asked();
        reader.does(&["verify", &format!("{image}:v17")]);
        let requests = asked() - before;
        assert!((1..=most).contains(&requests), "{when}: {requests} requests");
    }
    let before = record();
    reader.does(&["verify", &format!("{image}:v17")]);
    assert_eq!(record(), before, "nothing new, nothing written");
}

#[test]
fn a_folder_of_these_files_is_read_by_us_and_by_tough() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/bins/folder", servers.registry());
    let publisher = Person::new(&servers, "publisher");
    publisher.does(&["init", "--bins", "16", &image]);
    sign_many(&publisher, &image, 0..40);
    let folder = servers.directory().join("metadata");
    unpacked(&servers, "bins/folder", &folder);
    let place = format!("file://{}", folder.display());
    let reader = Person::new(&servers, "reader").at(&place);
    for tag in ["v0", "v39"] {
        let said = reader.does(&["verify", &format!("{image}:{tag}")]);
        assert_eq!(said, format!("{image}@{DIGEST}\n"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let root = fs::read(folder.join("1.root.json")).expect("the first root");
        let url = url::Url::from_directory_path(&folder).expect("a whole path");
        let loader = tough::RepositoryLoader::new(&root, url.clone(), url);
        let repository = loader.load().await.expect("tough reads it");
        for tag in 0..40 {
            let name = tough::TargetName::new(format!("v{tag}")).expect("a name");
            let targets = &repository.targets().signed;
            let found = targets.find_target(&name, false).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(found.length, 527);
        }
        let absent = tough::TargetName::new("v40").expect("a name");
        assert!(repository.targets().signed.find_target(&absent, false).is_err());
    });
}

/// Docker takes no tag from a role below `targets/releases` or beside it, although notary finds it
/// there: so in this form nothing is split.
#[test]
fn docker_finds_no_tag_below_targets_releases_though_notary_does() {
    let servers = TestRegistry::start(&[]);
    let image = format!("{}/bins/below", servers.registry());
    let (digest, size) = servers.seed("bins/below:v1", &[]);
    let hash = digest.strip_prefix("sha256:").expect("a sha256");
    let trust = servers.trust_directory();
    let notary = |arguments: &[&str]| {
        let trust = ["-d", trust.to_str().expect("text")];
        servers.run("notary", &[&trust[..], arguments].concat())
    };
    notary(&["init", &image, "--publish"]);
    notary(&["key", "rotate", &image, "snapshot", "--server-managed"]);
    let make = "req -x509 -newkey rsa:2048 -nodes -subj /CN=web -days 300 -keyout k.pem -out k.crt";
    servers.run("openssl", &make.split(' ').collect::<Vec<_>>());
    notary(&["key", "import", "k.pem", "--role", "alice"]);
    notary(&["delegation", "add", &image, "targets/releases", "k.crt", "--all-paths"]);
    notary(&["delegation", "add", &image, "targets/releases/v", "k.crt", "--paths", "v"]);
    notary(&["delegation", "add", &image, "targets/w", "k.crt", "--paths", "w", "--publish"]);
    for (tag, role) in [("v1", "targets/releases/v"), ("w1", "targets/w")] {
        let size = size.to_string();
        let target = [&image, tag, &size, "--sha256", hash, "--roles", role, "--publish"];
        notary(&[&["addhash"][..], &target].concat());
        assert!(notary(&["lookup", &image, tag]).contains(hash), "{tag}");
        let pulled = servers
            .command("docker")
            .env("DOCKER_CONTENT_TRUST", "1")
            .args(["pull", &format!("{image}:{tag}")])
            .output()
            .expect("docker runs");
        assert!(!pulled.status.success(), "docker changed its mind: {}", text(&pulled));
        assert!(text(&pulled).contains(&format!("No trust data for {tag}")), "{}", text(&pulled));
        let ours = servers
            .command(env!("CARGO_BIN_EXE_countersign"))
            .args(["verify", &format!("{image}:{tag}")])
            .output()
            .expect("countersign runs");
        assert_eq!(ours.status.code(), Some(3), "{}", text(&ours));
    }
    let inspected: Value =
        serde_json::from_str(&servers.run("docker", &["trust", "inspect", &image])).expect("JSON");
    assert_eq!(inspected[0]["SignedTags"], json!([]), "{inspected}");
}
