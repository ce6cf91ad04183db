//! Files of a directory that believe they verify: CI, compose, Dockerfiles.
//!
//! They are read line by line, as a person skims them, and not as their programs would: a finding
//! names the line, and whoever reads it decides. What uses countersign in the same file is left
//! alone.

use jiff::Timestamp as Instant;

use super::{ContentTrust, Finding, Severity, server_findings};

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
    /// Steps of a pipeline.
    Ci,
    /// How an image is built.
    Dockerfile,
    /// Which images run together.
    Compose,
}

/// What is to be said of a directory. `host` is what the environment asks docker for.
pub fn pipeline_findings(sources: &[Source], host: &ContentTrust, now: Instant) -> Vec<Finding> {
    let believes = host.is_on() || sources.iter().any(|source| source.turns_trust_on().is_some());
    let mut findings = Vec::new();
    for source in sources {
        match source.kind {
            FileKind::Ci => findings.extend(ci(source, now)),
            FileKind::Dockerfile if believes => findings.extend(dockerfile(source)),
            FileKind::Compose if believes => findings.extend(compose(source)),
            FileKind::Dockerfile | FileKind::Compose => {}
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

    /// The line that asks docker to check.
    fn turns_trust_on(&self) -> Option<usize> {
        let on = |line: &str| trust_of(line).is_some_and(|trust| trust.is_on());
        self.lines().find(|(_, line)| on(line)).map(|(number, _)| number)
    }

    /// Whether something of ours stands between its steps and docker.
    fn uses_us(&self) -> bool {
        let words =
            ["countersign verify", "countersign docker ", "--install-shim", "countersign pull"];
        self.lines().any(|(_, line)| words.iter().any(|word| line.contains(word)))
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

fn ci(source: &Source, now: Instant) -> Vec<Finding> {
    let mut findings = Vec::new();
    let on = source.turns_trust_on();
    if let (Some(line), false) = (on, source.uses_us()) {
        findings.extend(ignored(source, line));
        findings.extend(unchecked_commands(source));
    }
    for (number, line) in source.lines() {
        let subject = source.at(number);
        findings.extend(disabled(line, &subject));
        findings.extend(passphrase(line, &subject));
        findings.extend(ending_server(line, &subject, on.is_some(), now));
    }
    findings.extend(lost_command(source));
    findings
}

/// A pipeline that asks docker to check, and takes whatever docker it is given.
fn ignored(source: &Source, line: usize) -> Option<Finding> {
    let pinned = source.lines().any(|(_, line)| names_old_docker(line));
    if pinned {
        return None;
    }
    let message =
        "turns DOCKER_CONTENT_TRUST on, which docker 29 and later ignore without a word".to_owned();
    let finding = Finding::new("ci-trust-ignored", Severity::Unverified, source.at(line), message);
    Some(
        finding
            .remedy("countersign docker --install-shim DIR as the first step, DIR first in PATH"),
    )
}

/// `docker:24`, `docker:28-dind`: an image whose docker still checks.
fn names_old_docker(line: &str) -> bool {
    line.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'')).any(|word| {
        let tag = word.rsplit_once('/').map_or(word, |(_, name)| name).strip_prefix("docker:");
        let digits = tag.map(|tag| tag.split(|it: char| !it.is_ascii_digit()).next().unwrap_or(""));
        digits.and_then(|digits| digits.parse::<u32>().ok()).is_some_and(|major| major < 29)
    })
}

/// What no docker ever checked.
fn unchecked_commands(source: &Source) -> Vec<Finding> {
    let classic = source
        .lines()
        .any(|(_, line)| line.replace(['"', '\'', ' '], "").contains("DOCKER_BUILDKIT=0"));
    let found = source.lines().filter_map(|(number, line)| {
        let command = UNCHECKED
            .iter()
            .find(|(command, is_build)| has_words(line, command) && !(*is_build && classic))?;
        let message =
            format!("`{}` takes unsigned images, whatever DOCKER_CONTENT_TRUST says", command.0);
        let subject = source.at(number);
        let finding = Finding::new("ci-unchecked-command", Severity::Unverified, subject, message);
        Some(finding.remedy(format!(
            "countersign {}",
            command.0.replace("docker-compose", "docker compose")
        )))
    });
    found.collect()
}

/// Whether a command stands in a line as words of their own.
fn has_words(line: &str, command: &str) -> bool {
    line.match_indices(command).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + command.len()..].chars().next();
        let parts = |letter: Option<char>| {
            letter.is_none_or(|letter| !letter.is_ascii_alphanumeric() && !"-_/.".contains(letter))
        };
        parts(before) && parts(after)
    })
}

fn disabled(line: &str, subject: &str) -> Option<Finding> {
    let flag = line.split("--disable-content-trust").nth(1);
    let by_flag = flag.is_some_and(|rest| !rest.starts_with("=false") && !rest.starts_with("=0"));
    let by_variable = trust_of(line) == Some(ContentTrust::Off);
    if !by_flag && !by_variable {
        return None;
    }
    let message = "goes without content trust on purpose".to_owned();
    Some(Finding::new("ci-trust-disabled", Severity::Warning, subject, message))
}

