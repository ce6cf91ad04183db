//! Reading a command line by the rules of cobra and pflag.
//!
//! Flags stand anywhere, also behind arguments, until `--`. First the command is found: the words
//! that are no flags and not the values of flags. Then the flags of that command are read.

use std::collections::BTreeMap;

use super::grammar::{Call, Command};
use crate::cli::pflag::{self, Flag, Value, Word, quoted};

/// What a line asks for.
pub(super) enum Line {
    /// Run a command.
    Call(Call),
    /// Show the help of the command at the end of this path.
    Help(Vec<&'static Command>),
}

/// Reads a line, without the name of the program.
///
/// # Errors
///
/// The words in which the original would refuse it.
pub(super) fn read(
    root: &'static Command,
    globals: &'static [Flag],
    words: &[String],
) -> Result<Line, String> {
    let (path, words) = find(root, globals, words)?;
    let command = path.last().copied().unwrap_or(root);
    let mut reader = Reader { command, globals, flags: BTreeMap::new(), arguments: Vec::new() };
    match reader.read(&words)? {
        Asked::Help => Ok(Line::Help(path)),
        Asked::Run => {
            let (flags, arguments) = (reader.flags, reader.arguments);
            Ok(Line::Call(Call { path, arguments, flags }))
        }
    }
}

/// The command, and the line without its words.
fn find(
    root: &'static Command,
    globals: &'static [Flag],
    words: &[String],
) -> Result<(Vec<&'static Command>, Vec<String>), String> {
    let (mut path, mut words) = (vec![root], words.to_vec());
    loop {
        let command = path.last().copied().unwrap_or(root);
        let bare = bare_words(command, globals, &words);
        let Some(&at) = bare.first() else { break };
        let word = words.get(at).cloned().unwrap_or_default();
        let Some(next) = command.commands.iter().find(|known| known.name == word) else {
            if path.len() == 1 {
                return Err(unknown_command(root, &word));
            }
            break;
        };
        words.remove(at);
        path.push(next);
    }
    Ok((path, words))
}

/// The places of words that are neither flags nor values of flags, as far as can be told while the
/// command is not known.
fn bare_words(command: &Command, globals: &[Flag], words: &[String]) -> Vec<usize> {
    let known = |name: &str| all_flags(command, globals).find(|flag| flag.long == name);
    let letter = |name: &str| {
        let letter = name.chars().next();
        all_flags(command, globals).find(|flag| flag.short.is_some() && flag.short == letter)
    };
    let is_switch = |flag: Option<&Flag>| flag.is_some_and(Flag::is_switch);
    let mut bare = Vec::new();
    let mut places = words.iter().enumerate();
    while let Some((place, word)) = places.next() {
        if word == "--" {
            break;
        }
        let takes_the_next = match (word.strip_prefix("--"), word.strip_prefix('-')) {
            _ if word.contains('=') => false,
            (Some(long), _) => long != "help" && !is_switch(known(long)),
            (_, Some(short)) => short.len() == 1 && short != "h" && !is_switch(letter(short)),
            _ => false,
        };
        if takes_the_next {
            places.next();
        } else if !word.is_empty() && !word.starts_with('-') {
            bare.push(place);
        }
    }
    bare
}

fn all_flags<'f>(command: &'f Command, globals: &'f [Flag]) -> impl Iterator<Item = &'f Flag> {
    command.flags.iter().chain(globals)
}

enum Asked {
    Run,
    Help,
}

struct Reader {
    command: &'static Command,
    globals: &'static [Flag],
    flags: BTreeMap<&'static str, Value>,
    arguments: Vec<String>,
}

impl Reader {
    fn read(&mut self, words: &[String]) -> Result<Asked, String> {
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--" => self.arguments.extend(words.by_ref().map(str::to_owned)),
                _ if !pflag::is_flag(word) => self.arguments.push(word.to_owned()),
                _ => match pflag::read(word, &mut words, &[self.command.flags, self.globals])? {
                    Word::Help => return Ok(Asked::Help),
                    Word::Flags(flags) => {
                        flags.into_iter().try_for_each(|(flag, text)| self.set(flag, &text))?;
                    }
                },
            }
        }
        Ok(Asked::Run)
    }

    fn set(&mut self, flag: &'static Flag, text: &str) -> Result<(), String> {
        let value = Value::read(flag.takes, text);
        let value = value.map_err(|problem| pflag::refused(flag, text, &problem))?;
        let before = self.flags.remove(flag.long);
        self.flags.insert(flag.long, value.after(before));
        Ok(())
    }
}

