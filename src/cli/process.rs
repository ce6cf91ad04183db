//! This process: what it keeps to itself, what it waits for, and how it ends.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError, mpsc};
use std::time::Duration;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Kind;
use super::output::Failure;

/// Keeps memory from others: no core file, no debugger. For commands that open private keys.
///
/// # Errors
///
/// If the system does not do that.
pub(super) fn guard_memory() -> Result<(), Failure> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .and_then(|()| setrlimit(Resource::Core, none))
        .map_err(|error| Failure::new(Kind::Other, format!("cannot forbid core files: {error}")))
}

/// Runs a command that waits for the network.
///
/// # Errors
///
/// Those of the command, or if nothing can be waited for.
pub(super) fn wait_for<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime().map_err(|error| {
        Failure::new(Kind::Other, format!("cannot wait for the network: {error}"))
    })?;
    let outcome = runtime.block_on(command);
    // A thread that still asks for a name or for credentials is not waited for.
    runtime.shutdown_background();
    outcome
}

/// Tokio panics if no descriptor is left for the last that it keeps; so as many as it opens are
/// opened before.
fn runtime() -> io::Result<Runtime> {
    let spare: io::Result<Vec<_>> = (0..3).map(|_| UnixStream::pair()).collect();
    drop(spare?);
    Builder::new_current_thread().enable_all().build()
}

/// Runs a command; a signal that would end us ends the command first, so that it can clean up.
///
/// # Errors
///
/// Those of the command.
pub(super) async fn cleaning_up<T>(
    command: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let signal = tokio::select! {
        outcome = command => return outcome,
        signal = ending_signal() => signal,
    };
    std::process::exit(FROM_SIGNAL + signal)
}

/// As long as this lives, files are being changed here. A signal that would end us waits for its
/// end, or for the next question, so that nothing begun is left behind.
pub(super) struct Finishing(());

/// Begins to change files.
pub(super) fn finishing() -> Finishing {
    watch_for_signals();
    *lock(&BUSY) = true;
    Finishing(())
}

impl Drop for Finishing {
    fn drop(&mut self) {
        *lock(&BUSY) = false;
        FINISHED.notify_all();
    }
}

/// Asks at the terminal with `ask`; a signal that ends us meanwhile, or any time later, leaves the
/// terminal as it was.
pub(super) fn keeping_terminal<T>(ask: impl FnOnce() -> T) -> T {
    watch_for_signals();
    let terminal = File::open("/dev/tty").ok();
    let state = terminal.as_ref().and_then(|terminal| tcgetattr(terminal).ok());
    *lock(&BEFORE) = terminal.zip(state);
    let was_busy = std::mem::replace(&mut *lock(&BUSY), false);
    FINISHED.notify_all();
    let answer = ask();
    *lock(&BUSY) = was_busy;
    *lock(&BEFORE) = None;
    answer
}

/// From when this returns, signals end us as it is said here.
fn watch_for_signals() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let (ready, is_ready) = mpsc::channel::<()>();
        std::thread::spawn(move || end_at_signal(ready));
        // It is dropped, whether anything can be waited for or not.
        let _ = is_ready.recv();
    });
}

fn end_at_signal(ready: mpsc::Sender<()>) {
    let runtime = runtime();
    // Without it a signal ends us as it always does, with the echo perhaps off.
    let Ok(runtime) = runtime else { return };
    let signal = {
        let _inside = runtime.enter();
        ending_signal()
    };
    drop(ready);
    let signal = runtime.block_on(signal);
    let is_busy = |busy: &mut bool| *busy;
    let waited = FINISHED.wait_timeout_while(lock(&BUSY), PATIENCE, is_busy);
    drop(waited);
    end_as_by_signal(signal)
}

/// Ends this process as if a signal had, with the terminal as it was.
pub(super) fn end_as_by_signal(signal: i32) -> ! {
    if let Some((terminal, state)) = &*lock(&BEFORE) {
        // There is nobody to tell if the terminal is gone.
        let _ = tcsetattr(terminal, OptionalActions::Now, state);
    }
    std::process::exit(FROM_SIGNAL + signal)
}

/// The number of the next signal that would end us, from when this is called within a runtime.
fn ending_signal() -> impl Future<Output = i32> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let listen = |kind: SignalKind| {
        let signals = signal(kind);
        async move {
            match signals {
                Ok(mut signals) => {
                    signals.recv().await;
                    kind.as_raw_value()
                }
                Err(_) => std::future::pending().await,
            }
        }
    };
    let [interrupt, terminate, hang_up] = kinds.map(listen);
    async {
        tokio::select! {
            number = interrupt => number,
            number = terminate => number,
            number = hang_up => number,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether files are being changed that a signal must not leave half.
static BUSY: Mutex<bool> = Mutex::new(false);
/// That they are not any more.
static FINISHED: Condvar = Condvar::new();
/// How long a command may take to come to its end: a token may never answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The terminal, and its state before somebody was asked.
static BEFORE: Mutex<Option<(File, Termios)>> = Mutex::new(None);
/// What shells add to the number of a signal that ended a process.
const FROM_SIGNAL: i32 = 128;
