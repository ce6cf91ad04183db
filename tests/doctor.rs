//! `doctor`, as a fleet calls it: a host on which all is well, and one edit of it for each finding.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign::docker::checkup::Id;
#[path = "doctor/cases.rs"]
mod cases;
#[path = "doctor/host.rs"]
mod host;
#[path = "support/http.rs"]
mod http;

use cases::{CASES, FILES, OTHERS};
use host::{Host, mode};

/// Since 29 docker has no content trust of its own, and what is set for it means nothing.
#[test]
fn doctor_reports_no_builtin_dct() {
    let mut host = Host::honest();
    for (version, ignores) in
        [("20.10.24+dfsg1", false), ("28.5.2", false), ("29.0.0-rc.1", true), ("30.1", true)]
    {
        host.has_docker(version);
        let (found, code) = host.found(&[]);
        let reported = found.iter().any(|id| id == "docker-ignores-trust");
        assert_eq!((reported, code == Some(4)), (ignores, ignores), "{version}: {found:?}");
    }
    let said = host.command(&["doctor"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("ignores it without a word"), "{said}");
    assert!(said.contains("countersign docker --install-shim"), "{said}");
    // With the shim in its way that docker is called with what was checked.
    fs::create_dir_all(host.path("shim")).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_countersign"), host.path("shim/docker")).expect("a link");
    let path = format!("{}:{}", host.path("shim").display(), host.path("bin").display());
    host.set("PATH", &path);
    let (found, code) = host.found(&[]);
    assert!(!found.iter().any(|id| id == "docker-ignores-trust"), "{found:?}");
    assert_eq!(code, Some(0), "{found:?}");
}

#[test]
fn nothing_is_found_on_a_host_that_verifies() {
    assert_eq!(Host::honest().found(&[]), (vec![], Some(0)));
}

/// What docker and our other commands read is no broken configuration.
#[test]
fn docker_configuration_is_read_as_go_reads_it() {
    let host = Host::honest();
    let text = r#"{"auths":null,"credHelpers":null,"credsStore":null}"#;
    std::fs::write(host.path(".docker/config.json"), text).expect("written");
    assert_eq!(host.found(&[]), (vec![], Some(0)));
}

#[test]
fn each_edit_of_an_honest_host_is_found_and_nothing_else() {
    for (id, code, edit) in CASES {
        let mut host = Host::honest();
        edit(&mut host);
        let (found, exit) = host.found(&[]);
        // Where pins cannot be read, nothing is known to be pinned; a docker without trust has no
        // command for it either.
        let consequences: &[&str] = match id {
            "docker-ignores-trust" => &["plugin-missing"],
            "plugin-missing" => &["docker-ignores-trust"],
            "pins-broken" => &["trusted-on-first-use"],
            _ => &[],
        };
        let rest: Vec<&String> =
            found.iter().filter(|it| *it != id && !consequences.contains(&it.as_str())).collect();
        assert!(found.iter().any(|it| it == id), "{id}: {found:?}");
        assert!(rest.is_empty(), "{id}: also {rest:?}");
        assert_eq!(exit, Some(code), "{id}");
        assert!(!host.found(&["--allow", id]).0.iter().any(|it| it == id), "{id} can be allowed");
    }
}

#[test]
fn directory_of_notary_is_looked_at_too() {
    let host = Host::honest();
    let private = host.path(".notary/private");
    fs::create_dir_all(&private).expect("a folder");
    mode(&private, 0o700);
    let key = host.key();
    let copy = private.join(key.file_name().expect("a name"));
    fs::copy(&key, &copy).expect("copied");
    mode(&copy, 0o600);
    assert_eq!(host.found(&[]), (vec![], Some(0)));
    mode(&copy, 0o604);
    assert_eq!(host.found(&[]), (vec!["key-exposed".to_owned()], Some(8)));
}

#[test]
fn network_is_asked_on_request_only() {
    let mut host = Host::honest();
    host.set("DOCKER_CONTENT_TRUST_SERVER", "https://127.0.0.1:1");
    assert_eq!(host.found(&[]), (vec![], Some(0)));
    assert_eq!(host.found(&["--online"]), (vec!["server-unreachable".to_owned()], Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_lost_what_was_seen_is_not_believed() {
    let identity = http::Identity::loopback();
    let server = http::TestServer::https(&identity, |_| http::Answer::status(404)).await;
    let mut host = Host::honest();
    let authority = host.path(".docker/tls").join(server.authority()).join("ca.crt");
    identity.write_authority(&authority);
    host.set("DOCKER_CONTENT_TRUST_SERVER", &server.url());
    let (found, code) = host.found(&["--online"]);
    assert_eq!((found, code), (vec!["server-not-believed".to_owned()], Some(4)));
}

#[test]
fn each_file_that_believes_is_found_and_nothing_else() {
    for (id, code, name, text) in FILES {
        let host = Host::honest();
        let file = host.path("project").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, text).expect("written");
        assert_eq!(host.found(&["project"]), (vec![id.to_owned()], Some(code)), "{name}: {text}");
    }
}

/// The manual has every finding and no other, and each is provoked.
#[test]
fn every_finding_is_in_the_manual_and_provoked() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let manual = fs::read_to_string(manual).expect("the manual");
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| `"));
    let first = rows.filter_map(|row| row.split(" | ").next());
    let mut listed: Vec<&str> =
        first.flat_map(|ids| ids.split(", ")).map(|id| id.trim_matches('`')).collect();
    listed.retain(|id| !["note", "warning", "unverified", "broken"].contains(id));
    listed.sort_unstable();
    let mut every: Vec<&str> = Id::ALL.iter().map(|id| id.as_str()).collect();
    every.sort_unstable();
    assert_eq!(listed, every);

    let online = ["server-unreachable", "server-not-believed", "expires-soon"];
    let cases = CASES.iter().map(|case| case.0).chain(FILES.iter().map(|file| file.0));
    let mut provoked: Vec<&str> = cases.chain(online).chain(OTHERS).collect();
    provoked.sort_unstable();
    provoked.dedup();
    assert_eq!(provoked, every);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docker/checkup");
    let texts = listing(&sources).into_iter().filter(|path| path.is_file());
    let tests: String = texts.filter_map(|path| tests_in(&path)).collect();
    for id in OTHERS {
        assert!(
            tests.contains(&format!("(\"{id}\"")) || tests.contains(&format!("[\"{id}\"]")),
            "{id}"
        );
    }
}

/// The tests beside the code, in its file or in one of their own.
fn tests_in(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).expect("text");
    match path.ends_with("tests.rs") {
        true => Some(text),
        false => text.split_once("#[cfg(test)]").map(|(_, tests)| tests.to_owned()),
    }
}

/// Every `countersign WORD` in what doctor says, and in the manuals beside it.
#[test]
fn every_command_that_is_recommended_exists() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src/docker/checkup", "src/cli/doctor", "docs/ci"].map(|it| top.join(it));
    let files = folders.iter().flat_map(|folder| listing(folder)).filter(|path| path.is_file());
    let files = files.chain([top.join("docs/doctor.md")]);
    let mut commands: Vec<Vec<String>> = Vec::new();
    for text in files.map(|file| fs::read_to_string(file).expect("text")) {
        let found = text.split("countersign ").skip(1);
        commands.extend(found.filter_map(command));
    }
    commands.sort();
    commands.dedup();
    assert!(commands.len() > 8, "{commands:?}");
    let host = Host::honest();
    for words in commands {
        let help = host.command(&["help"]).args(&words).output().expect("it runs");
        assert!(help.status.success(), "countersign {} is no command", words.join(" "));
    }
}

