//! Options as docker's library reads them (spf13/pflag `flag.go`, `parseArgs`).

use super::words::ValuePlace;
use super::{Error, Words};

/// The options that a command knows, in the form `-a,--attach= --init …`; a trailing `=` says that
/// it takes a value.
#[derive(Debug)]
pub(super) struct Flags {
    pub(super) command: &'static str,
    pub(super) known: &'static [&'static str],
}

/// Whether options may stand behind operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Anywhere.
    Mixed,
    /// The first operand ends them: what follows belongs to a container or a sub-command.
    CommandFirst,
}

/// One option of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flag {
    long: &'static str,
    takes_value: bool,
}

impl Flags {
    fn all(&self) -> impl Iterator<Item = (Option<char>, Flag)> {
        self.known.iter().flat_map(|line| line.split_ascii_whitespace()).map(|entry| {
            let (entry, takes_value) = match entry.strip_suffix('=') {
                Some(entry) => (entry, true),
                None => (entry, false),
            };
            let (short, long) = match entry.split_once(',') {
                Some((short, long)) => (short.chars().nth(1), long),
                None => (None, entry),
            };
            (short, Flag { long: long.trim_start_matches('-'), takes_value })
        })
    }

    fn long(&self, name: &str) -> Option<Flag> {
        self.all().map(|(_, flag)| flag).find(|flag| flag.long == name)
    }

    fn short(&self, letter: char) -> Option<Flag> {
        self.all().find(|(short, _)| *short == Some(letter)).map(|(_, flag)| flag)
    }

    /// Whether the next word is this option's value. None of an option that is not known.
    pub(super) fn take_next(&self, option: &str) -> bool {
        let flag = match option.strip_prefix("--") {
            Some(name) => self.long(name),
            None => option.strip_prefix('-').and_then(|it| {
                let mut letters = it.chars();
                self.short(letters.next()?).filter(|_| letters.next().is_none())
            }),
        };
        flag.is_some_and(|flag| flag.takes_value)
    }

    fn unknown(&self, option: &str) -> Error {
        let option = option.chars().take(MAX_SHOWN).collect();
        Error::UnknownOption { command: self.command, option }
    }
}

/// An option that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its long name.
    pub name: &'static str,
    /// The word in which it stands, perhaps with others.
    pub word: usize,
    /// Where its value is. A switch has none unless it is written with `=`.
    pub value: Option<ValuePlace>,
}

/// A command's options and operands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Options in their order.
    pub options: Vec<Given>,
    /// Indices of the words that are operands.
    pub operands: Vec<usize>,
}

impl Parsed {
    /// The last time that an option is given.
    pub fn last(&self, name: &str) -> Option<&Given> {
        self.options.iter().rfind(|given| given.name == name)
    }

    /// Each time that an option is given.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Given> {
        self.options.iter().filter(move |given| given.name == name)
    }

    /// `--help` without a value. With one it may mean no, and docker must not be believed to only
    /// print.
    pub(super) fn asks_for_help(&self) -> bool {
        self.last("help").is_some_and(|given| given.value.is_none())
    }

    /// Whether `--help` or `--version` is among them. Before a command they need not keep docker
    /// from running it: `docker --version run IMAGE` runs the image.
    pub(super) fn mention_printing(&self) -> bool {
        self.options.iter().any(|given| matches!(given.name, "help" | "version"))
    }
}

/// Reads words from an index on.
pub(super) fn read(
    words: &Words,
    from: usize,
    flags: &Flags,
    order: Order,
) -> Result<Parsed, Error> {
    let mut reader = Reader { words, flags, parsed: Parsed::default(), at: from };
    while reader.at < words.len() {
        let word = match words.text(reader.at) {
            Ok(word) => word,
            // An operand may be anything.
            Err(error) if order == Order::Mixed || reader.looks_like_option() => return Err(error),
            Err(_) => "operand",
        };
        match word.strip_prefix('-') {
            None | Some("") if order == Order::CommandFirst => break,
            None | Some("") => reader.operand(),
            Some("-") => {
                reader.at += 1;
                break;
            }
            Some(rest) => match rest.strip_prefix('-') {
                Some(long) => reader.long(long)?,
                None => reader.short(rest)?,
            },
        }
    }
    reader.parsed.operands.extend(reader.at..words.len());
    Ok(reader.parsed)
}

struct Reader<'a> {
    words: &'a Words,
    flags: &'a Flags,
    parsed: Parsed,
    at: usize,
}

impl Reader<'_> {
    fn operand(&mut self) {
        self.parsed.operands.push(self.at);
        self.at += 1;
    }

    fn looks_like_option(&self) -> bool {
        let word = self.words.range(self.at..self.at + 1);
        word.first().is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"))
    }

    fn long(&mut self, body: &str) -> Result<(), Error> {
        let (name, start) = match body.find('=') {
            Some(at) => (&body[..at], Some("--".len() + at + 1)),
            None => (body, None),
        };
        let flag = self.flags.long(name).ok_or_else(|| self.flags.unknown(&format!("--{name}")))?;
        let value = match start {
            Some(start) => Some(ValuePlace { word: self.at, start }),
            None if flag.takes_value => Some(self.next_word(&format!("--{name}"))?),
            None => None,
        };
        self.found(flag, value);
        Ok(())
    }

    /// `-itv value`, `-vvalue`, `-v=value`, `-t=true`.
    fn short(&mut self, body: &str) -> Result<(), Error> {
        let mut options = Vec::new();
        let mut value = None;
        for (at, letter) in body.char_indices() {
            let rest = &body[at + letter.len_utf8()..];
            let written = format!("-{letter}");
            let unknown = || match body.len() == letter.len_utf8() {
                true => self.flags.unknown(&written),
                false => self.flags.unknown(&format!("{written} in -{body}")),
            };
            let flag = self.flags.short(letter).ok_or_else(unknown)?;
            options.push(flag);
            let start = "-".len() + at + letter.len_utf8();
            if rest.len() > 1 && rest.starts_with('=') {
                value = Some(ValuePlace { word: self.at, start: start + 1 });
            } else if flag.takes_value && !rest.is_empty() {
                value = Some(ValuePlace { word: self.at, start });
            } else if flag.takes_value {
                value = Some(self.next_word(&written)?);
            }
            if value.is_some() {
                break;
            }
        }
        let word = self.at;
        let last = options.pop();
        let switches = options.into_iter().map(|flag| Given { name: flag.long, word, value: None });
        self.parsed.options.extend(switches);
        if let Some(last) = last {
            self.found(last, value);
        }
        Ok(())
    }

    fn next_word(&self, option: &str) -> Result<ValuePlace, Error> {
        let word = self.at + 1;
        let missing = || Error::MissingValue { command: self.flags.command, option: option.into() };
        (word < self.words.len()).then_some(ValuePlace { word, start: 0 }).ok_or_else(missing)
    }

    /// Keeps an option and goes behind its last word.
    fn found(&mut self, flag: Flag, value: Option<ValuePlace>) {
        self.parsed.options.push(Given { name: flag.long, word: self.at, value });
        self.at = value.map_or(self.at, |value| value.word) + 1;
    }
}

/// Characters of an unknown option that are shown.
const MAX_SHOWN: usize = 80;
