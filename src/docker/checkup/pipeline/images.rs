//! Dockerfiles and compose files that take images by their tags, where somebody believes that this
//! is checked.

use super::{Finding, Id, Severity, Source};
use crate::docker::yaml::{self, Node};

/// Base images that nobody checks.
pub(super) fn dockerfile(source: &Source) -> Vec<Finding> {
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
    let place = source.at(number);
    Some(Finding::new(
        Id::BaseUnchecked,
        Severity::Unverified,
        place,
        message,
        "countersign docker build …",
    ))
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
