//! `root`: signatures of several people on one change, collected as files.

mod certify;
mod rehearse;
mod request;
mod sign;
mod submit;
mod verify;

use std::path::Path;

use clap::Subcommand;

use super::context::Context;
use super::exit::Code;
use super::new_file::{self, Readers};
use super::output::Failure;
use super::source;
use crate::docker::Request;
use crate::edit::Need;
use crate::tuf::RoleName;
use crate::verify::Policy;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Write what is to be signed into a file, for several people to sign
    Request(request::Arguments),
    /// Show in words what a request changes, and sign it; needs no network
    Sign(sign::Arguments),
    /// Publish a request that enough people signed
    Submit(submit::Arguments),
    /// Check every signature in the transcript of a ceremony; needs no network
    Verify(verify::Arguments),
    /// Make the certificate with which a key becomes a root key of a repository; needs no network
    Certify(certify::Arguments),
    /// Play the whole ceremony with throw-away keys; nothing is published
    Rehearse(rehearse::Arguments),
}

/// Does one step of a ceremony.
pub(super) fn run(command: Command, context: &Context) -> Result<Code, Failure> {
    match command {
        Command::Request(arguments) => request::run(&arguments, context),
        Command::Sign(arguments) => sign::run(&arguments, context),
        Command::Submit(arguments) => submit::run(&arguments, context),
        Command::Verify(arguments) => verify::run(&arguments, context),
        Command::Certify(arguments) => certify::run(&arguments, context),
        Command::Rehearse(arguments) => rehearse::run(&arguments, context),
    }
}

/// Reads a request file by the rules for its repository.
fn read(path: &Path, context: &Context) -> Result<Request, Failure> {
    let text = source::read_up_to(path, FILE_MAX)?;
    let about = |error| Failure::from(error).about(path.display());
    let gun = Request::gun_of(&text).map_err(about)?;
    let policy: Policy = context.policy(&gun)?;
    Request::read(&text, policy).map_err(about)
}

/// Writes a file that is handed on.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    new_file::make(path, Readers::Usual, text.as_bytes())
}

/// The request in words, for a person to read before anything is signed.
pub(super) fn show(request: &Request, context: &Context) -> Result<(), Failure> {
    let output = &context.output;
    output.reply(&format!("repository {}", request.gun()));
    output.reply(&format!("request    {}", request.digest()));
    output.reply(&format!("made       {:.0}", request.made()));
    request.words().iter().for_each(|words| output.reply(words));
    output.reply("signatures:");
    // A root is signed by those whom the one before names, and by its own.
    let mut of_roots = [" of now", " to come"].into_iter();
    for need in request.needs()? {
        let which = if need.role == RoleName::Root { of_roots.next() } else { None };
        output.reply(&wanted(&need, which.unwrap_or_default()));
    }
    Ok(())
}

fn wanted(need: &Need, which: &str) -> String {
    let Need { role, threshold, keys, signed } = need;
    let (signed, keys) = (signed.len(), keys.len());
    let noun = if keys == 1 { "key" } else { "keys" };
    format!("  {role}: {signed} of {threshold} needed, from {keys} {noun}{which}")
}

/// Bytes: the largest targets file, as it is and as it shall be, written as text.
const FILE_MAX: u64 = 128 << 20;
