//! Waiting for a lock, which the kernel gives up with the process that holds it.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Error;

/// The file once `attempt` has locked it: at the first try, or within this time.
///
/// # Errors
///
/// [`Error::Locked`] if another process kept it for longer, [`Error::Io`] if it cannot be locked.
pub(crate) fn wait(
    file: File,
    path: PathBuf,
    patience: Duration,
    attempt: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<File, Error> {
    let started = Instant::now();
    loop {
        match attempt(&file) {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                std::thread::sleep(POLL);
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { path, waited: patience }),
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io { action: "lock", path, source });
            }
        }
    }
}

/// How long writers are waited for by whoever names no time of his own: they take milliseconds.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
