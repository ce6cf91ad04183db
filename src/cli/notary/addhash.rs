//! `addhash`: stages a target by its size and hashes.

use std::str::FromStr;

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::staging::{self, PUBLISH};
use super::stop::Stop;
use super::target::{self, CUSTOM, ROLES};
use crate::cli::pflag::{Flag, integer};
use crate::tuf::{Hashes, Target};

pub(super) static COMMAND: Command = Command {
    name: "addhash",
    arguments: " [ GUN ] <target> <byte size> <hashes>",
    summary: "Stage a target by its size and hashes",
    about: "Stages a target of a collection by size and hashes of its content. Nothing is sent; `publish` does that.",
    flags: &[
        CUSTOM,
        PUBLISH,
        ROLES,
        Flag::text("sha256", None, "SHA-256 of the content, in hexadecimal digits"),
        Flag::text("sha512", None, "SHA-512 of the content, in hexadecimal digits"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let message = "Must specify a GUN, target, byte size of target data, and at least one hash";
    let [gun, name, size] = call.first(message)?;
    if call.text("sha256").is_none() && call.text("sha512").is_none() {
        return Err(Stop::usage(call, message));
    }
    let session = Session::open(call)?;
    let (collection, custom) = (session::gun(gun)?, target::custom(call)?);
    let length = integer(size).map_err(Stop::fatal)?;
    let length = u64::try_from(length)
        .map_err(|_| Stop::fatal(format!("{size} is no size: it must not be negative")))?;
    let (hashes, used) = hashes(call)?.ok_or_else(|| Stop::usage(call, message))?;
    let target = Target { length, hashes, custom };
    target::check(name, &target)?;
    staging::stage(&target::in_roles(name, &target, staging::roles(call)?), &collection, &session)?;
    session.say(&format!(
        "Addition of target \"{name}\" by {used} hash to repository \"{gun}\" staged for next publish.\n"
    ));
    staging::publish_if_wanted(call, &collection, &session)
}

/// The hashes, and their names.
fn hashes(call: &Call) -> Result<Option<(Hashes, String)>, Stop> {
    let (sha256, sha512) = (hash(call, "sha256")?, hash(call, "sha512")?);
    let used = [sha256.as_ref().map(|_| "sha256"), sha512.as_ref().map(|_| "sha512")];
    let used = used.into_iter().flatten().collect::<Vec<_>>().join(", ");
    Ok(Hashes::new(sha256, sha512).map(|hashes| (hashes, used)))
}

fn hash<D: FromStr>(call: &Call, name: &str) -> Result<Option<D>, Stop> {
    let parse = |text: &str| text.to_ascii_lowercase().parse::<D>();
    let refuse = |_| Stop::fatal(format!("invalid {name} hex contents provided"));
    call.text(name).map(parse).transpose().map_err(refuse)
}
