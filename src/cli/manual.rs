//! `completions` and `man`.

mod page;

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::exit::{Code, Kind};
use super::output::{Failure, Output};

#[derive(Args)]
#[command(after_help = "\
Example:
  countersign completions bash >~/.local/share/bash-completion/completions/countersign")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  countersign man | man -l -
  countersign man --out /usr/local/share/man/man1")]
pub(super) struct Man {
    /// Write the page of every command into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints a completion script.
pub(super) fn completions(arguments: &Completions, output: Output) -> Result<Code, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), NAME, &mut script);
    output.bytes(&script);
    Ok(Code::Done)
}

/// Prints the manual page, or writes all of them.
pub(super) fn man(arguments: &Man, output: Output) -> Result<Code, Failure> {
    let failed = |error: std::io::Error| Failure::new(Kind::Disk, format!("manual pages: {error}"));
    match &arguments.out {
        Some(folder) => page::write_all(Cli::command(), folder).map_err(failed)?,
        None => output.bytes(&page::page(&Cli::command()).map_err(failed)?),
    }
    Ok(Code::Done)
}

const NAME: &str = "countersign";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What stands in the comment of arguments that several commands share must not take the place
    /// of what a command says of itself.
    #[test]
    fn each_command_says_of_itself_what_the_list_says_of_it() {
        let mut built = Cli::command();
        built.build();
        for listed in Cli::command().get_subcommands() {
            let own = built.find_subcommand(listed.get_name()).expect("the same commands");
            assert_eq!(told(own), told(listed), "{}", listed.get_name());
            let below: Vec<_> = own.get_subcommands().map(told).collect();
            let different: BTreeSet<_> = below.iter().collect();
            assert_eq!(different.len(), below.len(), "{below:?}");
        }
    }

    fn told(command: &clap::Command) -> String {
        command.get_about().map(ToString::to_string).expect("every command says what it does")
    }

    #[test]
    fn command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
