//! Docker's daemon on this machine, asked without docker's program: starting that takes longer than
//! the answer.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::process::{Signals, end_of};
use super::{Error, Inspected};
use crate::image::Reference;
use crate::net::{self, LocalAnswer, LocalServer};

/// The daemon behind a socket.
pub(super) struct Daemon(LocalServer);

impl Daemon {
    /// `None` if nobody is there, or nobody who answers: then docker's program shall say so.
    pub(super) async fn at(socket: &Path) -> Option<Self> {
        let daemon = Self(LocalServer::at(socket).ok()?);
        let answer = tokio::time::timeout(PING_PATIENCE, daemon.0.get("/_ping")).await.ok()?;
        answer.is_ok_and(|answer| answer.status == 200).then_some(daemon)
    }

    pub(super) async fn inspect(&self, reference: &Reference) -> Result<Inspected, Error> {
        let answer = self.0.get(&format!("/images/{reference}/json")).await;
        let answer = expect(200, "image inspect", answer)?;
        serde_json::from_slice(&answer.body).map_err(|source| Error::Inspect { source })
    }

    pub(super) async fn tag(&self, pulled: &Reference, tagged: &Reference) -> Result<(), Error> {
        let (name, tag) = (tagged.name(), tagged.tag_or_latest());
        let path = format!("/images/{pulled}/tag?repo={name}&tag={}", tag.as_str());
        expect(201, "tag", self.0.post(&path).await).map(drop)
    }
}

/// Waits for an answer as for a run of docker: not longer than allowed, and not past a signal to
/// end.
pub(super) async fn answered<T>(
    action: &'static str,
    answer: impl Future<Output = Result<T, Error>>,
    patience: Option<Duration>,
    signals: &mut Signals,
) -> Result<T, Error> {
    tokio::select! {
        answer = answer => answer,
        signal = signals.next() => Err(Error::Interrupted { action, signal: signal.as_raw() }),
        () = end_of(patience) => Err(Error::TimedOut { action, patience: patience.unwrap_or_default() }),
    }
}

fn expect(
    status: u16,
    action: &'static str,
    answer: Result<LocalAnswer, net::Error>,
) -> Result<LocalAnswer, Error> {
    match answer {
        Ok(answer) if answer.status == status => Ok(answer),
        Ok(answer) => Err(Error::Failed { action, code: 1, message: message(&answer) }),
        Err(source) => Err(Error::Failed { action, code: 1, message: source.to_string() }),
    }
}

fn message(answer: &LocalAnswer) -> String {
    let said = serde_json::from_slice::<Refusal>(&answer.body);
    said.map_or_else(|_| format!("status {}", answer.status), |said| said.message)
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

const PING_PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_and_nobody_who_answers_are_no_daemon() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("d.sock");
        assert!(Daemon::at(&socket).await.is_none(), "no socket");
        let _silent = tokio::net::UnixListener::bind(&socket).expect("bound");
        assert!(Daemon::at(&socket).await.is_none(), "no answer");
    }
}