/// Secrets in a file that everybody with the repository has. What they are is not repeated.
fn passphrase(line: &str, subject: &str) -> Option<Finding> {
    let name = PASSPHRASES.iter().find(|name| value_of(line, name).is_some_and(is_literal))?;
    let message = format!("{name} is written here in plain text");
    let finding = Finding::new("ci-passphrase-in-file", Severity::Broken, subject, message);
    Some(finding.remedy("keep it in the secrets of the CI system, and give the key another passphrase: countersign key passwd ID"))
}

/// Neither a variable nor a secret of the CI system.
fn is_literal(value: &str) -> bool {
    !value.starts_with('$') && !value.starts_with("credentials") && !value.starts_with('%')
}

fn ending_server(line: &str, subject: &str, trust_is_on: bool, now: Instant) -> Option<Finding> {
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    let hosts = line.split(|letter: char| !is_host(letter));
    hosts
        .filter(|host| trust_is_on || *host == "notary.docker.io")
        .find_map(|host| server_findings(host, subject, now))
}

fn lost_command(source: &Source) -> Option<Finding> {
    let installs = source.lines().any(|(_, line)| line.contains("docker-trust --install"));
    let (number, _) = source.lines().find(|(_, line)| has_words(line, "docker trust"))?;
    if installs || source.lines().any(|(_, line)| names_old_docker(line)) {
        return None;
    }
    let message = "docker 29 and later have no `docker trust`".to_owned();
    let finding = Finding::new("ci-command-lost", Severity::Warning, source.at(number), message);
    Some(finding.remedy("countersign docker-trust --install"))
}

/// Base images that nobody checks, though somebody believes it.
fn dockerfile(source: &Source) -> Vec<Finding> {
    let mut stages: Vec<String> = Vec::new();
    let mut findings = Vec::new();
    for (number, line) in source.lines() {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        let image = match instruction.as_str() {
            "FROM" => {
                let mut rest = words.skip_while(|word| word.starts_with("--"));
                let image = rest.next();
                if let (Some("as"), Some(stage)) =
                    (rest.next().map(str::to_ascii_lowercase).as_deref(), rest.next())
                {
                    stages.push(stage.to_ascii_lowercase());
                }
                image
            }
            "COPY" => words.find_map(|word| word.strip_prefix("--from=")),
            _ => None,
        };
        findings.extend(image.and_then(|image| base(source, number, image, &stages)));
    }
    findings
}

fn base(source: &Source, number: usize, image: &str, stages: &[String]) -> Option<Finding> {
    let is_stage = stages.contains(&image.to_ascii_lowercase()) || image.parse::<u32>().is_ok();
    if is_stage || !is_open(image) || image == "scratch" {
        return None;
    }
    let message =
        format!("BuildKit takes whatever {image} points to: nothing checks who signed it");
    let finding = Finding::new("base-unchecked", Severity::Unverified, source.at(number), message);
    Some(finding.remedy("countersign docker build …"))
}

/// Images that run unchecked, though somebody believes otherwise.
fn compose(source: &Source) -> Vec<Finding> {
    let image = |line: &str| {
        let value = line.trim().trim_start_matches("- ").strip_prefix("image:")?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    };
    let found = source.lines().filter_map(|(number, line)| {
        let image = image(line).filter(|image| is_open(image))?;
        let message =
            format!("compose takes whatever {image} points to: nothing checks who signed it");
        let finding =
            Finding::new("compose-unchecked", Severity::Unverified, source.at(number), message);
        Some(finding.remedy("countersign docker compose up"))
    });
    found.collect()
}

/// Whether a name can come to mean something else; one with a variable may.
fn is_open(image: &str) -> bool {
    !image.is_empty() && !image.contains("@sha256:")
}

