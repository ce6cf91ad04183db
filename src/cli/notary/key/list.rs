//! `key list`.

use super::super::grammar::{Call, Command, Run};
use super::super::session::Session;
use super::super::stop::Stop;
use super::super::table::{end_of, table};
use crate::keys::{KeyEntry, KeyStore};

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
    let keys = session.keys();
    let mut entries = keys.list()?;
    entries.sort_by_key(|entry| {
        let not_root = entry.role.as_deref() != Some("root");
        (not_root, entry.gun.clone(), entry.role.clone(), entry.id)
    });
    let place = end_of(&keys.path().display().to_string(), LOCATION_WIDTH);
    let row = |entry: &KeyEntry| {
        let role = entry.role.clone().unwrap_or_default();
        let gun = end_of(entry.gun.as_deref().unwrap_or_default(), GUN_WIDTH);
        [role, gun, entry.id.to_string(), place.clone()]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    session.say(&match rows.is_empty() {
        true => "\nNo signing keys found.\n\n".to_owned(),
        false => format!("\n{}\n", table(["ROLE", "GUN", "KEY ID", "LOCATION"], &rows)),
    });
    for entry in entries.iter().filter(|entry| entry.is_unreadable) {
        session.output.notice(&format!("{} cannot be read as a private key", entry.id));
    }
    Ok(())
}

const GUN_WIDTH: usize = 25;
const LOCATION_WIDTH: usize = 40;
