//! Asking for passphrases as docker does: on stdout, and from stdin, be it a terminal or not
//! (Notary 0.7 `passphrase/passphrase.go`).

use std::io::{self, IsTerminal, Write};

use zeroize::Zeroizing;

use crate::cli::asking::{Desk, Entered, key_of};
use crate::cli::environment::Environment;
use crate::cli::process::keeping_terminal;
use crate::cli::prompt::{pin_of, read_answer};
use crate::keys::{Error, Passphrase, PassphraseRequest, PassphraseSource, Purpose};

/// Whoever is at stdin; not asked for keys whose passphrase a variable gives, right or wrong.
pub(super) struct Asker {
    root_is_given: bool,
    others_are_given: bool,
    entered: Entered,
}

impl Asker {
    /// Nobody is asked yet.
    pub(super) fn new(environment: &Environment) -> Self {
        Self {
            root_is_given: environment.variable("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE").is_some(),
            others_are_given: environment
                .variable("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE")
                .is_some(),
            entered: Entered::default(),
        }
    }

    fn unlock(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let alias = alias(request);
        let question = format!("Enter passphrase for {}: ", key_of(alias, request));
        self.entered.unlock(&mut OnStdout, request, alias, &question)
    }

    fn create(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let alias = alias(request);
        if let Some(known) = self.entered.known(alias) {
            return Ok(known);
        }
        if alias == "root" {
            say(ROOT_WARNING)?;
        }
        let key = format!("new {}", key_of(alias, request));
        let created = self.entered.create(&mut OnStdout, alias, &key)?;
        created.ok_or_else(|| request.refused())
    }
}

/// Where docker asks.
struct OnStdout;

impl Desk for OnStdout {
    fn ask(&mut self, question: &str) -> Result<Option<Passphrase>, Error> {
        ask(question)
    }

    fn say(&mut self, line: &str) -> Result<(), Error> {
        say(&format!("{line}\n"))
    }
}

impl PassphraseSource for Asker {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        // Docker has no variable for PINs.
        if let Some(label) = request.token() {
            return ask(&pin_of(label))?.ok_or_else(|| request.refused());
        }
        let is_given =
            if request.role == "root" { self.root_is_given } else { self.others_are_given };
        match request.purpose {
            _ if is_given => Err(request.refused()),
            Purpose::Unlock | Purpose::Pin => self.unlock(request),
            Purpose::Create => self.create(request),
        }
    }
}

/// `None` when nobody answers.
fn ask(question: &str) -> Result<Option<Passphrase>, Error> {
    let failed = |source| Error::Asking { source };
    say(question)?;
    let answer = match io::stdin().is_terminal() {
        // It ends the line itself.
        true => keeping_terminal(rpassword::read_password).map(|line| Some(Zeroizing::new(line))),
        false => {
            let answer = read_answer();
            say("\n")?;
            answer
        }
    };
    let answer = answer.map_err(failed)?;
    Ok(answer.map(|text| Passphrase::copy_of(text.trim())))
}

fn say(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|source| Error::Asking { source })
}

/// What docker calls keys; one that is not known before it is opened is the encrypted one.
fn alias<'r>(request: &PassphraseRequest<'r>) -> &'r str {
    match (request.id, request.role) {
        (None, _) => "encrypted",
        (_, "targets" | "snapshot") => "repository",
        (_, role) => role,
    }
}

const ROOT_WARNING: &str = "\
A new root key is being made. Everything that is ever signed in its repositories rests on it.
Choose a long passphrase, and keep it and a copy of the key file in a safe place:
without them the repository can never be repaired, and nobody can restore them.
";
