//! `remove`: stages the removal of a target.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::staging::{self, PUBLISH};
use super::stop::Stop;
use super::target::ROLES;
use crate::docker::staged::StagedEdit;

pub(super) static COMMAND: Command = Command {
    name: "remove",
    arguments: " [ GUN ] <target>",
    summary: "Stage the removal of a target",
    about: "Stages the removal of a target from a collection. Nothing is sent; `publish` does that.",
    flags: &[PUBLISH, ROLES],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    // The original shows no usage here.
    let [gun, name] =
        call.first("Must specify a GUN and target").map_err(|stop| Stop { usage: None, ..stop })?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let edit = |role| StagedEdit::RemoveTarget { role, name: name.to_owned() };
    let edits: Vec<_> = staging::roles(call)?.into_iter().map(edit).collect();
    staging::stage(&edits, &collection, &session)?;
    session.say(&format!("Removal of {name} from {gun} staged for next publish.\n"));
    staging::publish_if_wanted(call, &collection, &session)
}
