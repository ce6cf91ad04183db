//! `key passwd`.

use super::super::grammar::{Call, Command, Run};
use super::super::prompt::OldAndNew;
use super::super::session::{self, Session};
use super::super::stop::Stop;
use crate::cli::process::{finishing, guard_memory};
use crate::keys::{Error, Kept};

pub(super) static COMMAND: Command = Command {
    name: "passwd",
    arguments: " [ keyID ]",
    summary: "Give a private key another passphrase",
    about: "Gives a private key another passphrase; the one it has is asked for first.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [text] = call.first("must specify the key ID of the key to change the passphrase of")?;
    guard_memory()?;
    let _finishing = finishing();
    let session = Session::open(call)?;
    let (id, keys) = (session::key_id(text)?, session.keys()?);
    let unusable =
        || Stop::fatal(format!("could not retrieve local key for key ID provided: {text}"));
    match keys.holdings()?.into_iter().find(|held| held.entry.id == id).map(|held| held.kept) {
        Some(Kept::File(_)) => {}
        Some(Kept::Elsewhere(place)) => {
            return Err(unusable().advise(format!("It is kept by {place}, and locked there.")));
        }
        None => return Err(unusable()),
    }
    let mut passphrases = OldAndNew { old: session.passphrases(), new: session.passphrases() };
    match keys.directory().change_passphrase(&id, &mut passphrases) {
        // In the original's words the two are one; ours say in a second line which it was.
        Err(error @ (Error::Locked | Error::Unopened { .. } | Error::NoPassphrase { .. })) => {
            Err(unusable().advise(Stop::from(error).message))
        }
        other => {
            other?;
            session.say(&format!("\nSuccessfully updated passphrase for key ID: {id}\n"));
            Ok(())
        }
    }
}
