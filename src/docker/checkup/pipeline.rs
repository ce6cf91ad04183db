//! Files of a directory that believe they verify: CI, compose, Dockerfiles.
//!
//! Pipelines are read as far as their scopes: which steps run where content trust is on, and what
//! runs there. Templates, includes and expressions are not worked out; a finding names the line,
//! and whoever reads it decides.
//!
//! | file | about |
//! |---|---|
//! | `workflow` | pipelines in YAML: steps, and the variables around them |
//! | `jenkins` | the same in Jenkinsfiles |
//! | `shell` | lines as commands |
//! | `before` | what stands before a program |
//! | `docker` | what a command or prepared step does with images |
//! | `judge` | what is believed, and who looks |
//! | `images` | Dockerfiles, compose files |

mod before;
mod docker;
mod images;
mod jenkins;
mod judge;
mod shell;
mod step;
#[cfg(test)]
mod tests;
mod workflow;

use jiff::Timestamp as Instant;

use self::step::{Belief, Scope, Step, Steps, TRUST, What};
use super::{ContentTrust, Finding, Id, Severity, server_findings};
use crate::docker::yaml;

/// A file of a directory.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path in the directory.
    pub path: String,
    /// What it is for.
    pub kind: FileKind,
    /// What it says.
    pub text: String,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// Steps of a pipeline, in YAML.
    Workflow,
    /// Steps of a pipeline, in Groovy.
    Jenkinsfile,
    /// A shell script.
    Script,
    /// How an image is built.
    Dockerfile,
    /// Which images run together.
    Compose,
}

/// What is to be said of a directory. `host` is what the environment asks docker for.
pub fn pipeline_findings(sources: &[Source], host: &ContentTrust, now: Instant) -> Vec<Finding> {
    let believes = host.is_on() || sources.iter().any(Source::turns_trust_on);
    let mut findings = Vec::new();
    for source in sources {
        match source.kind {
            FileKind::Dockerfile if believes => findings.extend(images::dockerfile(source)),
            FileKind::Compose if believes => {
                let found = images::compose(source);
                findings.extend(found.unwrap_or_else(|error| vec![unreadable(source, &error)]));
            }
            FileKind::Dockerfile | FileKind::Compose => {}
            _ => findings.extend(ci(source, now)),
        }
    }
    findings
}

