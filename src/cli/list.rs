//! `list`: the signed tags of a repository.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::inspect::{inspection, natural};
use super::output::{Failure, Format};
use super::process::wait_for;
use super::table::table;
use crate::docker::SignedTag;

#[derive(Args)]
#[command(after_help = "\
Tags as pulls find them: in targets/releases, or else in targets; in TUF 1.0 wherever delegations lead.
What was signed for another repository, and pulls refuse, is marked.

Example:
  countersign list registry.example.com/team/web")]
pub(super) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,
}

/// Lists tags in natural order.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let listed = wait_for(async {
        let subject = context.subject(&arguments.repository)?.bare()?;
        inspection(&subject, context).await
    });
    let mut tags = match listed {
        Ok(inspection) => inspection.pulled(),
        Err(failure) => return Ok(context.output.refusal(Some(&arguments.repository), &failure)),
    };
    tags.sort_by(|left, right| natural(&left.tag, &right.tag));
    match context.output.format {
        Format::Text if tags.is_empty() => context.output.notice("no signed tags"),
        Format::Text => {
            let rows: Vec<_> = tags.iter().map(row).collect();
            context.output.page(&table(["TAG", "DIGEST", "SIZE", "ROLE", "SIGNERS"], &rows));
        }
        Format::Json => tags.iter().for_each(|tag| {
            context.output.object(&json!({
                "tag": tag.tag,
                "digest": digest(tag),
                "size": tag.size,
                "role": tag.role.as_str(),
                "signers": tag.signers,
                "signed_for": tag.signed_for,
            }));
        }),
    }
    Ok(Code::Done)
}

fn row(tag: &SignedTag) -> [String; 5] {
    let digest = match (&tag.signed_for, digest(tag)) {
        (Some(other), _) => format!("(signed for {other})"),
        (None, Some(digest)) => digest,
        (None, None) => "(no sha256)".to_owned(),
    };
    [tag.tag.clone(), digest, tag.size.to_string(), tag.role.to_string(), tag.signers.join(", ")]
}

fn digest(tag: &SignedTag) -> Option<String> {
    tag.digest.map(|digest| digest.to_string())
}
