//! What servers look up: for each request with a context, and so with a reading of the clock, the
//! configuration and the pins, of its own.

use std::time::{Duration, Instant};

use crate::cli::args::Global;
use crate::cli::context::Context;
use crate::cli::environment::Environment;
use crate::cli::exit::Kind;
use crate::cli::output::{Failure, for_terminal, in_one_line};
use crate::cli::process::wait_for;
use crate::cli::span::Span;

/// Does something that waits for the network, in a context of its own. Files are read and locked on
/// the way, and helpers waited for; that is not for those threads that answer.
///
/// # Errors
///
/// If it fails, or takes longer than `patience`.
pub(in crate::cli) async fn in_context_of_its_own<T, W>(
    global: &Global,
    patience: Duration,
    work: W,
) -> Result<T, Failure>
where
    T: Send + 'static,
    W: AsyncFnOnce(&Context) -> Result<T, Failure> + Send + 'static,
{
    let (global, until) = (global.clone(), Instant::now() + patience);
    let work = tokio::task::spawn_blocking(move || {
        let left = until.saturating_duration_since(Instant::now());
        // Where many had to wait for a turn, nobody waits for the oldest of them any more.
        if left.is_zero() {
            return Err(too_late());
        }
        let timeout = Some(Span::seconds(left.as_secs().max(1)));
        let context = Context::new(Global { timeout, ..global }, Environment::read()?)?;
        wait_for(work(&context))
    });
    match tokio::time::timeout(patience, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Failure::new(Kind::Other, "the look-up broke off")),
        Err(_) => Err(too_late()),
    }
}

/// In one line, with the image before it.
pub(in crate::cli) fn told(image: &str, failure: &Failure) -> String {
    for_terminal(&in_one_line(&failure.clone().about(image)))
}

/// That nobody would wait for the answer any more.
pub(in crate::cli) fn too_late() -> Failure {
    Failure::new(Kind::Network, "not known before whoever asks would lose patience")
}
