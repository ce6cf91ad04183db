//! Docker's command line, as its libraries read it (spf13/cobra with `TraverseChildren`,
//! spf13/pflag): a table of commands and one reader.
//!
//! Flags may stand anywhere after their command; those of `docker` itself only before the first
//! word. What is wrong is told in docker's words, because scripts look for them.

mod read;
mod table;

use std::fmt;

use crate::cli::pflag::Flag;
pub(super) use read::parse;
pub(super) use table::TRUST;

/// A command, or a group of commands.
pub(super) struct Node {
    /// Its word.
    pub(super) name: &'static str,
    /// One line on what it does.
    pub(super) about: &'static str,
    /// What follows the command's path in its usage line.
    pub(super) usage: &'static str,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
pub(super) enum Kind {
    /// More commands.
    Group(&'static [Node]),
    /// A command.
    Command {
        /// Which.
        action: Action,
        /// How many arguments it takes.
        arity: Arity,
        /// Its flags, by name.
        flags: &'static [Flag],
    },
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Inspect,
    KeyGenerate,
    KeyLoad,
    Revoke,
    Sign,
    SignerAdd,
    SignerRemove,
}

/// How many arguments a command takes.
#[derive(Clone, Copy)]
pub(super) enum Arity {
    Exactly(usize),
    AtLeast(usize),
}

/// What the command line says.
pub(super) struct Parsed {
    /// The nodes from the top to the one that was named.
    pub(super) path: Vec<&'static Node>,
    /// The flags of docker itself, in the order in which they came.
    pub(super) globals: Given,
    /// What is wanted of the last node.
    pub(super) wish: Wish,
}

/// What is wanted of a node.
pub(super) enum Wish {
    /// That it is done.
    Do(Call),
    /// Its help; `true` if it was asked for by `-h`, which docker wants to be rid of.
    Help { deprecated: bool },
    /// A group was named and nothing in it.
    Nothing,
}

/// A command with what it was given.
pub(super) struct Call {
    pub(super) action: Action,
    pub(super) arguments: Vec<String>,
    pub(super) flags: Given,
}

/// Flags and their values.
#[derive(Default)]
pub(super) struct Given(Vec<(&'static str, String)>);

impl Given {
    /// Whether a flag without a value is set.
    pub(super) fn is_set(&self, long: &str) -> bool {
        self.last(long).is_some_and(|value| value == TRUE)
    }

    /// The value of a flag; the last one counts.
    pub(super) fn last(&self, long: &str) -> Option<&str> {
        self.all(long).last()
    }

    /// The values of a flag that may be repeated.
    pub(super) fn all(&self, long: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// Every flag as one word, as another docker would take it.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(name, value)| format!("--{name}={value}"))
    }
}

/// Why a command line is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misuse {
    /// In docker's words.
    pub(super) text: String,
    /// docker's exit code: 125 for flags, 1 for arguments.
    pub(super) code: u8,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who is called, for usage lines: `docker` with `trust` as a plugin, or `docker-trust` alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Docker,
    Person,
}

impl Caller {
    /// The program's name.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Person => "docker-trust",
        }
    }

    /// How it is used, before any command.
    fn general_usage(self) -> String {
        match self {
            Self::Docker => format!("docker [OPTIONS] {} [ARG...]", TRUST.name),
            Self::Person => format!("{} [OPTIONS] COMMAND", self.program()),
        }
    }

    /// The words that lead to a node.
    pub(super) fn path(self, nodes: &[&Node]) -> String {
        let words = nodes.iter().map(|node| node.name);
        let words: Vec<&str> = match self {
            Self::Docker => [self.program()].into_iter().chain(words).collect(),
            Self::Person => [self.program()].into_iter().chain(words.skip(1)).collect(),
        };
        words.join(" ")
    }

    /// The usage line of a command.
    pub(super) fn usage(self, nodes: &[&Node]) -> String {
        let usage = nodes.last().map_or("", |node| node.usage);
        let blank = if usage.is_empty() { "" } else { " " };
        format!("{}{blank}{usage}", self.path(nodes))
    }
}

/// What a flag without a value is set to.
const TRUE: &str = "true";
