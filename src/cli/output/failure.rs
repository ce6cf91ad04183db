//! Every folder's errors, as kinds, exit codes and advice. The fact is theirs, the advice is ours.

use std::error::Error as StdError;

use super::Kind;
use crate::{image, net, tuf, verify};

/// Why a command has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Failure {
    /// In one word.
    pub(in crate::cli) kind: Kind,
    /// The role that it is about.
    pub(in crate::cli) role: Option<String>,
    /// What is wrong.
    pub(in crate::cli) message: String,
    /// What should have been.
    pub(in crate::cli) expected: Option<String>,
    /// What was.
    pub(in crate::cli) found: Option<String>,
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
        Self { role: Some(role.to_string()), ..self }
    }

    pub(in crate::cli) fn expected(self, expected: impl ToString) -> Self {
        Self { expected: Some(expected.to_string()), ..self }
    }

    pub(in crate::cli) fn found(self, found: impl ToString) -> Self {
        Self { found: Some(found.to_string()), ..self }
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

impl From<image::Error> for Failure {
    fn from(error: image::Error) -> Self {
        Self::of(Kind::BadReference, &error)
    }
}

impl From<tuf::Error> for Failure {
    fn from(error: tuf::Error) -> Self {
        use tuf::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Malformed { role, .. } => failure(Kind::Malformed).role(role),
            E::WrongType { role, expected, found } => {
                failure(Kind::WrongType).role(role).expected(expected).found(found)
            }
            E::TooLarge { role, limit, found } => {
                failure(Kind::TooLarge).role(role).expected(limit).found(found)
            }
            E::TooMany { role, limit, .. } => failure(Kind::TooMany).role(role).expected(limit),
            E::KeyId { role, written, computed } => {
                failure(Kind::KeyId).role(role).expected(computed).found(written)
            }
            E::PrivateKey { role, .. } => failure(Kind::BadKey).role(role),
            E::RepeatedKeyId { .. } => failure(Kind::Malformed),
            E::RoleName { .. } => failure(Kind::BadRole),
            E::Gun { .. } => failure(Kind::BadReference),
            E::KeyIdText { .. } | E::Unsignable { .. } => failure(Kind::Usage),
            _ => failure(Kind::Malformed),
        }
    }
}

impl From<verify::Error> for Failure {
    fn from(error: verify::Error) -> Self {
        let error = match error {
            verify::Error::Metadata(error) => return error.into(),
            other => other,
        };
        use verify::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Threshold { role, valid, needed } => {
                failure(Kind::Threshold).role(role).expected(needed).found(valid)
            }
            E::RootChain { valid, needed, .. } => failure(Kind::Threshold)
                .role("root")
                .expected(needed)
                .found(valid)
                .advise("The collection may have been made anew by its owner, or by somebody else: ask the owner.")
                .advise("If it is right, remove the old root from the cache, and pin the new one."),
            E::Rollback { role, found, expected } => failure(Kind::Rollback)
                .role(role)
                .expected(expected)
                .found(found)
                .advise("Somebody serves old metadata, or the server was restored from a backup."),
            E::RootGap { found, expected } => {
                failure(Kind::Rollback).role("root").expected(expected).found(found)
            }
            E::Vanished { role } => failure(Kind::Rollback).role(role),
            E::Expired { role, at } => failure(Kind::Expired)
                .role(role)
                .found(at)
                .advise("Is the clock of this machine right? Else the publisher must sign again."),
            E::TooOld { age_hours, allowed_hours } => {
                failure(Kind::Policy).role("timestamp").expected(allowed_hours).found(age_hours)
            }
            E::Mismatch { role, expected, found, .. } => {
                failure(Kind::Mismatch).role(role).expected(expected).found(found)
            }
            E::NotListed { role, .. } => failure(Kind::Mismatch).role(role),
            E::Pin { .. } => failure(Kind::Pin)
                .role("root")
                .advise("`countersign pin list` shows what is pinned; `countersign inspect` shows the root's keys."),
            E::Certificate { .. } => failure(Kind::BadKey).role("root"),
            E::FirstUse { gun } => failure(Kind::FirstUse)
                .role("root")
                .advise(format!("Pin it first: countersign pin add {gun} --root-key ID")),
            E::RootChainTooLong { limit } => {
                failure(Kind::TooMany).role("root").expected(limit)
            }
            E::TooManyDelegations { limit } => failure(Kind::TooMany).expected(limit),
            _ => failure(Kind::Policy),
        }
    }
}

impl From<net::Error> for Failure {
    fn from(error: net::Error) -> Self {
        use net::Error as E;
        let failure = |kind| Self::of(kind, &error);
        match &error {
            E::Url { .. } | E::Proxy { .. } | E::TlsFile { .. } => failure(Kind::Usage),
            E::Unreachable { .. } => failure(Kind::Network),
            E::TimedOut { .. } | E::Truncated { .. } | E::Unavailable { .. } => {
                failure(Kind::Network)
            }
            E::Unauthorised { .. } => failure(Kind::Auth)
                .advise("`docker login` to the registry gives us its credentials, too."),
            E::Challenge { .. } | E::Realm { .. } | E::Credentials { .. } => failure(Kind::Auth),
            E::Malformed { .. } => failure(Kind::Malformed),
            E::TooLarge { limit, .. } => failure(Kind::TooLarge).expected(limit),
            E::Conflict { .. } | E::Refused { .. } => failure(Kind::Other),
            E::NotFound { .. } => failure(Kind::Other),
            E::DigestMismatch { expected, found, .. } => {
                failure(Kind::Mismatch).expected(expected).found(found)
            }
            E::SizeMismatch { expected, found, .. } => {
                failure(Kind::Mismatch).expected(expected).found(found)
            }
            E::Write { .. } => failure(Kind::Disk),
            _ => failure(Kind::Network),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::{RoleName, Version};

    #[test]
    fn kinds_of_errors() {
        let version = |number| Version::new(number).expect("positive");
        let rollback = verify::Error::Rollback {
            role: RoleName::Snapshot,
            found: version(3),
            expected: version(5),
        };
        let failure = Failure::from(rollback);
        assert_eq!(failure.kind, Kind::Rollback);
        assert_eq!(failure.role.as_deref(), Some("snapshot"));
        assert_eq!((failure.expected.as_deref(), failure.found.as_deref()), (Some("5"), Some("3")));
        let failure = Failure::from(net::Error::TimedOut { host: "https://h".into() });
        assert_eq!(failure.kind, Kind::Network);
    }

    #[test]
    fn causes_stand_behind_their_effect_once() {
        let source = "connection refused".into();
        let error = net::Error::Unreachable { host: "https://h".into(), source };
        assert_eq!(Failure::from(error).message, "no answer from https://h: connection refused");
    }
}
