//! Dockerfiles and compose files that take images by their tags, where somebody believes that this
//! is checked.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Id, Severity, Source};
use crate::docker::dockerfile::{Builder, Dockerfile, Error, Settings};
use crate::docker::yaml::{self, Node};

/// Images of a build that nobody checks.
pub(super) fn dockerfile(source: &Source) -> Vec<Finding> {
    understood(source).unwrap_or_else(|_| by_lines(source))
}

/// As builders read it, without arguments of a command line, which may change what is made of
/// variables.
fn understood(source: &Source) -> Result<Vec<Finding>, Error> {
    let settings = Settings {
        arguments: BTreeMap::new(),
        target: None,
        contexts: BTreeSet::new(),
        builder: Builder::BuildKit,
    };
    let images = Dockerfile::parse(&source.text)?.images(&settings)?;
    let findings = images.iter().filter_map(|image| {
        let written = source.text.get(image.range.clone()).unwrap_or_default();
        let name = if written.contains('$') { written } else { &image.image };
        is_open(name).then(|| unchecked(source, image.line, name))
    });
    Ok(findings.collect())
}

/// Where the file is not understood: by its lines.
fn by_lines(source: &Source) -> Vec<Finding> {
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
    let is_taken = !is_stage && is_open(image) && image != "scratch";
    is_taken.then(|| unchecked(source, number, image))
}

fn unchecked(source: &Source, number: usize, image: &str) -> Finding {
    let message =
        format!("BuildKit takes whatever {image} points to: nothing checks who signed it");
    Finding::new(
        Id::BaseUnchecked,
        Severity::Unverified,
        source.at(number),
        message,
        "countersign docker build …",
    )
}

/// Images of services that run unchecked.
///
/// # Errors
///
/// If the file is no YAML.
pub(super) fn compose(source: &Source) -> Result<Vec<Finding>, yaml::Error> {
    let documents = yaml::read(&source.text)?;
    let services = documents.iter().filter_map(|document| document.at("services"));
    let images = services.flat_map(Node::entries).filter_map(|(_, service)| service.at("image"));
    let open =
        images.filter_map(|image| Some((image.line, image.text().filter(|it| is_open(it))?)));
    let tell = |(line, image): (usize, &str)| {
        let message =
            format!("compose takes whatever {image} points to: nothing checks who signed it");
        Finding::new(
            Id::ComposeUnchecked,
            Severity::Unverified,
            source.at(line),
            message,
            "countersign docker compose up",
        )
    };
    Ok(open.map(tell).collect())
}

/// Whether a name can come to mean something else; one with a variable may.
fn is_open(image: &str) -> bool {
    !image.is_empty() && !image.contains("@sha256:")
}
