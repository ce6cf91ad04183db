//! From lines to instructions: continuations, comments, the bodies of heredocs
//! (buildkit `parser/parser.go`).

use super::Error;
use super::heredoc::{self, Heredoc};
use super::instruction::Instruction;

/// A character and the byte at which it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) letter: char,
    pub(super) at: usize,
}

/// Reads all instructions.
pub(super) fn instructions(text: &str, escape: char) -> Result<Vec<Instruction>, Error> {
    let mut reader = Reader { text, escape, at: 0, number: 0 };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    reader.instructions()
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
    at: usize,
    number: usize,
}

impl<'t> Reader<'t> {
    fn instructions(&mut self) -> Result<Vec<Instruction>, Error> {
        let mut instructions = Vec::new();
        while let Some(instruction) = self.next_instruction()? {
            self.skip_bodies(&instruction)?;
            instructions.push(instruction);
            if instructions.len() > MAX_INSTRUCTIONS {
                return Err(Error::at(self.number, "too many instructions"));
            }
        }
        Ok(instructions)
    }

    fn next_line(&mut self) -> Option<Line<'t>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let full = rest.split_inclusive('\n').next().unwrap_or(rest);
        let line = Line { text: full.trim_end_matches(['\r', '\n']), at: self.at };
        self.at += full.len();
        self.number += 1;
        Some(line)
    }

    /// An instruction with all its lines.
    fn next_instruction(&mut self) -> Result<Option<Instruction>, Error> {
        let first = loop {
            let Some(line) = self.next_line() else { return Ok(None) };
            let line = line.trimmed_start();
            if !line.is_comment() && !line.is_blank() {
                break line;
            }
        };
        let number = self.number;
        let mut letters = Vec::new();
        let mut goes_on = self.append(first, &mut letters)?;
        while goes_on && let Some(line) = self.next_line() {
            if !line.is_comment() && !line.is_blank() {
                goes_on = self.append(line, &mut letters)?;
            }
        }
        Instruction::of(letters, number, self.escape).map(Some)
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

    fn skip_bodies(&mut self, instruction: &Instruction) -> Result<(), Error> {
        let heredocs = heredoc::of(instruction)?;
        if heredocs.len() > 1 && heredocs.iter().any(|heredoc| heredoc.is_new_form) {
            let reason = "older builders part these heredocs in another way; write << and its \
                name without a blank";
            return Err(Error::at(instruction.line, reason));
        }
        heredocs.iter().try_for_each(|heredoc| self.skip_body(heredoc, instruction.line))
    }

    fn skip_body(&mut self, heredoc: &Heredoc, begun: usize) -> Result<(), Error> {
        let (start, before) = (self.at, self.number);
        while let Some(line) = self.next_line() {
            if heredoc.ends_with(line.text) {
                let body = &self.text[start..self.at];
                return Reader { text: body, at: 0, number: before, ..*self }.check_body();
            }
        }
        Err(Error::at(begun, format!("heredoc without its end, {}", heredoc.name)))
    }

    /// The classic builder, and BuildKit before its Dockerfile 1.4, know no heredocs: they take the
    /// body and its end for instructions, and the whole file for wrong if one of them is none.
    fn check_body(mut self) -> Result<(), Error> {
        let mut taking = None;
        while let Some(instruction) = self.next_instruction()? {
            if !instruction.is_known() {
                return Ok(());
            }
            if taking.is_none() && instruction.may_take_image()? {
                taking = Some(instruction.line);
            }
        }
        match taking {
            None => Ok(()),
            Some(line) => Err(Error::at(line, OLDER)),
        }
    }
}

const OLDER: &str = "a heredoc's line that older builders take for an instruction, since its end is \
    the name of one; call the end EOF";

const MAX_INSTRUCTIONS: usize = 10_000;
