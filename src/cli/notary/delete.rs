//! `delete`: forgets a collection, here and if wanted at the server.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::cli::process::wait_for;
use crate::client;
use crate::net::{self, Access};

pub(super) static COMMAND: Command = Command {
    name: "delete",
    arguments: " [ GUN ]",
    summary: "Forget a collection",
    about: "Forgets what is cached and staged of a collection. With --remote the server forgets it, too. Private keys stay.",
    flags: &[Flag::switch("remote", None, "Delete it at the server, too")],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun] = call.first("Must specify a GUN")?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let remote = call.has("remote");
    let opened = remote.then(|| session.collection(&collection, Access::All)).transpose()?;
    session.say(&format!("Deleting trust data for repository {gun}\n"));
    // In the original's order: scripts find nothing here afterwards, whatever the server says.
    session.directory(&collection).forget()?;
    if let Some(opened) = opened {
        let shared = opened.collection();
        let deleted = wait_for(async { Ok(shared.delete().await) })?;
        deleted.map_err(|error| {
            let there = if may_have_worked(&error) { UNKNOWN } else { REMAINS };
            Stop::from(error).at("DELETE metadata for GUN endpoint").advise(there)
        })?;
    }
    let also = if remote { " and remote" } else { "" };
    session.say(&format!("Successfully deleted local{also} trust data for repository {gun}\n"));
    Ok(())
}

/// Whether the server may have deleted the collection although we did not hear so.
fn may_have_worked(error: &client::Error) -> bool {
    let client::Error::Net(error) = error else { return false };
    matches!(
        error,
        net::Error::Unreachable { .. }
            | net::Error::TimedOut { .. }
            | net::Error::Truncated { .. }
            | net::Error::Unavailable { status: 500..=599, .. }
    )
}

const REMAINS: &str = "What was here is forgotten; what is at the server is as it was.";
const UNKNOWN: &str = "What was here is forgotten; whether the server still has it is not known. It \
     does no harm to delete it again.";