/// What a line sets `DOCKER_CONTENT_TRUST` to. A variable of the CI system counts as on.
fn trust_of(line: &str) -> Option<ContentTrust> {
    let value = value_of(line, "DOCKER_CONTENT_TRUST")?;
    match value.starts_with('$') {
        true => Some(ContentTrust::On),
        false => Some(ContentTrust::read(Some(value))),
    }
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
        let braced = before == Some('{');
        if !is_part(before) && !braced && !is_part(after.chars().next()) {
            let value = after.trim_start_matches(['"', '\'']).trim_start();
            let value = match value.strip_prefix([':', '=']) {
                Some(value) => value,
                None if line.trim_start().to_ascii_uppercase().starts_with("ENV ") => value,
                None => return None,
            };
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            let end =
                value.find(|letter: char| letter.is_whitespace() || "'\",;)]".contains(letter));
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

/// Commands that docker never checks, and whether the classic builder would.
const UNCHECKED: [(&str, bool); 6] = [
    ("docker buildx build", false),
    ("docker buildx bake", false),
    ("docker compose", false),
    ("docker-compose", false),
    ("docker stack deploy", false),
    ("docker build", true),
];
const PASSPHRASES: [&str; 6] = [
    "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
    "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
    "NOTARY_DELEGATION_PASSPHRASE",
    "NOTARY_ROOT_PASSPHRASE",
    "NOTARY_SNAPSHOT_PASSPHRASE",
    "NOTARY_TARGETS_PASSPHRASE",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: FileKind, text: &str, host: &ContentTrust) -> Vec<(&'static str, String)> {
        let source = Source { path: "f".into(), kind, text: text.into() };
        let now = "2026-06-01T00:00:00Z".parse().expect("a time");
        let findings = pipeline_findings(&[source], host, now);
        findings.into_iter().map(|finding| (finding.id, finding.subject)).collect()
    }

    fn ci(text: &str) -> Vec<(&'static str, String)> {
        found(FileKind::Ci, text, &ContentTrust::Unset)
    }

    #[test]
    fn pipelines_that_believe_are_found_and_their_honest_twins_are_not() {
        let at = |id: &'static str, line: u32| (id, format!("f:{line}"));
        for (text, expected) in [
            (
                "env:\n  DOCKER_CONTENT_TRUST: '1'\nrun: docker pull web:1",
                vec![at("ci-trust-ignored", 2)],
            ),
            ("DOCKER_CONTENT_TRUST = \"true\"", vec![at("ci-trust-ignored", 1)]),
            ("export DOCKER_CONTENT_TRUST=$ENABLED", vec![at("ci-trust-ignored", 1)]),
            ("export DOCKER_CONTENT_TRUST=1 # on\ncountersign docker --install-shim /s", vec![]),
            ("image: docker:24-git\nvariables: {DOCKER_CONTENT_TRUST: 1}", vec![]),
            ("image: docker:29\nDOCKER_CONTENT_TRUST: 1", vec![at("ci-trust-ignored", 2)]),
            ("# DOCKER_CONTENT_TRUST=1\ndocker pull web", vec![]),
            ("docker buildx build .", vec![]),
            (
                "image: docker:28\nDOCKER_CONTENT_TRUST: 1\nrun: docker buildx build .\n     docker-compose up",
                vec![at("ci-unchecked-command", 3), at("ci-unchecked-command", 4)],
            ),
            (
                "image: docker:28\nDOCKER_CONTENT_TRUST: 1\ndocker build .",
                vec![at("ci-unchecked-command", 3)],
            ),
            ("image: docker:28\nDOCKER_CONTENT_TRUST: 1\nDOCKER_BUILDKIT=0 docker build .", vec![]),
            ("docker pull --disable-content-trust web", vec![at("ci-trust-disabled", 1)]),
            ("docker pull --disable-content-trust=false web", vec![]),
            ("DOCKER_CONTENT_TRUST=0 docker pull web", vec![at("ci-trust-disabled", 1)]),
            ("docker trust sign web:1", vec![at("ci-command-lost", 1)]),
            ("countersign docker-trust --install\ndocker trust sign web:1", vec![]),
            ("notary -s https://notary.docker.io list x", vec![at("trust-server-ends", 1)]),
            ("docker pull team.azurecr.io/web", vec![]),
        ] {
            assert_eq!(ci(text), expected, "{text}");
        }
    }

    #[test]
    fn passphrases_in_files_are_found_and_not_repeated() {
        let text = "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: s3cret";
        assert_eq!(ci(text), [("ci-passphrase-in-file", "f:1".to_owned())]);
        let source = Source { path: "f".into(), kind: FileKind::Ci, text: text.into() };
        let now = "2026-06-01T00:00:00Z".parse().expect("a time");
        assert!(
            !format!("{:?}", pipeline_findings(&[source], &ContentTrust::Unset, now))
                .contains("s3cret")
        );
        for honest in [
            "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: ${{ secrets.ROOT }}",
            "NOTARY_ROOT_PASSPHRASE=$ROOT",
            "NOTARY_ROOT_PASSPHRASE = credentials('root')",
            "echo DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE is needed",
        ] {
            assert_eq!(ci(honest), [], "{honest}");
        }
    }

    #[test]
    fn files_that_build_and_run_matter_where_somebody_believes() {
        let dockerfile = "FROM --platform=linux/amd64 golang:1.22 AS build\nFROM scratch\n\
             COPY --from=build /x /x\nCOPY --from=0 /y /y\nCOPY --from=tools:2 /z /z\nFROM base@sha256:aa";
        let compose = "services:\n  web:\n    image: \"web:1\"\n  db:\n    image: db@sha256:aa";
        assert_eq!(
            found(FileKind::Dockerfile, dockerfile, &ContentTrust::On),
            [("base-unchecked", "f:1".to_owned()), ("base-unchecked", "f:5".to_owned())]
        );
        assert_eq!(
            found(FileKind::Compose, compose, &ContentTrust::On),
            [("compose-unchecked", "f:3".to_owned())]
        );
        assert_eq!(found(FileKind::Dockerfile, dockerfile, &ContentTrust::Unset), []);
        assert_eq!(found(FileKind::Compose, compose, &ContentTrust::Off), []);
    }
}
