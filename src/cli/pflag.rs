//! Words of a command line as flags, by the rules of the library that docker and notary are made
//! with (spf13/pflag 1.0 `flag.go`, `parseArgs`). What is wrong is told in its words, because
//! scripts look for them.

mod value;

pub(super) use value::{Value, integer, quoted, switch};

/// A flag.
pub(super) struct Flag {
    /// The long name.
    pub(super) long: &'static str,
    /// The letter, if there is one.
    pub(super) short: Option<char>,
    /// What it takes.
    pub(super) takes: Takes,
    /// What it is for.
    pub(super) help: &'static str,
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    /// Nothing, or `=true` and `=false`.
    Nothing,
    /// A text; the last one counts.
    Text,
    /// Texts with commas between them; may be repeated.
    Texts,
    /// A text each time that it is repeated.
    Repeated,
    /// A number; the last one counts.
    Number,
    /// Numbers with commas between them; may be repeated.
    Numbers,
}

/// What a word says.
pub(super) enum Word<'f> {
    /// Flags in their order, and what each was given.
    Flags(Vec<(&'f Flag, String)>),
    /// `--help` or `-h`, where no flag has that name.
    Help,
}

impl Flag {
    /// A flag that takes nothing.
    pub(super) const fn switch(
        long: &'static str,
        short: Option<char>,
        help: &'static str,
    ) -> Self {
        Self { long, short, takes: Takes::Nothing, help }
    }

    /// A flag that takes a text.
    pub(super) const fn text(long: &'static str, short: Option<char>, help: &'static str) -> Self {
        Self { long, short, takes: Takes::Text, help }
    }

    /// A flag that takes texts with commas between them.
    pub(super) const fn texts(long: &'static str, short: Option<char>, help: &'static str) -> Self {
        Self { long, short, takes: Takes::Texts, help }
    }

    /// A flag that takes one of several texts each time.
    pub(super) const fn repeated(
        long: &'static str,
        short: Option<char>,
        help: &'static str,
    ) -> Self {
        Self { long, short, takes: Takes::Repeated, help }
    }

    /// Whether it stands alone, or with `=true` or `=false` behind it.
    pub(super) fn is_switch(&self) -> bool {
        self.takes == Takes::Nothing
    }

    /// How it is written, for a list of flags.
    fn head(&self) -> String {
        let letter = self.short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
        let takes = match self.takes {
            Takes::Nothing => "",
            Takes::Text => " string",
            Takes::Texts => " strings",
            Takes::Repeated => " list",
            Takes::Number => " int",
            Takes::Numbers => " ints",
        };
        format!("  {letter}--{}{takes}", self.long)
    }
}

/// Flags, a line each, with what each is for in a column of its own.
pub(super) fn described(flags: &[(&Flag, &str)]) -> String {
    let heads: Vec<String> = flags.iter().map(|(flag, _)| flag.head()).collect();
    let width = heads.iter().map(String::len).max().unwrap_or_default();
    let line = |(head, (_, help)): (&String, &(&Flag, &str))| format!("{head:width$}   {help}\n");
    heads.iter().zip(flags).map(line).collect()
}

/// Whether a word is one of flags.
pub(super) fn is_flag(word: &str) -> bool {
    word.starts_with('-') && word != "-" && word != "--"
}

/// Reads a word of flags, and the next one if the last flag wants a value.
///
/// # Errors
///
/// The words in which the original would refuse it.
pub(super) fn read<'f, 'w>(
    word: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    known: &[&'f [Flag]],
) -> Result<Word<'f>, String> {
    match word.strip_prefix("--") {
        Some(long) => read_long(word, long, rest, known),
        None => read_letters(word.trim_start_matches('-'), rest, known),
    }
}

fn read_long<'f, 'w>(
    word: &str,
    long: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    known: &[&'f [Flag]],
) -> Result<Word<'f>, String> {
    if long.starts_with(['-', '=']) {
        return Err(format!("bad flag syntax: {word}"));
    }
    let (name, given) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    let Some(flag) = known.iter().copied().flatten().find(|flag| flag.long == name) else {
        return match name {
            "help" => Ok(Word::Help),
            _ => Err(format!("unknown flag: --{name}")),
        };
    };
    let missing = || format!("flag needs an argument: --{name}");
    let value = match given {
        Some(value) => value,
        None if flag.is_switch() => TRUE,
        None => rest.next().ok_or_else(missing)?,
    };
    Ok(Word::Flags(vec![(flag, value.to_owned())]))
}

/// `-abc`, `-a=true`, `-cVALUE`, `-c VALUE`.
fn read_letters<'f, 'w>(
    letters: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    known: &[&'f [Flag]],
) -> Result<Word<'f>, String> {
    let (mut left, mut flags) = (letters, Vec::new());
    while let Some(letter) = left.chars().next() {
        let behind = left.get(letter.len_utf8()..).unwrap_or_default();
        let flag = known.iter().copied().flatten().find(|flag| flag.short == Some(letter));
        let Some(flag) = flag else {
            return match letter {
                'h' => Ok(Word::Help),
                _ => Err(format!("unknown shorthand flag: {letter:?} in -{left}")),
            };
        };
        let missing = || format!("flag needs an argument: {letter:?} in -{left}");
        let (value, after) = match behind.strip_prefix('=') {
            Some(value) => (value, ""),
            None if flag.is_switch() => (TRUE, behind),
            None if !behind.is_empty() => (behind, ""),
            None => (rest.next().ok_or_else(missing)?, ""),
        };
        flags.push((flag, value.to_owned()));
        left = after;
    }
    Ok(Word::Flags(flags))
}

/// That a flag cannot be given this.
pub(super) fn refused(flag: &Flag, text: &str, problem: &str) -> String {
    let letter = flag.short.map(|letter| format!("-{letter}, ")).unwrap_or_default();
    format!("invalid argument {text:?} for \"{letter}--{}\" flag: {problem}", flag.long)
}

/// What a switch is given that stands alone.
const TRUE: &str = "true";
