//! `status`: what is staged.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::stop::Stop;
use super::table::table;
use crate::storage::{Change, Staged};

pub(super) static COMMAND: Command = Command {
    name: "status",
    arguments: " [ GUN ]",
    summary: "Show what is staged",
    about: "Shows the changes of a collection that are staged and not published.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun] = call.first("Must specify a GUN")?;
    let session = Session::open(call)?;
    let staged = session.directory(&session::gun(gun)?).changelist().list()?;
    if staged.is_empty() {
        session.say(&format!("No unpublished changes for {gun}\n"));
        return Ok(());
    }
    let rows: Vec<_> = staged.iter().enumerate().map(row).collect();
    let rows = table(["#", "ACTION", "SCOPE", "TYPE", "PATH"], &rows);
    session.say(&format!("Unpublished changes for {gun}:\n\n{rows}"));
    tell_of_unreadable(&staged, &session);
    Ok(())
}

/// The numbers are those that `reset -n` takes, so that a file that is no change has one, too.
fn row((number, staged): (usize, &Staged)) -> [String; 5] {
    let unreadable = || Change {
        action: "?".to_owned(),
        scope: "?".to_owned(),
        kind: "?".to_owned(),
        path: staged.file_name(),
        data: None,
    };
    let change = staged.change.clone().unwrap_or_else(|_| unreadable());
    [number.to_string(), change.action, change.scope, change.kind, change.path]
}

fn tell_of_unreadable(staged: &[Staged], session: &Session) {
    for (number, staged) in staged.iter().enumerate() {
        if let Err(problem) = &staged.change {
            let name = staged.file_name();
            session.output.notice(&format!(
                "{name} is no change ({problem}) and keeps the others from being published: reset -n {number} removes it"
            ));
        }
    }
}
