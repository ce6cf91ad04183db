//! `verify`: what tags were signed for.

mod answer;
mod report;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use answer::Answer;
use clap::Args;
use report::{Outcome, ReportForm};

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::process::wait_for;
use super::subject::Subject;
use crate::client::{self, Freshness};
use crate::docker::{self, Detail, Note, Query, Resolution};
use crate::net::Access;

pub(super) use answer::{Link, links};

#[derive(Args)]
#[command(after_help = "\
Prints NAME@sha256:… for each reference, and nothing else on stdout. Only exit code 0 means that all \
of them are signed and trusted.

Examples:
  countersign verify registry.example.com/team/web:1.4
  docker run --rm \"$(countersign verify registry.example.com/team/web:1.4)\"
  countersign verify --max-age 36h --format json web:1 web:2
  countersign verify --report junit --report-file verify.xml web:1 web:2")]
pub(super) struct Arguments {
    /// Image references; the tag is latest unless given, and a given digest must be the signed one
    #[arg(required = true, value_name = "REF")]
    references: Vec<String>,

    /// Print a report for CI systems instead, one finding or test case for each reference
    #[arg(long, value_name = "FORM", value_enum)]
    report: Option<ReportForm>,

    /// Write the report into this file, beside the usual answers
    #[arg(long, value_name = "FILE", requires = "report")]
    report_file: Option<PathBuf>,
}

/// Answers for each reference, in order.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let show = match (arguments.report, &arguments.report_file) {
        (Some(_), None) => Show::Refusals,
        _ => Show::Answers,
    };
    wait_for(async {
        let (mut code, mut outcomes) = (Code::Done, Vec::new());
        for reference in &arguments.references {
            let (outcome, its) = answer(reference, show, context).await;
            code = code.max(its);
            outcomes.push(outcome);
        }
        if let Some(form) = arguments.report {
            deliver(form, &outcomes, arguments, context)?;
        }
        Ok(code)
    })
}

/// What is shown while references are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    /// Each answer on stdout, refusals as the format wants them.
    Answers,
    /// Refusals on stderr; the answer is the report.
    Refusals,
}

async fn answer(reference: &str, show: Show, context: &Context) -> (Outcome, Code) {
    let began = Instant::now();
    let detail = match context.output.format {
        Format::Text => Detail::Answer,
        Format::Json => Detail::Signers,
    };
    let resolved = async {
        let subject = context.subject(reference)?;
        resolve(&subject, detail, context).await
    };
    let (answer, code) = match resolved.await {
        Err(failure) => {
            let code = match show {
                Show::Answers => context.output.refusal(Some(reference), &failure),
                Show::Refusals => context.output.refusal_aside(Some(reference), &failure),
            };
            (Err(failure), code)
        }
        Ok(resolution) => {
            let text = resolution.reference.to_string();
            match (show, context.output.format) {
                (Show::Refusals, _) => {}
                (_, Format::Text) => context.output.answer(&text),
                (_, Format::Json) => {
                    context.output.object(&Answer::of(reference, &resolution, context));
                }
            }
            (Ok(text), Code::Done)
        }
    };
    (Outcome { reference: reference.to_owned(), answer, took: began.elapsed() }, code)
}

/// Prints or writes the report.
fn deliver(
    form: ReportForm,
    outcomes: &[Outcome],
    arguments: &Arguments,
    context: &Context,
) -> Result<(), Failure> {
    let text = form.write(outcomes);
    match &arguments.report_file {
        None => context.output.bytes(text.as_bytes()),
        Some(path) => fs::write(path, text).map_err(|error| {
            Failure::new(Kind::Disk, format!("the report {}: {error}", path.display()))
        })?,
    }
    Ok(())
}

/// The digest that a reference was signed for, with everything said that one should know about it.
///
/// # Errors
///
/// If it is not signed, not trusted, or nobody can tell.
pub(super) async fn resolve(
    subject: &Subject,
    detail: Detail,
    context: &Context,
) -> Result<Resolution, Failure> {
    subject.tag()?;
    answered(&subject.query(), subject, detail, context).await
}

/// The same of whatever is asked, also of a digest that comes without a tag.
///
/// # Errors
///
/// As [`resolve`].
pub(super) async fn answered(
    query: &Query,
    subject: &Subject,
    detail: Detail,
    context: &Context,
) -> Result<Resolution, Failure> {
    let required = context.required_signers()?;
    let opened = context.open(subject, Access::Pull)?;
    let resolution = match opened.collection().answer(query, detail, &required).await {
        Err(error) if context.falls_back_to_cache() && is_no_answer(&error) => {
            let cached = opened.cached().answer(query, detail, &required).await;
            instead(error, cached, subject, context)?
        }
        other => other?,
    };
    tell(subject, &resolution, context);
    Ok(resolution)
}

/// Whether the server did not answer; that it refuses us or lies is another matter.
pub(super) fn is_no_answer(error: &docker::Error) -> bool {
    matches!(error, docker::Error::Client(client::Error::Net(error)) if error.is_no_answer())
}

/// What the cache says in the place of a server that did not answer; the server's silence, where
/// there is no cache.
///
/// # Errors
///
/// Either.
pub(super) fn instead<T>(
    silence: docker::Error,
    cached: Result<T, docker::Error>,
    subject: &Subject,
    context: &Context,
) -> Result<T, Failure> {
    let silence = Failure::from(silence);
    use client::Error::{NotStored, StoredDamaged};
    if let Err(docker::Error::Client(NotStored { .. } | StoredDamaged { .. })) = cached {
        return Err(silence);
    }
    context.output.warning(&format!("{}: {}", subject.typed, silence.message));
    Ok(cached?)
}

fn tell(subject: &Subject, resolution: &Resolution, context: &Context) {
    tell_of_age(subject, resolution.collection.freshness, context);
    for note in &resolution.notes {
        match note {
            Note::ReleasesNeverPublished => context.output.notice(&format!(
                "{}: targets/releases has never been published; targets answers",
                subject.typed
            )),
        }
    }
    let role = resolution.reference.role();
    context.output.detail(&format!("{}: signed in {role}", subject.typed));
}

/// The age of what comes from the cache.
pub(super) fn tell_of_age(subject: &Subject, freshness: Freshness, context: &Context) {
    if let Freshness::Cache(confirmed) = freshness {
        let age = match confirmed {
            Some(at) => format!("last confirmed {} ago, at {at:.0}", ago(context.now, at)),
            None => "of unknown age".to_owned(),
        };
        context.output.notice(&format!("{}: answered from the cache, {age}", subject.typed));
    }
}

fn ago(now: jiff::Timestamp, then: jiff::Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
