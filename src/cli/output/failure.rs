//! Why a command has no answer.

use std::error::Error as StdError;
use std::fmt;

use super::Kind;

/// Why a command has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Failure {
    /// In one word.
    pub(in crate::cli) kind: Kind,
    /// The role that it is about.
    pub(in crate::cli) role: Option<Box<str>>,
    /// What is wrong.
    pub(in crate::cli) message: String,
    /// What should have been.
    pub(in crate::cli) expected: Option<Box<str>>,
    /// What was.
    pub(in crate::cli) found: Option<Box<str>>,
    /// What to do about it, a line each.
    pub(in crate::cli) advice: Vec<String>,
}

impl Failure {
    pub(in crate::cli) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, role: None, message, expected: None, found: None, advice: Vec::new() }
    }

    /// A failure that says what the error and its causes say.
    pub(in crate::cli) fn of(kind: Kind, error: &dyn StdError) -> Self {
        Self::new(kind, chain(error))
    }

    pub(in crate::cli) fn role(self, role: impl ToString) -> Self {
        Self { role: Some(role.to_string().into()), ..self }
    }

    pub(in crate::cli) fn expected(self, expected: impl ToString) -> Self {
        Self { expected: Some(expected.to_string().into()), ..self }
    }

    pub(in crate::cli) fn found(self, found: impl ToString) -> Self {
        Self { found: Some(found.to_string().into()), ..self }
    }

    /// The same, with what it is about before it, unless that stands there.
    pub(in crate::cli) fn about(self, subject: impl fmt::Display) -> Self {
        let subject = format!("{subject}: ");
        match self.message.starts_with(&subject) {
            true => self,
            false => Self { message: subject + &self.message, ..self },
        }
    }

    pub(in crate::cli) fn advise(mut self, line: impl Into<String>) -> Self {
        self.advice.push(line.into());
        self
    }
}

/// An error and its causes on one line; a cause that only repeats its effect is left out.
fn chain(error: &dyn StdError) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}
