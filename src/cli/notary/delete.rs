//! `delete`: forgets a collection, here and if wanted at the server.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::cli::process::wait_for;
use crate::net::Access;

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
        let there = "What was here is forgotten; what is at the server is as it was.";
        deleted.map_err(|error| {
            Stop::from(error).at("DELETE metadata for GUN endpoint").advise(there)
        })?;
    }
    let also = if remote { " and remote" } else { "" };
    session.say(&format!("Successfully deleted local{also} trust data for repository {gun}\n"));
    Ok(())
}
