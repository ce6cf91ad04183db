//! `witness`: roles are signed again as they are.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::process::{guard_memory, wait_for};
use super::publishing::{self, not_offline, versions};
use crate::net::Access;
use crate::tuf::RoleName;

#[derive(Args)]
#[command(after_help = "\
A role gets new dates and signatures by the keys that it has now. That also mends one that expired, or \
lost the keys that had signed it. Whoever signs it vouches for all that it lists: look at it first, with \
`countersign inspect`.

Example:
  countersign witness registry.example.com/team/web targets/releases")]
pub(super) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Roles: targets, targets/NAME or NAME, snapshot, root
    #[arg(value_name = "ROLE", required = true)]
    roles: Vec<String>,
}

/// Signs the roles again.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let roles: Vec<RoleName> =
        arguments.roles.iter().map(|role| publishing::role(role)).collect::<Result<_, _>>()?;
    let subject = context.subject(&arguments.repository)?.bare()?;
    let witnessed = wait_for(async {
        let opened = context.open(&subject, Access::PushPull)?;
        let mut passphrases = Passphrases::new(context)?;
        let (collection, store) = (opened.collection(), context.key_set()?);
        Ok(collection.witness(&roles, &store, &mut passphrases.chain()).await?)
    })?;
    let gun = subject.gun.as_str();
    match context.output.format {
        Format::Text => {
            for role in &roles {
                let version = witnessed.versions.get(role).map(ToString::to_string);
                let version = version.unwrap_or_default();
                context.output.answer(&format!("{gun}: {role} signed again, version {version}"));
            }
        }
        Format::Json => {
            context.output.object(&json!({"name": gun, "versions": versions(&witnessed.versions)}))
        }
    }
    Ok(Code::Done)
}
