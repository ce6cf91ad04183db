//! From lines to instructions: continuations, comments, the bodies of heredocs
//! (buildkit `parser/parser.go`).

use super::heredoc::{self, Heredoc};
use super::instruction::Instruction;
use super::{Builder, Error};

/// A character and the byte at which it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) letter: char,
    pub(super) at: usize,
}

/// Reads all instructions.
pub(super) fn instructions(
    text: &str,
    escape: char,
    builder: Builder,
) -> Result<Vec<Instruction>, Error> {
    let mut reader = Reader { text, escape, builder, at: 0, number: 0 };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    let mut instructions = Vec::new();
    while let Some(line) = reader.next_line() {
        let line = line.trimmed_start();
        if line.is_comment() || line.is_blank() {
            continue;
        }
        let instruction = reader.instruction(line)?;
        instructions.push(instruction);
        if instructions.len() > MAX_INSTRUCTIONS {
            return Err(Error::at(reader.number, "too many instructions"));
        }
    }
    Ok(instructions)
}

/// One line of the file without its end.
#[derive(Clone, Copy)]
struct Line<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Line<'t> {
    fn trimmed_start(self) -> Self {
        let text = self.text.trim_start();
        Self { text, at: self.at + (self.text.len() - text.len()) }
    }

    fn is_comment(self) -> bool {
        self.text.trim_start().starts_with('#')
    }

    fn is_blank(self) -> bool {
        self.text.trim_start().is_empty()
    }

    fn letters(self) -> impl Iterator<Item = Letter> + use<'t> {
        let at = self.at;
        self.text.char_indices().map(move |(index, letter)| Letter { letter, at: at + index })
    }
}

struct Reader<'t> {
    text: &'t str,
    escape: char,
    builder: Builder,
    at: usize,
    number: usize,
}

impl<'t> Reader<'t> {
    fn next_line(&mut self) -> Option<Line<'t>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let full = rest.split_inclusive('\n').next().unwrap_or(rest);
        let line = Line { text: full.trim_end_matches(['\r', '\n']), at: self.at };
        self.at += full.len();
        self.number += 1;
        Some(line)
    }

    /// An instruction with all its lines, and the bodies of its heredocs.
    fn instruction(&mut self, first: Line<'t>) -> Result<Instruction, Error> {
        let number = self.number;
        let mut letters = Vec::new();
        let mut line = first;
        let mut goes_on = self.append(line, &mut letters)?;
        while goes_on {
            line = match self.next_line() {
                Some(line) => line,
                None => break,
            };
            if !line.is_comment() && !line.is_blank() {
                goes_on = self.append(line, &mut letters)?;
            }
        }
        let instruction = Instruction::of(letters, number)?;
        for heredoc in heredoc::of(&instruction)? {
            self.skip_body(&heredoc, number)?;
        }
        Ok(instruction)
    }

    /// Adds a line; whether it goes on in the next one.
    fn append(&self, line: Line<'t>, letters: &mut Vec<Letter>) -> Result<bool, Error> {
        let body = line.text.trim_end_matches([' ', '\t']);
        let Some(before) = body.strip_suffix(self.escape) else {
            letters.extend(line.letters());
            return Ok(false);
        };
        // Older builders go on here, newer ones do not.
        if before.ends_with(self.escape) {
            let reason =
                format!("whether {0}{0} at its end continues it is not clear", self.escape);
            return Err(Error::at(self.number, reason));
        }
        letters.extend(Line { text: before, at: line.at }.letters());
        Ok(true)
    }

    /// The classic builder knows no heredocs and takes their lines for instructions.
    fn skip_body(&mut self, heredoc: &Heredoc, begun: usize) -> Result<(), Error> {
        while let Some(line) = self.next_line() {
            if heredoc.ends_with(line.text) {
                return Ok(());
            }
            if heredoc.is_new_form && takes_image(line.text) {
                let reason = "a heredoc's line that older builders take for an instruction; \
                    write << and its name without a blank";
                return Err(Error::at(self.number, reason));
            }
            if self.builder != Builder::BuildKit && takes_image(line.text) {
                let reason = "a heredoc's line that the classic builder takes for an instruction; \
                    use docker buildx build, or DOCKER_BUILDKIT=1";
                return Err(Error::at(self.number, reason));
            }
        }
        Err(Error::at(begun, format!("heredoc without its end, {}", heredoc.name)))
    }
}

fn takes_image(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    match first.as_str() {
        "from" | "onbuild" => true,
        "copy" | "run" => words.next().is_some_and(|word| word.starts_with("--")),
        _ => false,
    }
}

const MAX_INSTRUCTIONS: usize = 10_000;
