//! Connections out of the pool, and how long they may take to answer. A database that went away
//! without a word keeps nobody waiting, and no place in the pool.

use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::Pool;
use sqlx::pool::PoolConnection;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::{Engine, PATIENCE};

/// A connection out of a pool. When it is given back it is asked whether it still works, as the
/// pool does it; one that does not say so in time is closed.
pub(in crate::storage) struct Lent<D: Engine>(PoolConnection<D>);

impl<D: Engine> Lent<D> {
    pub(in crate::storage) async fn from(pool: &Pool<D>) -> Result<Self, sqlx::Error> {
        pool.acquire().await.map(Self)
    }
}

impl<D: Engine> Deref for Lent<D> {
    type Target = D::Connection;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<D: Engine> DerefMut for Lent<D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<D: Engine> Drop for Lent<D> {
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(PATIENCE, self.0.return_to_pool()));
        }
    }
}

/// What comes of a question, if the database answers in time.
pub(in crate::storage) async fn within<T>(
    time: Duration,
    question: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(time, question).await.unwrap_or_else(|_| Err(too_late()))
}

fn too_late() -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time").into()
}
