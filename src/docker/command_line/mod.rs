//! Docker's own command lines, read as docker reads them: which images does this one run or build
//! from, and in which words do they stand.
//!
//! - Nothing is guessed. An option that is not in the tables may or may not take the next word, so
//!   which word is the image is unknown, and the line is refused.
//! - The words stay as they are, but for those that are pinned; unchanged they are the same.
//! - A command that docker's content trust never looked at passes through.

mod bake;
mod build;
mod compose;
mod error;
mod image;
mod options;
mod table;
mod trust;
mod verb;
mod words;

pub use bake::Bake;
pub use build::Build;
pub use compose::Project;
pub use error::Error;
pub use image::{Asked, Place, Used};
pub use options::{Given, Parsed};
pub use trust::Trust;
pub(crate) use trust::go_bool;
pub use verb::Verb;
pub use words::{ValuePlace, Words};

use std::ffi::OsString;

use options::{Flags, Order, read};
use verb::Found;

/// What a command line asks for.
#[derive(Debug)]
pub enum Reading {
    /// Nothing that content trust looks at, or content trust is off for it.
    PassThrough,
    /// A command whose images must be signed.
    Guarded(Box<Guarded>),
}

/// A command whose images must be signed.
#[derive(Debug)]
pub struct Guarded {
    /// Which.
    pub verb: Verb,
    /// All words after the program's name.
    pub words: Words,
    /// Docker's options before the command.
    pub globals: Parsed,
    /// The index of the first word after docker's own options.
    pub command: usize,
    /// The index of the first word behind the command's name.
    pub from: usize,
    /// The options of the command, and its operands.
    pub parsed: Parsed,
}

impl Reading {
    /// Reads the words after the program's name. `by_default` is what the environment says.
    ///
    /// # Errors
    ///
    /// [`Error`] if the words cannot be understood while content trust is on, or may be.
    pub fn of(words: Vec<OsString>, by_default: Trust) -> Result<Self, Error> {
        let words = Words::new(words);
        let globals = read(&words, 0, &table::GLOBAL, Order::CommandFirst)?;
        let Some(&command) = globals.operands.first() else { return Ok(Self::PassThrough) };
        let Found::Verb { verb, from } = verb::find(&words, command)? else {
            return Ok(Self::PassThrough);
        };
        let parsed = read(&words, from, verb.flags(), verb.order())?;
        // Compose's own options stand before its command.
        let only_helps = verb != Verb::Compose && parsed.asks_for_help();
        if only_helps || !trust_of(&words, &parsed, verb, by_default)?.is_on() {
            return Ok(Self::PassThrough);
        }
        let prints = globals.mention_printing() || verb::mention_printing(&words, command, from);
        if prints || verb == Verb::Compose && parsed.mention_printing() {
            return Err(Error::HelpFirst { command: verb.command() });
        }
        Ok(Self::Guarded(Box::new(Guarded { verb, words, globals, command, from, parsed })))
    }
}

/// The words from docker's command on. Other than [`Reading::of`] it takes an option that docker
/// does not have for a switch: the words are only told about, and not run.
pub(super) fn behind_globals(words: &[String]) -> &[String] {
    behind(words, &table::GLOBAL)
}

/// The same behind `buildx`, from the command of that on.
pub(super) fn behind_buildx(words: &[String]) -> &[String] {
    behind(words, &table::BUILDX)
}

fn behind<'w>(words: &'w [String], flags: &Flags) -> &'w [String] {
    let mut at = 0;
    while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
        at += if flags.take_next(word) { 2 } else { 1 };
    }
    words.get(at..).unwrap_or_default()
}

/// The option's last word counts, and it goes before the environment's (docker/cli
/// `cli/command/trust.go`).
fn trust_of(words: &Words, parsed: &Parsed, verb: Verb, by_default: Trust) -> Result<Trust, Error> {
    Ok(match switch(words, parsed, verb, DISABLE)? {
        None => by_default,
        Some(true) => Trust::Off,
        Some(false) => Trust::On,
    })
}

/// What a switch is set to by its last word; `None` if it is not given.
fn switch(words: &Words, parsed: &Parsed, verb: Verb, option: &str) -> Result<Option<bool>, Error> {
    let Some(found) = parsed.last(option) else { return Ok(None) };
    let Some(place) = found.value else { return Ok(Some(true)) };
    let text = words.value(place)?;
    let written = format!("--{option}={text}");
    go_bool(text).map(Some).ok_or(Error::NotBool { command: verb.command(), option: written })
}

impl Guarded {
    /// The docker command to hand over to: the same, without the option that has no meaning any
    /// more.
    pub fn without_trust_option(mut self) -> Self {
        let words: Vec<usize> = self.parsed.all(DISABLE).map(|found| found.word).collect();
        words.into_iter().for_each(|word| self.words.remove(word));
        self
    }

    /// The last value of an option.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`].
    pub fn value(&self, option: &str) -> Result<Option<&str>, Error> {
        let place = self.parsed.last(option).and_then(|found| found.value);
        place.map(|place| self.words.value(place)).transpose()
    }

    /// Every value of an option.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`].
    pub fn values(&self, option: &str) -> Result<Vec<&str>, Error> {
        let places = self.parsed.all(option).filter_map(|found| found.value);
        places.map(|place| self.words.value(place)).collect()
    }

    /// Whether a switch is on.
    ///
    /// # Errors
    ///
    /// [`Error::NotBool`].
    pub fn switch(&self, option: &str) -> Result<bool, Error> {
        Ok(switch(&self.words, &self.parsed, self.verb, option)?.unwrap_or_default())
    }

    /// Gives an option the value, in its last place or in a new one.
    pub fn set(&mut self, option: &str, value: &str) {
        match self.parsed.last(option).and_then(|given| given.value) {
            Some(place) => self.words.set(place, value),
            None => self.words.insert(self.from, [format!("--{option}").into(), value.into()]),
        }
    }

    /// Docker's `--config`.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`].
    pub fn config_directory(&self) -> Result<Option<&str>, Error> {
        let place = self.globals.last("config").and_then(|given| given.value);
        place.map(|place| self.words.value(place)).transpose()
    }

    /// Whether the daemon is the one that environment and configuration name.
    pub fn speaks_to_default_daemon(&self) -> bool {
        self.globals
            .options
            .iter()
            .all(|given| matches!(given.name, "config" | "debug" | "log-level"))
    }

    /// Docker's own options before the command.
    pub fn global_words(&self) -> Vec<OsString> {
        self.words.range(0..self.command)
    }
}

const DISABLE: &str = "disable-content-trust";

#[cfg(test)]
mod tests;
