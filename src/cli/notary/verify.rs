//! `verify`: whether content is what a target stands for.

use std::fmt::Display;
use std::io::Read;

use super::files;
use super::grammar::{Call, Command, Run};
use super::lookup::find;
use super::session::{self, Session};
use super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::cli::process::wait_for;
use crate::tuf::{Hashes, Target};

pub(super) static COMMAND: Command = Command {
    name: "verify",
    arguments: " [ GUN ] <target>",
    summary: "Check that content is what a target stands for",
    about: "Reads content from stdin, checks that it is what a target of a collection stands for, and gives it out again.",
    flags: &[
        Flag::text("input", Some('i'), "Read the content from this file instead"),
        Flag::text("output", Some('o'), "Write the content into this file instead"),
        Flag::switch("quiet", Some('q'), "Give nothing out"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun, name] = call.first("Must specify a GUN and target")?;
    let session = Session::open(call)?;
    let content = match call.text("input") {
        Some(path) => files::read(path)?,
        None => stdin()?,
    };
    let collection = session::gun(gun)?;
    let found = wait_for(async { Ok(find(name, &collection, &session).await) })?;
    let found = found
        .map_err(|stop| stop.about(&format!("error retrieving target by name:{name}, error:")))?;
    check(&content, name, &found)?;
    give_out(&content, call, &session)
}

fn stdin() -> Result<Vec<u8>, Stop> {
    let mut content = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut content);
    read.map_err(|error| Stop::fatal(format!("Error reading content from STDIN: {error}")))?;
    Ok(content)
}

/// Every hash that is signed must fit, and the length.
fn check(content: &[u8], name: &str, target: &Target) -> Result<(), Stop> {
    let found = Hashes::of(content);
    differs("sha256", name, target.hashes.sha256(), found.sha256())?;
    differs("sha512", name, target.hashes.sha512(), found.sha512())?;
    match target.length == content.len() as u64 {
        true => Ok(()),
        false => Err(Stop::fatal(format!(
            "data not present in the trusted collection, length of {name} did not match: expected {}",
            target.length
        ))),
    }
}

fn differs<D: Display + PartialEq>(
    what: &str,
    name: &str,
    signed: Option<D>,
    found: Option<D>,
) -> Result<(), Stop> {
    match signed {
        Some(signed) if found.as_ref() != Some(&signed) => Err(Stop::fatal(format!(
            "data not present in the trusted collection, {what} checksum for {name} did not match: expected {signed}"
        ))),
        _ => Ok(()),
    }
}

fn give_out(content: &[u8], call: &Call, session: &Session) -> Result<(), Stop> {
    match call.text("output") {
        _ if call.has("quiet") => {}
        Some(path) => files::write(path, content)?,
        None => session.output.bytes(content),
    }
    Ok(())
}
