//! Why a command ends early, in the words that scripts wait for.

use super::grammar::Call;
use super::usage;
use crate::cli::output::Failure;
use crate::tuf::{KeyId, RoleName};
use crate::{client, docker, edit, keys, net, storage, tuf};

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

    /// The role is none that could be signed anew.
    pub(super) fn unknown_role(name: &str) -> Self {
        Self::fatal(format!("tuf: invalid role {name}. this role is not known"))
    }

    /// The user did not say yes. The original ends here without its empty line.
    pub(super) fn aborted() -> Self {
        Self { is_abrupt: true, ..Self::fatal("Aborting action.") }
    }

    /// The same, with what it is about before it.
    pub(super) fn about(self, subject: &str) -> Self {
        Self { message: format!("{subject}{}", self.message), ..self }
    }

    /// The same; if the server says that there is nothing, with what was asked for.
    pub(super) fn at(self, endpoint: &str) -> Self {
        match self.message == MISSING {
            true => self.about(&format!("{endpoint} ")),
            false => self,
        }
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
            docker::Error::Edit(error) => error.into(),
            docker::Error::StagedChange { source, .. } => (*source).into(),
            docker::Error::Unpublished { role } => Self::unknown_role(&role.to_string())
                .advise(docker::Error::Unpublished { role }.to_string()),
            other => Failure::from(other).into(),
        }
    }
}

impl From<net::Error> for Stop {
    /// The original's words (Notary 0.7 `storage/httpstore.go`), and on stderr our own.
    fn from(error: net::Error) -> Self {
        use net::Error as E;
        let words = match &error {
            E::Unauthorised { status: 401, .. } => UNAUTHORISED.to_owned(),
            E::Unavailable { status: 400, .. } => REJECTED.to_owned(),
            E::Unavailable { status: 404, .. } => MISSING.to_owned(),
            E::Unavailable { status, .. } | E::Unauthorised { status, .. } => {
                format!("unable to reach trust server at this time: {status}.")
            }
            E::Refused { name, message, .. } => rejected(name, message),
            error if error.is_no_answer() => "client is offline".to_owned(),
            _ => return Failure::from(error).into(),
        };
        let is_judged = matches!(error, E::Refused { .. });
        let wants_password = matches!(error, E::Unauthorised { status: 401, .. });
        let failure = Failure::from(error);
        let mut stop = Self::fatal(words).advise(failure.message);
        if wants_password {
            stop = stop.advise("NOTARY_AUTH holds user:password in base64.");
        }
        if is_judged {
            stop.advice.extend(failure.advice);
        }
        stop
    }
}

/// What the original makes of a server's judgement (Notary 0.7 `tuf/validation/errors.go`).
fn rejected(name: &str, message: &str) -> String {
    let what = match name {
        "ErrBadRoot" => "The root metadata is invalid",
        "ErrBadTargets" => "The targets metadata is invalid",
        "ErrBadSnapshot" => "The snapshot metadata is invalid",
        "ErrBadHierarchy" => "Metadata hierarchy is incomplete",
        "ErrValidation" => "An error occurred during validation",
        _ => return REJECTED.to_owned(),
    };
    format!("{what}: {message}")
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
                Self::fatal(format!("{server} does not have trust data for {gun}"))
            }
            E::NotStored { .. } | E::StoredDamaged { .. } => Self::fatal("client is offline"),
            _ => Failure::from(error).into(),
        }
    }
}

impl From<edit::Error> for Stop {
    /// The original's words, and on stderr our own, which say more.
    fn from(error: edit::Error) -> Self {
        use edit::Error as E;
        let words = match &error {
            E::Role { role } => format!("tuf: invalid role {role}. delegation does not exist"),
            E::Scope { .. } => "Could not add all targets".to_owned(),
            E::Paths { role, .. } => {
                format!("tuf: invalid role {role}. invalid paths to add to role")
            }
            E::Certificate { .. } => "could not obtain public key from IDs: private key is nil or does not match public key".to_owned(),
            E::Keys { role: RoleName::Root, needed, possible, .. } => format!(
                "signing keys not available: need {needed} keys from {} possible keys ({})",
                possible.len(),
                listed(possible)
            ),
            E::Keys { role, possible, .. } if possible.is_empty() => format!(
                "tuf: invalid role {role}. role does not specify enough valid signing keys to meet its required threshold"
            ),
            E::Keys { possible, .. } => format!(
                "could not find necessary signing keys, at least one of these keys must be available: {}",
                listed(possible)
            ),
            _ => return Failure::from(error).into(),
        };
        Self::fatal(words).advise(Failure::from(error).message)
    }
}

impl From<keys::Error> for Stop {
    fn from(error: keys::Error) -> Self {
        use keys::Error as E;
        match &error {
            // The original knows no tokens, and has no words for them.
            E::NoPin { .. } => Self::fatal(error.to_string())
                .advise("COUNTERSIGN_TOKEN_PIN holds the PIN of a token; or use a terminal."),
            E::Locked | E::NoPassphrase { .. } => Self::fatal(WRONG_PASSPHRASE),
            E::Unopened { source, .. } if matches!(**source, E::Locked) => {
                Self::fatal(WRONG_PASSPHRASE)
            }
            E::Asking { source } => Self::fatal(source.to_string()),
            E::Pem { .. } | E::Format { .. } => {
                Self::fatal("no valid private key found").advise(Failure::from(error).message)
            }
            _ => Failure::from(error).into(),
        }
    }
}

fn listed(ids: &[KeyId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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

const MISSING: &str = "trust data unavailable.  Has a notary repository been initialized?";
const REJECTED: &str = "trust server rejected operation.";
const UNAUTHORISED: &str = "you are not authorized to perform this operation: server returned 401.";
const WRONG_PASSPHRASE: &str = "password invalid, operation has failed.";
