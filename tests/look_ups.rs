//! Where look-ups ask `targets` first and every delegation in turn, as TUF 1.0 has it, a tag means
//! what was signed last, is gone when it was revoked, and means there what it meant on a server.

#[path = "support/person.rs"]
mod person;
#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::process::Output;

use person::{Person, digest};
use registry::{NOTARY_SERVER, TestRegistry, text};

/// Signs a digest that is this digit, again and again.
fn sign(person: &Person<'_>, reference: &str, digit: &str, more: &[&str]) -> Output {
    let digest = digest(digit);
    person.run(&[&["sign", "--size", "527", "--digest", &digest, reference], more].concat())
}

fn signs(person: &Person<'_>, reference: &str, digit: &str, more: &[&str]) -> String {
    let output = sign(person, reference, digit, more);
    assert!(output.status.success(), "{reference}: {}", text(&output));
    text(&output)
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

/// A registry and a folder, as places for the trust data of one repository.
fn places(servers: &TestRegistry) -> [String; 2] {
    let folder = servers.directory().join("site/metadata").display().to_string();
    ["oci".to_owned(), format!("file://{folder}")]
}

/// A person with a copy of another one's keys, without those for which `leave` says so.
fn colleague<'s>(
    servers: &'s TestRegistry,
    of: &Person<'_>,
    name: &str,
    place: &str,
    leave: &str,
) -> Person<'s> {
    let colleague = Person::new(servers, name).at(place);
    fs::create_dir_all(&colleague.trust).expect("a folder");
    let from = of.trust.join("private").display().to_string();
    servers.run("cp", &["-r", &from, colleague.trust.to_str().expect("text")]);
    for entry in fs::read_dir(colleague.trust.join("private")).expect("keys") {
        let path = entry.expect("an entry").path();
        let key = fs::read_to_string(&path).expect("PEM");
        if key.contains(&format!("role: {leave}\n")) {
            fs::remove_file(&path).expect("removed");
        }
    }
    colleague
}

#[test]
fn what_is_signed_after_a_signer_was_added_is_what_everybody_finds() {
    let servers = TestRegistry::start(&["--no-docker"]);
    for (number, place) in places(&servers).iter().enumerate() {
        let image = format!("{}/looks/crew{number}", servers.registry());
        let [latest, old] = ["latest", "old"].map(|tag| format!("{image}:{tag}"));
        let owner = Person::new(&servers, &format!("owner{number}")).at(place);
        let reader = Person::new(&servers, &format!("reader{number}")).at(place);
        let found = |reference: &str| {
            let said = reader.does(&["verify", reference]);
            said.trim().rsplit_once('@').expect("a digest").1.to_owned()
        };
        signs(&owner, &latest, "a", &[]);
        signs(&owner, &old, "a", &[]);
        let carl = format!("carl{number}");
        owner.does(&["key", "generate", &carl]);
        owner.does(&["signer", "add", &carl, "--key", &format!("{carl}.pub"), &image]);
        assert_eq!(found(&latest), digest("a"), "a new signer changes nothing");

        // Who has the key of `targets` takes the tag out there.
        let told = signs(&owner, &latest, "b", &[]);
        assert!(told.contains(&format!("no longer {} in targets", digest("a"))), "{told}");
        assert_eq!(found(&latest), digest("b"));
        assert!(reader.does(&["list", &image]).contains(&digest("b")));
        assert!(!text(&reader.run(&["explain", &latest])).contains(&digest("a")));
        signs(&owner, &latest, "c", &["--signer", &carl]);
        assert_eq!(found(&latest), digest("c"));

        // Who has not is refused, and nothing is published; other tags are free.
        let job = colleague(&servers, &owner, &format!("job{number}"), place, "targets");
        let refused = sign(&job, &old, "b", &[]);
        assert_eq!(code(&refused), 6, "{}", text(&refused));
        assert!(text(&refused).contains("targets: signs old"), "{}", text(&refused));
        assert_eq!(found(&old), digest("a"));
        signs(&job, &old, "a", &[]);
        signs(&job, &latest, "d", &[]);
        assert_eq!(found(&latest), digest("d"));
        owner.does(&["revoke", &old]);
        signs(&job, &old, "b", &[]);
        assert_eq!(found(&old), digest("b"));
    }
}

