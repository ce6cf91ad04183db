//! The end of an operation.

use std::time::Duration;

use tokio::time::Instant;

use super::Error;

/// When a whole operation must be over, however many requests it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub fn after(duration: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(duration).unwrap_or(now + CENTURY))
    }

    /// What `future` gives, unless the deadline or `patience` comes first.
    pub(super) async fn limit<F: Future>(
        self,
        host: impl FnOnce() -> String,
        patience: Duration,
        future: F,
    ) -> Result<F::Output, Error> {
        let end = self.0.min(Self::after(patience).0);
        let timed_out = |_| Error::TimedOut { host: host() };
        tokio::time::timeout_at(end, future).await.map_err(timed_out)
    }
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
