//! `docker` through us beside docker's own content trust: the real programs, a real daemon.

#[path = "support/registry.rs"]
mod registry;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use registry::{TestRegistry, stderr, stdout, text};

/// Debian's, and the first in `PATH`, which may be a newer one.
const DOCKERS: [&str; 2] = ["/usr/bin/docker", "docker"];

#[test]
fn pulls_say_and_do_what_docker_does_by_itself() {
    let host = Host::start();
    let image = host.signed("team/web", "1");
    let name = image.rsplit_once(':').expect("a tag").0.to_owned();
    // What is here already is told in the same lines each time.
    host.own("docker", &["pull", &image]);
    for docker in DOCKERS {
        for words in [
            vec!["pull", &image],
            vec!["pull", "-q", &image],
            vec!["image", "pull", &image],
            vec!["pull", &name],
        ] {
            let (theirs, ours) = (host.own(docker, &words), host.through(docker, &words));
            assert_eq!(ours.status.code(), theirs.status.code(), "{words:?}: {}", text(&ours));
            assert_eq!(stdout(&ours), stdout(&theirs), "{docker} {words:?}");
            let (ours, theirs) = (stderr(&ours), stderr(&theirs));
            assert_eq!(ours.lines().next(), theirs.lines().next(), "{docker} {words:?}");
        }
        // Docker takes them in any order, we in that of their names.
        let every = vec!["pull", "-a", &name];
        let (theirs, ours) = (host.own(docker, &every), host.through(docker, &every));
        assert_eq!(ours.status.code(), theirs.status.code(), "{docker}: {}", text(&ours));
        assert_eq!(stdout(&ours).lines().count(), stdout(&theirs).lines().count(), "{docker}");
        assert_eq!(stdout(&ours).lines().last(), stdout(&theirs).lines().last(), "{docker}");
    }
}

#[test]
fn what_is_not_signed_is_refused_in_dockers_words() {
    let host = Host::start();
    let image = host.signed("team/web", "1");
    host.servers.seed("team/web:2", &[]);
    host.servers.seed("team/none:1", &[]);
    let other = image.replace("web:1", "web:2");
    let none = image.replace("web:1", "none:1");
    for docker in DOCKERS {
        for words in [
            vec!["pull", &other],
            vec!["run", "--rm", &other],
            vec!["create", &other],
            vec!["create", "--pull", "never", &other],
            vec!["service", "create", &other],
        ] {
            let (theirs, ours) = (host.own(docker, &words), host.through(docker, &words));
            assert_eq!(ours.status.code(), theirs.status.code(), "{words:?}: {}", text(&ours));
            assert_eq!(stdout(&ours), "", "{docker} {words:?}");
            let (ours, theirs) = (stderr(&ours), stderr(&theirs));
            // Older versions end it with a full stop and say more on the same line.
            let said = ours.lines().next().expect("a line");
            assert!(theirs.contains(said.trim_end_matches('.')), "{ours}\n---\n{theirs}");
        }
        for words in [vec!["pull", &none], vec!["run", &none]] {
            let ours = host.through(docker, &words);
            let gun = none.rsplit_once(':').expect("a tag").0;
            let expected = format!("Error: remote trust data does not exist for {gun}:");
            assert!(stderr(&ours).contains(&expected), "{}", text(&ours));
        }
    }
}

#[test]
fn containers_are_made_of_what_was_signed() {
    let host = Host::start();
    let image = host.signed("team/web", "1");
    host.servers.seed("team/web:1", &["--text", "evil"]);
    for docker in DOCKERS {
        host.servers.run("docker", &["rmi", "--force", &image]);
        let run = vec!["run", "--rm", "--network", "none", &image];
        let first = host.through(docker, &run);
        assert_eq!(stdout(&first), "hello\n", "{docker}: {}", text(&first));
        assert!(stderr(&first).contains("Tagging "), "{docker}: {}", text(&first));
        let again = host.through(docker, &run);
        assert_eq!(stdout(&again), "hello\n", "{docker}: {}", text(&again));
        assert!(!stderr(&again).contains("Pulling from"), "{docker}: {}", text(&again));

        let create = vec!["create", "--network", "none", &image, "true"];
        let made = [host.own(docker, &create), host.through(docker, &create)].map(|output| {
            assert!(output.status.success(), "{docker}: {}", text(&output));
            let id = stdout(&output).lines().last().expect("an id").to_owned();
            host.servers.run("docker", &["inspect", "-f", "{{.Config.Image}}", &id])
        });
        assert_eq!(made[0], made[1], "{docker}");

        let exit =
            vec!["run", "--rm", "--network", "none", &image, "/bin/busybox", "sh", "-c", "exit 9"];
        assert_eq!(host.through(docker, &exit).status.code(), Some(9), "{docker}");
    }
}

