//! `delegation list`: the delegations of a repository.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Code;
use super::super::output::{Failure, Format};
use super::super::process::wait_for;
use super::super::table::table;
use super::super::verify::tell_of_age;
use crate::docker::DelegationState;
use crate::net::Access;
use crate::tuf::KeyId;

#[derive(Args)]
#[command(after_help = "\
Example:
  countersign delegation list registry.example.com/team/web")]
pub(in crate::cli) struct List {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,
}

/// The delegations of a repository, by name.
pub(in crate::cli) fn of(
    repository: &str,
    context: &Context,
) -> Result<Vec<DelegationState>, Failure> {
    wait_for(async {
        let subject = context.subject(repository)?.bare()?;
        let opened = context.open(&subject, Access::Pull)?;
        let delegations = opened.collection().delegations().await?;
        tell_of_age(&subject, opened.freshness()?, context);
        Ok(delegations)
    })
}

/// Lists them.
pub(super) fn run(arguments: &List, context: &Context) -> Result<Code, Failure> {
    let delegations = match of(&arguments.repository, context) {
        Ok(delegations) => delegations,
        Err(failure) => return Ok(context.output.refusal(Some(&arguments.repository), &failure)),
    };
    match context.output.format {
        Format::Text if delegations.is_empty() => context.output.notice("no delegations"),
        Format::Text => {
            let rows: Vec<_> = delegations.iter().flat_map(rows).collect();
            let heading = ["ROLE", "MUST SIGN", "PATHS", "VERSION", "EXPIRES", "KEYS"];
            context.output.page(&table(heading, &rows));
        }
        Format::Json => delegations.iter().for_each(|it| {
            let published = it.published.as_ref().map(|file| {
                json!({
                    "version": file.version.number(),
                    "expires": format!("{:.0}", file.expires),
                    "names": file.names,
                    "signed_by": file.signers.iter().map(KeyId::to_string).collect::<Vec<_>>(),
                })
            });
            context.output.object(&json!({
                "role": it.name.as_str(),
                "keys": it.keys.iter().map(KeyId::to_string).collect::<Vec<_>>(),
                "threshold": it.threshold.count(),
                "paths": it.paths,
                "published": published,
                "unusable": it.unusable,
            }));
        }),
    }
    Ok(Code::Done)
}

/// A role in as many rows as it has keys or paths.
fn rows(it: &DelegationState) -> Vec<[String; 6]> {
    let threshold = format!("{} of {}", it.threshold, it.keys.len());
    let (version, expires) = match (&it.published, &it.unusable) {
        (Some(file), _) => (file.version.to_string(), format!("{:.0}", file.expires)),
        (None, Some(_)) => ("unusable".to_owned(), String::new()),
        (None, None) => ("none yet".to_owned(), String::new()),
    };
    let first = [it.name.to_string(), threshold, version, expires];
    let height = it.keys.len().max(it.paths.len()).max(1);
    let row = |index: usize| {
        let [name, threshold, version, expires] =
            if index == 0 { first.clone() } else { Default::default() };
        let path = match it.paths.get(index).map(String::as_str) {
            Some("") => "(every name)".to_owned(),
            Some(path) => path.to_owned(),
            None if index == 0 => "(none)".to_owned(),
            None => String::new(),
        };
        let key = it.keys.get(index).map(KeyId::to_string).unwrap_or_default();
        [name, threshold, path, version, expires, key]
    };
    (0..height).map(row).collect()
}
