//! The thread in which a module works, and asking it with a limit on the wait.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::TokenSetting;
use super::seat::Seat;

type Job = Box<dyn FnOnce(&mut Seat) + Send>;

/// Where a token can be asked.
pub(super) struct Desk {
    jobs: Option<Mutex<Sender<Job>>>,
    ended: Mutex<Receiver<()>>,
    patience: Duration,
}

impl Desk {
    /// Loads the module in a thread of its own.
    pub(super) fn open(setting: &TokenSetting) -> Result<Desk, String> {
        let (jobs, work) = mpsc::channel::<Job>();
        let (opened, ready) = mpsc::sync_channel(1);
        let (ends, ended) = mpsc::sync_channel(1);
        let asked = setting.clone();
        let serve = move || {
            match Seat::take(&asked) {
                Ok(mut seat) => {
                    let _ = opened.send(Ok(()));
                    work.iter().for_each(|job| job(&mut seat));
                }
                // Whoever waits is gone if this cannot be said.
                Err(problem) => drop(opened.send(Err(problem))),
            }
            drop(ends);
        };
        let thread = thread::Builder::new().name("token".to_owned()).spawn(serve);
        thread.map_err(|error| format!("no thread for its module: {error}"))?;
        let patience = setting.patience;
        ready.recv_timeout(patience).map_err(|_| hangs(patience))??;
        Ok(Desk { jobs: Some(Mutex::new(jobs)), ended: Mutex::new(ended), patience })
    }

    /// Has something done, and waits for it as long as was said.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Seat) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let (tell, hear) = mpsc::sync_channel(1);
        let job = Box::new(move |seat: &mut Seat| drop(tell.send(job(seat))));
        let gone = || "its module has stopped working".to_owned();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        let sent = jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job);
        sent.map_err(|_| gone())?;
        hear.recv_timeout(self.patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => hangs(self.patience),
            RecvTimeoutError::Disconnected => gone(),
        })?
    }
}

impl Drop for Desk {
    /// The session is closed before the program ends, unless the module hangs.
    fn drop(&mut self) {
        drop(self.jobs.take());
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(FAREWELL);
    }
}

fn hangs(patience: Duration) -> String {
    format!("no answer from its module within {} s", patience.as_secs_f32())
}

const FAREWELL: Duration = Duration::from_millis(500);
