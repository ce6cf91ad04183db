//! `publish`: signs and sends what is staged.

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Code;
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::process::{guard_memory, wait_for};
use super::publishing::{not_offline, tell_of_pin, tell_of_root, versions};
use super::subject::Subject;
use crate::docker::Amended;
use crate::docker::staged::{StagedNote, StagedReport, Weakened};
use crate::net::Access;

#[derive(Args)]
#[command(after_help = "\
Everything that is staged is published at once, on what the repository is then. If that fails, it is \
staged still; to publish it again does no harm.

Example:
  countersign sign --stage registry.example.com/team/web:1.4
  countersign publish registry.example.com/team/web")]
pub(super) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,
}

/// Publishes, and says which versions that made.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let subject = context.subject(&arguments.repository)?.bare()?;
    let published = match wait_for(publish(&subject, context)) {
        Ok(published) => published,
        Err(failure) => return Ok(context.output.refusal(Some(&arguments.repository), &failure)),
    };
    if let Some(root) = published.founded {
        tell_of_root(&subject.gun, &root, &context.key_set()?, context)?;
        tell_of_pin(&subject.gun, context);
    }
    if published.versions.is_empty() {
        context.output.notice(&format!("{}: nothing had to be changed", subject.gun));
    }
    for note in &published.value.notes {
        context.output.notice(&format!("warning: {}: {}", subject.gun, in_words(note)));
    }
    match context.output.format {
        Format::Text => context.output.answer(subject.gun.as_str()),
        Format::Json => context.output.object(&as_json(&subject, &published)),
    }
    Ok(Code::Done)
}

/// What a publication leaves to be told.
pub(super) fn in_words(note: &StagedNote) -> String {
    match note {
        StagedNote::Starved(role) => {
            format!("{role} has fewer keys than must sign, and cannot be used until it has more")
        }
        StagedNote::SignedAgain(role) => format!(
            "{role} was signed again with a key that it keeps; look over what it lists, it is \
             vouched for by whoever holds that key"
        ),
        StagedNote::Weakened(role) => format!(
            "the signatures of {role} do not count any more, and it cannot be used until whoever \
             has a key of it signs it again: countersign witness"
        ),
        StagedNote::FoundOtherwise(role, name) => {
            format!("pulls find {name} as {role} signs it, not as it was staged")
        }
        StagedNote::RootRenewed(at) => {
            format!("the root, which would have ended at {at:.0}, was signed again")
        }
        StagedNote::RootEnds(at) => {
            format!("the root ends at {at:.0}; who has its key renews it: countersign refresh")
        }
        StagedNote::NotPurged(role) => {
            format!("no key of {role} is here: the keys stay in the roles that it delegates to")
        }
    }
}

async fn publish(subject: &Subject, context: &Context) -> Result<Amended<StagedReport>, Failure> {
    let opened = context.open(subject, Access::PushPull)?;
    let changelist = context.directory(&subject.gun).changelist();
    let mut passphrases = Passphrases::new(context)?;
    let (keys, collection) = (context.key_set()?, opened.collection());
    Ok(collection
        .publish_staged(&changelist, Weakened::SignAgain, &keys, &mut passphrases.chain())
        .await?)
}

fn as_json(subject: &Subject, published: &Amended<StagedReport>) -> Value {
    json!({
        "name": subject.gun.as_str(),
        "changes": published.value.edits.len(),
        "versions": versions(&published.versions),
        "founded": published.founded.map(|root| root.to_string()),
    })
}
