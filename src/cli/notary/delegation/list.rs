//! `delegation list`: who else may sign.

use super::super::grammar::{Call, Command, Run};
use super::super::session::{self, Session};
use super::super::stop::Stop;
use super::super::table::table;
use super::shown;
use crate::cli::output::Failure;
use crate::cli::process::wait_for;
use crate::tuf::{Delegation, Delegations};
use crate::verify::TrustedTargets;

pub(super) static COMMAND: Command = Command {
    name: "list",
    arguments: " [ GUN ]",
    summary: "List delegated roles",
    about: "Lists the delegated roles of a collection, with their keys and paths, as the server has them now.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun] = call.first(MISSING)?;
    if call.arguments.len() > 1 {
        return Err(Stop::usage(call, MISSING));
    }
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let refreshed = wait_for(async { Ok(session.refresh(&collection).await) })?;
    let prefix = format!("Error retrieving delegation roles for repository {gun}: ");
    let refreshed = refreshed.map_err(|stop| stop.about(&prefix))?;
    let rows = rows(&refreshed.targets);
    session.say(&match rows.is_empty() {
        true => "\n\nNo delegations present in this repository.\n\n\n".to_owned(),
        false => {
            let table = table(["ROLE", "PATHS", "KEY IDS", "THRESHOLD"], &rows);
            format!("\n{table}\n")
        }
    });
    for (role, error) in refreshed.unusable {
        let failure = Failure::from(error);
        session.output.notice(&format!("{role} cannot be used: {}", failure.message));
    }
    Ok(())
}

fn rows(targets: &TrustedTargets) -> Vec<[String; 4]> {
    let mut delegations: Vec<(&Delegations, &Delegation)> =
        targets.roles().flat_map(|(_, role)| role.content().delegations.each()).collect();
    delegations.sort_by_key(|(_, delegation)| delegation.name.as_str());
    delegations.into_iter().flat_map(|(all, delegation)| rows_of(all, delegation)).collect()
}

/// One row for each path or key, whichever are more.
fn rows_of(all: &Delegations, delegation: &Delegation) -> Vec<[String; 4]> {
    let paths = shown(delegation.paths.prefixes());
    let keys: Vec<String> = all.keys_of(delegation).map(|key| key.known_as().to_string()).collect();
    let cell = |column: &[String], row: usize| column.get(row).cloned().unwrap_or_default();
    let name = |row| if row == 0 { delegation.name.to_string() } else { String::new() };
    let threshold =
        |row| if row == 0 { delegation.role.threshold().to_string() } else { String::new() };
    (0..paths.len().max(keys.len()).max(1))
        .map(|row| [name(row), cell(&paths, row), cell(&keys, row), threshold(row)])
        .collect()
}

const MISSING: &str = "Please provide a Global Unique Name as an argument to list";
