//! `root sign`: what changes, in words, and then the signatures.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::context::{Context, tell_of_first_use};
use super::super::exit::{Code, Kind};
use super::super::key::find;
use super::super::output::{Failure, Format};
use super::super::passphrases::Passphrases;
use super::super::process::guard_memory;
use super::super::prompt::confirm;
use super::{read, show, write};

#[derive(Args)]
#[command(after_help = "\
Everything that changes is shown, worked out here from the files themselves. Compare the digest of the request \
with the others by voice, then sign. Needs no network: keep this machine off it.

What the request says is published must follow from what is known here: from the root that was seen last and from \
pins, which --require-pin wants. Where nothing is known, the root keys that the request names are shown: compare them, \
too, and pin them.

Example:
  countersign root sign change.json --name 'Ada Lovelace' --out ada.json")]
pub(in crate::cli) struct Arguments {
    /// The request
    #[arg(value_name = "REQUEST")]
    request: PathBuf,

    /// Sign with this key and no other: its id, or first digits [default: every needed key that is
    /// here]
    #[arg(long, value_name = "ID")]
    key: Option<String>,

    /// Who signs, for the transcript
    #[arg(long, value_name = "NAME")]
    name: String,

    /// Where to write the signatures; the file must not exist
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,

    /// Sign only if the request has this digest, or one that begins so
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Shows, asks and signs.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    guard_memory()?;
    let about = |error| Failure::from(error).about(arguments.request.display());
    let request = read(&arguments.request, context)?;
    let cache = context.directory(request.gun());
    let trusted = request.trusted(&cache).map_err(about)?;
    let request = trusted.request();
    show(request, context)?;
    if trusted.is_first_use() {
        tell_of_first_use(request.gun(), request.root(), context.output);
        context.output.notice("  the request alone says so: ask the owner whether it is right");
    }
    let digest = request.digest().to_string();
    if let Some(expected) = &arguments.expect
        && (expected.len() < SHORTEST || !digest.starts_with(expected.as_str()))
    {
        let message = format!("this request is {digest}");
        return Err(Failure::new(Kind::Mismatch, message).expected(expected).found(digest));
    }
    if !arguments.yes && !confirm("Sign this?", "--yes")? {
        context.output.notice("Nothing was signed.");
        return Ok(Code::Other);
    }
    let only = arguments.key.as_deref().map(|key| find(key, context)).transpose()?;
    let keys = context.key_set()?;
    let mut passphrases = Passphrases::new(context)?;
    let contribution = trusted.sign(
        only.map(|entry| entry.id),
        &arguments.name,
        context.now,
        &keys,
        &mut passphrases.chain(),
    )?;
    write(&arguments.out, &contribution.to_text(request))?;
    match context.output.format {
        Format::Text => context.output.answer(&arguments.out.display().to_string()),
        Format::Json => context.output.object(&json!({
            "name": request.gun().as_str(),
            "request": digest,
            "first_use": trusted.is_first_use(),
            "file": arguments.out.display().to_string(),
        })),
    }
    Ok(Code::Done)
}

/// Digits of a digest that say enough to be compared.
const SHORTEST: usize = 8;