#[test]
fn pushes_are_signed_by_what_the_registry_has() {
    let host = Host::start();
    host.servers.seed("team/base:1", &[]);
    let base = format!("{}/team/base:1", host.servers.registry());
    host.servers.run("docker", &["pull", "--quiet", &base]);
    for (number, docker) in DOCKERS.iter().enumerate() {
        let image = format!("{}/team/new{number}:1", host.servers.registry());
        host.servers.run("docker", &["tag", &base, &image]);
        let pushed = host.through(docker, &["push", &image]);
        assert!(pushed.status.success(), "{docker}: {}", text(&pushed));
        let said = stdout(&pushed);
        assert!(said.contains("Signing and pushing trust metadata\n"), "{said}");
        assert!(said.contains("Finished initializing "), "{said}");
        assert!(said.contains(&format!("Successfully signed {image}\n")), "{said}");
        let pulled = host.own(docker, &["pull", &image]);
        assert!(pulled.status.success(), "docker takes it: {}", text(&pulled));
    }
}

#[test]
fn a_tag_that_somebody_else_moved_meanwhile_is_not_signed() {
    let host = Host::start();
    let image = host.signed("team/web", "1");
    let new = image.replace("web:1", "web:2");
    host.servers.run("docker", &["pull", "--quiet", &image]);
    host.servers.run("docker", &["tag", &image, &new]);
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-registry/seed");
    let rival = host.program(
        "rival",
        &format!(
            "docker \"$@\" || exit\n[ \"$1\" != push ] || {} --text evil team/web:2\n",
            seed.display()
        ),
    );
    let pushed = host.through(rival.to_str().expect("text"), &["push", &new]);
    assert_eq!(pushed.status.code(), Some(1), "{}", text(&pushed));
    assert!(stderr(&pushed).contains(&format!("failed to sign {new}")), "{}", text(&pushed));
    assert_eq!(host.through("docker", &["pull", &new]).status.code(), Some(1), "not signed");
}

#[test]
fn builds_take_only_what_is_signed() {
    let host = Host::start();
    let image = host.signed("team/web", "1");
    host.servers.seed("team/web:2", &[]);
    let unsigned = image.replace("web:1", "web:2");
    let context = host.folder.path().join("context");
    fs::create_dir(&context).expect("a folder");
    let dockerfile = context.join("Dockerfile");
    let text_of = |from: &str| {
        format!(
            "ARG BASE={image}\nFROM ${{BASE}} AS base\nFROM base\nCOPY --from={from} \\\n  /text /copy\n"
        )
    };
    fs::write(&dockerfile, text_of(&image)).expect("written");
    let folder = context.to_str().expect("text");
    for docker in DOCKERS {
        let classic = host.through(docker, &["build", "-t", "mine", folder]);
        assert!(classic.status.success(), "{docker}: {}", text(&classic));
        let run = ["run", "--rm", "--network", "none", "mine", "/bin/busybox", "cat", "/copy"];
        assert_eq!(host.servers.run("docker", &run), "hello\n");
        assert_eq!(fs::read_to_string(&dockerfile).expect("there"), text_of(&image), "untouched");
    }
    fs::write(&dockerfile, text_of(&unsigned)).expect("written");
    let refused = host.through("docker", &["build", folder]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    let place = format!("{}:4: {unsigned}: No valid trust data for 2", dockerfile.display());
    assert!(stderr(&refused).contains(&place), "{}", text(&refused));
}

/// A daemon, servers, and us under docker's name.
struct Host {
    servers: TestRegistry,
    folder: tempfile::TempDir,
}

impl Host {
    fn start() -> Self {
        let host = Self {
            servers: TestRegistry::start(&[]),
            folder: tempfile::tempdir().expect("a folder"),
        };
        symlink(env!("CARGO_BIN_EXE_countersign"), host.shim()).expect("linked");
        host
    }

    fn shim(&self) -> PathBuf {
        self.folder.path().join("docker")
    }

    /// An image that is in the registry and signed, as `latest`, too.
    fn signed(&self, name: &str, tag: &str) -> String {
        let image = format!("{}/{name}", self.servers.registry());
        for tag in [tag, "latest"] {
            self.servers.seed(&format!("{name}:{tag}"), &[]);
        }
        let mut sign = self.servers.command(env!("CARGO_BIN_EXE_countersign"));
        sign.args(["sign", &format!("{image}:{tag}"), &format!("{image}:latest")]);
        let signed = sign.output().expect("it runs");
        assert!(signed.status.success(), "{}", text(&signed));
        format!("{image}:{tag}")
    }

    fn program(&self, name: &str, script: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
        path
    }

    /// Docker with its own content trust.
    fn own(&self, docker: &str, words: &[&str]) -> Output {
        self.output(self.servers.command(docker), words)
    }

    /// The same docker through us.
    fn through(&self, docker: &str, words: &[&str]) -> Output {
        let mut command = self.servers.command(self.shim());
        if docker != "docker" {
            command.env("COUNTERSIGN_DOCKER", docker);
        }
        self.output(command, words)
    }

    fn output(&self, mut command: Command, words: &[&str]) -> Output {
        command.args(words).env("DOCKER_CONTENT_TRUST", "1").output().expect("it runs")
    }
}
