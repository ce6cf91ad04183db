//! A failure that is told to all who waited for the same answer, so that nobody asks again at once.

use std::{
    error::Error as StdError,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Error;

type Cause = Arc<dyn StdError + Send + Sync>;

/// How often a source of credentials failed, and why it did last.
#[derive(Default)]
pub(super) struct Failures {
    last: Mutex<(u64, Option<Cause>)>,
}

impl Failures {
    /// How often it failed so far: for [`Failures::since`], before waiting.
    pub(super) fn count(&self) -> u64 {
        self.last().0
    }

    /// What it failed with since it had failed `count` times.
    pub(super) fn since(&self, count: u64, key: &str) -> Option<Error> {
        let last = self.last();
        let cause = last.1.as_ref().filter(|_| last.0 != count)?;
        Some(Error::Credentials { key: key.to_owned(), source: Box::new(Arc::clone(cause)) })
    }

    /// The same error, for the others as well if it is of a source of credentials.
    pub(super) fn kept(&self, error: Error) -> Error {
        let Error::Credentials { key, source } = error else { return error };
        let cause = Cause::from(source);
        let mut last = self.last();
        *last = (last.0.wrapping_add(1), Some(Arc::clone(&cause)));
        Error::Credentials { key, source: Box::new(cause) }
    }

    fn last(&self) -> MutexGuard<'_, (u64, Option<Cause>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_is_told_and_who_comes_later_may_ask() {
        let failures = Failures::default();
        let waiting = failures.count();
        assert!(failures.since(waiting, "h").is_none());
        let error = Error::Credentials { key: "h".to_owned(), source: "it hangs".into() };
        assert_eq!(failures.kept(error).to_string(), "no credentials for h");
        let told = failures.since(waiting, "h").expect("it failed meanwhile");
        assert_eq!(told.source().expect("why").to_string(), "it hangs");
        assert!(failures.since(failures.count(), "h").is_none(), "later");
    }
}
