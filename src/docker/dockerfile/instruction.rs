//! One instruction: its keyword, its options, and the rest (buildkit `parser/split_command.go`).

use std::ops::Range;

use super::Error;
use super::lines::Letter;

/// One instruction, its lines put together.
#[derive(Debug)]
pub(super) struct Instruction {
    /// The line on which it begins, from one.
    pub(super) line: usize,
    /// In lower case.
    pub(super) keyword: String,
    /// What stands between the keyword and the rest.
    pub(super) options: Vec<Word>,
    letters: Vec<Letter>,
    rest: usize,
    escape: char,
}

/// A word of an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Without quotes and escapes, if it is an option; else as it stands.
    pub(super) text: String,
    /// The bytes of the file in which it stands.
    pub(super) range: Range<usize>,
}

impl Instruction {
    pub(super) fn of(letters: Vec<Letter>, line: usize, escape: char) -> Result<Self, Error> {
        let begin = letters.iter().position(|letter| !letter.letter.is_whitespace()).unwrap_or(0);
        let parts =
            |letter: &Letter| matches!(letter.letter, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ');
        let end = letters[begin..].iter().position(parts).map_or(letters.len(), |at| begin + at);
        let keyword = lower(&letters[begin..end]);
        // What is no instruction has no options, and no builder goes on with it.
        let (options, rest) = match KEYWORDS.contains(&keyword.as_str()) {
            true => options(&letters, end, line, escape)?,
            false => (Vec::new(), end),
        };
        Ok(Self { line, keyword, options, letters, rest, escape })
    }

    /// What stands behind the options.
    pub(super) fn rest(&self) -> &[Letter] {
        &self.letters[self.rest..]
    }

    /// Whether builders know it.
    pub(super) fn is_known(&self) -> bool {
        KEYWORDS.contains(&self.keyword.as_str())
    }

    /// Whether there may be an image in it.
    pub(super) fn may_take_image(&self) -> Result<bool, Error> {
        let inner = self.inner()?;
        let subject = inner.as_ref().unwrap_or(self);
        Ok(subject.keyword == "from" || !subject.options.is_empty())
    }

    /// The instruction behind `ONBUILD`.
    pub(super) fn inner(&self) -> Result<Option<Self>, Error> {
        match self.keyword == "onbuild" {
            true => Self::of(self.rest().to_vec(), self.line, self.escape).map(Some),
            false => Ok(None),
        }
    }

    /// The rest's words, as they stand.
    pub(super) fn words(&self) -> Vec<Word> {
        let is_blank = |letter: &Letter| letter.letter.is_whitespace();
        let words = self.rest().split(is_blank).filter(|word| !word.is_empty());
        words.map(|word| Word { text: text(word), range: range(word) }).collect()
    }
}

/// Reads words that begin with `--`, until one does not (`extractBuilderFlags`).
fn options(
    letters: &[Letter],
    from: usize,
    line: usize,
    escape: char,
) -> Result<(Vec<Word>, usize), Error> {
    let mut found = Vec::new();
    let mut at = from;
    loop {
        let blanks = letters[at..].iter().take_while(|letter| letter.letter.is_whitespace());
        at += blanks.count();
        let starts = |offset: usize| letters.get(at + offset).is_some_and(|it| it.letter == '-');
        if !starts(0) || !starts(1) {
            return Ok((found, at));
        }
        let (end, text) = option(letters, at, line)?;
        // Older builders take \ for the escape of an option whatever the directive says.
        let is_escape = |letter: &Letter| letter.letter == '\\' || letter.letter == escape;
        if escape != '\\' && letters[at..end].iter().any(is_escape) {
            return Err(Error::at(line, "which character is an option's escape is not clear"));
        }
        // Builders go through options byte by byte, and take some bytes of a letter for blanks; and
        // they look for heredocs in them, too, by other rules for quotes.
        if !text.is_ascii() || text.contains("<<") {
            return Err(Error::at(
                line,
                "an option with << or other than ASCII letters is not understood",
            ));
        }
        if text == "--" {
            return Ok((found, end));
        }
        found.push(Word { text, range: range(&letters[at..end]) });
        at = end;
    }
}

/// One option without its quotes and escapes, and where it ends.
fn option(letters: &[Letter], from: usize, line: usize) -> Result<(usize, String), Error> {
    let mut text = String::new();
    let mut quote = None;
    let mut at = from;
    while let Some(&Letter { letter, .. }) = letters.get(at) {
        match (letter, quote) {
            (_, None) if letter.is_whitespace() => return Ok((at, text)),
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            ('\\', _) => {
                at += 1;
                text.extend(letters.get(at).map(|next| next.letter));
            }
            _ => text.push(letter),
        }
        at += 1;
    }
    match quote {
        Some(_) => Err(Error::at(line, "an option's quote does not end")),
        None => Ok((letters.len(), text)),
    }
}

/// Letter by letter, as Go does: of `İ` Rust makes two.
fn lower(letters: &[Letter]) -> String {
    let lower = |it: &Letter| match it.letter {
        '\u{130}' => 'i',
        letter => letter.to_lowercase().next().unwrap_or(letter),
    };
    letters.iter().map(lower).collect()
}

fn text(letters: &[Letter]) -> String {
    letters.iter().map(|letter| letter.letter).collect()
}

fn range(letters: &[Letter]) -> Range<usize> {
    match (letters.first(), letters.last()) {
        (Some(first), Some(last)) => first.at..last.at + last.letter.len_utf8(),
        _ => 0..0,
    }
}

/// What builders know before they take anything from anywhere.
const KEYWORDS: [&str; 18] = [
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
];
