//! What changes while the server runs: files that are read again, a certificate that is renewed.
//!
//! What cannot be used changes nothing: the server goes on with what it has, and says so.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use super::tls::{self, Identity, Shown};
use crate::cli::environment::clock;
use crate::cli::output::{Failure, Output};
use crate::server::Tls;
use crate::storage::DataDirectory;

/// The certificate that a running server shows.
pub(in crate::cli) struct Certificate {
    pub(in crate::cli) identity: Identity,
    pub(in crate::cli) data: DataDirectory,
    pub(in crate::cli) tls: Tls,
    pub(in crate::cli) output: Output,
}

impl Certificate {
    /// Reads it again whenever we are told to, and then what else is to be; looks after one of our
    /// own.
    pub(in crate::cli) async fn keep(self, mut hang_up: Option<Signal>, also: impl Fn()) {
        let mut checks = interval(CHECKED);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = received(&mut hang_up) => {
                    self.read_again();
                    also();
                }
                _ = checks.tick() => self.renew(),
            }
        }
    }

    fn read_again(&self) {
        let certificate = tls::of(&self.identity, &self.data, clock());
        let certificate = certificate.map(|shown| self.show(&shown));
        let (done, failed) = ("the certificate was read again", "the old certificate stays");
        tell(done, failed, certificate, self.output);
    }

    fn renew(&self) {
        match tls::renewed(&self.identity, &self.data, clock()) {
            Ok(None) => {}
            Ok(Some(shown)) => self.show(&shown),
            Err(failure) => {
                let told = "the server's own certificate was not renewed";
                self.output.refusal_aside(Some(told), &failure);
            }
        }
    }

    fn show(&self, shown: &Shown) {
        self.tls.replace(&shown.tls);
        shown.news.iter().for_each(|news| self.output.notice(news));
    }
}

/// Says what came of reading something again.
pub(super) fn tell(done: &str, failed: &str, result: Result<(), Failure>, output: Output) {
    match result {
        Ok(()) => output.notice(done),
        Err(failure) => {
            output.refusal_aside(Some(failed), &failure);
        }
    }
}

/// A signal that came; never, if signals cannot be received.
pub(super) async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// How often the server looks whether its own certificate is due.
const CHECKED: Duration = Duration::from_secs(600);
