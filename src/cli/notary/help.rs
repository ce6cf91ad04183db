//! `help`.

use super::grammar::{Call, Command, Run};
use super::session::output_of;
use super::stop::Stop;
use super::{GLOBALS, NOTARY, usage};

pub(super) static COMMAND: Command = Command {
    name: "help",
    arguments: " [command]",
    summary: "Show what a command is for",
    about: "Shows what a command is for and how it is used.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let output = output_of(call);
    let mut path: Vec<&Command> = vec![&NOTARY];
    for word in &call.arguments {
        let known = path.last().and_then(|at| at.commands.iter().find(|known| known.name == word));
        match known {
            Some(command) => path.push(command),
            None if path.len() == 1 => {
                let topic = call.arguments.join("` `");
                let usage = usage::usage(&path, GLOBALS);
                output.page(&format!("Unknown help topic [`{topic}`]\n{usage}"));
                return Ok(());
            }
            None => break,
        }
    }
    output.page(&usage::help(&path, GLOBALS));
    Ok(())
}
