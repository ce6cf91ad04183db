//! A trust server that is asked for much, without being overrun.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Deadline, Error, NotaryServer, Remote, RemoteFile};
use crate::tuf::RoleName;

/// How often somebody may ask; shared by all who ask.
#[derive(Debug)]
pub struct Rate {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Rate {
    /// So many requests a second.
    pub fn per_second(requests: u32) -> Self {
        let interval = Duration::from_secs(1) / requests.max(1);
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits for one's turn.
    async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let at = (*next).max(Instant::now());
            *next = at + self.interval;
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

/// A collection on a server, read at a pace. What fails on the way is tried again a few times, with
/// pauses that grow.
pub struct Paced {
    server: NotaryServer,
    rate: Arc<Rate>,
    patience: Duration,
}

impl Paced {
    /// Every single request may take as long as `patience`.
    pub fn new(server: NotaryServer, rate: Arc<Rate>, patience: Duration) -> Self {
        Self { server, rate, patience }
    }

    fn until_then(&self) -> NotaryServer {
        self.server.until(Deadline::after(self.patience))
    }
}

impl Remote for Paced {
    fn name(&self) -> String {
        self.server.name()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            self.rate.turn().await;
            match self.until_then().fetch(file, limit).await {
                Err(error) if may_pass(&error) => tokio::time::sleep(pause).await,
                answer => return answer,
            }
            pause *= 3;
        }
        self.rate.turn().await;
        self.until_then().fetch(file, limit).await
    }

    async fn public_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.until_then().public_key(role).await
    }

    async fn rotate_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.until_then().rotate_key(role).await
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        self.until_then().publish(files).await
    }

    async fn delete(&self) -> Result<(), Error> {
        self.until_then().delete().await
    }
}

/// Whether the same question may have an answer a little later.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unavailable { status, .. } => *status == 429 || *status >= 500,
        Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Truncated { .. } => true,
        _ => false,
    }
}

const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
