//! Asking for passphrases by the rules and in the words of Notary's library, which docker has them
//! from (Notary 0.7 `passphrase/passphrase.go`), wherever the questions are asked.

use std::collections::BTreeMap;

use crate::keys::{Error, Passphrase, PassphraseRequest};

/// A place where somebody is asked, and told what is wrong with an answer.
pub(super) trait Desk {
    /// What is said of a new passphrase that is too short.
    const TOO_SHORT: &'static str = "Passphrase is too short. Please use a password manager to generate and store a good random passphrase.";

    /// Asks for something that is not shown; `None` when nobody answers.
    fn ask(&mut self, question: &str) -> Result<Option<Passphrase>, Error>;

    /// Says a line.
    fn say(&mut self, line: &str) -> Result<(), Error>;
}

/// What was entered, by what the keys are called that it is of: it is asked for once.
#[derive(Default)]
pub(super) struct Entered {
    known: BTreeMap<String, Passphrase>,
    /// Whether what was given last was known from before.
    was_known: bool,
}

impl Entered {
    /// What was entered for keys that are called so.
    pub(super) fn known(&self, alias: &str) -> Option<Passphrase> {
        self.known.get(alias).map(Passphrase::again)
    }

    /// Remembers what was entered.
    pub(super) fn keep(&mut self, alias: &str, entered: Passphrase) -> Passphrase {
        self.known.insert(alias.to_owned(), entered.again());
        entered
    }

    /// The passphrase of a key that has one: the known one first, which is none of the tries.
    ///
    /// # Errors
    ///
    /// [`Error::NoPassphrase`] after the last try, or when nobody answers.
    pub(super) fn unlock(
        &mut self,
        desk: &mut impl Desk,
        request: &PassphraseRequest<'_>,
        alias: &str,
        question: &str,
    ) -> Result<Passphrase, Error> {
        if request.attempt == 0 {
            let known = self.known(alias);
            self.was_known = known.is_some();
            if let Some(known) = known {
                return Ok(known);
            }
        }
        let tries = request.attempt - u32::from(self.was_known && request.attempt > 0);
        if tries >= UNLOCK_TRIES {
            return Err(request.refused());
        }
        if tries > 0 {
            desk.say(INCORRECT)?;
        }
        let entered = desk.ask(question)?.ok_or_else(|| request.refused())?;
        Ok(self.keep(alias, entered))
    }

    /// A new passphrase, long enough and entered twice; `None` after too many tries, or when nobody
    /// answers.
    ///
    /// # Errors
    ///
    /// If asking fails.
    pub(super) fn create(
        &mut self,
        desk: &mut impl Desk,
        alias: &str,
        key: &str,
    ) -> Result<Option<Passphrase>, Error> {
        for _ in 0..CREATE_TRIES {
            match attempt(desk, key)? {
                Attempt::Good(entered) => return Ok(Some(self.keep(alias, entered))),
                Attempt::Unanswered => return Ok(None),
                Attempt::Bad => {}
            }
        }
        Ok(None)
    }
}

enum Attempt {
    Good(Passphrase),
    Bad,
    Unanswered,
}

fn attempt<D: Desk>(desk: &mut D, key: &str) -> Result<Attempt, Error> {
    let Some(entered) = desk.ask(&format!("Enter passphrase for {key}: "))? else {
        return Ok(Attempt::Unanswered);
    };
    if entered.as_str().len() < SHORTEST {
        desk.say(D::TOO_SHORT)?;
        return Ok(Attempt::Bad);
    }
    let Some(repeated) = desk.ask(&format!("Repeat passphrase for {key}: "))? else {
        return Ok(Attempt::Unanswered);
    };
    if repeated.as_str() != entered.as_str() {
        desk.say("Passphrases do not match. Please retry.")?;
        return Ok(Attempt::Bad);
    }
    Ok(Attempt::Good(entered))
}

/// The name of a key in a question, with the beginning of its id if that is known.
pub(super) fn key_of(alias: &str, request: &PassphraseRequest<'_>) -> String {
    let id = request.id.map(|id| format!(" with ID {}", id.short())).unwrap_or_default();
    format!("{alias} key{id}")
}

pub(super) const INCORRECT: &str = "Passphrase incorrect. Please retry.";
pub(super) const UNLOCK_TRIES: u32 = 4;
const CREATE_TRIES: u32 = 11;
/// Bytes.
const SHORTEST: usize = 8;
