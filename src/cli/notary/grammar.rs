//! The words of the program: commands, flags, and what a command line says in them.
//!
//! The tables stand with their commands. Notary 0.7 is made with cobra 1.2 and pflag 1.0, whose
//! rules `line` follows and whose layout `usage` has.

use std::collections::BTreeMap;

use super::stop::Stop;
use crate::cli::pflag::{Flag, Value};

/// One command, or a group of them.
pub(super) struct Command {
    /// The word.
    pub(super) name: &'static str,
    /// What stands behind it in the line of usage.
    pub(super) arguments: &'static str,
    /// One line for lists of commands.
    pub(super) summary: &'static str,
    /// What its help begins with.
    pub(super) about: &'static str,
    /// Its flags, beside `--help` and those of every command.
    pub(super) flags: &'static [Flag],
    /// The commands below it.
    pub(super) commands: &'static [&'static Command],
    /// What it does; a group shows its help.
    pub(super) run: Option<Run>,
}

/// What a command does.
#[derive(Clone, Copy)]
pub(super) struct Run(pub(super) fn(&Call) -> Result<(), Stop>);

/// A command line that was understood.
pub(super) struct Call {
    /// From the program's own name to the command.
    pub(super) path: Vec<&'static Command>,
    /// What is no flag, without the words of the command.
    pub(super) arguments: Vec<String>,
    /// By the long names of the flags; a flag that is not there was not given.
    pub(super) flags: BTreeMap<&'static str, Value>,
}

impl Call {
    /// Whether a switch is on.
    pub(super) fn has(&self, flag: &str) -> bool {
        matches!(self.flags.get(flag), Some(Value::Switch(true)))
    }

    /// The text of a flag; an empty one is none, as for the original.
    pub(super) fn text(&self, flag: &str) -> Option<&str> {
        match self.flags.get(flag) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The texts of a flag; `None` if it was not given.
    pub(super) fn texts(&self, flag: &str) -> Option<&[String]> {
        match self.flags.get(flag) {
            Some(Value::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    /// The number of a flag; 0 if it was not given.
    pub(super) fn number(&self, flag: &str) -> i64 {
        match self.flags.get(flag) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// The numbers of a flag.
    pub(super) fn numbers(&self, flag: &str) -> &[i64] {
        match self.flags.get(flag) {
            Some(Value::Numbers(numbers)) => numbers,
            _ => &[],
        }
    }

    /// An argument, by its place.
    pub(super) fn argument(&self, place: usize) -> Option<&str> {
        self.arguments.get(place).map(String::as_str)
    }

    /// The arguments from a place on.
    pub(super) fn rest(&self, from: usize) -> &[String] {
        self.arguments.get(from..).unwrap_or_default()
    }

    /// The first `N` arguments.
    ///
    /// # Errors
    ///
    /// The command's usage and `message`, if there are fewer.
    pub(super) fn first<const N: usize>(&self, message: &str) -> Result<[&str; N], Stop> {
        let texts: Option<Vec<&str>> = (0..N).map(|place| self.argument(place)).collect();
        let texts = texts.and_then(|texts| texts.try_into().ok());
        texts.ok_or_else(|| Stop::usage(self, message))
    }
}
