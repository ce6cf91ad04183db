//! `delete`: trust data is forgotten here, or removed from the server.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::output::{Failure, Format};
use super::process::wait_for;
use super::prompt::confirm;
use super::publishing::not_offline;
use crate::net::Access;

#[derive(Args)]
#[command(after_help = "\
Here: cached metadata, staged changes, and what is remembered of versions; the next look at the \
repository is a first use. With --remote the server's data, too: then nothing in it can be verified any \
more. Keys are kept.

Example:
  countersign delete registry.example.com/team/old --remote")]
pub(super) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Remove it from the server as well
    #[arg(long)]
    remote: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Deletes: at the server first, because what is here can be made again from there.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let subject = context.subject(&arguments.repository)?.bare()?;
    let gun = subject.gun.as_str();
    if arguments.remote {
        not_offline(context)?;
    }
    let places = if arguments.remote { "here and at the server" } else { "here" };
    let question = format!("Delete the trust data of {gun} {places}?");
    if !arguments.yes && !confirm(&question, "--yes")? {
        return Ok(Code::Done);
    }
    let opened = context.open(&subject, Access::All)?;
    if arguments.remote {
        wait_for(async { Ok(opened.collection().delete().await?) })?;
    }
    opened.forget()?;
    match context.output.format {
        Format::Text => context.output.answer(&format!("{gun}: trust data deleted {places}")),
        Format::Json => {
            context.output.object(&json!({"name": gun, "local": true, "remote": arguments.remote}));
        }
    }
    Ok(Code::Done)
}
