//! One run of docker, from its start to its end.

use std::ffi::OsString;
use std::fs::File;
use std::future::pending;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal as Number};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Error, Program};
use crate::docker::{given_variables, withheld_variables};

/// What docker is to do.
pub(super) struct Run<'p> {
    pub(super) program: &'p Program,
    pub(super) action: &'static str,
    pub(super) arguments: Vec<OsString>,
    pub(super) stdout: Stdout,
    pub(super) stdin: Option<File>,
}

/// Where its stdout goes. Ours is for our answer.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Stdout {
    /// On our stderr.
    Aside,
    Hidden,
    Read,
    Ours,
    /// On ours or on our stderr, but for this line.
    Passed(Stream, String),
}

/// One of our own streams.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Run<'_> {
    /// Runs it; what was read of its stdout.
    pub(super) async fn until(
        mut self,
        patience: Option<Duration>,
        signals: &mut Signals,
    ) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::Start {
            action: self.action,
            path: self.program.path().to_owned(),
            source,
        };
        let stdin = self.stdin.take().map_or_else(Stdio::null, Stdio::from);
        let mut child = self.command().stdin(stdin).spawn().map_err(failed)?;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let work = async {
            let (stdout, stderr) = tokio::join!(self.take(stdout), read(stderr));
            Ok((child.wait().await?, stdout?, stderr?))
        };
        let (status, stdout, stderr) = tokio::select! {
            done = work => done.map_err(failed)?,
            number = signals.next() => {
                end(&mut child, number).await;
                return Err(Error::Interrupted { action: self.action, signal: number.as_raw() });
            }
            () = end_of(patience) => {
                end(&mut child, Number::TERM).await;
                let patience = patience.unwrap_or_default();
                return Err(Error::TimedOut { action: self.action, patience });
            }
        };
        self.judge(status, stdout, &stderr)
    }

    async fn take(&self, stdout: Option<ChildStdout>) -> std::io::Result<Vec<u8>> {
        match (&self.stdout, stdout) {
            (Stdout::Passed(stream, line), Some(stdout)) => {
                pass(stdout, *stream, line).await.map(|()| Vec::new())
            }
            (_, stdout) => read(stdout).await,
        }
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(self.program.path());
        command.args(&self.arguments).kill_on_drop(true);
        for name in withheld_variables() {
            command.env_remove(name);
        }
        command.envs(given_variables());
        match &self.stdout {
            Stdout::Aside => {
                command.stdout(std::io::stderr()).stderr(Stdio::inherit());
            }
            Stdout::Ours => {
                command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
            }
            Stdout::Hidden => {
                command.stdout(Stdio::null()).stderr(Stdio::piped());
            }
            Stdout::Read => {
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
            }
            Stdout::Passed(..) => {
                command.stdout(Stdio::piped()).stderr(Stdio::inherit());
            }
        }
        command
    }

    fn judge(&self, status: ExitStatus, stdout: Vec<u8>, stderr: &[u8]) -> Result<Vec<u8>, Error> {
        let action = self.action;
        match (status.code(), status.signal()) {
            (Some(0), _) if stdout.len() as u64 > MAX_OUTPUT => {
                Err(Error::TooLarge { action, limit: MAX_OUTPUT })
            }
            (Some(0), _) => Ok(stdout),
            (Some(code), _) => {
                let said = String::from_utf8_lossy(stderr);
                let message = said.trim().chars().take(MAX_SAID).collect();
                Err(Error::Failed { action, code, message })
            }
            (None, signal) => Err(Error::Killed { action, signal: signal.unwrap_or_default() }),
        }
    }
}

/// Waits until patience ends, if it does.
pub(super) async fn end_of(patience: Option<Duration>) {
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => pending().await,
    }
}

/// Tells the child to end, and ends it if it does not.
async fn end(child: &mut Child, number: Number) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        // It may have ended by itself meanwhile, which is as good.
        let _ = rustix::process::kill_process(pid, number);
    }
    if tokio::time::timeout(FAREWELL, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

impl Stream {
    fn write(self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stream: Box<dyn Write> = match self {
            Self::Stdout => Box::new(std::io::stdout()),
            Self::Stderr => Box::new(std::io::stderr()),
        };
        stream.write_all(bytes).and_then(|()| stream.flush())
    }
}

/// Passes on what a child writes, but for one line.
async fn pass(stdout: ChildStdout, to: Stream, but: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stdout).split(b'\n');
    while let Some(mut line) = lines.next_segment().await? {
        if line != but.as_bytes() {
            line.push(b'\n');
            to.write(&line)?;
        }
    }
    Ok(())
}

/// What a child writes, and not more than is of use; the rest is let go by.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    (&mut stream).take(MAX_OUTPUT + 1).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(kept)
}

/// The signals that tell us to end. From when this is made none is lost: what comes between two
/// runs ends the next.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> Number {
        tokio::select! {
            _ = self.interrupt.recv() => Number::INT,
            _ = self.terminate.recv() => Number::TERM,
            _ = self.hang_up.recv() => Number::HUP,
        }
    }
}

/// Bytes; inspecting one image gives some thousand.
const MAX_OUTPUT: u64 = 4 << 20;
/// Characters.
const MAX_SAID: usize = 2000;
/// How long a child that was told to end may take.
const FAREWELL: Duration = Duration::from_secs(5);
