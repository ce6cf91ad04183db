//! `witness`: stages that roles are signed anew as they are.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::staging::{self, PUBLISH};
use super::stop::Stop;
use crate::docker::staged::StagedEdit;
use crate::tuf::RoleName;

pub(super) static COMMAND: Command = Command {
    name: "witness",
    arguments: " [ GUN ] <role> ...",
    summary: "Mark roles to be signed anew at the next publication",
    about: "Marks roles to be signed anew, as they are, at the next publication: with a new version and a new expiry.",
    flags: &[PUBLISH],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let message = "Please provide a GUN and at least one role to witness";
    let [gun, _] = call.first(message)?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let edits: Result<Vec<_>, Stop> =
        call.rest(1).iter().map(|role| Ok(StagedEdit::Witness { role: known(role)? })).collect();
    staging::stage(&edits?, &collection, &session)?;
    session.say(&format!(
        "The following roles were successfully marked for witnessing on the next publish:\n\t- {}\n",
        call.rest(1).join("\n\t- ")
    ));
    staging::publish_if_wanted(call, &collection, &session)
}

/// A role; the original stages any word. One that lists no targets is staged as there, and stops
/// the publication until it is reset.
fn known(name: &str) -> Result<RoleName, Stop> {
    let role = name.parse::<RoleName>().ok();
    role.ok_or_else(|| Stop::unknown_role(name))
}
