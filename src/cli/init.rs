//! `init`: the trust data of a new repository.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::output::{Failure, Format};
use super::process::{guard_memory, wait_for};
use super::sign::publish;
use super::verify::not_offline;
use crate::docker::{RoleChoice, SignRequest};
use crate::tuf::KeyId;

#[derive(Args)]
#[command(after_help = "\
`countersign sign` does the same when it is needed; this does it before there is anything to sign. \
For a repository that has trust data nothing is changed.

Example:
  countersign init registry.example.com/team/web")]
pub(super) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Root key [default: one that is here, or a new one]
    #[arg(long, value_name = "ID")]
    root_key: Option<KeyId>,

    /// Keep the snapshot key here instead of at the server
    #[arg(long)]
    local_snapshot: bool,
}

/// Founds the collection, unless it is there.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let subject = context.subject(&arguments.repository)?.bare()?;
    let request = SignRequest {
        tags: Vec::new(),
        roles: RoleChoice::AsDocker,
        custom: None,
        root_key: arguments.root_key,
        local_snapshot: arguments.local_snapshot,
    };
    let signing = wait_for(publish(&subject, &request, context))?;
    if signing.founded.is_none() {
        context.output.notice(&format!("{}: has trust data already", subject.gun));
    }
    match context.output.format {
        Format::Text => context.output.answer(subject.gun.as_str()),
        Format::Json => context.output.object(&json!({
            "name": subject.gun.as_str(),
            "founded": signing.founded.map(|root| root.to_string()),
        })),
    }
    Ok(Code::Done)
}
