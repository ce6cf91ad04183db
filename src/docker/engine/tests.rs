use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A shell script in docker's place, that notes how it was called.
struct Fake(tempfile::TempDir);

impl Fake {
    /// `pull`, `inspect` and `tag` are what the script does then.
    fn new(pull: &str, inspect: &str, tag: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let calls = folder.path().join("calls");
        let script = format!(
            "#!/bin/sh\n{{ for word; do printf '[%s]' \"$word\"; done; echo; env; }} >>'{}'\n\
             case $1 in\npull) {pull} ;;\nimage) {inspect} ;;\ntag) {tag} ;;\nesac\n",
            calls.display()
        );
        fs::write(folder.path().join("docker"), script).expect("written");
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path().join("docker"), mode).expect("set");
        Self(folder)
    }

    fn honest() -> Self {
        Self::new("echo pulling", &inspection(&[DIGEST]), "true")
    }

    fn engine(&self, patience: Option<Duration>) -> Engine {
        let program = Program::find(self.0.path().as_os_str(), None).expect("found");
        Engine::new(program, patience, Progress::Hidden).expect("signals")
    }

    async fn pull(&self, options: &[&str]) -> Result<Pulled, Error> {
        let options: Vec<OsString> = options.iter().map(OsString::from).collect();
        self.engine(None).pull(&name(), &DIGEST.parse().expect("a digest"), &options).await
    }

    /// The argument vectors so far.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.starts_with('[')).map(str::to_owned).collect()
    }
}

fn name() -> Name {
    "reg.io/team/web".parse().expect("a name")
}

fn inspection(digests: &[&str]) -> String {
    let digests: Vec<String> =
        digests.iter().map(|digest| format!("\"reg.io/team/web@{digest}\"")).collect();
    format!("echo '[{{\"Id\":\"sha256:1d\",\"RepoDigests\":[{}]}}]'", digests.join(","))
}

fn hung() -> Option<Duration> {
    Some(Duration::from_millis(300))
}

#[tokio::test]
async fn fake_docker_records_argv() {
    let docker = Fake::honest();
    let pulled = docker.pull(&["--platform", "linux/arm64", "-q"]).await.expect("pulled");
    let tagged = docker.engine(None).tag(&pulled, &Tag::latest()).await.expect("tagged");
    assert_eq!(tagged.to_string(), "reg.io/team/web:latest");
    let image = format!("[reg.io/team/web@{DIGEST}]");
    assert_eq!(
        docker.calls(),
        [
            format!("[pull][--platform][linux/arm64][-q][--]{image}"),
            format!("[image][inspect][--]{image}"),
            format!("[tag][--]{image}[reg.io/team/web:latest]"),
        ]
    );
}

#[tokio::test]
async fn secret_variables_are_not_inherited() {
    let docker = Fake::honest();
    let run = Run {
        program: &Program::find(docker.0.path().as_os_str(), None).expect("found"),
        action: "pull",
        arguments: vec!["pull".into()],
        stdout: Stdout::Hidden,
        stdin: None,
    };
    let command = run.command();
    let removed: Vec<_> =
        command.as_std().get_envs().filter(|(_, value)| value.is_none()).collect();
    assert_eq!(removed.len(), crate::docker::withheld_variables().count());
}

#[tokio::test]
async fn fake_docker_lies_about_digest() {
    for (inspect, what) in [
        (inspection(&[OTHER]), "another digest"),
        (inspection(&[]), "no digest"),
        (format!("echo '[{{\"Id\":\"{DIGEST}\"}}]'"), "the digest as its id"),
        (
            format!("echo '[{{\"Id\":\"\",\"RepoDigests\":[\"evil.io/web@{DIGEST}\"]}}]'"),
            "another name",
        ),
    ] {
        let docker = Fake::new("true", &inspect, "true");
        let refused = docker.pull(&[]).await;
        assert!(matches!(refused, Err(Error::DigestMismatch { .. })), "{what}: {refused:?}");
        assert_eq!(docker.calls().len(), 2, "{what}: nothing is tagged");
    }
}

#[tokio::test]
async fn both_image_stores() {
    for id in ["sha256:c0f1", DIGEST] {
        let inspect = format!(
            "echo '[{{\"Id\":\"{id}\",\"RepoDigests\":[\"reg.io/team/web@{OTHER}\",\"reg.io/team/web@{DIGEST}\"]}}]'"
        );
        let pulled = Fake::new("true", &inspect, "true").pull(&[]).await.expect("pulled");
        assert_eq!(pulled.image_id, id);
    }
}

