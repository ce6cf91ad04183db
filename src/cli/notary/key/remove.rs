//! `key remove`.

use super::super::grammar::{Call, Command, Run};
use super::super::prompt::confirmed;
use super::super::session::{self, Session};
use super::super::stop::Stop;
use super::list::place;
use crate::keys::{Kept, KeyStore};

pub(super) static COMMAND: Command = Command {
    name: "remove",
    arguments: " [ keyID ]",
    summary: "Destroy a private key",
    about: "Destroys a private key, after a question.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [text] = call.first("must specify the key ID of the key to remove")?;
    let session = Session::open(call)?;
    let id = session::key_id(text)?;
    let (keys, output) = (session.keys()?, session.output);
    output.page("\n");
    let Some(held) = keys.holdings()?.into_iter().find(|held| held.entry.id == id) else {
        output.page("\n");
        return Err(Stop::fatal(format!("No key with ID {text} found")));
    };
    if let Kept::Elsewhere(_) = held.kept {
        // Says who has it, and asks nothing first.
        return Ok(keys.remove(&id)?);
    }
    let place = place(&held, &keys);
    let described = format!("{id} (role {}) from {place}", held.entry.role.unwrap_or_default());
    output.page(&format!("Are you sure you want to remove {described}?  (yes/no)  "));
    if !confirmed() {
        output.page("\nAborting action.\n\n");
        return Ok(());
    }
    keys.remove(&id)?;
    output.page(&format!("\nDeleted {described}.\n\n"));
    Ok(())
}
