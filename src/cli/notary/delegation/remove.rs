//! `delegation remove`: stages that a role loses keys or paths, or is no more.

use super::super::grammar::{Call, Command, Run};
use super::super::prompt::confirmed;
use super::super::session::{self, Session};
use super::super::staging::{self, PUBLISH};
use super::super::stop::Stop;
use super::shown;
use crate::cli::pflag::Flag;
use crate::docker::staged::StagedEdit;
use crate::edit::WithdrawnPaths;
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
    let paths = match (call.has("all-paths"), call.texts("paths")) {
        (true, _) => Some(WithdrawnPaths::All),
        (false, these) => these.map(|these| WithdrawnPaths::These(these.to_vec())),
    };
    let (edits, what) = match (ids, paths) {
        ([], None) => {
            ask(call, &session)?;
            let edits = vec![StagedEdit::RemoveDelegation { role: name }];
            (
                edits,
                format!("Forced removal (including all keys and paths) of delegation role {role} "),
            )
        }
        (ids, paths) => {
            let keys = ids.iter().map(|id| session::key_id(id)).collect::<Result<Vec<_>, _>>()?;
            let edits = edits(&name, &keys, paths.as_ref());
            (edits, format!("Removal of delegation role {role} {}", lost(ids, paths.as_ref())))
        }
    };
    staging::stage(&edits, &collection, &session)?;
    session.say(&format!("\n{what}to repository \"{gun}\" staged for next publish.\n\n"));
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
fn edits(role: &RoleName, keys: &[KeyId], paths: Option<&WithdrawnPaths>) -> Vec<StagedEdit> {
    let edit = |keys: &[KeyId], paths: &WithdrawnPaths| StagedEdit::Narrow {
        role: role.clone(),
        keys: keys.to_vec(),
        paths: paths.clone(),
    };
    let none = WithdrawnPaths::default();
    let paths = paths.filter(|paths| **paths != none).map(|paths| edit(&[], paths));
    let keys = (!keys.is_empty()).then(|| edit(keys, &none));
    paths.into_iter().chain(keys).collect()
}

fn lost(ids: &[String], paths: Option<&WithdrawnPaths>) -> String {
    let keys = match ids {
        [] => String::new(),
        ids => format!("with keys [{}], ", ids.join(" ")),
    };
    let paths = match paths {
        None => String::new(),
        Some(WithdrawnPaths::All) => "with all paths, ".to_owned(),
        Some(WithdrawnPaths::These(these)) => {
            format!("with paths [{}], ", shown(these).join("\n"))
        }
    };
    keys + &paths
}
