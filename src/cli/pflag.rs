//! Words of a command line as flags, by the rules of the library that docker and notary are made
//! with (spf13/pflag 1.0 `flag.go`, `parseArgs`). What is wrong is told in its words, because scripts
//! look for them.

/// A flag, as far as reading it needs.
pub(super) trait Flag {
    /// The long name.
    fn long(&self) -> &'static str;
    /// The letter, if there is one.
    fn short(&self) -> Option<char>;
    /// Whether it stands alone, or with `=true` or `=false` behind it.
    fn is_switch(&self) -> bool;
}

/// What a word says.
pub(super) enum Word<'f, F> {
    /// Flags in their order, and what each was given.
    Flags(Vec<(&'f F, String)>),
    /// `--help` or `-h`, where no flag has that name.
    Help,
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
pub(super) fn read<'f, 'w, F: Flag>(
    word: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    known: &[&'f [F]],
) -> Result<Word<'f, F>, String> {
    match word.strip_prefix("--") {
        Some(long) => read_long(word, long, rest, known),
        None => read_letters(word.trim_start_matches('-'), rest, known),
    }
}

fn read_long<'f, 'w, F: Flag>(
    word: &str,
    long: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    known: &[&'f [F]],
) -> Result<Word<'f, F>, String> {
    if long.starts_with(['-', '=']) {
        return Err(format!("bad flag syntax: {word}"));
    }
    let (name, given) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    let Some(flag) = known.iter().copied().flatten().find(|flag| flag.long() == name) else {
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
fn read_letters<'f, 'w, F: Flag>(
    letters: &str,
    rest: &mut impl Iterator<Item = &'w str>,
    known: &[&'f [F]],
) -> Result<Word<'f, F>, String> {
    let (mut left, mut flags) = (letters, Vec::new());
    while let Some(letter) = left.chars().next() {
        let behind = left.get(letter.len_utf8()..).unwrap_or_default();
        let flag = known.iter().copied().flatten().find(|flag| flag.short() == Some(letter));
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

/// Go's `strconv.ParseBool`.
///
/// # Errors
///
/// Its own words.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// That a flag cannot be given this.
pub(super) fn refused(flag: &impl Flag, text: &str, problem: &str) -> String {
    let letter = flag.short().map(|letter| format!("-{letter}, ")).unwrap_or_default();
    format!("invalid argument {text:?} for \"{letter}--{}\" flag: {problem}", flag.long())
}

/// What a switch is given that stands alone.
const TRUE: &str = "true";
