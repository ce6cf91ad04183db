//! `inspect`: what is signed, by whom, and the keys, as docker shows it.

mod view;

use clap::Args;

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format, beside_role, for_json};
use super::process::wait_for;
use super::subject::Subject;
use super::verify::{instead, is_no_answer, tell_of_age};
use crate::docker::Inspection;
use crate::net::Access;

pub(super) use view::{View, natural};

#[derive(Args)]
#[command(after_help = "\
Prints what `docker trust inspect` prints. Delegations that cannot be used, and tags that were signed for another
repository, are named on stderr.

Examples:
  countersign inspect registry.example.com/team/web
  countersign inspect --pretty registry.example.com/team/web:1.4")]
pub(super) struct Arguments {
    /// Image references; without a tag all of the repository's
    #[arg(required = true, value_name = "REF")]
    references: Vec<String>,

    /// For people instead of as JSON
    #[arg(long)]
    pretty: bool,
}

/// Shows every repository that can be shown.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    if arguments.pretty && context.output.format == Format::Json {
        let message = "--pretty is for people, and --format json for programs: choose one";
        return Err(Failure::new(Kind::Usage, message));
    }
    wait_for(async {
        let mut views = Vec::new();
        let mut code = Code::Done;
        for reference in &arguments.references {
            match view(reference, context).await {
                Ok(view) => views.push(view),
                Err(failure) => {
                    code = code.max(context.output.refusal_aside(Some(reference), &failure));
                }
            }
        }
        match arguments.pretty {
            true => context
                .output
                .page(&views.iter().map(View::pretty).collect::<Vec<_>>().join("\n\n")),
            false => context.output.bytes(for_json(&View::json(&views)).as_bytes()),
        }
        Ok(code)
    })
}

async fn view(reference: &str, context: &Context) -> Result<View, Failure> {
    let subject = context.subject(reference)?;
    let inspection = inspection(&subject, context).await?;
    for told in misplaced(&inspection) {
        context.output.notice(&format!("warning: {reference}: {told}"));
    }
    Ok(View::of(reference, &inspection))
}

/// What docker's form of an inspection has no place for: tags that pulls refuse.
pub(super) fn misplaced(inspection: &Inspection) -> impl Iterator<Item = String> {
    let tags = inspection.misplaced();
    tags.map(|(tag, other)| format!("{tag} was signed for {other}, and pulls refuse it"))
}

/// Looks at a repository, or at one tag of it.
///
/// # Errors
///
/// If it has no trust data, or none that is trusted.
pub(super) async fn inspection(
    subject: &Subject,
    context: &Context,
) -> Result<Inspection, Failure> {
    let opened = context.open(subject, Access::Pull)?;
    let inspection = match opened.collection().inspect(subject.given_tag()).await {
        Err(error) if context.falls_back_to_cache() && is_no_answer(&error) => {
            let cached = opened.cached().inspect(subject.given_tag()).await;
            instead(error, cached, subject, context)?
        }
        other => other?,
    };
    tell_of_age(subject, inspection.collection.freshness, context);
    for (role, why) in &inspection.collection.unusable {
        let why = why.to_string();
        let why = beside_role(role, &why);
        context.output.notice(&format!("warning: {}: {role} cannot be used: {why}", subject.typed));
    }
    Ok(inspection)
}