fn unknown_command(root: &Command, word: &str) -> String {
    let mut message = format!("unknown command {} for {}", quoted(word), quoted(root.name));
    let close = |known: &&&Command| {
        distance(word, known.name) <= 2 || known.name.starts_with(&word.to_lowercase())
    };
    let near: Vec<&str> = root.commands.iter().filter(close).map(|known| known.name).collect();
    if !near.is_empty() {
        message.push_str("\n\nDid you mean this?\n");
        near.iter().for_each(|name| message.push_str(&format!("\t{name}\n")));
    }
    message
}

/// How many letters must change, come or go (Levenshtein), in lower case.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut corner = above;
        let mut next = vec![above + 1];
        for (other, known) in right.iter().zip(row.iter().skip(1)) {
            let change = corner + usize::from(letter != *other);
            let come_or_go = 1 + (*known).min(next.last().copied().unwrap_or_default());
            corner = *known;
            next.push(change.min(come_or_go));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::pflag::Takes;

    static LEAF: Command = Command {
        name: "leaf",
        arguments: "",
        summary: "",
        about: "",
        flags: &[
            Flag::switch("publish", Some('p'), ""),
            Flag::texts("roles", Some('r'), ""),
            Flag { long: "number", short: Some('n'), takes: Takes::Numbers, help: "" },
            Flag { long: "legacy", short: Some('l'), takes: Takes::Number, help: "" },
        ],
        commands: &[],
        run: None,
    };
    static GROUP: Command = Command { name: "group", commands: &[&LEAF], flags: &[], ..LEAF };
    static ROOT: Command =
        Command { name: "notary", commands: &[&GROUP, &LEAF], flags: &[], ..LEAF };
    static GLOBALS: [Flag; 2] =
        [Flag::text("server", Some('s'), ""), Flag::switch("debug", Some('D'), "")];

    fn line(words: &str) -> Result<Line, String> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        read(&ROOT, &GLOBALS, &words)
    }

    fn call(words: &str) -> Call {
        match line(words) {
            Ok(Line::Call(call)) => call,
            Ok(Line::Help(_)) => panic!("{words}: help"),
            Err(error) => panic!("{words}: {error}"),
        }
    }

    fn refusal(words: &str) -> String {
        line(words).err().expect(words)
    }

    #[test]
    fn flags_stand_anywhere() {
        for words in [
            "-s URL group leaf gun target -p -r a,b -r c",
            "group leaf -sURL gun -p target --roles=a,b --roles c",
            "group -D leaf --server URL gun -pr a,b target -r=c",
            "group leaf gun -s=URL -p=true --roles a,b,c -- target",
        ] {
            let call = call(words);
            assert_eq!(call.arguments, ["gun", "target"], "{words}");
            assert_eq!(call.text("server"), Some("URL"), "{words}");
            assert_eq!(call.texts("roles").expect(words), ["a", "b", "c"], "{words}");
            assert!(call.has("publish"), "{words}");
            let names: Vec<&str> = call.path.iter().map(|command| command.name).collect();
            assert_eq!(names, ["notary", "group", "leaf"], "{words}");
        }
    }

    #[test]
    fn refusals_are_in_the_words_of_the_original() {
        for (words, expected) in [
            ("bogus", "unknown command \"bogus\" for \"notary\""),
            ("leaf --bogus", "unknown flag: --bogus"),
            ("leaf -x", "unknown shorthand flag: 'x' in -x"),
            ("leaf -px", "unknown shorthand flag: 'x' in -x"),
            ("leaf --roles", "flag needs an argument: --roles"),
            ("leaf -r", "flag needs an argument: 'r' in -r"),
            ("leaf --=x", "bad flag syntax: --=x"),
            (
                "leaf -p=maybe",
                "invalid argument \"maybe\" for \"-p, --publish\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
            (
                "leaf -n x",
                "invalid argument \"x\" for \"-n, --number\" flag: strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            (
                "leaf -l x",
                "invalid argument \"x\" for \"-l, --legacy\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
        ] {
            assert_eq!(refusal(words), expected, "{words}");
        }
        assert_eq!(
            refusal("laef"),
            "unknown command \"laef\" for \"notary\"\n\nDid you mean this?\n\tleaf\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_behind_two_dashes_is_an_argument(
            odd in proptest::collection::vec("\\PC{0,9}", 0..5),
            words in proptest::collection::vec("\\PC{0,9}", 0..5),
        ) {
            // However odd a line is, it is read or refused.
            let _ = read(&ROOT, &GLOBALS, &odd);
            let line: Vec<String> =
                ["group", "leaf", "--"].map(str::to_owned).into_iter().chain(words.clone()).collect();
            match read(&ROOT, &GLOBALS, &line) {
                Ok(Line::Call(call)) => proptest::prop_assert_eq!(call.arguments, words),
                _ => proptest::prop_assert!(false, "not a call"),
            }
        }
    }
}
