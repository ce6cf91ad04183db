//! `add`: stages a file as a target.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::staging::{self, PUBLISH};
use super::stop::Stop;
use super::target::{self, CUSTOM, ROLES};

pub(super) static COMMAND: Command = Command {
    name: "add",
    arguments: " [ GUN ] <target> <file>",
    summary: "Stage a file as a target",
    about: "Stages the content of a file as a target of a collection. Nothing is sent; `publish` does that.",
    flags: &[CUSTOM, PUBLISH, ROLES],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun, name, path] = call.first("Must specify a GUN, target, and path to target data")?;
    let session = Session::open(call)?;
    let (collection, custom) = (session::gun(gun)?, target::custom(call)?);
    target::check_name(name)?;
    let target = target::of_file(path, custom)?;
    staging::stage(&target::in_roles(name, &target, staging::roles(call)?), &collection, &session)?;
    session.say(&format!(
        "Addition of target \"{name}\" to repository \"{gun}\" staged for next publish.\n"
    ));
    staging::publish_if_wanted(call, &collection, &session)
}
