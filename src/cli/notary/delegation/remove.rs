//! `delegation remove`: stages that a role loses keys or paths, or is no more.

use super::super::grammar::{Call, Command, Run};
use super::super::prompt::confirmed;
use super::super::session::{self, Session};
use super::super::staging::{self, PUBLISH};
use super::super::stop::Stop;
use super::shown;
use crate::cli::pflag::Flag;
use crate::docker::staged::StagedEdit;
use crate::tuf::{KeyId, RoleName};

pub(super) static COMMAND: Command = Command {
    name: "remove",
    arguments: " [ GUN ] [ Role ] <KeyID 1> ...",
    summary: "Stage that a delegated role loses keys or paths, or is no more",
    about: "Stages that a delegated role loses keys or paths. Without any of them the role itself is removed.",
    flags: &[
        Flag::switch("all-paths", None, "Take all its paths away"),
        Flag::texts("paths", None, "Take these paths away"),
        PUBLISH,
        Flag::switch("yes", Some('y'), "Remove the role without asking"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

const MISSING: &str = "must specify the Global Unique Name and the role of the delegation along with optional keyIDs and/or a list of paths to remove";

fn run(call: &Call) -> Result<(), Stop> {
    let [gun, role] = call.first(MISSING)?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let name = role.parse::<RoleName>().ok().filter(|role| role.parent().is_some());
    let name = name.ok_or_else(|| Stop::fatal(format!("invalid delegation name {role}")))?;
    let ids = call.rest(2);
    let all_paths = call.has("all-paths");
    let whole = ids.is_empty() && call.texts("paths").is_none() && !all_paths;
    let paths = call.texts("paths").filter(|_| !all_paths).unwrap_or_default();
    let (edits, lost) = match whole {
        true => {
            ask(call, &session)?;
            (vec![StagedEdit::RemoveDelegation { role: name }], None)
        }
        false => {
            let keys: Vec<KeyId> =
                ids.iter().map(|id| session::key_id(id)).collect::<Result<_, _>>()?;
            (edits(&name, &keys, paths, all_paths), Some(lost(call, ids, paths, all_paths)))
        }
    };
    staging::stage(&edits, &collection, &session)?;
    session.say(&match lost {
        None => format!(
            "\nForced removal (including all keys and paths) of delegation role {role} to repository \"{gun}\" staged for next publish.\n\n"
        ),
        Some(lost) => format!(
            "\nRemoval of delegation role {role} {lost}to repository \"{gun}\" staged for next publish.\n\n"
        ),
    });
    staging::publish_if_wanted(call, &collection, &session)
}

fn ask(call: &Call, session: &Session) -> Result<(), Stop> {
    session.say("\nAre you sure you want to remove all data for this delegation? (yes/no)\n");
    if call.has("yes") {
        session.say("Confirmed `yes` from flag\n");
        return Ok(());
    }
    match confirmed() {
        true => Ok(()),
        false => Err(Stop::aborted()),
    }
}

/// As the original stages it: each kind by itself, paths before keys.
fn edits(role: &RoleName, keys: &[KeyId], paths: &[String], all_paths: bool) -> Vec<StagedEdit> {
    let edit = |keys: &[KeyId], paths: &[String], all_paths| StagedEdit::Narrow {
        role: role.clone(),
        keys: keys.to_vec(),
        paths: paths.to_vec(),
        all_paths,
    };
    let cleared = all_paths.then(|| edit(&[], &[], true));
    let paths = (!paths.is_empty()).then(|| edit(&[], paths, false));
    let keys = (!keys.is_empty()).then(|| edit(keys, &[], false));
    cleared.into_iter().chain(paths).chain(keys).collect()
}

fn lost(call: &Call, ids: &[String], paths: &[String], all_paths: bool) -> String {
    let mut with = String::new();
    if !ids.is_empty() {
        with.push_str(&format!("with keys [{}], ", ids.join(" ")));
    }
    if all_paths {
        with.push_str("with all paths, ");
    } else if call.texts("paths").is_some() {
        with.push_str(&format!("with paths [{}], ", shown(paths).join("\n")));
    }
    with
}
