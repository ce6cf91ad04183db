//! Asking at the terminal and in pipes, with Notary's words (Notary 0.7
//! `passphrase/passphrase.go`, `cmd/notary/main.go`).
//!
//! Scripts answer these prompts, so their words are kept. Passphrases are asked for at a terminal
//! only; questions take their answer from whatever stdin is.

use std::io::{self, IsTerminal};

use crate::cli::asking::{Desk, Entered, INCORRECT, UNLOCK_TRIES, key_of};
use crate::cli::environment::Environment;
use crate::cli::output::Output;
use crate::cli::prompt::{ask, pin_of, read_answer};
use crate::keys::{Error, Passphrase, PassphraseRequest, PassphraseSource, Purpose};

/// Whoever knows passphrases: the variables first, then the person at the terminal.
pub(super) struct Retriever<'e> {
    output: Output,
    environment: &'e Environment,
    /// By the role of the key.
    entered: Entered,
}

impl<'e> Retriever<'e> {
    /// Nobody is asked yet.
    pub(super) fn new(output: Output, environment: &'e Environment) -> Self {
        Self { output, environment, entered: Entered::default() }
    }

    /// What the variables have for keys of that role, or for tokens.
    fn in_variables(&self, request: &PassphraseRequest<'_>) -> Option<String> {
        let set = |name: &str| self.environment.variable(name).map(str::to_owned);
        match request.role {
            _ if request.token().is_some() => set("COUNTERSIGN_TOKEN_PIN"),
            "root" => set("NOTARY_ROOT_PASSPHRASE"),
            "targets" => set("NOTARY_TARGETS_PASSPHRASE"),
            "snapshot" => set("NOTARY_SNAPSHOT_PASSPHRASE"),
            "timestamp" => None,
            _ => set("NOTARY_DELEGATION_PASSPHRASE"),
        }
    }

    fn unlock(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        // Unlike docker's, what is known from before is one of the tries.
        match (request.attempt, self.entered.known(request.role)) {
            (0, Some(known)) => return Ok(known),
            (0, None) => {}
            (tries, _) if tries >= UNLOCK_TRIES => return Err(request.refused()),
            _ => self.output.page(&format!("{INCORRECT}\n")),
        }
        let entered = ask(&format!("Enter passphrase for {}: ", key_of(request.role, request)))?;
        Ok(self.entered.keep(request.role, entered))
    }

    fn create(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        if request.role == "root" {
            self.output.page(ROOT_WARNING);
        }
        if let Some(known) = self.entered.known(request.role) {
            return Ok(known);
        }
        let key = format!("new {}", key_of(request.role, request));
        let created = self.entered.create(&mut OnPage(self.output), request.role, &key)?;
        created.ok_or_else(too_many_attempts)
    }
}

/// Where Notary asks.
struct OnPage(Output);

impl Desk for OnPage {
    fn ask(&mut self, question: &str) -> Result<Option<Passphrase>, Error> {
        ask(question).map(Some)
    }

    fn say(&mut self, line: &str) -> Result<(), Error> {
        self.0.page(&format!("{line}\n"));
        Ok(())
    }
}

impl PassphraseSource for Retriever<'_> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        if let Some(value) = self.in_variables(request) {
            let first = request.attempt == 0;
            return first.then(|| Passphrase::new(value)).ok_or_else(|| request.refused());
        }
        match (request.purpose, io::stdin().is_terminal()) {
            (Purpose::Pin, true) => ask(&pin_of(request.role)),
            (Purpose::Unlock, true) => self.unlock(request),
            (Purpose::Create, true) => self.create(request),
            (Purpose::Unlock | Purpose::Pin, false) => Err(request.refused()),
            (Purpose::Create, false) => Err(too_many_attempts()),
        }
    }
}

/// The old passphrase and the new one, which must not come from what was just entered.
pub(super) struct OldAndNew<'e> {
    pub(super) old: Retriever<'e>,
    pub(super) new: Retriever<'e>,
}

impl PassphraseSource for OldAndNew<'_> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        match request.purpose {
            Purpose::Unlock | Purpose::Pin => self.old.passphrase(request),
            Purpose::Create => self.new.passphrase(request),
        }
    }
}

/// Whether the answer on stdin is yes; nothing at all is no.
pub(super) fn confirmed() -> bool {
    let answer = line().unwrap_or_default();
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

/// The next line of stdin, without what surrounds it; `None` at the end.
pub(super) fn line() -> Option<String> {
    Some(read_answer().ok()??.trim().to_owned())
}

fn too_many_attempts() -> Error {
    let source = io::Error::other("maximum number of passphrase attempts exceeded");
    Error::Asking { source }
}

const ROOT_WARNING: &str = "\
A new root key is being made. Everything that is ever signed under it rests on it, and nobody can
restore it: choose a long passphrase, keep it in a password manager, and keep a copy of the key file
in a safe place. The file will be in the folder `private` of your trust directory.
";
