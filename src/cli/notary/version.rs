//! `version`.

use super::grammar::{Call, Command, Run};
use super::session::output_of;
use super::stop::Stop;

pub(super) static COMMAND: Command = Command {
    name: "version",
    arguments: "",
    summary: "Print the version",
    about: "Prints the version.",
    flags: &[],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    output_of(call)
        .page(&format!("notary\n Version:    {VERSION}\n Git commit: {NAME}\n Go version: none\n"));
    Ok(())
}

/// What `--version` prints.
pub(super) fn on_one_line() -> String {
    format!("notary Version: {VERSION}, Git commit: {NAME}, Go version: none\n")
}

/// The version whose grammar this is, and what speaks it.
const VERSION: &str = "0.7.0";
const NAME: &str = concat!("countersign-", env!("CARGO_PKG_VERSION"));