#[test]
fn of_two_signers_the_last_one_counts_and_a_single_role_is_told_of_as_it_is_found() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/looks/two", servers.registry());
    let [latest, only] = ["latest", "only"].map(|tag| format!("{image}:{tag}"));
    let (owner, reader) = (Person::new(&servers, "owner"), Person::new(&servers, "reader"));
    let found = |reference: &str| reader.answers(&["verify", "--format", "json", reference]);
    owner.does(&["init", &image]);
    for name in ["alice", "bob"] {
        owner.does(&["key", "generate", name]);
        owner.does(&["signer", "add", name, "--key", &format!("{name}.pub"), &image]);
    }
    let bob = colleague(&servers, &owner, "bob", "oci", "alice");
    signs(&owner, &latest, "a", &["--signer", "alice"]);
    signs(&bob, &latest, "b", &["--signer", "bob"]);
    assert_eq!(found(&latest)["digest"], digest("b"));
    assert_eq!(found(&latest)["role"], "targets/releases");
    assert_eq!(found(&latest)["signers"], serde_json::json!(["bob"]));

    // One role alone is signed as it is wanted, and what pulls make of it is told.
    let told = signs(&owner, &only, "c", &["--role", "targets/alice"]);
    assert!(!told.contains("warning"), "{told}");
    assert_eq!(found(&only)["digest"], digest("c"));
    let told = signs(&owner, &latest, "c", &["--role", "targets/alice"]);
    let instead = format!("pulls find {} in targets/releases", digest("b"));
    assert!(told.contains(&instead), "{told}");
    assert_eq!(found(&latest)["digest"], digest("b"));

    // What only a role signs of which no key is here is still pulled after it was revoked.
    let refused = bob.run(&["revoke", &latest]);
    assert_eq!(code(&refused), 6, "{}", text(&refused));
    assert!(text(&refused).contains("still pullable: latest"), "{}", text(&refused));
    assert_eq!(found(&latest)["role"], "targets/alice");
    owner.does(&["revoke", &latest]);
    assert_eq!(reader.refusal(&latest), "no-such-tag");
}

#[test]
fn what_is_staged_is_found_too_when_it_is_published() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/looks/staged", servers.registry());
    let latest = format!("{image}:latest");
    let owner = Person::new(&servers, "owner");
    signs(&owner, &latest, "a", &[]);
    owner.does(&["key", "generate", "carl"]);
    owner.does(&["signer", "add", "carl", "--key", "carl.pub", &image]);
    let job = colleague(&servers, &owner, "job", "oci", "targets");
    let refused = sign(&job, &latest, "b", &["--stage"]);
    assert_eq!(code(&refused), 6, "{}", text(&refused));
    signs(&owner, &latest, "b", &["--stage"]);
    owner.does(&["publish", &image]);
    let said = Person::new(&servers, "reader").does(&["verify", &latest]);
    assert_eq!(said, format!("{image}@{}\n", digest("b")));
    signs(&job, &latest, "c", &["--stage"]);
    signs(&owner, &latest, "d", &["--role", "targets"]);
    let told = job.run(&["publish", &image]);
    assert!(text(&told).contains("pulls find latest as targets signs it"), "{}", text(&told));
}

/// Runs notary's own client.
fn notary(servers: &TestRegistry, arguments: &[&str]) {
    let trust = servers.trust_directory();
    let trust = ["-d", trust.to_str().expect("text")];
    servers.run("notary", &[&trust[..], arguments].concat());
}

/// A repository of notary's own making: an old `latest` in `targets`, a new one for release, and
/// `v9` and `v1` as a signer says alone.
fn notarys(servers: &TestRegistry) -> String {
    let image = format!("{}/looks/notary", servers.registry());
    let add = |tag: &str, digit: &str, roles: &[&str]| {
        let hash = digit.repeat(64);
        let target = ["addhash", &image, tag, "527", "--sha256", &hash, "--publish"];
        notary(servers, &[&target[..], roles].concat());
    };
    notary(servers, &["init", &image, "--publish"]);
    add("latest", "a", &[]);
    add("v1", "a", &[]);
    let make = "req -x509 -newkey rsa:2048 -nodes -subj /CN=web -days 300 -keyout k.pem -out k.crt";
    servers.run("openssl", &make.split(' ').collect::<Vec<_>>());
    notary(servers, &["key", "import", "k.pem", "--role", "alice"]);
    for role in ["targets/alice", "targets/releases"] {
        let delegate = ["delegation", "add", &image, role, "k.crt", "--all-paths", "--publish"];
        notary(servers, &delegate);
    }
    add("latest", "b", &["--roles", "targets/alice", "--roles", "targets/releases"]);
    add("v9", "c", &["--roles", "targets/alice"]);
    add("v1", "c", &["--roles", "targets/alice"]);
    image
}

