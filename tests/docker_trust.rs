//! `docker trust` as docker has it and as we have it: the same command lines in twin homes, the
//! same answers; and what one of them made, used by the other.

#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use registry::{TestRegistry, text};

/// A home of its own for one program.
struct Twin<'r> {
    servers: &'r TestRegistry,
    home: PathBuf,
    /// What stands before the arguments of `docker trust`.
    program: Vec<String>,
    /// Its repository.
    image: String,
}

/// One command line, what is typed, and whether only newer dockers say it so.
struct Line {
    arguments: &'static str,
    typed: &'static str,
    passphrases: Passphrases,
    since: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Passphrases {
    InVariables,
    Typed,
}

fn line(arguments: &'static str) -> Line {
    Line { arguments, typed: "", passphrases: Passphrases::InVariables, since: 0 }
}

fn typing(arguments: &'static str, typed: &'static str) -> Line {
    Line { typed, ..line(arguments) }
}

fn since(version: u32, arguments: &'static str) -> Line {
    Line { since: version, ..line(arguments) }
}

impl<'r> Twin<'r> {
    fn new(servers: &'r TestRegistry, name: &str, program: &[&str]) -> Self {
        let home = Path::new(servers.variable("TEST_REGISTRY_DIR")).join("twins").join(name);
        let config = home.join(".docker");
        fs::create_dir_all(&config).expect("a home");
        let tls = Path::new(servers.variable("DOCKER_CONFIG")).join("tls");
        let copied = Command::new("cp").arg("-r").arg(tls).arg(&config).status();
        assert!(copied.is_ok_and(|status| status.success()), "the authority is copied");
        let image = format!("{}/twins/{name}", servers.registry());
        let program = program.iter().map(|word| (*word).to_owned()).collect();
        let twin = Self { servers, home, program, image };
        twin.write_files();
        twin
    }

    /// The same, with the credentials of whoever may publish.
    fn logged_in(servers: &'r TestRegistry, name: &str, program: &[&str]) -> Self {
        let twin = Self::new(servers, name, program);
        let credentials = Path::new(servers.variable("DOCKER_CONFIG")).join("config.json");
        let config = twin.home.join(".docker");
        fs::copy(credentials, config.join("config.json")).expect("copied");
        // The registry's token server has the same authority as the trust server.
        let realm = servers.variable("TOKEN_REALM").trim_start_matches("https://");
        let host = realm.split('/').next().expect("a host");
        fs::create_dir_all(config.join("tls").join(host)).expect("a folder");
        let authority = config.join("tls").join(host).join("ca.crt");
        fs::copy(servers.variable("TEST_CA"), authority).expect("copied");
        twin
    }

    /// Puts a tiny image into the daemon, and nowhere else.
    fn has_image(&self, tag: &str) {
        let name = format!("{}:{tag}", self.image);
        let archive = format!("tar -c bob.pub | docker import - {name}");
        let imported = self.command("sh").args(["-c", &archive]).output().expect("sh runs");
        assert!(imported.status.success(), "{}", text(&imported));
    }

    /// Keys from outside.
    fn write_files(&self) {
        let plain = new_key();
        for (name, content, mode) in [
            ("bob.pem", plain.as_slice(), 0o600),
            ("open.pem", plain.as_slice(), 0o644),
            ("junk.pem", b"junk".as_slice(), 0o600),
        ] {
            let path = self.home.join(name);
            fs::write(&path, content).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        }
        let public = Command::new("openssl")
            .args(["pkey", "-in", "bob.pem", "-pubout", "-out", "bob.pub"])
            .current_dir(&self.home)
            .output()
            .expect("openssl runs");
        assert!(public.status.success(), "{}", text(&public));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.servers.command(program);
        command.env("HOME", &self.home).env("DOCKER_CONFIG", self.home.join(".docker"));
        command.current_dir(&self.home).stdin(Stdio::null());
        command
    }

