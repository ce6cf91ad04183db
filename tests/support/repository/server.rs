//! A trust server in memory that does as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use countersign::net::{Error, Remote, RemoteFile};
use countersign::tuf::RoleName;

/// A trust server in memory. Every answer takes one round: all questions that were asked before the
/// first answer came share a round, so that rounds count what a network's latency would cost.
#[derive(Clone, Default)]
pub struct SimulatedServer {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, Fault>,
    asked: Vec<String>,
    round: usize,
    waiting: Vec<Waker>,
    changes: VecDeque<(String, BTreeMap<String, Vec<u8>>)>,
}

/// What a server does instead of answering.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// 404.
    Missing,
    /// Another status.
    Status(u16),
    /// 401 or 403.
    Denied(u16),
    /// The connection breaks, or its certificate is wrong.
    Unreachable,
    /// Silence.
    TimedOut,
    /// The body ends early.
    Truncated,
    /// Encoded although nobody asked for that.
    Encoded,
}

impl SimulatedServer {
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        let state = State { files, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Has it serve these bytes under a name.
    pub fn serve(&self, file: &str, bytes: Vec<u8>) -> &Self {
        self.state().files.insert(file.to_owned(), bytes);
        self
    }

    /// Has it fail whenever a name is asked for that starts so.
    pub fn fail(&self, file: &str, fault: Fault) -> &Self {
        self.state().faults.insert(file.to_owned(), fault);
        self
    }

    /// Has it change to other files right after it answered for this one; several such changes come
    /// one after the other.
    pub fn change_after(&self, file: &str, files: BTreeMap<String, Vec<u8>>) -> &Self {
        self.state().changes.push_back((file.to_owned(), files));
        self
    }

    /// The bytes that it has under a name.
    pub fn file(&self, name: &str) -> Vec<u8> {
        self.state().files.get(name).unwrap_or_else(|| panic!("no {name}")).clone()
    }

    /// The names that were asked for, and forgets them.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    /// How many rounds there were, and forgets them.
    pub fn rounds(&self) -> usize {
        std::mem::take(&mut self.state().round)
    }

    /// Runs a future to its end, a round at a time.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..MAX_ROUNDS {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            let mut state = self.state();
            state.round += 1;
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(Waker::wake);
        }
        panic!("no end after {MAX_ROUNDS} rounds");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    /// Ends when the round ends in which it was first polled.
    async fn one_round(&self) {
        let asked = self.state().round;
        poll_fn(|context| {
            let mut state = self.state();
            if state.round > asked {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn answer(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut state = self.state();
        let host = || "server.test".to_owned();
        let fault = state.faults.iter().find(|(file, _)| name.starts_with(file.as_str()));
        let answer = match fault.map(|(_, fault)| *fault) {
            Some(Fault::Missing) => Ok(None),
            Some(fault) => Err(fault.error()),
            None => match state.files.get(name) {
                Some(bytes) if bytes.len() as u64 > limit => {
                    Err(Error::TooLarge { host: host(), limit })
                }
                found => Ok(found.cloned()),
            },
        };
        if let Some((_, files)) = state.changes.pop_front_if(|(file, _)| name == file) {
            state.files = files;
        }
        answer
    }
}

impl Fault {
    fn error(self) -> Error {
        let host = "server.test".to_owned();
        match self {
            Self::Missing => Error::Unavailable { host, status: 404 },
            Self::Status(status) => Error::Unavailable { host, status },
            Self::Denied(status) => Error::Unauthorised { host, status, message: String::new() },
            Self::Unreachable => {
                Error::Unreachable { host, registry: false, source: "connection reset".into() }
            }
            Self::TimedOut => Error::TimedOut { host },
            Self::Truncated => Error::Truncated { host, found: 7, source: "end of file".into() },
            Self::Encoded => Error::Malformed { host, problem: "an encoded body" },
        }
    }
}

impl Remote for SimulatedServer {
    fn name(&self) -> String {
        "server.test".to_owned()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let name = match file {
            RemoteFile::Current(role) => format!("{role}.json"),
            RemoteFile::ByHash(role, sha256) => format!("{role}.{sha256}.json"),
            RemoteFile::ByVersion(role, version) => format!("{version}.{role}.json"),
        };
        self.state().asked.push(name.clone());
        self.one_round().await;
        self.answer(&name, limit)
    }

    async fn public_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(Fault::Status(405).error())
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, Error> {
        Err(Fault::Status(405).error())
    }

    async fn publish(&self, _: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        Err(Fault::Status(405).error())
    }

    async fn delete(&self) -> Result<(), Error> {
        Err(Fault::Status(405).error())
    }
}

/// Runs a future that waits for nobody.
pub fn ready<F: Future>(future: F) -> F::Output {
    SimulatedServer::default().run(future)
}

const MAX_ROUNDS: usize = 10_000;