#[tokio::test]
async fn tag_failure_is_failure() {
    let docker = Fake::new("true", &inspection(&[DIGEST]), "echo 'no space' >&2; exit 1");
    let pulled = docker.pull(&[]).await.expect("pulled");
    let failed = docker.engine(None).tag(&pulled, &Tag::latest()).await.expect_err("refused");
    assert_eq!(failed.to_string(), "reg.io/team/web:latest was not set and may be stale");
}

#[tokio::test]
async fn child_exit_table() {
    let failing = |script: &str| Fake::new(script, "true", "true");
    let refused = failing("echo 'no such image' >&2; exit 3").pull(&[]).await;
    assert!(
        matches!(&refused, Err(Error::Failed { code: 3, message, .. }) if message == "no such image"),
        "{refused:?}"
    );
    let refused = failing("kill -9 $$").pull(&[]).await;
    assert!(matches!(refused, Err(Error::Killed { signal: 9, .. })), "{refused:?}");
    let hanging = failing("exec sleep 30");
    let refused = hanging.engine(hung()).pull(&name(), &DIGEST.parse().expect("valid"), &[]).await;
    assert!(matches!(refused, Err(Error::TimedOut { .. })), "{refused:?}");
    let refused = Fake::new("true", "exit 1", "true").pull(&[]).await;
    assert!(matches!(refused, Err(Error::Failed { action: "image inspect", .. })), "{refused:?}");
}

#[tokio::test]
async fn docker_noise_does_not_change_result() {
    for inspect in [
        "true",
        "echo '<html>'",
        "echo '[]'",
        "echo '[{\"Id\":\"a\"},{\"Id\":\"b\"}]'",
        "echo null",
        "echo '{}'",
    ] {
        let refused = Fake::new(&format!("echo {DIGEST}"), inspect, "true").pull(&[]).await;
        assert!(
            matches!(refused, Err(Error::Inspect { .. } | Error::NotOneImage { .. })),
            "{inspect}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn endless_output_is_bounded() {
    let docker = Fake::new("true", "head -c 9000000 /dev/zero", "true");
    assert!(matches!(docker.pull(&[]).await, Err(Error::TooLarge { .. })));
}

#[tokio::test]
async fn options_that_change_what_is_pulled_are_refused() {
    for options in [
        &["-a"] as &[&str],
        &["--all-tags"],
        &["--platform"],
        &["other-image"],
        &["--", "other"],
        &["--platform", "linux/arm64", "other"],
        &["-qa"],
        &["--help"],
    ] {
        let docker = Fake::honest();
        let refused = docker.pull(options).await;
        assert!(matches!(refused, Err(Error::Option { .. } | Error::MissingValue)), "{options:?}");
        assert!(docker.calls().is_empty(), "{options:?}: docker was run");
    }
}

#[test]
fn docker_path_table() {
    let docker = Fake::honest();
    let folder = docker.0.path();
    let path = |entries: &[&str]| std::env::join_paths(entries).expect("a PATH");
    let here = folder.display().to_string();
    assert!(Program::find(&path(&["/nonexistent", &here]), None).is_ok());
    assert!(matches!(Program::find(&path(&["/nonexistent"]), None), Err(Error::NotFound)));
    for entries in [&[".", &here] as &[&str], &["", &here], &["bin", &here]] {
        assert!(
            matches!(Program::find(&path(entries), None), Err(Error::Unsafe { .. })),
            "{entries:?}"
        );
    }
    assert!(matches!(Program::at(&PathBuf::from("docker")), Err(Error::Unsafe { .. })));
    for (target, mode) in [(folder.join("docker"), 0o777), (folder.to_owned(), 0o777)] {
        let before = fs::metadata(&target).expect("there").permissions();
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).expect("set");
        assert!(
            matches!(Program::find(folder.as_os_str(), None), Err(Error::Unsafe { .. })),
            "{target:?}"
        );
        fs::set_permissions(&target, before).expect("set");
    }
    assert_eq!(
        Program::find(folder.as_os_str(), None).expect("again").path(),
        folder.join("docker")
    );
}