    fn run(&self, line: &Line) -> Output {
        let (program, before) = self.program.split_first().expect("a program");
        let mut command = self.command(program);
        command.args(before);
        command.args(line.arguments.split(' ').map(|word| word.replace("IMAGE", &self.image)));
        if line.passphrases == Passphrases::Typed {
            for name in [
                "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
                "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
                "NOTARY_DELEGATION_PASSPHRASE",
            ] {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // It may end without having asked.
        let _ = stdin.write_all(line.typed.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    fn must(&self, arguments: &'static str) -> String {
        let output = self.run(&line(arguments));
        assert!(output.status.success(), "{:?} {arguments}: {}", self.program, text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What it said and its exit code, without what differs from home to home.
    fn seen(&self, line: &Line) -> String {
        let output = self.run(line);
        let home = self.home.display().to_string();
        let masked = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let text = text.replace(&self.image, "IMAGE").replace(&home, "HOME");
            // What Go's logger says beside the answer is no answer.
            let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("time=\""));
            without_ids(&lines.collect::<String>())
        };
        format!(
            "exit {:?}\nstdout:\n{}\nstderr:\n{}",
            output.status.code(),
            masked(&output.stdout),
            masked(&output.stderr)
        )
    }
}

fn new_key() -> Vec<u8> {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", text(&made));
    made.stdout
}

/// Key ids, short ones too, as `ID`.
fn without_ids(text: &str) -> String {
    let is_hex = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
    let mut masked = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
            continue;
        }
        let is_id = matches!(word.len(), 7 | 12 | 64) && word.chars().all(is_hex);
        masked.push_str(if is_id { "ID" } else { &word });
        masked.push(letter);
        word.clear();
    }
    masked.trim_end_matches('\0').to_owned()
}

/// Every docker on this machine that has `docker trust` built in, with its major version.
#[expect(clippy::disallowed_methods, reason = "the search path is that of whoever tests")]
fn dockers() -> Vec<(PathBuf, u32)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<(PathBuf, u32)> = Vec::new();
    for program in std::env::split_paths(&path).map(|folder| folder.join("docker")) {
        let Ok(output) = Command::new(&program).arg("--version").output() else { continue };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = said.strip_prefix("Docker version ").and_then(|it| it.split('.').next());
        let Some(version) = version.and_then(|number| number.parse().ok()) else { continue };
        if version < 29 && found.iter().all(|(_, known)| *known != version) {
            found.push((program, version));
        }
    }
    assert!(!found.is_empty(), "no docker that has `docker trust`: make deps installs one");
    found
}

/// From a first key to the last revocation, with everything that one can get wrong on the way.
fn script() -> Vec<Line> {
    let typed =
        |arguments, typed| Line { typed, passphrases: Passphrases::Typed, ..line(arguments) };
    vec![
        line("trust key generate alice"),
        line("trust key generate alice"),
        line("trust key generate Alice"),
        line("trust key generate --dir nowhere carol"),
        typed("trust key generate dora", "password-1\npassword-1\n"),
        typed("trust key load --name eve bob.pem", "password-1\npassword-1\n"),
        line("trust key load --name bob bob.pem"),
        line("trust key load --name Bob bob.pem"),
        line("trust key load nowhere.pem"),
        line("trust key load open.pem"),
        line("trust key load junk.pem"),
        line("trust inspect IMAGE"),
        line("trust inspect --pretty IMAGE"),
        line("trust revoke IMAGE:1"),
        Line { since: 28, ..typing("trust revoke IMAGE", "n\n") },
        Line { since: 28, ..typing("trust revoke IMAGE", "") },
        Line { since: 28, ..typing("trust revoke IMAGE", "y\n") },
        line("trust signer remove alice IMAGE"),
        line("trust signer add alice IMAGE"),
        line("trust signer add --key nowhere.pub alice IMAGE"),
        line("trust signer add --key bob.pem alice IMAGE"),
        line("trust signer add --key junk.pem alice IMAGE"),
        line("trust signer add --key alice.pub Alice IMAGE"),
        since(28, "trust signer add --key alice.pub releases IMAGE"),
        line("trust signer add --key alice.pub alice IMAGE"),
        line("trust inspect IMAGE"),
        line("trust inspect --pretty IMAGE"),
        // Tags are put there between these.
        line("SEED"),
        line("trust sign IMAGE:1"),
        line("trust inspect IMAGE:1"),
        line("trust signer add --key bob.pub bob IMAGE IMAGE"),
        line("trust sign IMAGE:1"),
        line("trust inspect --pretty IMAGE"),
        line("trust inspect IMAGE IMAGE:2 IMAGE:nothing"),
        line("trust inspect IMAGE:1 IMAGE/nothing"),
        line("trust inspect --pretty IMAGE:1 IMAGE/nothing IMAGE:2"),
        line("trust sign IMAGE"),
        line("trust signer remove releases IMAGE"),
        line("trust signer remove nobody IMAGE"),
        line("trust revoke IMAGE:1"),
        line("trust revoke IMAGE:1"),
        line("trust inspect IMAGE"),
        line("trust revoke -y IMAGE"),
        line("trust revoke -y IMAGE"),
        since(28, "trust bogus"),
        since(28, "trust key bogus"),
        since(28, "trust sign"),
        since(28, "trust signer add alice"),
        since(28, "trust inspect"),
        since(28, "trust inspect --bogus IMAGE"),
        since(28, "trust revoke -z IMAGE"),
        since(28, "trust revoke --yes=maybe IMAGE"),
        since(28, "trust signer add --key"),
        since(28, "trust inspect team/UPPER"),
    ]
}

#[test]
fn same_command_lines_have_the_same_answers() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let mut differences = Vec::new();
    for (docker, version) in dockers() {
        let program = docker.to_str().expect("a path in UTF-8");
        let theirs = Twin::new(&servers, &format!("docker{version}"), &[program]);
        let us = env!("CARGO_BIN_EXE_countersign");
        let ours = Twin::new(&servers, &format!("ours{version}"), &[us, "docker-trust"]);
        for line in script() {
            if line.arguments == "SEED" {
                [&theirs, &ours].into_iter().for_each(sign_two_tags);
                continue;
            }
            if version < line.since {
                continue;
            }
            let (expected, seen) = (theirs.seen(&line), ours.seen(&line));
            let program = format!("{us} docker-trust");
            // Which program was called is all that may differ in words about how to call it.
            let seen = seen.replace(&program, "docker").replace("docker-trust", "docker trust");
            let seen = seen.replace("docker trust: ", "docker: ");
            // Before 28 some of docker's messages began with a capital.
            let is_same = match version {
                ..28 => seen.eq_ignore_ascii_case(&expected),
                _ => seen == expected,
            };
            if !is_same {
                let words = line.arguments;
                differences
                    .push(format!("{words}\n--- docker {version}\n{expected}\n--- us\n{seen}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

/// Both sign two tags in the same way: what docker signs first must lie in its daemon.
fn sign_two_tags(twin: &Twin<'_>) {
    for tag in ["1", "2"] {
        let digest = format!("sha256:{}", tag.repeat(64));
        let signed = twin
            .command(env!("CARGO_BIN_EXE_countersign"))
            .args(["sign", &format!("{}:{tag}@{digest}", twin.image), "--size", "405"])
            .output()
            .expect("it runs");
        assert!(signed.status.success(), "{}", text(&signed));
    }
}

#[test]
fn what_one_made_the_other_maintains() {
    let servers = TestRegistry::start(&["--no-docker"]);
    servers.seed("twins/turns:1", &[]);
    servers.seed("twins/turns:2", &["--text", "two"]);
    let docker = dockers().remove(0).0;
    let docker = Twin::new(&servers, "turns", &[docker.to_str().expect("a path in UTF-8")]);
    let us = [env!("CARGO_BIN_EXE_countersign"), "docker-trust"].map(str::to_owned).to_vec();
    let ours = Twin {
        servers: &servers,
        home: docker.home.clone(),
        program: us,
        image: docker.image.clone(),
    };
    let agree = |what: &str| {
        let (theirs, seen) = (
            docker.must("trust inspect --pretty IMAGE"),
            ours.must("trust inspect --pretty IMAGE"),
        );
        assert_eq!(seen, theirs, "{what}");
        theirs
    };

    // A tag that nobody signed yet, without a daemon.
    ours.must("trust sign IMAGE:1");
    assert!(agree("founded").contains("(Repo Admin)"));
    docker.must("trust key generate alice");
    ours.must("trust key generate bob-2");
    docker.must("trust signer add --key bob-2.pub bob-2 IMAGE");
    ours.must("trust signer add --key alice.pub alice IMAGE");
    docker.must("trust sign IMAGE:1");
    ours.must("trust sign IMAGE:2");
    assert!(agree("two signers").contains("alice, bob-2"));

    // docker says that it revoked, and leaves the tag to pulls; we do what we say.
    docker.must("trust revoke IMAGE:1");
    let left = agree("revoked by docker");
    assert!(
        left.contains("(Repo Admin)"),
        "docker cleans up now, and this is to be looked at: {left}"
    );
    ours.must("trust revoke IMAGE:1");
    assert!(!agree("revoked by us").contains("\n1 "));

    // docker 26 and later remove nobody; we do, and what is released stays pullable.
    ours.must("trust signer remove alice IMAGE");
    let one = agree("alice removed");
    assert!(one.contains("bob-2") && !one.contains("alice"), "{one}");
    docker.must("trust sign IMAGE:2");
    assert!(agree("signed after the removal").contains("\n2 "));

    // Whoever looks over the network finds what is cached served and believed.
    let doctor =
        ours.command(env!("CARGO_BIN_EXE_countersign")).args(["doctor", "--online"]).output();
    let doctor = String::from_utf8(doctor.expect("it runs").stdout).expect("text");
    assert!(doctor.contains("[trusted-on-first-use]") && !doctor.contains("[server-"), "{doctor}");

    // The last one only after a question.
    let asked = ours.run(&typing("trust signer remove bob-2 IMAGE", "n\n"));
    assert!(asked.status.success(), "{}", text(&asked));
    assert!(text(&asked).contains("will make"), "{}", text(&asked));
    assert!(agree("not removed").contains("bob-2"));
    ours.must("trust signer remove --force bob-2 IMAGE");
    assert!(!docker.must("trust inspect IMAGE").contains("bob-2"));
}

#[test]
fn image_of_the_daemon_is_pushed_and_signed_as_the_one_who_is_logged_in() {
    let servers = TestRegistry::start(&["--auth", "token"]);
    let docker = dockers().remove(0).0;
    let theirs =
        Twin::logged_in(&servers, "by-docker", &[docker.to_str().expect("a path in UTF-8")]);
    let us = env!("CARGO_BIN_EXE_countersign");
    let ours = Twin::logged_in(&servers, "by-us", &[us, "docker-trust"]);
    let mut said = Vec::new();
    for twin in [&theirs, &ours] {
        twin.has_image("1");
        let nothing = twin.run(&line("trust sign --local IMAGE:2"));
        assert_eq!(nothing.status.code(), Some(1), "{}", text(&nothing));
        let output = twin.run(&line("trust sign --local IMAGE:1"));
        assert!(output.status.success(), "{}", text(&output));
        // How docker shows the way of its layers is its own affair.
        let told = String::from_utf8_lossy(&output.stdout).replace(&twin.image, "IMAGE");
        let lines = told.lines().filter(|line| {
            ["Created", "Finished", "Signing", "Successfully"].iter().any(|it| line.starts_with(it))
        });
        let warned = String::from_utf8_lossy(&output.stderr).replace(&twin.image, "IMAGE");
        assert!(
            warned.contains("Signing and pushing trust data for local image IMAGE:1"),
            "{warned}"
        );
        said.push(lines.map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(said[1], said[0]);
    assert_eq!(said[1][0], "Created signer: publisher");
    let shown = ours.must("trust inspect --pretty IMAGE");
    assert!(shown.contains("   publisher\n"), "{shown}");
    // Docker pulls what we signed, and checks it.
    let pulled = ours
        .command(docker.to_str().expect("a path"))
        .args(["pull", &format!("{}:1", ours.image)])
        .env("DOCKER_CONTENT_TRUST", "1")
        .output()
        .expect("docker runs");
    assert!(pulled.status.success(), "{}", text(&pulled));
}
