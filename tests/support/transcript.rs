//! Transcripts: what a user types after `$ `, and below it what is seen, stdout and stderr as they
//! come.
//!
//! `[..]` stands for any text in a line, a line `...` for any lines, `[exit N]` for an exit code
//! that is not zero. Each transcript has a home of its own.
#![allow(dead_code, reason = "each test uses the part that it needs")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::registry::TestRegistry;

/// What texts a transcript runs with.
pub(crate) struct Stage {
    home: tempfile::TempDir,
    variables: HashMap<String, String>,
    /// What is shown instead of what changes from run to run.
    shown: Vec<(String, String)>,
}

impl Stage {
    /// An empty home.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().to_str().expect("a path in UTF-8").to_owned();
        let variables = HashMap::from([("HOME".to_owned(), path.clone())]);
        Self { home, variables, shown: vec![(path, "HOME".to_owned())] }
    }

    /// A home beside the servers: a user's variables, the certificate of the trust server, and
    /// images with these tags, which are shown as DIGEST and the tag.
    pub(crate) fn beside(servers: &TestRegistry, repository: &str, tags: &[&str]) -> Self {
        let mut stage = Self::new();
        for tag in tags {
            let text = format!("I am {tag}");
            let (digest, _) = servers.seed(&format!("{repository}:{tag}"), &["--text", &text]);
            stage.set(&format!("DIGEST{tag}"), &digest);
            stage.show(&digest, &format!("DIGEST{tag}"));
        }
        let image = format!("{}/{repository}", servers.registry());
        stage.set("IMAGE", &image);
        // Before the registry, whose name is a part of it.
        stage.show(&image, "IMAGE");
        stage.turn_to(
            servers,
            &[
                "DOCKER_CONTENT_TRUST_SERVER",
                "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
                "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
                "TEST_CA",
            ],
        );
        stage
    }

    /// Takes these of the servers' variables, and the certificate of the trust server.
    pub(crate) fn turn_to(&mut self, servers: &TestRegistry, variables: &[&str]) {
        for name in variables {
            self.set(name, servers.variable(name));
        }
        let host = servers.variable("TRUST_SERVER").trim_start_matches("https://").to_owned();
        let tls = self.home().join(".docker/tls").join(&host);
        fs::create_dir_all(&tls).expect("a directory");
        fs::copy(servers.variable("TEST_CA"), tls.join("ca.crt")).expect("copied");
        self.set("REGISTRY", servers.registry());
        self.show(&host, "TRUST");
        self.show(servers.registry(), "REGISTRY");
    }

    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Shows `name` wherever a text comes up.
    pub(crate) fn show(&mut self, text: &str, name: &str) {
        self.shown.push((text.to_owned(), name.to_owned()));
    }

    /// The home.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Plays a transcript.
    ///
    /// # Panics
    ///
    /// At the first command that gives something else than is written.
    pub(crate) fn play(&self, transcript: &Path) {
        let text = fs::read_to_string(transcript).expect("a transcript");
        let steps = steps(&text);
        assert!(!steps.is_empty(), "{}: nothing to do", transcript.display());
        for step in steps {
            let seen = self.run(&step.command);
            assert!(
                matches(&step.expected, &seen),
                "{}: $ {}\n--- expected\n{}\n--- seen\n{}\n",
                transcript.display(),
                step.command,
                step.expected.join("\n"),
                seen.join("\n"),
            );
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the search path is that of whoever tests")]
    fn run(&self, command: &str) -> Vec<String> {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_countersign"));
        let folder = program.parent().expect("a folder").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .env_clear()
            .env("PATH", format!("{folder}:{path}"))
            .envs(&self.variables)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .expect("sh runs");
        let seen = String::from_utf8_lossy(&output.stdout).into_owned();
        let seen = self.shown.iter().fold(seen, |seen, (text, name)| seen.replace(text, name));
        let mut lines: Vec<String> = seen.lines().map(|line| line.trim_end().to_owned()).collect();
        match output.status.code() {
            Some(0) => {}
            Some(code) => lines.push(format!("[exit {code}]")),
            None => lines.push(format!("[{}]", output.status)),
        }
        lines
    }
}

/// Every transcript in a folder of `tests/cli`.
pub(crate) fn transcripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(folder);
    let entries = fs::read_dir(folder).expect("a folder of transcripts");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == "txt"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no transcripts");
    found
}

struct Step {
    command: String,
    expected: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines().skip_while(|line| line.starts_with('#')) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), expected: Vec::new() });
            }
            (None, Some(step)) => step.expected.push(line.trim_end().to_owned()),
            (None, None) => assert!(line.is_empty(), "text before the first command: {line}"),
        }
    }
    for step in &mut steps {
        // One empty line parts it from the next command.
        if step.expected.last().is_some_and(String::is_empty) {
            step.expected.pop();
        }
    }
    steps
}

fn matches(expected: &[String], seen: &[String]) -> bool {
    match expected.split_first() {
        None => seen.is_empty(),
        Some((line, rest)) if line == "..." => {
            (0..=seen.len()).any(|skipped| matches(rest, &seen[skipped..]))
        }
        Some((line, rest)) => seen
            .split_first()
            .is_some_and(|(first, others)| line_matches(line, first) && matches(rest, others)),
    }
}

fn line_matches(expected: &str, seen: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = parts.next().and_then(|start| seen.strip_prefix(start)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((end, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[test]
fn lines_match_with_gaps_and_not_otherwise() {
    for (expected, seen, result) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a[..]c", "abc", true),
        ("a[..]c", "abcd", false),
        ("[..]b[..]", "abc", true),
        ("a[..]b[..]b", "ab", false),
    ] {
        assert_eq!(line_matches(expected, seen), result, "{expected} {seen}");
    }
}
