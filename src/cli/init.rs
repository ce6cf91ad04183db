//! `init`: the trust data of a new repository.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::process::{guard_memory, wait_for};
use super::publishing::{not_offline, tell_of_founding};
use super::sign::publish;
use super::subject::Subject;
use crate::docker::{IfAbsent, RoleChoice, SignRequest};
use crate::net::Access;
use crate::tuf::{Bins, KeyId, RoleName};

#[derive(Args)]
#[command(after_help = "\
`countersign sign` does the same when it is needed; this does it before there is anything to sign. \
For a repository that has trust data nothing is changed, but for --bins.

Where publishers sign everything (--server oci), signing one tag of very many need not send all of them: what is signed lies in hashed bins, and only the tag's own bin is signed again. Repositories of more than 4096 tags are split into 128 bins by themselves; --bins does so at any time, or with another number.

Examples:
  countersign init registry.example.com/team/web
  countersign init --server oci --bins 128 registry.example.com/team/web")]
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

    /// Split what is signed into this many hashed bins: 2, 4, 8, 16, 32, 64 or 128
    #[arg(long, value_name = "N", conflicts_with = "local_snapshot")]
    bins: Option<Bins>,
}

/// Founds the collection, unless it is there.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let subject = context.subject(&arguments.repository)?.bare()?;
    let (founded, split) = match arguments.bins {
        Some(bins) => wait_for(split(&subject, arguments.root_key, bins, context))?,
        None => (wait_for(found(&subject, arguments, context))?, Vec::new()),
    };
    if founded.is_none() && split.is_empty() {
        let already = if arguments.bins.is_some() { ", and these bins" } else { "" };
        context.output.notice(&format!("{}: has trust data{already} already", subject.gun));
    }
    match context.output.format {
        Format::Text => context.output.answer(subject.gun.as_str()),
        Format::Json => context.output.object(&json!({
            "name": subject.gun.as_str(),
            "founded": founded.map(|root| root.to_string()),
            "split": split.iter().map(RoleName::as_str).collect::<Vec<_>>(),
        })),
    }
    Ok(Code::Done)
}

/// Founds the collection; returns the root key, if it was not there.
async fn found(
    subject: &Subject,
    arguments: &Arguments,
    context: &Context,
) -> Result<Option<KeyId>, Failure> {
    let request = SignRequest {
        tags: Vec::new(),
        roles: RoleChoice::AsDocker,
        custom: None,
        root_key: arguments.root_key,
        local_snapshot: arguments.local_snapshot,
    };
    Ok(publish(subject, &request, context).await?.founded)
}

/// Splits the collection, founding it first if it is not there; returns also the roles that were
/// split.
async fn split(
    subject: &Subject,
    root_key: Option<KeyId>,
    bins: Bins,
    context: &Context,
) -> Result<(Option<KeyId>, Vec<RoleName>), Failure> {
    let opened = context.open(subject, Access::PushPull)?;
    let (keys, mut passphrases) = (context.key_set()?, Passphrases::new(context)?);
    let if_absent = IfAbsent::Found { root_key, local_snapshot: false };
    let split = opened.collection().split(bins, if_absent, &keys, &mut passphrases.chain()).await?;
    tell_of_founding(&subject.gun, &split, &keys, context)?;
    for role in &split.value {
        let count = bins.count();
        context.output.notice(&format!("{}: {role} is split into {count} bins", subject.gun));
    }
    Ok((split.founded, split.value))
}
