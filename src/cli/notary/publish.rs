//! `publish`: sends what is staged.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::stop::Stop;
use crate::cli::process::{guard_memory, wait_for};
use crate::cli::publish::in_words;
use crate::docker::staged::Weakened;
use crate::net::Access;
use crate::tuf::Gun;

pub(super) static COMMAND: Command = Command {
    name: "publish",
    arguments: " [ GUN ]",
    summary: "Publish what is staged",
    about: "Signs what is staged for a collection and sends it to the server. A collection that is not there yet is made.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun] = call.first("Must specify a GUN")?;
    let session = Session::open(call)?;
    session.say(&format!("Pushing changes to {gun}\n"));
    publish(&session::gun(gun)?, &session)
}

/// Publishes, and says so.
///
/// # Errors
///
/// If nothing was published; what was staged is staged still.
pub(super) fn publish(gun: &Gun, session: &Session) -> Result<(), Stop> {
    guard_memory()?;
    let opened = session.collection(gun, Access::PushPull)?;
    let changelist = session.directory(gun).changelist();
    let (keys, mut passphrases) = (session.keys()?, session.passphrases());
    let published = wait_for(async {
        let collection = opened.collection();
        Ok(collection.publish_staged(&changelist, Weakened::Leave, &keys, &mut passphrases).await)
    })?;
    let published = published.map_err(|error| Stop::from(error).at("POST metadata endpoint"))?;
    session.say(&format!("Successfully published changes for repository {gun}\n"));
    for note in &published.value.notes {
        session.output.notice(&format!("warning: {}", in_words(note)));
    }
    if published.attempts > 1 {
        let faster = published.attempts - 1;
        session.output.detail(&format!("{gun}: others were faster {faster} times"));
    }
    Ok(())
}
