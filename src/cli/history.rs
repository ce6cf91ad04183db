//! `history` and `diff`: what a repository's trust data was, who signed what when, and what
//! changed.

mod words;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::output::{Failure, Format};
use super::process::wait_for;
use crate::docker::{Difference, Happened, Revision, SignedRole, State};
use crate::net::Access;
use crate::tuf::{KeyId, Version};

#[derive(Args)]
#[command(after_help = "\
Each version is verified as of the time when the server signed it, under the root of then; the roots lead \
to the one that is trusted today. Versions are those of the timestamp; those that changed nothing are \
left out. What does not verify is told, and the exit code is 4.

Example:
  countersign history registry.example.com/team/web --limit 20")]
pub(super) struct History {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// How many versions to look back
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    limit: usize,
}

#[derive(Args)]
#[command(after_help = "\
Versions are those that `countersign history` shows.

Example:
  countersign diff registry.example.com/team/web 12 17")]
pub(super) struct Diff {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// The earlier version
    #[arg(value_name = "V1", value_parser = version)]
    from: Version,

    /// The later version
    #[arg(value_name = "V2", value_parser = version)]
    to: Version,
}

/// Shows the last revisions, the newest first.
pub(super) fn history(arguments: &History, context: &Context) -> Result<Code, Failure> {
    asks_the_server(context)?;
    let read = wait_for(async {
        let subject = context.subject(&arguments.repository)?.bare()?;
        let opened = context.open(&subject, Access::Pull)?;
        Ok(opened.collection().history(arguments.limit).await?)
    });
    let revisions = match read {
        Ok(revisions) => revisions,
        Err(failure) => return Ok(context.output.refusal(Some(&arguments.repository), &failure)),
    };
    revisions.iter().for_each(|revision| tell(revision, context));
    let unverified = |it: &Revision| matches!(it.what, Happened::Unverified(_));
    Ok(if revisions.iter().any(unverified) { Code::NotTrusted } else { Code::Done })
}

/// Shows what changed between two versions.
pub(super) fn diff(arguments: &Diff, context: &Context) -> Result<Code, Failure> {
    asks_the_server(context)?;
    let read = wait_for(async {
        let subject = context.subject(&arguments.repository)?.bare()?;
        let opened = context.open(&subject, Access::Pull)?;
        Ok(opened.collection().difference(arguments.from, arguments.to).await?)
    });
    let (from, to) = match read {
        Ok(states) => states,
        Err(failure) => return Ok(context.output.refusal(Some(&arguments.repository), &failure)),
    };
    let (signed, differences) = (to.signed_since(Some(&from)), to.since(Some(&from)));
    match context.output.format {
        Format::Text => {
            if signed.is_empty() && differences.is_empty() {
                context.output.notice("no difference");
            }
            lines(&signed, &differences, context);
        }
        Format::Json => context.output.object(&json!({
            "from": state(&from),
            "to": state(&to),
            "signed": signed.iter().map(words::signed_json).collect::<Vec<_>>(),
            "changes": differences.iter().map(words::json).collect::<Vec<_>>(),
        })),
    }
    Ok(Code::Done)
}

fn state(state: &State) -> serde_json::Value {
    json!({"version": state.version.number(), "at": format!("{:.0}", state.at)})
}

fn asks_the_server(context: &Context) -> Result<(), Failure> {
    context.not_offline("what was is known to the server alone")
}

fn tell(revision: &Revision, context: &Context) {
    let version = revision.version.number();
    let at = revision.at.map(|at| format!("{at:.0}"));
    match (context.output.format, &revision.what) {
        (Format::Text, Happened::Unverified(reason)) => {
            context.output.answer(&format!("version {version}"));
            context.output.answer(&format!("  does not verify: {reason}"));
        }
        (Format::Text, Happened::Changed { signed, differences }) => {
            let at = at.unwrap_or_default();
            context.output.answer(&format!("version {version}, {at}"));
            lines(signed, differences, context);
        }
        (Format::Json, Happened::Unverified(reason)) => {
            context
                .output
                .object(&json!({"version": version, "verified": false, "reason": reason}));
        }
        (Format::Json, Happened::Changed { signed, differences }) => {
            context.output.object(&json!({
                "version": version,
                "verified": true,
                "at": at,
                "signed": signed.iter().map(words::signed_json).collect::<Vec<_>>(),
                "changes": differences.iter().map(words::json).collect::<Vec<_>>(),
            }));
        }
    }
}

fn lines(signed: &[SignedRole], differences: &[Difference], context: &Context) {
    for it in signed {
        let by: Vec<String> = it.by.iter().map(KeyId::short).collect();
        let (role, version) = (&it.role, it.version);
        context.output.answer(&format!("  {role} {version} signed by {}", by.join(", ")));
    }
    for it in differences {
        context.output.answer(&format!("    {}", words::line(it)));
    }
}

fn version(text: &str) -> Result<Version, String> {
    let number = text.parse().ok().and_then(Version::new);
    number.ok_or_else(|| "write a version: a number from 1 on".to_owned())
}
