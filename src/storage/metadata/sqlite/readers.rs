//! Connections that only read.
//!
//! They are few, stay open, and are taken in turn. A pool would do more: look whether they are still
//! there, open others, and have a task of its own put each one back, which wakes another processor
//! for every question.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

#[derive(Debug)]
pub(super) struct Readers {
    connections: Vec<Mutex<SqliteConnection>>,
    next: AtomicUsize,
}

impl Readers {
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options.pragma("query_only", "ON");
        let mut connections = Vec::new();
        for _ in 0..COUNT {
            connections.push(Mutex::new(SqliteConnection::connect_with(&options).await?));
        }
        Ok(Self { connections, next: AtomicUsize::new(0) })
    }

    /// One that nobody uses, or the turn at the next one.
    pub(super) async fn one(&self) -> MutexGuard<'_, SqliteConnection> {
        match self.connections.iter().find_map(|connection| connection.try_lock().ok()) {
            Some(free) => free,
            None => self.connections[self.next.fetch_add(1, Relaxed) % COUNT].lock().await,
        }
    }
}

const COUNT: usize = 2;
