//! `doctor`: what this host, or a directory, believes to be verified and is not; and what will
//! break next.
//!
//! What is looked at is looked at here; what it means is decided in `docker::checkup`. No network
//! is asked unless `--online` says so, and nothing is changed.

mod configuration;
mod containerd;
mod directory;
mod host;
mod online;
mod tls;
mod trust;

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;
use serde_json::json;

use super::args::Global;
use super::context::output_of;
use super::environment::{Environment, clock};
use super::exit::Code;
use super::output::{Failure, Format, Output};
use super::span::Span;
use crate::docker::checkup::{
    Finding, Id, Severity, host_findings, pipeline_findings, server_findings,
};

#[derive(Args)]
#[command(after_help = "\
The exit code is the worst finding's: 0 only notes, 1 a warning, 4 something that believes it verifies and \
does not, 8 files, keys or a clock that cannot be relied on. Ids of findings stay.

Examples:
  countersign doctor
  countersign doctor . --within 90d
  countersign doctor --format json | jq -r 'select(.severity == \"unverified\") | .id'")]
pub(super) struct Arguments {
    /// Directory whose CI, compose and Dockerfiles are looked at, too
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Tell what expires within this time
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    within: Span,

    /// Also ask the trust servers of what is cached here
    #[arg(long)]
    online: bool,

    /// Leave out findings of this id; may be repeated
    #[arg(long, value_name = "ID", value_parser = id)]
    allow: Vec<Id>,
}

/// Looks, and tells what was found.
pub(super) fn run(arguments: &Arguments, global: Global) -> Result<Code, Failure> {
    let (environment, output) = (Environment::read()?, output_of(&global));
    let mut findings = look(arguments, &global, &environment)?;
    if arguments.online {
        findings.extend(online::findings(global, environment));
    }
    findings.retain(|finding| !arguments.allow.contains(&finding.id));
    // The worst first; of equals, in the order in which they were found.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    tell(&findings, output);
    Ok(findings.iter().map(|finding| code(finding.severity)).max().unwrap_or_default())
}

fn look(
    arguments: &Arguments,
    global: &Global,
    environment: &Environment,
) -> Result<Vec<Finding>, Failure> {
    let now = clock();
    let within =
        SignedDuration::try_from(arguments.within.duration()).unwrap_or(SignedDuration::MAX);
    let host = host::look(environment);
    let mut findings = host_findings(&host);
    findings.extend(containerd::findings());
    if let Some(server) = &host.trust_server {
        let name = server.trim_start_matches("https://").split('/').next().unwrap_or_default();
        findings.extend(server_findings(name, "DOCKER_CONTENT_TRUST_SERVER", now));
    }
    match trust::Places::of(global, environment) {
        Ok(places) => {
            findings.extend(configuration::findings(&places, global, environment));
            findings.extend(tls::findings(&places, now));
            findings.extend(trust::findings(&places, global, environment, now, within));
        }
        Err(failure) => {
            let remedy = "export HOME=… (a directory of yours)";
            let finding =
                Finding::new(Id::NoHome, Severity::Broken, "HOME", failure.message, remedy);
            findings.push(finding);
        }
    }
    if let Some(directory) = &arguments.directory {
        let (sources, left_out) = directory::read(directory)?;
        findings.extend(pipeline_findings(&sources, &host.trust, now));
        findings.extend(left_out);
    }
    Ok(findings)
}

/// An id that is meant to be left out: one that nobody ever finds would be a mistake.
fn id(text: &str) -> Result<Id, String> {
    let found = Id::ALL.iter().copied().find(|id| id.as_str() == text);
    found.ok_or_else(|| "no finding has this id; docs/doctor.md lists them".to_owned())
}

fn code(severity: Severity) -> Code {
    match severity {
        Severity::Note => Code::Done,
        Severity::Warning => Code::Other,
        Severity::Unverified => Code::NotTrusted,
        Severity::Broken => Code::LocalState,
    }
}

fn tell(findings: &[Finding], output: Output) {
    match output.format {
        Format::Json => findings.iter().for_each(|finding| {
            output.object(&json!({
                "id": finding.id.as_str(),
                "severity": finding.severity.as_str(),
                "subject": finding.subject,
                "message": finding.message,
                "remedy": finding.remedy,
            }));
        }),
        Format::Text => {
            for finding in findings {
                let severity = finding.severity.as_str();
                let (id, subject) = (finding.id, &finding.subject);
                output.answer(&format!("{severity}: {subject}: {} [{id}]", finding.message));
                output.answer(&format!("    {}", finding.remedy));
            }
            output.notice(&verdict(findings));
        }
    }
}

fn verdict(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let worst = findings.iter().map(|finding| finding.severity).max();
    match worst {
        None => "Nothing was found.".to_owned(),
        Some(Severity::Note) => "Nothing is wrong.".to_owned(),
        Some(_) => format!(
            "{} unverified, {} broken, {} warnings, {} notes",
            count(Severity::Unverified),
            count(Severity::Broken),
            count(Severity::Warning),
            count(Severity::Note)
        ),
    }
}

/// Of a file that is looked at; larger ones are none of those that are expected.
const MAX_BYTES: u64 = 1 << 20;
