//! What changes while the server runs: files that are read again, a certificate that is renewed.
//!
//! What cannot be used changes nothing: the server goes on with what it has, and says so.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use super::access;
use super::config::{Auth, Config};
use super::tls::{self, Shown};
use crate::cli::environment::clock;
use crate::cli::output::{Failure, Output};
use crate::server::{Access, Tls};
use crate::storage::DataDirectory;

/// What a running server was started with.
pub(super) struct Running {
    pub(super) config: Config,
    pub(super) data: DataDirectory,
    pub(super) tls: Tls,
    pub(super) access: Access,
    pub(super) output: Output,
}

impl Running {
    /// Reads everything again whenever we are told to, and looks after the server's own certificate.
    pub(super) async fn keep(self, mut hang_up: Option<Signal>) {
        let mut checks = interval(CHECKED);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = received(&mut hang_up) => self.read_again(),
                _ = checks.tick() => self.renew(),
            }
        }
    }

    fn read_again(&self) {
        let certificate = tls::of(&self.config, &self.data, clock());
        let certificate = certificate.map(|shown| self.show(&shown));
        self.tell("the certificate was read again", "the old certificate stays", certificate);
        if let Some(auth) = &self.config.auth {
            let (done, failed) = match auth {
                Auth::Htpasswd(_) => ("the passwords were read again", "the old passwords stay"),
                Auth::Token(_) => (
                    "the token service's certificate was read again",
                    "the token service's old certificate stays",
                ),
            };
            self.tell(done, failed, access::read_again(&self.access, auth));
        }
    }

    fn renew(&self) {
        match tls::renewed(&self.config, &self.data, clock()) {
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

    fn tell(&self, done: &str, failed: &str, result: Result<(), Failure>) {
        match result {
            Ok(()) => self.output.notice(done),
            Err(failure) => {
                self.output.refusal_aside(Some(failed), &failure);
            }
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
