//! Waiting for a lock, which the kernel gives up with the process that holds it.

use std::fs::{File, TryLockError};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Error;

/// A file that is locked for as long as this lives. A child of ours that was being started when it
/// ended has the file open for a moment more, and with it nothing.
#[derive(Debug)]
pub(crate) struct Held(File);

impl Held {
    /// Locks the file, or gives up at once.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if somebody else has it.
    pub(crate) fn now(file: File) -> Result<Self, TryLockError> {
        file.try_lock().map(|()| Self(file))
    }
}

impl Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Else closing the file does it.
        let _ = self.0.unlock();
    }
}

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
) -> Result<Held, Error> {
    let started = Instant::now();
    loop {
        match attempt(&file) {
            Ok(()) => return Ok(Held(file)),
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
