//! Reading a command line.

use super::table::{GLOBALS, TRUST};
use super::{Action, Arity, Call, Caller, Given, Kind, Misuse, Node, Parsed, Wish};
use crate::cli::pflag::{self, Flag, Word, is_flag};

/// Reads the words after the program's name. `trust` may be left out by a person.
pub(in super::super) fn parse(words: &[String], caller: Caller) -> Result<Parsed, Misuse> {
    let mut words = words.iter().map(String::as_str).peekable();
    let mut globals = Given::default();
    while let Some(word) = words.next_if(|word| is_flag(word)) {
        let taken = take_flag(word, &mut words, &GLOBALS, &mut globals);
        if let Taken::Help = taken.map_err(|problem| flags_misused(&problem, caller, &[]))? {
            return Ok(Parsed { path: vec![&TRUST], globals, wish: help_by(word) });
        }
    }
    let (path, wish) = match words.peek() {
        Some(&HELP) if globals.0.is_empty() => help_on(words.skip(1))?,
        _ => {
            words.next_if_eq(&TRUST.name);
            below_trust(words, caller)?
        }
    };
    Ok(Parsed { path, globals, wish })
}

/// From `trust` to the command that is named, and what is wanted of it.
fn below_trust<'w>(
    mut words: impl Iterator<Item = &'w str>,
    caller: Caller,
) -> Result<(Vec<&'static Node>, Wish), Misuse> {
    let mut path = vec![&TRUST];
    while let Some(word) = words.next() {
        if is_flag(word) {
            let taken = take_flag(word, &mut words, &[], &mut Given::default());
            if let Taken::Help = taken.map_err(|problem| flags_misused(&problem, caller, &path))? {
                return Ok((path, help_by(word)));
            }
            continue;
        }
        let node = below(&path, word).ok_or_else(|| unknown_command(word, caller, &path))?;
        path.push(node);
        if let Kind::Command { action, arity, flags } = &node.kind {
            let wish = command(*action, *arity, flags, words, caller, &path)?;
            return Ok((path, wish));
        }
    }
    Ok((path, Wish::Nothing))
}

/// What a word names below the last node.
fn below(path: &[&'static Node], word: &str) -> Option<&'static Node> {
    match &path.last()?.kind {
        Kind::Group(commands) => commands.iter().find(|node| node.name == word),
        Kind::Command { .. } => None,
    }
}

/// `help WORD...`, as docker passes on `docker help trust ...`.
fn help_on<'w>(words: impl Iterator<Item = &'w str>) -> Result<(Vec<&'static Node>, Wish), Misuse> {
    let mut path = vec![&TRUST];
    let words: Vec<&str> = words.collect();
    let words = words.strip_prefix(&[TRUST.name]).unwrap_or(&words);
    for (at, word) in words.iter().enumerate() {
        let unknown =
            || Misuse { text: format!("unknown help topic: {}", words[at..].join(" ")), code: 1 };
        path.push(below(&path, word).ok_or_else(unknown)?);
    }
    Ok((path, Wish::Help { deprecated: false }))
}

fn command<'w>(
    action: Action,
    arity: Arity,
    flags: &'static [Flag],
    mut words: impl Iterator<Item = &'w str>,
    caller: Caller,
    path: &[&'static Node],
) -> Result<Wish, Misuse> {
    let mut given = Given::default();
    let mut arguments = Vec::new();
    let mut help = None;
    while let Some(word) = words.next() {
        match word {
            "--" => {
                arguments.extend(words.by_ref().map(str::to_owned));
            }
            _ if is_flag(word) => {
                let taken = take_flag(word, &mut words, flags, &mut given);
                let taken = taken.map_err(|problem| flags_misused(&problem, caller, path))?;
                if let Taken::Help = taken {
                    help.get_or_insert_with(|| help_by(word));
                }
            }
            _ => arguments.push(word.to_owned()),
        }
    }
    if let Some(help) = help {
        return Ok(help);
    }
    check_arity(arity, arguments.len(), caller, path)?;
    Ok(Wish::Do(Call { action, arguments, flags: given }))
}

/// What a word of flags was.
enum Taken {
    Flags,
    /// A question for help.
    Help,
}

/// docker wants to be rid of `-h`.
fn help_by(word: &str) -> Wish {
    Wish::Help { deprecated: word == "-h" }
}

/// Takes one word of flags, and the word after it if the flag wants a value.
fn take_flag<'w>(
    word: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    flags: &'static [Flag],
    given: &mut Given,
) -> Result<Taken, String> {
    let Word::Flags(read) = pflag::read(word, rest, &[flags])? else { return Ok(Taken::Help) };
    for (flag, text) in read {
        let on = flag.is_switch().then(|| pflag::switch(&text)).transpose();
        let on = on.map_err(|problem| pflag::refused(flag, &text, &problem))?;
        given.0.push((flag.long, on.map_or(text, |on| on.to_string())));
    }
    Ok(Taken::Flags)
}

fn check_arity(arity: Arity, found: usize, caller: Caller, path: &[&Node]) -> Result<(), Misuse> {
    let (fits, wanted, number, hint) = match arity {
        Arity::Exactly(number) => (found == number, String::new(), number, "Run"),
        Arity::AtLeast(number) => (found >= number, "at least ".to_owned(), number, "See"),
    };
    if fits {
        return Ok(());
    }
    let (program, line) = (caller.program(), caller.path(path));
    let plural = if number == 1 { "" } else { "s" };
    Err(Misuse {
        text: format!(
            "{program}: '{line}' requires {wanted}{number} argument{plural}\n\n\
             Usage:  {}\n\n{hint} '{line} --help' for more information",
            caller.usage(path)
        ),
        code: 1,
    })
}

