//! What the user sees: the answer on stdout, the talk on stderr.
//!
//! Whatever came from outside is shown without the characters that could move a cursor, turn the
//! direction of writing or end a line. This is the only place that prints.

mod docker_kinds;
mod failure;
mod kinds;
mod text;

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

pub(super) use failure::Failure;
pub(super) use text::{beside_role, for_json, for_terminal};

use super::exit::{Code, Kind};

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines for people and shells.
    #[default]
    Text,
    /// An object on each line.
    Json,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verbosity {
    /// Errors.
    Quiet,
    /// Also what an answer lacks.
    Warnings,
    /// Also what one should know.
    Usual,
    /// Also what happens.
    Verbose,
}

/// Where everything is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// The form of answers.
    pub(super) format: Format,
    /// How much is said beside them.
    pub(super) verbosity: Verbosity,
    /// The exit code if stdout cannot be written.
    unwritten: u8,
}

impl Output {
    pub(super) fn new(format: Format, verbosity: Verbosity) -> Self {
        Self { format, verbosity, unwritten: Kind::Disk.code() as u8 }
    }

    /// The same in another program's grammar, which ends with this code if stdout cannot be written.
    pub(super) fn ending_with(self, unwritten: u8) -> Self {
        Self { unwritten, ..self }
    }

    /// A line of the answer.
    pub(super) fn answer(&self, line: &str) {
        self.write(&format!("{}\n", for_terminal(line)));
    }

    /// A line of the answer, or an object that says it in full.
    pub(super) fn answer_as(&self, line: &str, object: &impl Serialize) {
        match self.format {
            Format::Text => self.answer(line),
            Format::Json => self.object(object),
        }
    }

    /// A part of the answer that is laid out already, in lines that end.
    pub(super) fn page(&self, lines: &str) {
        let safe: Vec<String> = lines.split('\n').map(for_terminal).collect();
        self.write(&safe.join("\n"));
    }

    /// An object of the answer, on one line.
    pub(super) fn object(&self, value: &impl Serialize) {
        let text = serde_json::to_string(value).expect("text, numbers and lists have a JSON form");
        self.write(&format!("{}\n", for_json(&text)));
    }

    /// Bytes of the answer as they are: a key, a script, a manual page.
    pub(super) fn bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        self.check(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    /// Something that an answer lacks, which scripts should hear as well as people.
    pub(super) fn warning(&self, line: &str) {
        self.say(Verbosity::Warnings, &format!("warning: {line}"));
    }

    /// Something one should know.
    pub(super) fn notice(&self, line: &str) {
        self.say(Verbosity::Usual, line);
    }

    /// A word to whoever sits at the terminal, which even the quiet say.
    pub(super) fn reply(&self, line: &str) {
        self.say(Verbosity::Quiet, line);
    }

    /// Something that happens, for those who asked.
    pub(super) fn detail(&self, line: &str) {
        self.say(Verbosity::Verbose, line);
    }

    /// Why there is no answer. With JSON that is an answer, too.
    pub(super) fn refusal(&self, reference: Option<&str>, failure: &Failure) -> Code {
        match self.format {
            Format::Json => self.object(&Refusal::new(reference, failure)),
            Format::Text => {
                let subject = reference.map(|text| format!("{text}: ")).unwrap_or_default();
                let named = failure.message.starts_with(&subject);
                let subject = if named { "" } else { &subject };
                self.say(Verbosity::Quiet, &format!("error: {subject}{}", sentence(failure)));
                let advice = failure.advice.iter().map(|line| format!("  {line}"));
                advice.for_each(|line| self.say(Verbosity::Quiet, &line));
            }
        }
        failure.kind.code()
    }

    /// The same as the answer, on one line with its advice: for who passes on what stands on stdout
    /// and nothing else.
    pub(super) fn refusal_as_answer(&self, reference: Option<&str>, failure: &Failure) -> Code {
        if self.format == Format::Json {
            return self.refusal(reference, failure);
        }
        let failure = reference.map_or(failure.clone(), |text| failure.clone().about(text));
        self.answer(&in_one_line(&failure));
        failure.kind.code()
    }

    /// The same on stderr in either form, for commands whose answer is a document of its own.
    pub(super) fn refusal_aside(&self, reference: Option<&str>, failure: &Failure) -> Code {
        Self { format: Format::Text, ..*self }.refusal(reference, failure)
    }

    fn write(&self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// An answer that cannot be delivered is none; a reader that left is no reason for words.
    fn check(&self, written: io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                std::process::exit(BROKEN_PIPE)
            }
            Err(error) => {
                let _ = writeln!(
                    io::stderr().lock(),
                    "error: stdout cannot be written: {error} (disk)"
                );
                std::process::exit(i32::from(self.unwritten))
            }
        }
    }

    fn say(&self, from: Verbosity, line: &str) {
        if self.verbosity >= from {
            // Nobody is left to be told that stderr cannot be written.
            let _ = writeln!(io::stderr().lock(), "{}", for_terminal(line));
        }
    }
}

fn sentence(failure: &Failure) -> String {
    match failure.kind {
        Kind::Other => failure.message.clone(),
        kind => format!("{} ({kind})", failure.message),
    }
}

/// A failure in one line: the fact, its kind, and what to do about it.
pub(super) fn in_one_line(failure: &Failure) -> String {
    let fact = std::iter::once(sentence(failure));
    fact.chain(failure.advice.iter().cloned()).collect::<Vec<_>>().join(". ")
}

/// A refusal as JSON.
#[derive(Serialize)]
struct Refusal<'f> {
    reference: Option<&'f str>,
    error: Reason<'f>,
}

#[derive(Serialize)]
struct Reason<'f> {
    kind: &'static str,
    role: Option<&'f str>,
    message: &'f str,
    expected: Option<&'f str>,
    found: Option<&'f str>,
}

impl<'f> Refusal<'f> {
    fn new(reference: Option<&'f str>, failure: &'f Failure) -> Self {
        let error = Reason {
            kind: failure.kind.as_str(),
            role: failure.role.as_deref(),
            message: &failure.message,
            expected: failure.expected.as_deref(),
            found: failure.found.as_deref(),
        };
        Self { reference, error }
    }
}

/// 128 and the number of SIGPIPE, as shells report it.
const BROKEN_PIPE: i32 = 128 + 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_in_json_has_every_field() {
        let failure = Failure::new(Kind::Rollback, "targets: version 1, expected 2 or later")
            .role("targets")
            .expected("2")
            .found("1");
        assert_eq!(
            serde_json::to_string(&Refusal::new(Some("web:1"), &failure)).expect("JSON"),
            "{\"reference\":\"web:1\",\"error\":{\"kind\":\"rollback\",\"role\":\"targets\",\
             \"message\":\"targets: version 1, expected 2 or later\",\
             \"expected\":\"2\",\"found\":\"1\"}}"
        );
    }
}