/// The command at the beginning of a text, with its second word if it is a group.
fn command(text: &str) -> Option<Vec<String>> {
    let is_word = |word: &&str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
    };
    let mut words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-');
    let first = words.next().filter(is_word).filter(|word| *word != "in")?;
    let is_group = ["delegation", "key", "pin", "signer"].contains(&first);
    let second = words.next().filter(is_word).filter(|_| is_group);
    Some([Some(first), second].into_iter().flatten().map(str::to_owned).collect())
}

#[test]
fn what_expires_is_told_in_time() {
    let host = Host::honest();
    let (found, code) = host.found(&["--within", "36000d"]);
    assert!(found.iter().all(|id| id == "expires-soon") && found.len() >= 3, "{found:?}");
    assert_eq!(code, Some(1));
}

#[test]
fn directory_is_looked_at_with_what_the_host_believes() {
    let host = Host::honest();
    let project = host.path("project");
    fs::create_dir_all(project.join(".github/workflows")).expect("a folder");
    let workflow = "env:\n  DOCKER_CONTENT_TRUST: 1\nsteps:\n  - run: docker pull web:1\n";
    fs::write(project.join(".github/workflows/ci.yml"), workflow).expect("written");
    fs::write(project.join("Dockerfile"), "FROM web:1\n").expect("written");
    fs::write(project.join("compose.yaml"), "services: {a: {\n  image: web:1\n}}\n")
        .expect("written");
    let project = project.to_str().expect("a path");
    let (mut found, code) = host.found(&[project]);
    found.sort();
    assert_eq!(found, ["base-unchecked", "ci-trust-ignored", "compose-unchecked"]);
    assert_eq!(code, Some(4));
    assert_eq!(host.doctor(&["nowhere"]).status.code(), Some(2));
}

#[test]
fn text_names_the_remedy_and_the_count() {
    let host = Host::honest();
    host.has_docker("29.0.0");
    let output = host.command(&["doctor"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("unverified: DOCKER_CONTENT_TRUST: "), "{said}");
    assert!(
        said.contains("[docker-ignores-trust]\n    countersign docker --install-shim"),
        "{said}"
    );
    let counted = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(counted.starts_with("1 unverified, 0 broken, 0 warnings, 1 notes"), "{counted}");
}

#[test]
fn look_is_quick_and_leaves_nothing_behind() {
    let host = Host::honest();
    let before = listing(host.home.path());
    let quickest = (0..5).map(|_| {
        let began = Instant::now();
        host.found(&[]);
        began.elapsed()
    });
    // A release is some ten times quicker than what tests run.
    assert!(quickest.min().is_some_and(|it| it < Duration::from_secs(1)));
    assert_eq!(listing(host.home.path()), before);
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        found.push(entry.path());
        if entry.path().is_dir() {
            found.extend(listing(&entry.path()));
        }
    }
    found.sort();
    found
}
