//! `key export`.

use std::collections::BTreeSet;

use super::super::files;
use super::super::grammar::{Call, Command, Run};
use super::super::session::Session;
use super::super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::keys::{Kept, KeyEntry};
use crate::tuf::KeyId;

pub(super) static COMMAND: Command = Command {
    name: "export",
    arguments: "",
    summary: "Give out private keys, locked as they are",
    about: "Gives out private keys, locked as they are, for `import` elsewhere: all of them, or those that are named.",
    flags: &[
        Flag::texts("gun", None, "Keys of these collections"),
        Flag::texts("key", None, "Keys with these ids"),
        Flag::text("output", Some('o'), "Write into this file instead of to stdout"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    if !call.arguments.is_empty() {
        return Err(Stop::usage(call, "export does not take any positional arguments"));
    }
    let session = Session::open(call)?;
    let guns = call.texts("gun").unwrap_or_default();
    let ids = call.texts("key").unwrap_or_default();
    if !guns.is_empty() && !ids.is_empty() {
        let message = "Only the --gun or --key flag may be provided, not a mix of the two flags";
        return Err(Stop::fatal(message));
    }
    // Every collection that is named, not the first one alone.
    let wanted = |entry: &KeyEntry| match (guns, ids) {
        ([], []) => true,
        ([], ids) => ids.contains(&entry.id.to_string()),
        (guns, _) => entry.gun.as_ref().is_some_and(|gun| guns.contains(gun)),
    };
    let text = session.key_files().export(&chosen(wanted, &session)?)?;
    match call.text("output") {
        None => session.output.bytes(&text),
        Some(path) => files::write(path, &text)?,
    }
    Ok(())
}

/// Which of the wanted keys can be given out; who keeps the others is said.
fn chosen(wanted: impl Fn(&KeyEntry) -> bool, session: &Session) -> Result<Vec<KeyId>, Stop> {
    let holdings = session.keys()?.holdings()?;
    let mut chosen = BTreeSet::new();
    for held in holdings.into_iter().filter(|held| wanted(&held.entry)) {
        let id = held.entry.id;
        match held.kept {
            Kept::File(_) => drop(chosen.insert(id)),
            Kept::Elsewhere(_) if chosen.contains(&id) => {}
            Kept::Elsewhere(place) => {
                session.output.notice(&format!("{id} is kept by {place}, and not exported"));
            }
        }
    }
    Ok(chosen.into_iter().collect())
}
