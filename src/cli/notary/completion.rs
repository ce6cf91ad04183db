//! `completion`: scripts for shells.

use clap_complete::Shell;

use super::grammar::{Call, Command, Run};
use super::session::output_of;
use super::stop::Stop;
use super::{GLOBALS, NOTARY};
use crate::cli::pflag::Takes;

pub(super) static COMMAND: Command = Command {
    name: "completion",
    arguments: "",
    summary: "Print a completion script for a shell",
    about: "Prints a script that completes commands and flags in a shell.",
    flags: &[],
    commands: &[&BASH, &FISH, &POWERSHELL, &ZSH],
    run: None,
};

static BASH: Command = shell("bash", "For bash", bash);
static FISH: Command = shell("fish", "For fish", fish);
static POWERSHELL: Command = shell("powershell", "For powershell", powershell);
static ZSH: Command = shell("zsh", "For zsh", zsh);

const fn shell(
    name: &'static str,
    summary: &'static str,
    run: fn(&Call) -> Result<(), Stop>,
) -> Command {
    Command {
        name,
        arguments: "",
        summary,
        about: summary,
        flags: &[],
        commands: &[],
        run: Some(Run(run)),
    }
}

fn bash(call: &Call) -> Result<(), Stop> {
    print(call, Shell::Bash)
}

fn fish(call: &Call) -> Result<(), Stop> {
    print(call, Shell::Fish)
}

fn powershell(call: &Call) -> Result<(), Stop> {
    print(call, Shell::PowerShell)
}

fn zsh(call: &Call) -> Result<(), Stop> {
    print(call, Shell::Zsh)
}

fn print(call: &Call, shell: Shell) -> Result<(), Stop> {
    let mut script = Vec::new();
    let mut grammar = described(&NOTARY);
    clap_complete::generate(shell, &mut grammar, NOTARY.name, &mut script);
    output_of(call).bytes(&script);
    Ok(())
}

/// The same words for who writes completion scripts.
pub(super) fn described(command: &'static Command) -> clap::Command {
    let flags = command.flags.iter().chain(if command.name == NOTARY.name { GLOBALS } else { &[] });
    let flags = flags.map(|flag| {
        let action = match flag.takes {
            Takes::Nothing => clap::ArgAction::SetTrue,
            _ => clap::ArgAction::Append,
        };
        let described = clap::Arg::new(flag.long).long(flag.long).help(flag.help).action(action);
        let described = described.global(GLOBALS.iter().any(|global| global.long == flag.long));
        match flag.short {
            Some(letter) => described.short(letter),
            None => described,
        }
    });
    clap::Command::new(command.name)
        .about(command.summary)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .args(flags)
        .subcommands(command.commands.iter().map(|command| described(command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_for_two_things() {
        described(&NOTARY).debug_assert();
    }
}
