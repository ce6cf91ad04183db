//! Usage and help in the layout of cobra's.

use super::grammar::{Command, Flag, Takes};

/// What `--help` says: what the command is for, and its usage.
pub(super) fn help(path: &[&Command], globals: &[Flag]) -> String {
    let about = path.last().map(|command| command.about).unwrap_or_default();
    format!("{about}\n\n{}", usage(path, globals))
}

/// How a command is used.
pub(super) fn usage(path: &[&Command], globals: &[Flag]) -> String {
    let Some(command) = path.last() else { return String::new() };
    let name = path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ");
    let is_root = path.len() == 1;
    let mut text = "Usage:\n".to_owned();
    if command.run.is_some() {
        let arguments = command.arguments;
        text.push_str(&format!("  {name}{arguments} [flags]\n"));
    }
    if !command.commands.is_empty() {
        text.push_str(&format!("  {name} [command]\n"));
        text.push_str("\nAvailable Commands:\n");
        text.push_str(&listed(command.commands));
    }
    let help = Flag::switch("help", Some('h'), "");
    let help_for = format!("help for {}", command.name);
    let own: Vec<(&Flag, &str)> = command.flags.iter().map(|flag| (flag, flag.help)).collect();
    let shared: Vec<(&Flag, &str)> = globals.iter().map(|flag| (flag, flag.help)).collect();
    let mut flags = own;
    flags.push((&help, &help_for));
    if is_root {
        flags.extend(shared.iter().copied());
    }
    text.push_str(&format!("\nFlags:\n{}", described(flags)));
    if !is_root {
        text.push_str(&format!("\nGlobal Flags:\n{}", described(shared)));
    }
    if !command.commands.is_empty() {
        let more = format!("\"{name} [command] --help\" for more information about a command.");
        text.push_str(&format!("\nUse {more}\n"));
    }
    text
}

fn listed(commands: &[&Command]) -> String {
    let width = commands.iter().map(|command| command.name.len()).max().unwrap_or_default();
    let width = width.max(NARROWEST);
    let mut commands = commands.to_vec();
    commands.sort_by_key(|command| command.name);
    let line = |command: &Command| format!("  {:width$} {}\n", command.name, command.summary);
    commands.into_iter().map(line).collect()
}

fn described(mut flags: Vec<(&Flag, &str)>) -> String {
    flags.sort_by_key(|(flag, _)| flag.long);
    let heads: Vec<String> = flags.iter().map(|(flag, _)| head(flag)).collect();
    let width = heads.iter().map(String::len).max().unwrap_or_default();
    let line = |(head, (_, help)): (&String, &(&Flag, &str))| format!("{head:width$}   {help}\n");
    heads.iter().zip(&flags).map(line).collect()
}

fn head(flag: &Flag) -> String {
    let letter = match flag.short {
        Some(letter) => format!("  -{letter}, "),
        None => "      ".to_owned(),
    };
    let takes = match flag.takes {
        Takes::Nothing => "",
        Takes::Text => " string",
        Takes::Texts => " strings",
        Takes::Number => " int",
        Takes::Numbers => " ints",
    };
    format!("{letter}--{}{takes}", flag.long)
}

/// Names of commands take at least this many columns.
const NARROWEST: usize = 11;
