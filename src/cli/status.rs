//! `status`: what is staged and not published, or what ends soon.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::{Code, Kind};
use super::expiring;
use super::output::{Failure, Format};
use super::span::Span;
use super::table::table;
use crate::storage::Staged;

#[derive(Args)]
#[command(after_help = "\
Shows what `sign --stage`, `revoke --stage` and notary left to be published. The numbers are for \
`countersign reset`. With --within it shows what ends soon instead; the exit code is then 4 if something \
does that the server will not renew by itself.

Examples:
  countersign status registry.example.com/team/web
  countersign status --within 30d")]
pub(super) struct Arguments {
    /// Repository, without a tag; with --within several, or all that are known here
    #[arg(value_name = "REPO")]
    repositories: Vec<String>,

    /// Show every role and certificate that ends within this time: 30d
    #[arg(long, value_name = "DURATION")]
    within: Option<Span>,
}

/// Shows what is staged, or what ends soon.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    match (arguments.within, arguments.repositories.as_slice()) {
        (Some(within), repositories) => expiring::run(repositories, within, context),
        (None, [repository]) => staged(repository, context),
        (None, _) => Err(Failure::new(Kind::Usage, "name one repository, or a time with --within")),
    }
}

/// Shows every staged change, and those that are none.
fn staged(repository: &str, context: &Context) -> Result<Code, Failure> {
    let subject = context.subject(repository)?.bare()?;
    let staged = context.directory(&subject.gun).changelist().list()?;
    match context.output.format {
        Format::Text if staged.is_empty() => context.output.notice("nothing is staged"),
        Format::Text => {
            let rows: Vec<_> = staged.iter().enumerate().map(row).collect();
            context.output.page(&table(["#", "ACTION", "ROLE", "TYPE", "NAME"], &rows));
        }
        Format::Json => staged.iter().enumerate().for_each(|(number, staged)| {
            let change = staged.change.as_ref().ok();
            context.output.object(&json!({
                "number": number,
                "action": change.map(|change| &change.action),
                "role": change.map(|change| &change.scope),
                "type": change.map(|change| &change.kind),
                "name": change.map(|change| &change.path),
                "problem": staged.change.as_ref().err(),
            }));
        }),
    }
    tell_of_unreadable(&staged, context);
    Ok(Code::Done)
}

fn row((number, staged): (usize, &Staged)) -> [String; 5] {
    let number = number.to_string();
    match &staged.change {
        Ok(change) => {
            let [action, scope, kind, path] =
                [&change.action, &change.scope, &change.kind, &change.path].map(String::clone);
            [number, action, scope, kind, path]
        }
        Err(_) => {
            let unknown = || "?".to_owned();
            [number, unknown(), unknown(), unknown(), staged.file_name()]
        }
    }
}

fn tell_of_unreadable(staged: &[Staged], context: &Context) {
    for (number, staged) in staged.iter().enumerate() {
        if let Err(problem) = &staged.change {
            let name = staged.file_name();
            context.output.notice(&format!(
                "{name} is no change ({problem}); nothing is published until `countersign reset -n {number}`"
            ));
        }
    }
}
