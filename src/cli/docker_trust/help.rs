//! Help in docker's layout (docker/cli `cli/cobra.go`), and completion as its shell scripts ask for
//! it (spf13/cobra `completions.go`).

use super::grammar::{Caller, Kind, Node};
use crate::cli::pflag::{self, Flag};

/// The help of a node.
pub(super) fn of(path: &[&Node], caller: Caller) -> String {
    let Some(node) = path.last() else { return String::new() };
    let line = caller.path(path);
    match &node.kind {
        Kind::Group(commands) => {
            let mut text = format!("Usage:  {line} COMMAND\n\n{}\n", node.about);
            let is_group = |node: &&Node| matches!(node.kind, Kind::Group(_));
            let (groups, single): (Vec<&Node>, Vec<&Node>) = commands.iter().partition(is_group);
            text += &section("Management Commands", &groups);
            text += &section("Commands", &single);
            text += &format!("\nRun '{line} COMMAND --help' for more information on a command.\n");
            match (caller, path.len()) {
                (Caller::Person, 1) => text + INSTALLING,
                _ => text,
            }
        }
        Kind::Command { flags, .. } => {
            let usage = caller.usage(path);
            let mut text = format!("Usage:  {usage}\n\n{}\n", node.about);
            if !flags.is_empty() {
                text += "\nOptions:\n";
                text += &options(flags);
            }
            text
        }
    }
}

fn section(heading: &str, nodes: &[&Node]) -> String {
    if nodes.is_empty() {
        return String::new();
    }
    let line = |node: &&Node| format!("  {:NAMES$} {}\n", node.name, node.about);
    format!("\n{heading}:\n{}", nodes.iter().map(line).collect::<String>())
}

fn options(flags: &[Flag]) -> String {
    pflag::described(&flags.iter().map(|flag| (flag, flag.help)).collect::<Vec<_>>())
}

/// What may stand for the last of these words, one line each, and what the shell may add.
pub(super) fn complete(words: &[String], descriptions: bool) -> String {
    let Some((last, before)) = words.split_last() else { return directive(NO_FILES) };
    let mut node = &super::grammar::TRUST;
    let mut before = before.iter().filter(|word| !word.starts_with('-')).peekable();
    before.next_if(|word| *word == node.name);
    for word in before {
        match &node.kind {
            Kind::Group(commands) => match commands.iter().find(|known| known.name == word) {
                Some(known) => node = known,
                None => return directive(NO_FILES),
            },
            Kind::Command { .. } => break,
        }
    }
    let candidates: Vec<(String, &str)> = match &node.kind {
        Kind::Group(commands) => {
            commands.iter().map(|known| (known.name.to_owned(), known.about)).collect()
        }
        Kind::Command { flags, .. } if last.starts_with('-') => {
            flags.iter().map(|flag| (format!("--{}", flag.long), flag.help)).collect()
        }
        Kind::Command { .. } => return directive(files_of(node.name)),
    };
    let line = |(word, about): &(String, &str)| match descriptions {
        true => format!("{word}\t{about}\n"),
        false => format!("{word}\n"),
    };
    let fitting = candidates.iter().filter(|(word, _)| word.starts_with(last.as_str()));
    fitting.map(line).collect::<String>() + &directive(NO_FILES)
}

/// Only a key file is a file.
fn files_of(command: &str) -> u8 {
    if command == "load" { FILES } else { NO_FILES }
}

fn directive(number: u8) -> String {
    format!(":{number}\n")
}

/// What docker never asks for.
const INSTALLING: &str = "
Run 'countersign docker-trust --install [DIR]' to make it a plugin of docker, and with --uninstall to
undo that.
";
/// What the shell does with what it is given.
const FILES: u8 = 0;
const NO_FILES: u8 = 4;
/// Width of command names: the longest of docker's own.
const NAMES: usize = 11;

#[cfg(test)]
mod tests {
    use super::super::grammar::{TRUST, Wish, parse};
    use super::*;

    fn help(words: &[&str], caller: Caller) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let parsed = parse(&words, caller).expect("understood");
        assert!(matches!(parsed.wish, Wish::Help { .. }));
        of(&parsed.path, caller)
    }

    #[test]
    fn help_is_laid_out_as_docker_does() {
        let expected = "Usage:  docker trust signer COMMAND\n\n\
            Manage who may sign\n\n\
            Commands:\n\
            \u{20} add         Add a signer\n\
            \u{20} remove      Remove a signer\n\n\
            Run 'docker trust signer COMMAND --help' for more information on a command.\n";
        assert_eq!(help(&["trust", "signer", "--help"], Caller::Docker), expected);
        assert_eq!(help(&["help", "trust", "signer"], Caller::Docker), expected);
        let expected = "Usage:  docker-trust revoke [OPTIONS] IMAGE[:TAG]\n\n\
            Withdraw the signatures of an image\n\n\
            Options:\n\
            \u{20} -y, --yes   Do not ask\n";
        assert_eq!(help(&["revoke", "--help"], Caller::Person), expected);
        assert!(of(&[&TRUST], Caller::Person).ends_with(INSTALLING));
        assert!(of(&[&TRUST], Caller::Docker).contains("Management Commands:\n  key         Man"));
    }

    #[test]
    fn completion_offers_commands_flags_and_files() {
        let complete = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            complete(&words, false)
        };
        assert_eq!(complete(&["trust", "s"]), "sign\nsigner\n:4\n");
        assert_eq!(complete(&["trust", "key", ""]), "generate\nload\n:4\n");
        assert_eq!(complete(&["trust", "revoke", "--y"]), "--yes\n:4\n");
        assert_eq!(complete(&["trust", "key", "load", ""]), ":0\n");
        assert_eq!(complete(&["trust", "inspect", "we"]), ":4\n");
        assert_eq!(complete(&["trust", "bogus", ""]), ":4\n");
        assert_eq!(complete(&[]), ":4\n");
    }
}
