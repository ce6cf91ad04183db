//! Starting a signer program for one request, and not waiting for ever.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::PluginCommand;
use crate::keys::SECRET_VARIABLES;

/// Gives a request to the program, and takes its answer.
pub(super) fn ask(command: &PluginCommand, request: &[u8]) -> Result<Vec<u8>, String> {
    let end = Instant::now() + command.patience;
    let mut child = start(command).map_err(|error| format!("cannot be started: {error}"))?;
    let answered = hold_conversation(&mut child, request, end);
    let outcome = answered.and_then(|(answer, complaint)| {
        let status = wait(&mut child, end)?;
        judge(status, answer, &complaint)
    });
    if outcome.is_err() {
        // It may be gone already; that is what is wanted.
        let _ = child.kill();
        let _ = child.wait();
    }
    outcome
}

fn start(command: &PluginCommand) -> io::Result<Child> {
    let mut program = Command::new(&command.program);
    program.args(&command.arguments).stdin(Stdio::piped());
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in SECRET_VARIABLES.into_iter().chain(["DOCKER_AUTH_CONFIG"]) {
        program.env_remove(name);
    }
    program.spawn()
}

/// Both outputs are read while the request is written: none of the three pipes may fill up.
fn hold_conversation(
    child: &mut Child,
    request: &[u8],
    end: Instant,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let answer = read_aside(child.stdout.take());
    let complaint = read_aside(child.stderr.take());
    let (mut stdin, request) = (child.stdin.take(), request.to_vec());
    // A program that does not read its stdin ends with an answer of its own, or none.
    thread::spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(&request)));
    let answer = heard(&answer, end)?;
    if answer.len() > ANSWER_MAX {
        return Err(format!("gave more than {ANSWER_MAX} bytes"));
    }
    // Whatever it started may hold stderr open longer than it lives.
    let complaint = complaint.recv_timeout(LAST_WORDS).unwrap_or_default();
    Ok((answer, complaint))
}

fn read_aside(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (tell, hear) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before a failure is judged like any other answer.
        let _ = pipe.map(|pipe| pipe.take(ANSWER_MAX as u64 + 1).read_to_end(&mut bytes));
        let _ = tell.send(bytes);
    });
    hear
}

fn heard(answer: &Receiver<Vec<u8>>, end: Instant) -> Result<Vec<u8>, String> {
    let left = end.saturating_duration_since(Instant::now());
    answer.recv_timeout(left).map_err(|_| NO_ANSWER.to_owned())
}

fn wait(child: &mut Child, end: Instant) -> Result<ExitStatus, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < end => thread::sleep(BETWEEN_LOOKS),
            Ok(None) => return Err(NO_ANSWER.to_owned()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// A failed program may still say why, in its answer or on its last line of stderr.
fn judge(status: ExitStatus, answer: Vec<u8>, complaint: &[u8]) -> Result<Vec<u8>, String> {
    if status.success() || answer.trim_ascii_start().starts_with(b"{\"error\"") {
        return Ok(answer);
    }
    let complaint = String::from_utf8_lossy(complaint);
    let last = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let last: String = last.trim().chars().take(COMPLAINT_CHARS).collect();
    Err(match last.is_empty() {
        true => format!("failed ({status})"),
        false => format!("failed ({status}): {last}"),
    })
}

const NO_ANSWER: &str = "did not answer in time";
/// Bytes; a thousand keys take a quarter of it.
const ANSWER_MAX: usize = 1 << 20;
const COMPLAINT_CHARS: usize = 300;
const LAST_WORDS: Duration = Duration::from_millis(200);
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
