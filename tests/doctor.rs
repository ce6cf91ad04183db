//! `doctor`, as a fleet calls it: a host on which all is well, and one edit of it for each finding.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use countersign::docker::checkup::Id;
use serde_json::Value;

#[path = "support/http.rs"]
mod http;

/// A host with a docker of our making.
struct Host {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Host {
    /// A host that verifies: docker 28, content trust on, one pinned collection, one locked key.
    fn honest() -> Self {
        let home = tempfile::tempdir().expect("a home");
        let host = Self { home, variables: vec![("DOCKER_CONTENT_TRUST", "1".into())] };
        host.has_docker("28.2.2");
        let metadata = host.trust().join("tuf").join(GUN).join("metadata");
        fs::create_dir_all(&metadata).expect("a folder");
        for role in ["root", "snapshot", "targets", "timestamp"] {
            let file = format!("{role}.json");
            fs::copy(vectors().join(&file), metadata.join(&file)).expect("copied");
        }
        let made = host.command(&["key", "generate", "alice"]).output().expect("it runs");
        assert!(made.status.success(), "{made:?}");
        let pinned = host.command(&["pin", "add", GUN, "--root-key", &root_key()]).output();
        assert!(pinned.as_ref().is_ok_and(|it| it.status.success()), "{pinned:?}");
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn trust(&self) -> PathBuf {
        self.path(".docker/trust")
    }

    fn metadata(&self, file: &str) -> PathBuf {
        self.trust().join("tuf").join(GUN).join("metadata").join(file)
    }

    fn key(&self) -> PathBuf {
        let keys = fs::read_dir(self.trust().join("private")).expect("keys");
        keys.flatten().map(|entry| entry.path()).next().expect("a key")
    }

    fn has_docker(&self, version: &str) {
        let folder = self.path("bin");
        fs::create_dir_all(&folder).expect("a folder");
        let text = format!("#!/bin/sh\necho 'Docker version {version}, build 0'\n");
        write(&folder.join("docker"), &text, 0o755);
    }

    fn has_tls(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(".docker/tls/t:1")).expect("a folder");
        fs::write(self.path(".docker/tls/t:1").join(name), text).expect("written");
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let path = format!("{}:/usr/bin-that-is-not", self.path("bin").display());
        command.env_clear().env("HOME", self.home.path()).env("PATH", path);
        command.env("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "throw-away");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments).current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    fn doctor(&self, arguments: &[&str]) -> Output {
        let arguments = [&["doctor", "--format", "json"], arguments].concat();
        self.command(&arguments).output().expect("it runs")
    }

    /// Ids of what is found, and the exit code.
    fn found(&self, arguments: &[&str]) -> (Vec<String>, Option<i32>) {
        let output = self.doctor(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let id = |line: &str| {
            let finding: Value = serde_json::from_str(line).expect("an object on each line");
            for field in ["severity", "subject", "message", "remedy"] {
                assert!(finding[field].as_str().is_some_and(|it| !it.is_empty()), "{line}");
            }
            finding["id"].as_str().expect("an id").to_owned()
        };
        (text.lines().map(id).collect(), output.status.code())
    }
}

/// One edit of an honest host, what is found then, and the exit code.
type Case = (&'static str, i32, fn(&mut Host));

const CASES: [Case; 30] = [
    ("docker-ignores-trust", 4, |host| host.has_docker("29.1.0")),
    ("trust-variable-odd", 1, |host| host.set("DOCKER_CONTENT_TRUST", "off")),
    ("trust-off", 0, |host| host.set("DOCKER_CONTENT_TRUST", "0")),
    ("shim-behind", 4, |host| {
        fs::create_dir_all(host.path("shim")).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_countersign"), host.path("shim/docker")).expect("a link");
        let path = format!("{}:{}", host.path("bin").display(), host.path("shim").display());
        host.set("PATH", &path);
    }),
    ("build-unchecked", 4, |host| {
        fs::create_dir_all(host.path(".docker/cli-plugins")).expect("a folder");
        write(&host.path(".docker/cli-plugins/docker-buildx"), "", 0o755);
    }),
    ("plugin-broken", 1, |host| {
        fs::create_dir_all(host.path(".docker/cli-plugins")).expect("a folder");
        symlink("/nowhere/at/all", host.path(".docker/cli-plugins/docker-trust")).expect("a link");
    }),
    ("plugin-foreign", 0, |host| {
        fs::create_dir_all(host.path(".docker/cli-plugins")).expect("a folder");
        write(&host.path(".docker/cli-plugins/docker-trust"), "#!/bin/sh\n", 0o755);
    }),
    ("trust-server-plain", 8, |host| host.set("DOCKER_CONTENT_TRUST_SERVER", "http://t:1")),
    ("trust-server-ends", 1, |host| {
        host.set("DOCKER_CONTENT_TRUST_SERVER", "https://team.azurecr.io");
    }),
    ("daemon-plain", 4, |host| host.set("DOCKER_HOST", "tcp://h:2375")),
    ("trusted-on-first-use", 0, |host| {
        fs::remove_file(host.trust().join("pins.toml")).expect("gone")
    }),
    ("cache-damaged", 8, |host| fs::write(host.metadata("root.json"), "{").expect("written")),
    ("cache-damaged", 1, |host| fs::write(host.metadata("targets.json"), "{").expect("written")),
    ("record-damaged", 8, |host| {
        fs::create_dir_all(host.trust().join("countersign")).expect("a folder");
        fs::write(host.trust().join("countersign").join(RECORD), "{").expect("written");
    }),
    ("changes-pending", 1, |host| {
        let changes = host.trust().join("tuf").join(GUN).join("changelist");
        fs::create_dir_all(&changes).expect("a folder");
        fs::write(changes.join("00000000000000000001_a.change"), "{}").expect("written");
    }),
    ("key-exposed", 8, |host| mode(&host.key(), 0o640)),
    ("writable-by-others", 8, |host| mode(&host.trust(), 0o777)),
    ("key-damaged", 8, |host| write(&host.key(), "junk", 0o600)),
    ("key-unencrypted", 1, |host| {
        let text = openssl_key();
        write(&host.key(), &text, 0o600);
    }),
    ("configuration-broken", 8, |host| {
        fs::write(host.trust().join("countersign.toml"), "nonsense = 1").expect("written");
    }),
    ("cache-when-unreachable", 0, |host| {
        let text = "when_unreachable = \"cache\"";
        fs::write(host.trust().join("countersign.toml"), text).expect("written");
    }),
    ("pins-broken", 8, |host| fs::write(host.trust().join("pins.toml"), "[[").expect("written")),
    ("credential-helper-missing", 1, |host| {
        fs::write(host.path(".docker/config.json"), r#"{"credsStore":"nowhere"}"#)
            .expect("written");
    }),
    ("tls-pair-incomplete", 1, |host| host.has_tls("client.cert", "")),
    ("tls-unreadable", 1, |host| {
        host.has_tls("ca.crt", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n");
    }),
    ("tls-authority-expired", 1, |host| host.has_tls("ca.crt", &expired_authority())),
    ("no-home", 8, |host| host.set("HOME", "")),
    ("plugin-missing", 4, |host| host.has_docker("29.0.0")),
    ("key-directory-link", 1, |host| {
        fs::rename(host.trust().join("private"), host.path("keys")).expect("moved");
        symlink(host.path("keys"), host.trust().join("private")).expect("a link");
    }),
    ("docker-configuration-broken", 8, |host| {
        fs::write(host.path(".docker/config.json"), "{").expect("written");
    }),
];

/// A file of a directory, what is found in it where content trust is on, and the exit code.
const FILES: [(&str, i32, &str, &str); 11] = [
    ("ci-trust-ignored", 4, ".github/workflows/a.yml", "env: {DOCKER_CONTENT_TRUST: 1}"),
    (
        "ci-unchecked-command",
        4,
        ".gitlab-ci.yml",
        "a:\n  image: docker:28\n  variables: {DOCKER_CONTENT_TRUST: 1}\n  script: [docker build .]",
    ),
    (
        "ci-unchecked-action",
        4,
        ".github/workflows/a.yml",
        "jobs:\n  a:\n    container: docker:28\n    env: {DOCKER_CONTENT_TRUST: 1}\n    steps: [{uses: docker/build-push-action@v6}]",
    ),
    ("ci-passphrase-in-file", 8, "Jenkinsfile", "NOTARY_ROOT_PASSPHRASE = 'x'"),
    ("ci-trust-disabled", 1, "azure-pipelines.yml", "variables: {DOCKER_CONTENT_TRUST: 0}"),
    ("ci-command-lost", 1, "sign.sh", "docker trust sign web:1"),
    (
        "trust-server-ends",
        1,
        "list.sh",
        "notary -s https://trust.azurecr.io list DOCKER_CONTENT_TRUST=1",
    ),
    ("base-unchecked", 4, "Dockerfile", "FROM web:1"),
    ("compose-unchecked", 4, "compose.yaml", "services: {a: {image: web}}"),
    ("file-unreadable", 1, "docker-compose.yml", "services: {"),
    ("directory-too-large", 1, "1/2/3/4/5/6/7/8/9/10/11/12/13/a", ""),
];

/// Found by a host's own files or clock, which no test may change; provoked beside the code.
const OTHERS: [&str; 4] = ["insecure-registry", "owner-foreign", "expired", "clock-behind"];

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

fn write(path: &Path, text: &str, bits: u32) {
    fs::write(path, text).expect("written");
    mode(path, bits);
}

fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("set");
}

fn expired_authority() -> String {
    let made = Command::new("faketime")
        .args(["2020-01-01", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args([
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            "/dev/null",
            "-subj",
            "/CN=old",
        ])
        .output()
        .expect("faketime runs");
    String::from_utf8(made.stdout).expect("PEM")
}

fn openssl_key() -> String {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .output()
        .expect("openssl runs");
    String::from_utf8(made.stdout).expect("PEM")
}

/// The root key of the collection that is in the cache.
fn root_key() -> String {
    let root = fs::read(vectors().join("root.json")).expect("a root");
    let root: Value = serde_json::from_slice(&root).expect("JSON");
    root["signed"]["roles"]["root"]["keyids"][0].as_str().expect("an id").to_owned()
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/notary/docker-one-tag")
}

const GUN: &str = "127.0.0.1:24257/docker-one-tag";
/// The name of its record: the SHA-256 of its own.
const RECORD: &str = "b2f4aa9a6a756d8579103b287167e356b84121bdaa59c5089063c248539f8584.json";
