//! A run of docker that has the user's terminal to itself, and after which something is left to do.

use std::ffi::OsString;
use std::fs::File;
use std::io::stdin;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process::{Child, Command};

use super::{Engine, Error};
use crate::docker::{given_variables, withheld_variables};

impl Engine {
    /// Runs docker with our streams, or with another stdin. The signals that would end us are
    /// passed on to it, and it decides; its exit code, 128 and the number of a signal that ended
    /// it.
    ///
    /// # Errors
    ///
    /// If it cannot be started or waited for.
    pub async fn attached(
        &self,
        action: &'static str,
        words: Vec<OsString>,
        input: Option<File>,
    ) -> Result<u8, Error> {
        let path = self.program.path();
        let failed = |source| Error::Start { action, path: path.to_owned(), source };
        let mut command = Command::new(path);
        command.args(words).stdin(input.map_or_else(Stdio::inherit, Stdio::from));
        for name in withheld_variables() {
            command.env_remove(name);
        }
        command.envs(given_variables()).envs(self.variables.iter().copied());
        let mut child = command.spawn().map_err(failed)?;
        let signals = &mut *self.signals.lock().await;
        loop {
            tokio::select! {
                status = child.wait() => return status.map(code).map_err(failed),
                signal = signals.next() => pass_on(&child, signal),
            }
        }
    }
}

/// What the terminal sends goes to all who are in its foreground, the child among them.
fn pass_on(child: &Child, signal: Signal) {
    let from_terminal = tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp());
    if signal == Signal::INT && from_terminal {
        return;
    }
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        // It may have ended by itself meanwhile, which is as good.
        let _ = kill_process(pid, signal);
    }
}

fn code(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(1)
}
