//! Why a command ends early, in the words that scripts wait for.

use super::grammar::Call;
use super::usage;
use crate::cli::output::Failure;
use crate::{client, docker, keys, net, storage, tuf};

/// Why a command ends early.
#[derive(Debug)]
pub(super) struct Stop {
    /// The usage to show before.
    pub(super) usage: Option<String>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do about it: for people, not for scripts.
    pub(super) advice: Vec<String>,
    /// Whether no empty line stands before the reason.
    pub(super) is_abrupt: bool,
}

impl Stop {
    /// The command did not work.
    pub(super) fn fatal(message: impl Into<String>) -> Self {
        Self { usage: None, message: message.into(), advice: Vec::new(), is_abrupt: false }
    }

    /// The command was called in a wrong way.
    pub(super) fn usage(call: &Call, message: &str) -> Self {
        Self { usage: Some(usage::usage(&call.path, super::GLOBALS)), ..Self::fatal(message) }
    }

    /// The user did not say yes. The original ends here without its empty line.
    pub(super) fn aborted() -> Self {
        Self { is_abrupt: true, ..Self::fatal("Aborting action.") }
    }

    /// The same, with what it is about before it.
    pub(super) fn about(self, subject: &str) -> Self {
        Self { message: format!("{subject}{}", self.message), ..self }
    }

    /// The same, with a line for people.
    pub(super) fn advise(mut self, line: impl Into<String>) -> Self {
        self.advice.push(line.into());
        self
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self { advice: failure.advice, ..Self::fatal(failure.message) }
    }
}

impl From<docker::Error> for Stop {
    fn from(error: docker::Error) -> Self {
        match error {
            docker::Error::Client(error) => error.into(),
            docker::Error::Keys(error) => error.into(),
            other => Failure::from(other).into(),
        }
    }
}

impl From<net::Error> for Stop {
    fn from(error: net::Error) -> Self {
        let is_no_answer = error.is_no_answer();
        let is_refused = matches!(error, net::Error::Unauthorised { .. });
        let failure = Failure::from(error);
        let words = match (is_no_answer, is_refused) {
            (true, _) => "client is offline",
            (_, true) => "you are not authorized to perform this operation: server returned 401.",
            _ => return failure.into(),
        };
        let advice = std::iter::once(failure.message).chain(failure.advice).collect();
        Self { advice, ..Self::fatal(words) }
    }
}

impl From<client::Error> for Stop {
    fn from(error: client::Error) -> Self {
        use client::Error as E;
        let error = match error {
            E::Net(error) => return error.into(),
            other => other,
        };
        match &error {
            E::NoTrustData { gun, server, .. } => {
                let message = format!("{server} does not have trust data for {gun}");
                Self { message, ..Failure::from(error).into() }
            }
            E::NotStored { .. } => Self::fatal("client is offline"),
            _ => Failure::from(error).into(),
        }
    }
}

impl From<keys::Error> for Stop {
    fn from(error: keys::Error) -> Self {
        use keys::Error as E;
        match &error {
            E::Locked | E::NoPassphrase { .. } => Self::fatal(WRONG_PASSPHRASE),
            E::Unopened { source, .. } if matches!(**source, E::Locked) => {
                Self::fatal(WRONG_PASSPHRASE)
            }
            E::Asking { source } => Self::fatal(source.to_string()),
            _ => Failure::from(error).into(),
        }
    }
}

macro_rules! as_elsewhere {
    ($($error:ty),*) => {
        $(impl From<$error> for Stop {
            fn from(error: $error) -> Self {
                Failure::from(error).into()
            }
        })*
    };
}

as_elsewhere!(storage::Error, tuf::Error, docker::pins::Error, docker::config::Error);

const WRONG_PASSPHRASE: &str = "password invalid, operation has failed.";