impl Source {
    /// Its lines without comments, with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().map(without_comment).enumerate();
        lines.map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.is_empty())
    }

    /// Whether a line asks docker to check.
    fn turns_trust_on(&self) -> bool {
        let on = |line: &str| {
            value_of(line, TRUST).is_some_and(|value| Belief::of(value, 1) == Belief::Since(1))
        };
        self.lines().any(|(_, line)| on(line))
    }

    /// What it runs.
    fn steps(&self) -> Result<Steps, yaml::Error> {
        match self.kind {
            FileKind::Workflow => workflow::read(&self.text),
            FileKind::Jenkinsfile => Ok(jenkins::read(&self.text)),
            _ => {
                let lines = self.text.lines().enumerate();
                let lines = lines.map(|(at, line)| (at + 1, line.to_owned())).collect();
                let step = Step { job: 0, scope: Scope::default(), what: What::Shell(lines) };
                Ok(Steps { steps: vec![step], beliefs: Vec::new() })
            }
        }
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

fn ci(source: &Source, now: Instant) -> Vec<Finding> {
    let mut findings = match source.steps() {
        Ok(steps) => judge::findings(source, &steps),
        Err(error) => vec![unreadable(source, &error)],
    };
    let trust_is_on = source.turns_trust_on();
    for (number, line) in source.lines() {
        let subject = source.at(number);
        findings.extend(disabled(line, &subject));
        findings.extend(passphrase(line, &subject));
        findings.extend(ending_server(line, &subject, trust_is_on, now));
    }
    findings
}

fn unreadable(source: &Source, error: &yaml::Error) -> Finding {
    let message = format!("is no YAML, so nobody knows what it believes: {error}");
    let remedy = "correct it, and look again: countersign doctor DIR";
    Finding::new(Id::FileUnreadable, Severity::Warning, &source.path, message, remedy)
}

fn disabled(line: &str, subject: &str) -> Option<Finding> {
    let by_flag = line.split("--disable-content-trust").skip(1).any(disables);
    let by_variable = value_of(line, TRUST)
        .is_some_and(|value| ContentTrust::read(Some(value)) == ContentTrust::Off);
    if !by_flag && !by_variable {
        return None;
    }
    let message = "goes without content trust on purpose";
    let remedy = format!("take it out, or: countersign doctor --allow {}", Id::CiTrustDisabled);
    Some(Finding::new(Id::CiTrustDisabled, Severity::Warning, subject, message, remedy))
}

/// Whether docker's flag disables, by what follows its name.
fn disables(rest: &str) -> bool {
    let value = rest.strip_prefix('=').unwrap_or_default().trim_start_matches(['"', '\'']);
    let end = value.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(value.len());
    ContentTrust::read(Some(&value[..end])) != ContentTrust::Off
}

/// Secrets in a file that everybody with the repository has. What they are is not repeated.
fn passphrase(line: &str, subject: &str) -> Option<Finding> {
    let name = PASSPHRASES.iter().find(|name| value_of(line, name).is_some_and(is_literal))?;
    let message = format!("{name} is written here in plain text");
    let remedy = "keep it in the secrets of the CI system, and give the key another passphrase: countersign key passwd ID";
    Some(Finding::new(Id::CiPassphraseInFile, Severity::Broken, subject, message, remedy))
}

/// Neither a variable nor a secret of the CI system, nor what a command says.
fn is_literal(value: &str) -> bool {
    let filled_in = ["$", "`", "<<", "%", "credentials"];
    !filled_in.iter().any(|begin| value.starts_with(begin))
}

fn ending_server(line: &str, subject: &str, trust_is_on: bool, now: Instant) -> Option<Finding> {
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    let hosts = line.split(|letter: char| !is_host(letter));
    hosts
        .filter(|host| trust_is_on || *host == "notary.docker.io")
        .find_map(|host| server_findings(host, subject, now))
}

/// What a line sets a variable to: `NAME=VALUE`, `NAME: VALUE`, `ENV NAME VALUE`, quoted or not.
fn value_of<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let mut rest = line;
    loop {
        let at = rest.find(name)?;
        let before = rest[..at].chars().next_back();
        let after = &rest[at + name.len()..];
        let is_part = |letter: Option<char>| {
            letter.is_some_and(|letter| {
                letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
            })
        };
        // `${NAME}`, and not `{NAME: 1}`.
        let braced = rest[..at].ends_with("${");
        if !is_part(before) && !braced && !is_part(after.chars().next()) {
            let value = after.trim_start_matches(['"', '\'']).trim_start();
            let value = match value.strip_prefix([':', '=']) {
                Some(value) => value,
                None if line.trim_start().to_ascii_uppercase().starts_with("ENV ") => value,
                None => return None,
            };
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            let end =
                value.find(|letter: char| letter.is_whitespace() || "'\",;)]}".contains(letter));
            let value = &value[..end.unwrap_or(value.len())];
            return (!value.is_empty()).then_some(value);
        }
        rest = after;
    }
}

/// A line up to its comment: `#` or `//` at its beginning or after a blank.
fn without_comment(line: &str) -> &str {
    let is_comment = |at: usize| {
        let rest = &line[at..];
        let begins = rest.starts_with('#') || rest.starts_with("// ");
        begins && (at == 0 || line[..at].ends_with([' ', '\t']))
    };
    let end = line.char_indices().map(|(at, _)| at).find(|at| is_comment(*at));
    line[..end.unwrap_or(line.len())].trim_end()
}

const PASSPHRASES: [&str; 6] = [
    "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
    "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
    "NOTARY_DELEGATION_PASSPHRASE",
    "NOTARY_ROOT_PASSPHRASE",
    "NOTARY_SNAPSHOT_PASSPHRASE",
    "NOTARY_TARGETS_PASSPHRASE",
];
