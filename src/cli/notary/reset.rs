//! `reset`: forgets what is staged.

use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::stop::Stop;
use crate::cli::pflag::{Flag, Takes};

pub(super) static COMMAND: Command = Command {
    name: "reset",
    arguments: " [ GUN ]",
    summary: "Forget what is staged",
    about: "Forgets changes of a collection that are staged and not published.",
    flags: &[
        Flag::switch("all", None, "Forget all of them"),
        Flag {
            long: "number",
            short: Some('n'),
            takes: Takes::Numbers,
            help: "Forget those with these numbers, as status shows them",
        },
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun] = call.first("Must specify a GUN")?;
    let (all, numbers) = (call.has("all"), call.numbers("number"));
    if !all && numbers.is_empty() {
        return Err(Stop::usage(call, "Must specify changes to reset with -n or the --all flag"));
    }
    let session = Session::open(call)?;
    let changelist = session.directory(&session::gun(gun)?).changelist();
    let staged = changelist.list()?;
    let meant = |number: usize| i64::try_from(number).is_ok_and(|it| numbers.contains(&it));
    let chosen = staged.iter().enumerate().filter(|(number, _)| all || meant(*number));
    changelist.remove(chosen.map(|(_, staged)| staged))?;
    session.say(&format!("Successfully reset specified changes for repository {gun}\n"));
    Ok(())
}
