//! `key list`.

use super::super::grammar::{Call, Command, Run};
use super::super::session::Session;
use super::super::stop::Stop;
use super::super::table::{end_of, table};
use crate::keys::{Holding, Kept, KeySet};

pub(super) static COMMAND: Command = Command {
    name: "list",
    arguments: "",
    summary: "List private keys",
    about: "Lists the private keys that are here.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    if !call.arguments.is_empty() {
        return Err(Stop::usage(call, ""));
    }
    let session = Session::open(call)?;
    let keys = session.keys()?;
    let mut holdings = keys.holdings()?;
    holdings.sort_by_key(|Holding { entry, .. }| {
        let not_root = entry.role.as_deref() != Some("root");
        (not_root, entry.gun.clone(), entry.role.clone(), entry.id)
    });
    // Several files of one key are one key in one place.
    holdings.dedup_by(|second, first| {
        first.entry.id == second.entry.id && place(first, &keys) == place(second, &keys)
    });
    let rows: Vec<_> = holdings.iter().map(|held| row(held, &keys)).collect();
    session.say(&match rows.is_empty() {
        true => "\nNo signing keys found.\n\n".to_owned(),
        false => format!("\n{}\n", table(["ROLE", "GUN", "KEY ID", "LOCATION"], &rows)),
    });
    for held in holdings.iter().filter(|held| held.entry.is_unreadable) {
        session.output.notice(&format!("{} cannot be read as a private key", held.entry.id));
    }
    Ok(())
}

fn row(held: &Holding, keys: &KeySet) -> [String; 4] {
    let entry = &held.entry;
    let role = entry.role.clone().unwrap_or_default();
    let gun = end_of(entry.gun.as_deref().unwrap_or_default(), GUN_WIDTH);
    [role, gun, entry.id.to_string(), end_of(&place(held, keys), LOCATION_WIDTH)]
}

/// Where a key is kept: the key directory, or whoever else has it.
pub(super) fn place(held: &Holding, keys: &KeySet) -> String {
    match &held.kept {
        Kept::File(_) => keys.directory().path().display().to_string(),
        Kept::Elsewhere(place) => place.clone(),
    }
}

const GUN_WIDTH: usize = 25;
const LOCATION_WIDTH: usize = 40;
