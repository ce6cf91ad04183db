//! `list`: the targets of a collection.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::stop::Stop;
use super::table::table;
use super::target::ROLES;
use crate::cli::output::Failure;
use crate::cli::process::wait_for;
use crate::client::{Refreshed, entries};
use crate::tuf::{RoleName, Target};

pub(super) static COMMAND: Command = Command {
    name: "list",
    arguments: " [ GUN ]",
    summary: "List the targets of a collection",
    about: "Lists what is signed in a collection, as the server has it now. With roles, what they and those below them sign; of one name the role that is named first counts.",
    flags: &[ROLES],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun] = call.first("Must specify a GUN")?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let roles = roles(call);
    let mut refreshed = wait_for(async { Ok(session.refresh(&collection).await) })??;
    settle(&roles, &mut refreshed, &session)?;
    let found = entries(&refreshed.targets, &roles);
    let rows: Vec<_> = found.iter().map(|(name, (role, target))| row(name, role, target)).collect();
    session.say(&match rows.is_empty() {
        true => "\nNo targets present in this repository.\n\n".to_owned(),
        false => table(["NAME", "DIGEST", "SIZE (BYTES)", "ROLE"], &rows),
    });
    Ok(())
}

fn row(name: &str, role: &RoleName, target: &Target) -> [String; 4] {
    let digest = target.hashes.sha256().map(|hash| hash.to_string()).unwrap_or_default();
    [name.to_owned(), digest, target.length.to_string(), role.to_string()]
}

/// The roles to list, in their order; a name that is none of a role lists nothing.
fn roles(call: &Call) -> Vec<RoleName> {
    let named = call.texts(ROLES.long).unwrap_or_default();
    if named.is_empty() {
        return vec![RoleName::Targets];
    }
    named.iter().filter_map(|name| name.parse().ok()).collect()
}

/// A role that was asked for and cannot be used ends the command; the original would leave it out
/// with a warning, and another role's entries would take the place of its own.
fn settle(roles: &[RoleName], refreshed: &mut Refreshed, session: &Session) -> Result<(), Stop> {
    for role in roles {
        if let Some(error) = refreshed.unusable.remove(role) {
            return Err(error.into());
        }
    }
    for (role, error) in std::mem::take(&mut refreshed.unusable) {
        let failure = Failure::from(error);
        session.output.notice(&format!("{role} is left out: {}", failure.message));
    }
    Ok(())
}
