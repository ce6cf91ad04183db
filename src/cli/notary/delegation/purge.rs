//! `delegation purge`: stages that keys are taken from every delegated role.

use super::super::grammar::{Call, Command, Run};
use super::super::session::{self, Session};
use super::super::staging::{self, PUBLISH};
use super::super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::docker::staged::StagedEdit;
use crate::tuf::RoleName;

pub(super) static COMMAND: Command = Command {
    name: "purge",
    arguments: " [ GUN ]",
    summary: "Stage that keys are taken from every delegated role",
    about: "Stages that keys are taken from every delegated role of a collection that can be changed with the keys that are here.",
    flags: &[Flag::texts("key", None, "Ids of the keys"), PUBLISH],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let message = "Please provide a single Global Unique Name as an argument to remove";
    let [gun] = call.first(message)?;
    if call.arguments.len() > 1 {
        return Err(Stop::usage(call, message));
    }
    let ids = call.texts("key").unwrap_or_default();
    if ids.is_empty() {
        let message = "Please provide at least one key ID to be removed using the --key flag";
        return Err(Stop::usage(call, message));
    }
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let keys = ids.iter().map(|id| session::key_id(id)).collect::<Result<_, _>>()?;
    let edit = StagedEdit::Purge { below: RoleName::Targets, keys };
    staging::stage(&[edit], &collection, &session)?;
    session.say(&format!(
        "Removal of the following keys from all delegations in {gun} staged for next publish:\n\t- {}\n",
        ids.join("\n\t- ")
    ));
    staging::publish_if_wanted(call, &collection, &session)
}