#[test]
fn what_is_imported_means_there_what_it_meant_and_on_the_way_back() {
    let servers = TestRegistry::start(&["--no-docker", "--trust", NOTARY_SERVER]);
    let image = notarys(&servers);
    let [registry, folder] = places(&servers);
    let server = servers.variable("DOCKER_CONTENT_TRUST_SERVER").to_owned();
    let ask = |place: &str, name: &str, tag: &str| {
        servers.countersign(&["verify", "--server", place, &format!("{name}:{tag}")])
    };
    let same = |place: &str, name: &str| {
        for (tag, digit) in [("latest", "b"), ("v1", "a")] {
            let said = ask(place, name, tag);
            let expected = format!("{name}@{}\n", digest(digit));
            assert_eq!(String::from_utf8_lossy(&said.stdout), expected, "{place}: {}", text(&said));
        }
        assert_eq!(code(&ask(place, name, "v9")), 3, "no pull ever found it");
    };
    same(&server, &image);
    let copy = format!("{image}-copy");
    for (place, name) in [(&registry, &image), (&folder, &copy)] {
        let import = ["import", &server, &image, "--as", name, "--server", place];
        let told = servers.countersign(&import);
        assert_eq!(code(&told), 0, "{}", text(&told));
        assert!(text(&told).contains("3 entries stay behind"), "{}", text(&told));
        same(place, name);
        let told = servers.does(&import);
        assert_eq!(
            told,
            format!("{name}: 0 entries in targets/alice, targets/releases, targets\n")
        );
    }
    // `only` is found in a signer's role here, and must be on the server, too.
    let only = format!("{image}:only");
    let alone = ["sign", "--server", "oci", "--role", "targets/alice", "--size", "527", "--digest"];
    servers.does(&[&alone[..], &[&digest("d"), &only]].concat());
    let back = format!("{}/looks/back", servers.registry());
    let told = servers.countersign(&["import", "oci", &image, "--as", &back]);
    assert_eq!(code(&told), 0, "{}", text(&told));
    assert!(text(&told).contains("1 entries are signed for release"), "{}", text(&told));
    same(&server, &back);
    let said = ask(&server, &back, "only");
    assert_eq!(String::from_utf8_lossy(&said.stdout), format!("{back}@{}\n", digest("d")));

    // An older import, or somebody since, has it say something else: that is for its owner.
    let other = format!("{}/looks/other", servers.registry());
    let sign = ["sign", "--server", "oci", "--size", "527", "--digest", &digest("a")];
    servers.does(&[&sign[..], &[&format!("{other}:latest")]].concat());
    let import = ["import", &server, &image, "--as", &other, "--server", "oci"];
    let refused = servers.countersign(&import);
    assert_eq!(code(&refused), 4, "{}", text(&refused));
    assert!(text(&refused).contains("targets: signs latest as"), "{}", text(&refused));
    servers.does(&["revoke", "--server", "oci", &format!("{other}:latest")]);
    servers.does(&import);
    same("oci", &other);
}

#[test]
fn thresholds_that_do_not_come_are_named() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let image = format!("{}/looks/shared", servers.registry());
    let owner = Person::new(&servers, "owner");
    signs(&owner, &format!("{image}:1"), "a", &[]);
    let plain = format!("{}/looks/plain", servers.registry());
    let told = text(&owner.run(&["import", "oci", &image, "--as", &plain]));
    assert!(!told.contains("left behind"), "{told}");
    for name in ["one.pem", "two.pem"] {
        let make = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name];
        servers.run("openssl", &make);
    }
    let shared = ["--threshold", "2", "--key", "one.pem", "--key", "two.pem"];
    owner.does(&[&["key", "rotate", "--yes", &image, "root"], &shared[..]].concat());
    let place = format!("file://{}", servers.directory().join("copy/metadata").display());
    let told = owner.at(&place).run(&["import", "oci", &image, "--as", &format!("{image}-copy")]);
    assert_eq!(code(&told), 0, "{}", text(&told));
    let note = "left behind: root needs 2 of 2 keys there, and 1 here";
    assert!(text(&told).contains(note), "{}", text(&told));
}
