//! `revoke`: signatures are withdrawn, from wherever they stand.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::process::{guard_memory, wait_for};
use super::prompt::confirm;
use super::publishing::not_offline;
use super::subject::Subject;
use crate::docker::{Revocation, RevokeRequest, argument};
use crate::net::Access;
use crate::tuf::RoleName;

#[derive(Args)]
#[command(after_help = "\
A tag is taken out of every role that you can sign. If others still sign it where pulls look, that is \
told, and the exit code is 6.

Examples:
  countersign revoke registry.example.com/team/web:1.4
  countersign revoke --yes registry.example.com/team/web")]
pub(super) struct Arguments {
    /// Image reference; without a tag every tag of the repository
    #[arg(value_name = "REF")]
    reference: String,

    /// Do not ask before all tags of a repository are revoked
    #[arg(short, long)]
    yes: bool,

    /// Publish nothing: leave it to `countersign publish`, or to notary
    #[arg(long)]
    stage: bool,
}

/// Revokes, and tells what remains.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let subject = context.subject(&arguments.reference)?;
    if subject.digest().is_some() {
        let message = "a digest cannot be revoked, only what a tag means";
        return Err(Failure::new(Kind::BadReference, message));
    }
    let request = match subject.given_tag() {
        Some(tag) => RevokeRequest::Tag(tag.clone()),
        None => RevokeRequest::All,
    };
    if request == RevokeRequest::All && !arguments.yes {
        let question =
            format!("Confirm you would like to delete all signature data for {}?", subject.gun);
        if !confirm(&question, "--yes")? {
            return Ok(Code::Done);
        }
    }
    if arguments.stage {
        let staged = wait_for(stage(&subject, &request, context));
        let refuse = |failure| context.output.refusal(Some(&arguments.reference), &failure);
        return Ok(staged.unwrap_or_else(refuse));
    }
    let revoked = wait_for(revoke(&subject, &request, context));
    Ok(match revoked {
        Err(failure) => context.output.refusal(Some(&arguments.reference), &failure),
        Ok(revocation) => tell(&subject, &revocation, context),
    })
}

async fn revoke(
    subject: &Subject,
    request: &RevokeRequest,
    context: &Context,
) -> Result<Revocation, Failure> {
    let opened = context.open(subject, Access::PushPull)?;
    let mut passphrases = Passphrases::new(context)?;
    let keys = context.key_set()?;
    Ok(opened.collection().revoke(request, &keys, &mut passphrases.chain()).await?)
}

async fn stage(
    subject: &Subject,
    request: &RevokeRequest,
    context: &Context,
) -> Result<Code, Failure> {
    let opened = context.open(subject, Access::Pull)?;
    let changes = opened.collection().stage_revocation(request, &context.key_set()?).await?;
    context.directory(&subject.gun).changelist().add(&changes, context.now)?;
    let (gun, count) = (&subject.gun, changes.len());
    context.output.notice(&format!(
        "{gun}: {count} changes staged; `countersign publish {}` publishes them",
        argument(gun)
    ));
    context.output.answer(gun.as_str());
    Ok(Code::Done)
}

fn tell(subject: &Subject, revocation: &Revocation, context: &Context) -> Code {
    let (removed, remaining) = (by_name(&revocation.removed), by_name(&revocation.remaining));
    match context.output.format {
        Format::Json => context.output.object(&json!({
            "name": subject.gun.as_str(),
            "removed": removed,
            "remaining": remaining,
            "pullable": revocation.pullable,
            "unusable": revocation.unusable.iter().map(RoleName::as_str).collect::<Vec<_>>(),
        })),
        Format::Text => {
            for (tag, roles) in &removed {
                context.output.answer(&format!(
                    "{}:{tag} revoked in {}",
                    subject.gun,
                    roles.join(", ")
                ));
            }
        }
    }
    for (tag, roles) in &remaining {
        let roles = roles.join(", ");
        context.output.notice(&format!("{}:{tag} is still signed in {roles}", subject.gun));
    }
    for role in &revocation.unusable {
        context.output.notice(&format!(
            "warning: {}: {role} cannot be used now; what it signs was not revoked, and counts again \
             once it is signed again",
            subject.gun
        ));
    }
    let pullable = revocation.pullable.join(", ");
    if pullable.is_empty() {
        return Code::Done;
    }
    let message = format!("still pullable: {pullable} (no key here may sign that role)");
    context.output.refusal(Some(&subject.typed), &Failure::new(Kind::KeyStore, message))
}

fn by_name(entries: &[(String, RoleName)]) -> BTreeMap<&str, Vec<&str>> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, role) in entries {
        names.entry(name).or_default().push(role.as_str());
    }
    names
}
