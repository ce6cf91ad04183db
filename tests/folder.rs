//! Trust data in a folder of plain files, signed there without any server: by one, by many at once,
//! and by some who were killed while they did.

#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use person::Person;
use registry::{TestRegistry, text};
use serde_json::Value;

const DIGEST: &str = "sha256:3bfc269594ef649228e9a74bab00f042efc91d5acc6fbee31a382e80d42388fe";

/// A folder for the images of one repository, and the address of it.
fn place(servers: &TestRegistry) -> (PathBuf, String) {
    let folder = servers.directory().join("site/metadata");
    let address = format!("file://{}", folder.display());
    (folder, address)
}

fn sign(reference: &str) -> [&str; 6] {
    ["sign", "--digest", DIGEST, "--size", "527", reference]
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|it| it.expect("an entry").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_founded_signed_into_and_handed_over_like_any_other_place() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/web", servers.registry());
    let (one, _) = servers.seed("team/web:1", &[]);
    let (folder, address) = place(&servers);
    let publisher = Person::new(&servers, "publisher").at(&address);
    let reader = Person::new(&servers, "reader").at(&address);
    let refused = reader.run(&["verify", &format!("{image}:1")]);
    assert_eq!(refused.status.code(), Some(5), "no such folder: {}", text(&refused));

    publisher.does(&["sign", &format!("{image}:1")]);
    assert_eq!(reader.does(&["verify", &format!("{image}:1")]), format!("{image}@{one}\n"));
    publisher.does(&["key", "generate", "alice"]);
    publisher.does(&["signer", "add", "alice", "--key", "alice.pub", &image]);
    publisher.does(&["sign", &format!("{image}:2@{one}")]);
    let said = reader.answers(&["verify", "--format", "json", &format!("{image}:2")]);
    assert_eq!(said["signers"], serde_json::json!(["alice"]), "{said}");
    let quoted = names(&folder).iter().any(|name| name.ends_with("targets%2Falice.json"));
    assert!(quoted, "{:?}", names(&folder));
    for role in ["timestamp", "snapshot", "targets"] {
        publisher.does(&["key", "rotate", &image, role]);
    }
    publisher.does(&["key", "rotate", "--yes", &image, "root"]);
    publisher.does(&["refresh", "--timestamp", "--force", &image]);
    publisher.does(&["revoke", "--yes", &format!("{image}:2")]);
    assert_eq!(reader.refusal(&format!("{image}:2")), "no-such-tag");
    assert_eq!(reader.does(&["verify", &format!("{image}:1")]), format!("{image}@{one}\n"));
    let newcomer = Person::new(&servers, "newcomer").at(&address);
    assert_eq!(newcomer.does(&["verify", &format!("{image}:1")]), format!("{image}@{one}\n"));
    let hidden: Vec<String> = names(&folder).into_iter().filter(|it| it.starts_with('.')).collect();
    assert_eq!(hidden, [".countersign.lock"], "nothing else is left");
}

#[test]
fn who_is_removed_keeps_no_key_by_giving_it_to_a_role_of_his_own() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/web", servers.registry());
    let (_, address) = place(&servers);
    let publisher = Person::new(&servers, "publisher").at(&address);
    publisher.does(&["init", &image]);
    for name in ["alice", "mallory"] {
        publisher.does(&["key", "generate", name]);
        publisher.does(&["signer", "add", name, "--key", &format!("{name}.pub"), &image]);
    }
    let below = ["delegation", "add", "--all-paths", "--key", "mallory.pub", &image];
    publisher.does(&[&below[..], &["targets/mallory/own"]].concat());
    let removed = publisher.answers(&["signer", "remove", "--format", "json", "mallory", &image]);
    assert_eq!(removed["shared_keys"], serde_json::json!([]), "{removed}");
    let changed = removed["roles"]["changed"].as_array().expect("roles");
    assert!(changed.contains(&serde_json::json!("targets/releases")), "{removed}");
}

#[test]
fn an_exported_folder_is_gone_on_with_and_moved_into_from_anywhere() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/web", servers.registry());
    let (one, _) = servers.seed("team/web:1", &[]);
    let (folder, address) = place(&servers);
    let server = servers.variable("DOCKER_CONTENT_TRUST_SERVER");
    let publisher = Person::new(&servers, "publisher").at(server);
    publisher.does(&["sign", &format!("{image}:1")]);
    let site = folder.parent().expect("a folder");
    publisher.does(&["export", &image, site.to_str().expect("text")]);
    publisher.at(&address).does(&["sign", &format!("{image}:2@{one}")]);
    let reader = Person::new(&servers, "reader").at(&address);
    for tag in ["1", "2"] {
        let said = reader.does(&["verify", &format!("{image}:{tag}")]);
        assert_eq!(said, format!("{image}@{one}\n"));
    }

    let moved = format!("file://{}", servers.directory().join("moved").display());
    let mover = Person::new(&servers, "mover").at(&moved);
    fs::create_dir(&mover.trust).expect("a folder");
    let keys = [&publisher, &mover].map(|one| one.trust.join("private").display().to_string());
    servers.run("cp", &["-r", &keys[0], &keys[1]]);
    mover.does(&["import", server, &image]);
    let said = Person::new(&servers, "another").at(&moved).does(&["verify", &format!("{image}:1")]);
    assert_eq!(said, format!("{image}@{one}\n"));
}

