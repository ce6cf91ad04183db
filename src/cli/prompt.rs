//! Asking at the terminal, with the words and rules of docker (docker/cli, Notary 0.7
//! `passphrase/passphrase.go`).
//!
//! Nobody is asked unless stdin is a terminal: a pipeline fails instead of hanging.

use std::io::{self, BufRead, IsTerminal, Write};

use zeroize::Zeroizing;

use super::asking::{Desk, Entered, key_of};
use super::exit::Kind;
use super::output::{Failure, Output, for_terminal};
use super::process::keeping_terminal;
use crate::keys::{Error, Passphrase, PassphraseRequest, PassphraseSource, Purpose};

/// What the person at the terminal is asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Keys, among them some that are being made.
    NewKey,
    /// Keys that were made before.
    KnownKey,
    /// A sheet, which has a passphrase of its own.
    Backup,
}

/// The person at the terminal.
pub(super) struct Terminal {
    output: Output,
    subject: Subject,
    entered: Entered,
}

impl Terminal {
    /// Nobody is asked yet.
    pub(super) fn about(subject: Subject, output: Output) -> Self {
        Self { output, subject, entered: Entered::default() }
    }

    /// What the passphrase is of, in docker's words if it is a key's.
    fn named(&self, request: &PassphraseRequest<'_>) -> String {
        let key = key_of(alias(request.role), request);
        match (self.subject, request.purpose) {
            (Subject::Backup, _) => format!("the backup of {key}"),
            (_, Purpose::Create) => format!("new {key}"),
            (_, Purpose::Unlock | Purpose::Pin) => key,
        }
    }

    fn unlock(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let question = format!("Enter passphrase for {}: ", self.named(request));
        self.entered.unlock(&mut OnStderr(self.output), request, alias(request.role), &question)
    }

    fn create(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let alias = alias(request.role);
        if let Some(known) = self.entered.known(alias) {
            return Ok(known);
        }
        if alias == "root" && self.subject == Subject::NewKey {
            ROOT_WARNING.lines().for_each(|line| self.output.reply(line));
        }
        let key = self.named(request);
        let created = self.entered.create(&mut OnStderr(self.output), alias, &key)?;
        created.ok_or_else(|| request.refused())
    }
}

/// Where our own commands ask.
struct OnStderr(Output);

impl Desk for OnStderr {
    const TOO_SHORT: &'static str =
        "Passphrase is too short: 8 bytes at least, better from a password manager.";

    fn ask(&mut self, question: &str) -> Result<Option<Passphrase>, Error> {
        ask(question).map(Some)
    }

    fn say(&mut self, line: &str) -> Result<(), Error> {
        self.0.reply(line);
        Ok(())
    }
}

impl PassphraseSource for Terminal {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        if !io::stdin().is_terminal() {
            return Err(request.refused());
        }
        match request.purpose {
            Purpose::Pin => ask(&pin_of(request.role)),
            Purpose::Unlock => self.unlock(request),
            Purpose::Create => self.create(request),
        }
    }
}

/// Asks a question whose answer is no unless it is yes.
///
/// # Errors
///
/// If stdin is no terminal; `option` is what to use instead.
pub(super) fn confirm(question: &str, option: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        let message = format!("nobody is at a terminal to confirm: use {option}");
        return Err(Failure::new(Kind::Usage, message));
    }
    let mut answer = String::new();
    let mut stderr = io::stderr();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    asked
        .and_then(|()| io::stdin().lock().read_line(&mut answer))
        .map_err(|error| Failure::new(Kind::Other, format!("asking failed: {error}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// One line of stdin, without its end; `None` when there are no more. Not a byte of the next line
/// is taken: whoever asks next, or a child, gets it.
pub(super) fn read_answer() -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(Vec::new());
    let mut byte = [0];
    while line.len() < LONGEST_ANSWER {
        match rustix::io::read(rustix::stdio::stdin(), &mut byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => line.extend_from_slice(&byte),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Some(Zeroizing::new(text.trim_end_matches('\r').to_owned())))
}

/// Asks for something that is not shown; what surrounds it does not count.
///
/// # Errors
///
/// [`Error::Asking`].
pub(super) fn ask(prompt: &str) -> Result<Passphrase, Error> {
    let entered = keeping_terminal(|| rpassword::prompt_password(prompt));
    let entered = Zeroizing::new(entered.map_err(|source| Error::Asking { source })?);
    Ok(Passphrase::copy_of(entered.trim()))
}

/// The question for a token's PIN.
pub(super) fn pin_of(label: &str) -> String {
    format!("Enter PIN of token {}: ", for_terminal(label))
}

/// What docker calls keys of a role.
fn alias(role: &str) -> &str {
    match role {
        "targets" | "snapshot" => "repository",
        "" => "private",
        other => other,
    }
}

/// Bytes of a line; longer than any passphrase.
const LONGEST_ANSWER: usize = 64 << 10;
const ROOT_WARNING: &str = "\
A new root key is being made. Everything that is ever signed in its repositories rests on it.
Choose a long passphrase, and keep it and a copy of the key file in a safe place:
without them the repository can never be repaired, and nobody can restore them.";