fn unknown_command(word: &str, caller: Caller, path: &[&Node]) -> Misuse {
    let (program, line) = (caller.program(), caller.path(path));
    let text = format!(
        "{program}: unknown command: {line} {word}\n\n\
         Usage:  {line}\n\nRun '{line} --help' for more information"
    );
    Misuse { text, code: 1 }
}

fn flags_misused(problem: &str, caller: Caller, path: &[&Node]) -> Misuse {
    let (usage, line) = match path {
        [] => (caller.general_usage(), caller.program().to_owned()),
        path => (caller.usage(path), caller.path(path)),
    };
    let text = format!("{problem}\n\nUsage:  {usage}\n\nRun '{line} --help' for more information");
    Misuse { text, code: FLAGS }
}

const HELP: &str = "help";
/// docker's exit code for flags that it does not understand.
const FLAGS: u8 = 125;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Parsed, Misuse> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words, Caller::Docker)
    }

    fn call(words: &[&str]) -> Call {
        match read(words).map(|parsed| parsed.wish) {
            Ok(Wish::Do(call)) => call,
            _ => panic!("{words:?} is no call"),
        }
    }

    fn misuse(words: &[&str]) -> (String, u8) {
        let misuse = read(words).err().unwrap_or_else(|| panic!("{words:?} is taken"));
        (misuse.text.lines().next().unwrap_or_default().to_owned(), misuse.code)
    }

    #[test]
    fn flags_stand_anywhere_after_their_command() {
        let remove = call(&["trust", "signer", "remove", "alice", "-f", "web", "--", "-f"]);
        assert_eq!(remove.action, Action::SignerRemove);
        assert_eq!(remove.arguments, ["alice", "web", "-f"]);
        assert!(remove.flags.is_set("force"));
        let add = call(&["signer", "add", "--key=a", "alice", "--key", "b", "web"]);
        assert_eq!(add.flags.all("key").collect::<Vec<_>>(), ["a", "b"]);
        assert!(!call(&["trust", "revoke", "-y=false", "web"]).flags.is_set("yes"));
        assert_eq!(call(&["trust", "inspect", "-"]).arguments, ["-"]);
    }

    #[test]
    fn flags_of_docker_stand_before_its_commands() {
        let parsed = read(&["-D", "--config", "/c", "-Hunix:///s", "trust", "inspect", "web"]);
        let globals = parsed.unwrap_or_else(|misuse| panic!("{misuse}")).globals;
        assert!(globals.is_set("debug"));
        assert_eq!((globals.last("config"), globals.last("host")), (Some("/c"), Some("unix:///s")));
        assert_eq!(
            globals.words().collect::<Vec<_>>(),
            ["--debug=true", "--config=/c", "--host=unix:///s"]
        );
        let (text, code) = misuse(&["trust", "-D", "inspect", "web"]);
        assert_eq!((text.as_str(), code), ("unknown shorthand flag: 'D' in -D", 125));
    }

    #[test]
    fn mistakes_are_told_as_docker_tells_them() {
        for (words, text, code) in [
            (&["trust", "bogus"][..], "docker: unknown command: docker trust bogus", 1),
            (&["trust", "key", "x"], "docker: unknown command: docker trust key x", 1),
            (&["trust", "sign"], "docker: 'docker trust sign' requires 1 argument", 1),
            (&["trust", "sign", "a", "b"], "docker: 'docker trust sign' requires 1 argument", 1),
            (
                &["trust", "signer", "add", "a"],
                "docker: 'docker trust signer add' requires at least 2 arguments",
                1,
            ),
            (&["trust", "inspect", "--bogus", "x"], "unknown flag: --bogus", 125),
            (&["trust", "revoke", "-yz", "x"], "unknown shorthand flag: 'z' in -z", 125),
            (&["trust", "signer", "add", "--key"], "flag needs an argument: --key", 125),
            (&["-H"], "flag needs an argument: 'H' in -H", 125),
            (&["trust", "revoke", "---x", "y"], "bad flag syntax: ---x", 125),
            (
                &["trust", "revoke", "--yes=maybe", "x"],
                "invalid argument \"maybe\" for \"-y, --yes\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
                125,
            ),
            (&["help", "trust", "nothing"], "unknown help topic: nothing", 1),
        ] {
            assert_eq!(misuse(words), (text.to_owned(), code), "{words:?}");
        }
    }

    #[test]
    fn help_wins_over_what_else_is_said() {
        for words in [
            &["trust", "--help"][..],
            &["trust", "sign", "--help"],
            &["trust", "sign", "a", "b", "--help"],
            &["help", "trust", "sign"],
            &["--help"],
        ] {
            let help = read(words).map(|parsed| parsed.wish);
            assert!(matches!(help, Ok(Wish::Help { deprecated: false })), "{words:?}");
        }
        for words in [&["trust", "sign", "-h"][..], &["-h"]] {
            let short = read(words).map(|parsed| parsed.wish);
            assert!(matches!(short, Ok(Wish::Help { deprecated: true })), "{words:?}");
        }
        assert!(matches!(read(&[]).map(|it| it.wish), Ok(Wish::Nothing)));
    }
}