#[test]
fn a_web_server_takes_no_changes_and_says_where_they_are_made() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/web", servers.registry());
    let address = format!("{}/metadata", servers.variable("DOCKER_CONTENT_TRUST_SERVER"));
    let publisher = Person::new(&servers, "publisher").at(&address);
    let reference = format!("{image}:1");
    for arguments in [&sign(&reference)[..], &["init", &image], &["import", "oci", &image]] {
        let refused = publisher.run(arguments);
        let known = arguments[0] == "import" && refused.status.code() == Some(3);
        assert!(known || refused.status.code() == Some(2), "{arguments:?}: {}", text(&refused));
        assert!(known || text(&refused).contains("file:///"), "{}", text(&refused));
    }
    assert!(!publisher.trust.join("private").exists(), "no key is made in vain");
}

fn started(person: &Person<'_>, arguments: &[&str]) -> Child {
    let mut command = person.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("countersign runs")
}

fn ended(job: Child) -> Output {
    job.wait_with_output().expect("it ends")
}

#[test]
fn of_sixteen_who_sign_at_once_nobody_loses_a_tag_whether_they_share_a_disk_or_not() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/storm", servers.registry());
    let (_, address) = place(&servers);
    let publisher = Person::new(&servers, "publisher").at(&address);
    publisher.does(&["init", &image]);
    // Four machines with the same keys, each with four jobs.
    let machines: Vec<Person<'_>> = (0..4)
        .map(|number| {
            let machine = Person::new(&servers, &format!("machine{number}")).at(&address);
            let copied = (publisher.trust.to_str(), machine.trust.to_str());
            let (Some(from), Some(to)) = copied else { panic!("text") };
            servers.run("cp", &["-r", from, to]);
            machine
        })
        .collect();
    let references: Vec<String> = (0..16).map(|job| format!("{image}:v{job}")).collect();
    let jobs = references.iter().enumerate();
    let jobs: Vec<Child> =
        jobs.map(|(job, reference)| started(&machines[job % 4], &sign(reference))).collect();
    for output in jobs.into_iter().map(ended) {
        assert!(output.status.success(), "{}", text(&output));
    }
    let reader = Person::new(&servers, "reader").at(&address);
    assert_eq!(reader.does(&["list", "--format", "json", &image]).lines().count(), 16);
    let said = reader.answers(&["verify", "--format", "json", &references[7]]);
    assert_eq!(said["versions"]["timestamp"].as_u64(), Some(17), "one after the other: {said}");
}

#[test]
fn whoever_is_killed_while_he_signs_leaves_one_state_or_the_next() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/team/killed", servers.registry());
    let (_, address) = place(&servers);
    let publisher = Person::new(&servers, "publisher").at(&address);
    let reader = Person::new(&servers, "reader").at(&address);
    let first = format!("{image}:first");
    publisher.does(&sign(&first));
    let verified = format!("{image}@{DIGEST}\n");
    let whole = std::time::Instant::now();
    publisher.does(&["key", "rotate", &image, "timestamp"]);
    let whole = whole.elapsed();
    let moments = 24;
    for moment in 0..moments {
        let reference = format!("{image}:v{moment}");
        let mut job = match moment % 2 {
            0 => started(&publisher, &["key", "rotate", &image, "timestamp"]),
            _ => started(&publisher, &sign(&reference)),
        };
        // From its first steps to beyond its end.
        std::thread::sleep(Duration::from_micros(
            u64::try_from(whole.as_micros()).expect("short") * moment * 5 / 4 / moments,
        ));
        let _ = job.kill();
        ended(job);
        publisher.does(&sign(&first));
        assert_eq!(reader.does(&["verify", &first]), verified, "killed at {moment} of {moments}");
    }
    publisher.does(&sign(&format!("{image}:last")));
    let listed = reader.does(&["list", "--format", "json", &image]);
    let tags: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(tags.len() >= 2, "{listed}");
    let newcomer = Person::new(&servers, "newcomer").at(&address);
    assert_eq!(newcomer.does(&["verify", &format!("{image}:last")]), verified);
}
