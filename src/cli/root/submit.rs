//! `root submit`: what enough people signed is published.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Code;
use super::super::key::find;
use super::super::new_file::{self, Readers, Reserved};
use super::super::output::{Failure, Format};
use super::super::passphrases::Passphrases;
use super::super::process::{guard_memory, wait_for};
use super::super::publishing::{not_offline, tell_of_pins, versions};
use super::super::source;
use super::{FILE_MAX, read};
use crate::crypto::Signer;
use crate::docker::{Contribution, Request, Transcript};
use crate::keys::KeyStore as _;
use crate::net::Access;
use crate::tuf::{Gun, RoleName};

#[derive(Args)]
#[command(after_help = "\
The signature files may come in any order; a wrong one is refused by name. If somebody published meanwhile what \
the request changes, it must be made and signed anew.

Example:
  countersign root submit change.json ada.json bob.json --transcript ceremony.txt --key 1f2e3d4c
  countersign root verify ceremony.txt        # at any time, anywhere")]
pub(in crate::cli) struct Arguments {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: PathBuf,

    /// Signature files
    #[arg(value_name = "SIGNATURES")]
    signatures: Vec<PathBuf>,

    /// Write down who signed what, each part signed by its signer; the file must not exist
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,

    /// Sign the transcript as a whole with this key that is here: its id, or first digits
    #[arg(long, value_name = "ID", requires = "transcript")]
    key: Option<String>,
}

/// Collects and publishes.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let request = read(&arguments.request, context)?;
    let contributions = arguments
        .signatures
        .iter()
        .map(|path| collected(path, &request, context))
        .collect::<Result<Vec<Contribution>, Failure>>()?;
    let subject = context.subject_of(request.gun())?;
    let keys = context.key_set()?;
    let mut passphrases = Passphrases::new(context)?;
    let closing = arguments.key.as_deref().map(|key| find(key, context)).transpose()?;
    let closing = closing.map(|entry| keys.signer(&entry.id, &mut passphrases.chain()));
    let closing = closing.transpose()?;
    // Found out before anything is published: afterwards the transcript may be out of reach.
    let reserved = arguments.transcript.as_deref();
    let reserved = reserved.map(|path| new_file::reserve(path, Readers::Usual)).transpose()?;
    let opened = context.open(&subject, Access::PushPull)?;
    let submission = wait_for(async {
        let collection = opened.collection();
        Ok(collection.submit(&request, &contributions, &keys, &mut passphrases.chain()).await?)
    })?;
    if let Some(file) = reserved {
        let recorded = record(&submission.transcript, closing.as_deref(), file, context);
        recorded.map_err(|failure| unrecorded(failure, request.gun()))?;
    }
    if submission.versions.is_empty() {
        context.output.notice(&format!("{}: was published already", request.gun()));
    }
    if submission.versions.contains_key(&RoleName::Root) {
        tell_of_pins(request.gun(), context);
    }
    match context.output.format {
        Format::Text => submission
            .versions
            .iter()
            .for_each(|(role, version)| context.output.answer(&format!("{role} {version}"))),
        Format::Json => context.output.object(&json!({
            "name": request.gun().as_str(),
            "versions": versions(&submission.versions),
        })),
    }
    Ok(Code::Done)
}

/// Writes the transcript.
fn record(
    transcript: &Transcript,
    closing: Option<&dyn Signer>,
    file: Reserved,
    context: &Context,
) -> Result<(), Failure> {
    match closing {
        Some(signer) => file.fill(transcript.closed(context.now, signer)?.as_str().as_bytes()),
        None => file.fill(transcript.as_str().as_bytes()),
    }
}

fn unrecorded(failure: Failure, gun: &Gun) -> Failure {
    failure
        .about(format_args!("{gun} was published, but there is no transcript"))
        .advise("The same command makes it, as long as nobody publishes anew what was changed.")
}

/// Somebody's signatures, if they are good ones for this request; says whose they are.
fn collected(path: &Path, request: &Request, context: &Context) -> Result<Contribution, Failure> {
    let about = |error| Failure::from(error).about(path.display());
    let contribution = Contribution::read(&source::read_up_to(path, FILE_MAX)?).map_err(about)?;
    let keys = request.clone().collect(&contribution).map_err(about)?;
    let by: Vec<String> = keys.iter().map(|id| id.short()).collect();
    let name = contribution.name();
    context.output.notice(&format!("{}: {name}, with {}", path.display(), by.join(", ")));
    Ok(contribution)
}
