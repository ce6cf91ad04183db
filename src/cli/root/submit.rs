//! `root submit`: what enough people signed is published.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::exit::Code;
use super::super::output::{Failure, Format};
use super::super::passphrases::Passphrases;
use super::super::process::{guard_memory, wait_for};
use super::super::source;
use super::super::verify::not_offline;
use super::{FILE_MAX, read, write};
use crate::docker::Contribution;
use crate::net::Access;

#[derive(Args)]
#[command(after_help = "\
The signature files may come in any order; a wrong one is refused by name. If somebody published meanwhile what \
the request changes, it must be made and signed anew.

Example:
  countersign root submit change.json ada.json bob.json --transcript ceremony.txt")]
pub(in crate::cli) struct Arguments {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: PathBuf,

    /// Signature files
    #[arg(value_name = "SIGNATURES")]
    signatures: Vec<PathBuf>,

    /// Write down who signed what, each line signed by its signer; the file must not exist
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
}

/// Collects and publishes.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let request = read(&arguments.request, context)?;
    let mut contributions = Vec::new();
    for path in &arguments.signatures {
        let about = |error| Failure::from(error).about(path.display());
        let contribution =
            Contribution::read(&source::read_up_to(path, FILE_MAX)?).map_err(about)?;
        let keys = request.clone().collect(&contribution).map_err(about)?;
        let by: Vec<String> = keys.iter().map(|id| id.short()).collect();
        let name = contribution.name();
        context.output.notice(&format!("{}: {name}, with {}", path.display(), by.join(", ")));
        contributions.push(contribution);
    }
    let subject = context.subject_of(request.gun())?;
    let keys = context.key_set()?;
    let mut passphrases = Passphrases::new(context)?;
    let opened = context.open(&subject, Access::PushPull)?;
    let submission = wait_for(async {
        let collection = opened.collection();
        Ok(collection.submit(&request, &contributions, &keys, &mut passphrases.chain()).await?)
    })?;
    if let Some(path) = &arguments.transcript {
        write(path, submission.transcript.as_str())?;
    }
    if submission.versions.is_empty() {
        context.output.notice(&format!("{}: was published already", request.gun()));
    }
    let versions = submission.versions.iter();
    match context.output.format {
        Format::Text => {
            versions.for_each(|(role, version)| context.output.answer(&format!("{role} {version}")))
        }
        Format::Json => {
            let versions: Map<String, Value> = versions
                .map(|(role, version)| (role.to_string(), version.number().into()))
                .collect();
            context.output.object(&json!({"name": request.gun().as_str(), "versions": versions}));
        }
    }
    Ok(Code::Done)
}
