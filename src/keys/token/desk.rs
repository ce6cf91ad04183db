//! The thread in which a module works, and asking it with a limit on the wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::TokenSetting;
use super::problem::Problem;
use super::seat::Seat;

/// Something to be done at the seat, which is taken for the first one.
type Job = Box<dyn FnOnce(&mut Option<Seat>) + Send>;

/// Where a token can be asked.
pub(super) struct Desk {
    jobs: Option<Mutex<Sender<Job>>>,
    ended: Mutex<Receiver<()>>,
    setting: TokenSetting,
    /// Whether the module has not answered in time, and still has not.
    hangs: Arc<AtomicBool>,
}

impl Desk {
    /// Makes the thread; the module is loaded in it when something is asked first.
    pub(super) fn open(setting: &TokenSetting) -> Result<Desk, String> {
        let (jobs, work) = mpsc::channel::<Job>();
        let (ends, ended) = mpsc::sync_channel(1);
        let serve = move || {
            let mut seat = None;
            work.iter().for_each(|job| job(&mut seat));
            // The session is closed before anybody hears that the thread ended.
            drop(seat);
            drop(ends);
        };
        let thread = thread::Builder::new().name("token".to_owned()).spawn(serve);
        thread.map_err(|error| format!("no thread for its module: {error}"))?;
        let (setting, hangs) = (setting.clone(), Arc::default());
        Ok(Desk { jobs: Some(Mutex::new(jobs)), ended: Mutex::new(ended), setting, hangs })
    }

    /// Has something done, and waits for it as long as was said. While the module hangs over what
    /// it was asked before, nothing more is asked.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Seat) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, String> {
        let late = || format!("no answer from its module within {} s", self.patience());
        if self.hangs.load(Ordering::SeqCst) {
            return Err(late());
        }
        let (tell, hear) = mpsc::sync_channel(1);
        let (setting, hangs) = (self.setting.clone(), Arc::clone(&self.hangs));
        self.send(Box::new(move |seat| {
            drop(tell.send(attend(&setting, seat, job)));
            hangs.store(false, Ordering::SeqCst);
        }))?;
        match hear.recv_timeout(self.setting.patience) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
            Err(RecvTimeoutError::Timeout) => {
                self.hangs.store(true, Ordering::SeqCst);
                let Ok(answer) = hear.try_recv() else { return Err(late()) };
                // It came just now, and may have taken the mark away before it was set.
                self.hangs.store(false, Ordering::SeqCst);
                answer
            }
        }
    }

    fn send(&self, job: Job) -> Result<(), String> {
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        let sent = jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job);
        sent.map_err(|_| gone())
    }

    fn patience(&self) -> f32 {
        self.setting.patience.as_secs_f32()
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

/// Does a job at the seat. A session that turns out to have ended is left, so that the next job
/// begins another one.
fn attend<T>(
    setting: &TokenSetting,
    place: &mut Option<Seat>,
    job: impl FnOnce(&mut Seat) -> Result<T, Problem>,
) -> Result<T, String> {
    let seat = match place {
        Some(seat) => seat,
        None => place.insert(Seat::take(setting)?),
    };
    let outcome = job(seat);
    if outcome.as_ref().is_err_and(Problem::is_gone) {
        seat.leave();
    }
    outcome.map_err(|problem| problem.to_string())
}

fn gone() -> String {
    "its module has stopped working".to_owned()
}

const FAREWELL: Duration = Duration::from_millis(500);
