//! Usage and help in the layout of cobra's.

use super::grammar::Command;
use crate::cli::pflag::{self, Flag};

/// What `--help` says: what the command is for, and its usage.
pub(super) fn help(path: &[&Command], globals: &[Flag]) -> String {
    let about = path.last().map(|command| command.about).unwrap_or_default();
    format!("{about}\n\n{}", usage(path, globals))
}

/// How a command is used.
pub(super) fn usage(path: &[&Command], globals: &[Flag]) -> String {
    let Some(command) = path.last() else { return String::new() };
    let name = path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ");
    let flags = match path.len() {
        1 => flags(command, globals),
        _ => format!("{}\nGlobal Flags:\n{}", flags(command, &[]), described(with_help(globals))),
    };
    format!(
        "Usage:\n{}{}\nFlags:\n{flags}{}",
        call(command, &name),
        commands(command),
        more(command, &name)
    )
}

fn call(command: &Command, name: &str) -> String {
    let arguments = command.arguments;
    let itself = command.run.map(|_| format!("  {name}{arguments} [flags]\n"));
    let below = is_group(command).then(|| format!("  {name} [command]\n"));
    itself.unwrap_or_default() + &below.unwrap_or_default()
}

fn commands(command: &Command) -> String {
    match is_group(command) {
        true => format!("\nAvailable Commands:\n{}", listed(command.commands)),
        false => String::new(),
    }
}

/// The flags of a command, and these.
fn flags(command: &Command, others: &[Flag]) -> String {
    let help = Flag::switch("help", Some('h'), "");
    let help_for = format!("help for {}", command.name);
    let all = with_help(command.flags).into_iter().chain(with_help(others));
    described(all.chain([(&help, help_for.as_str())]).collect())
}

fn more(command: &Command, name: &str) -> String {
    match is_group(command) {
        true => {
            format!("\nUse \"{name} [command] --help\" for more information about a command.\n")
        }
        false => String::new(),
    }
}

fn is_group(command: &Command) -> bool {
    !command.commands.is_empty()
}

fn with_help(flags: &[Flag]) -> Vec<(&Flag, &str)> {
    flags.iter().map(|flag| (flag, flag.help)).collect()
}

fn listed(commands: &[&Command]) -> String {
    let width = commands.iter().map(|command| command.name.len()).max().unwrap_or_default();
    let width = width.max(NARROWEST);
    let mut commands = commands.to_vec();
    commands.sort_by_key(|command| command.name);
    let line = |command: &Command| format!("  {:width$} {}\n", command.name, command.summary);
    commands.into_iter().map(line).collect()
}

/// In the order of their names.
fn described(mut flags: Vec<(&Flag, &str)>) -> String {
    flags.sort_by_key(|(flag, _)| flag.long);
    pflag::described(&flags)
}

/// Names of commands take at least this many columns.
const NARROWEST: usize = 11;
