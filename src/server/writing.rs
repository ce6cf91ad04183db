//! Whether what is published can be stored.
//!
//! A disk that is full still gives what is on it: everything is served on, and whoever watches is
//! told.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp as Instant;

use super::log::chain;
use crate::storage::metadata::Error;

/// What came of the last attempt to store something.
#[derive(Default)]
pub(super) struct Writing(Mutex<Option<Failure>>);

/// Nothing could be stored since then.
struct Failure {
    since: Instant,
    told: String,
}

impl Writing {
    /// Notes what came of an attempt. Who was too late, and who could not reach the database, learned
    /// nothing about it.
    pub(super) fn note<T>(&self, outcome: &Result<T, Error>, now: Instant) {
        let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(_) => *failure = None,
            Err(Error::Conflict | Error::Taken { .. } | Error::Unreachable { .. }) => {}
            Err(error) => {
                let since = failure.as_ref().map_or(now, |first| first.since);
                *failure = Some(Failure { since, told: chain(error) });
            }
        }
    }

    /// Why nothing can be stored, and since when, if the last attempt failed.
    pub(super) fn problem(&self) -> Option<String> {
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().map(|Failure { since, told }| format!("{told}, since {since:.0}"))
    }
}
