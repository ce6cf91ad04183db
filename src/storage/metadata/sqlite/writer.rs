//! The one task that writes.
//!
//! While a transaction is being made durable the next publications gather; they then share one
//! transaction and one wait for the disk. If one of them fails, all of it is done again with a
//! savepoint for each, so that a conflict costs the others no more than time. Nobody is told of
//! success before the transaction is durable.

use jiff::Timestamp as Instant;
use sqlx::SqliteConnection;
use sqlx::error::ErrorKind;
use tokio::sync::{mpsc, oneshot};

use super::checkpoints::Checkpoints;
use super::{failed, inserts};
use crate::crypto::Sha256;
use crate::storage::metadata::{Error, KeyRecord};
use crate::tuf::{Gun, Version};
use crate::verify::submission::Publication;

/// Where writes are handed in.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    write: Write,
    at: Instant,
    reply: oneshot::Sender<Result<bool, Error>>,
}

#[derive(Debug)]
enum Write {
    Publish(Box<Publication>, Vec<KeyRecord>),
    Delete(Gun),
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, checkpoints: Checkpoints) -> Self {
        let (queue, requests) = mpsc::channel(MAX_WAITING);
        tokio::spawn(write_all(connection, requests, checkpoints));
        Self { queue }
    }

    pub(super) async fn publish(
        &self,
        publication: Publication,
        keys: Vec<KeyRecord>,
        at: Instant,
    ) -> Result<(), Error> {
        self.hand_in(Write::Publish(Box::new(publication), keys), at).await.map(|_| ())
    }

    pub(super) async fn delete(&self, gun: Gun, at: Instant) -> Result<bool, Error> {
        self.hand_in(Write::Delete(gun), at).await
    }

    /// Whether anybody is there to write.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.queue.is_closed() { Err(gone()) } else { Ok(()) }
    }

    async fn hand_in(&self, write: Write, at: Instant) -> Result<bool, Error> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Request { write, at, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn write_all(
    mut connection: SqliteConnection,
    mut requests: mpsc::Receiver<Request>,
    mut checkpoints: Checkpoints,
) {
    let mut batch = Vec::new();
    while requests.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let outcomes = write_batch(&mut connection, &batch).await;
        let written = outcomes.len();
        for (request, outcome) in batch.drain(..).zip(outcomes) {
            // Who handed it in may have gone; what is stored is stored.
            let _ = request.reply.send(outcome);
        }
        checkpoints.wrote(written);
    }
}

/// A publication that is to be stored.
pub(super) struct Entry<'r> {
    pub(super) publication: &'r Publication,
    pub(super) keys: &'r [KeyRecord],
    pub(super) at: Instant,
    /// Of its timestamp.
    pub(super) version: Version,
    pub(super) sha256: Sha256,
}

impl<'r> Entry<'r> {
    fn of(request: &'r Request) -> Option<Self> {
        let Write::Publish(publication, keys) = &request.write else { return None };
        let (version, sha256) = publication.timestamp()?;
        Some(Self { publication, keys, at: request.at, version, sha256 })
    }
}

async fn write_batch(
    connection: &mut SqliteConnection,
    batch: &[Request],
) -> Vec<Result<bool, Error>> {
    if let Some(entries) = batch.iter().map(Entry::of).collect::<Option<Vec<_>>>() {
        match inserts::run(connection, &entries, ("BEGIN IMMEDIATE", "COMMIT")).await {
            Ok(()) => return batch.iter().map(|_| Ok(true)).collect(),
            // Whose fault it was comes out when they are stored one after the other.
            Err(_) => {
                let _ = run(connection, "ROLLBACK").await;
            }
        }
    }
    write_each(connection, batch).await
}

async fn write_each(
    connection: &mut SqliteConnection,
    batch: &[Request],
) -> Vec<Result<bool, Error>> {
    let mut outcomes = Vec::with_capacity(batch.len());
    if let Err(error) = run(connection, "BEGIN IMMEDIATE").await {
        return all_failed(batch, &error);
    }
    for request in batch {
        outcomes.push(write_one(connection, request).await);
    }
    match run(connection, "COMMIT").await {
        Ok(()) => outcomes,
        Err(error) => {
            let _ = run(connection, "ROLLBACK").await;
            all_failed(batch, &error)
        }
    }
}

async fn write_one(connection: &mut SqliteConnection, request: &Request) -> Result<bool, Error> {
    match &request.write {
        Write::Publish(..) => {
            let entry = Entry::of(request).ok_or(Error::Damaged { what: "publication" })?;
            let stored = inserts::run(connection, &[entry], ("SAVEPOINT one", "RELEASE one")).await;
            if stored.is_err() {
                run(connection, "ROLLBACK TO one; RELEASE one").await?;
            }
            stored.map(|()| true).map_err(conflict_or("store a publication"))
        }
        Write::Delete(gun) => {
            run(connection, "SAVEPOINT one").await?;
            let outcome = delete(connection, gun, request.at).await;
            if outcome.is_err() {
                run(connection, "ROLLBACK TO one").await?;
            }
            run(connection, "RELEASE one").await?;
            outcome
        }
    }
}

async fn delete(connection: &mut SqliteConnection, gun: &Gun, at: Instant) -> Result<bool, Error> {
    let (gun, at) = (gun.as_str(), at.as_microsecond());
    let failed = failed("delete a collection");
    for statement in [BURY, DELETE_FILES] {
        let query = sqlx::query(statement).bind(gun);
        query.execute(&mut *connection).await.map_err(&failed)?;
    }
    let query = sqlx::query(DELETE_COLLECTION).bind(gun);
    let deleted = query.execute(&mut *connection).await.map_err(&failed)?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    let query = sqlx::query(NOTE_DELETION).bind(at).bind(gun);
    query.execute(&mut *connection).await.map_err(&failed)?;
    Ok(true)
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), Error> {
    let query = sqlx::query(statement).execute(connection).await;
    query.map(|_| ()).map_err(failed("write"))
}

/// A version that is there already is somebody else's, and so is a timestamp that is not the one
/// that the publication was judged against.
fn conflict_or(action: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match &error {
        sqlx::Error::Database(cause) => match cause.kind() {
            ErrorKind::UniqueViolation | ErrorKind::NotNullViolation => Error::Conflict,
            _ => failed(action)(error),
        },
        _ => failed(action)(error),
    }
}

fn all_failed(batch: &[Request], error: &Error) -> Vec<Result<bool, Error>> {
    let told = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
    let failed =
        |_: &Request| Err(Error::Database { action: "write", source: told.clone().into() });
    batch.iter().map(failed).collect()
}

fn gone() -> Error {
    Error::Database { action: "write", source: "its writer has ended".into() }
}

const BURY: &str = "INSERT INTO buried (gun, role, version) \
     SELECT gun, role, max(version) FROM tuf_files WHERE gun = ? GROUP BY gun, role \
     ON CONFLICT (gun, role) DO UPDATE SET version = max(version, excluded.version)";
const DELETE_FILES: &str = "DELETE FROM tuf_files WHERE gun = ?";
const NOTE_DELETION: &str = "INSERT INTO changefeed (created_at, gun, version, sha256, category) \
     VALUES (?, ?, 0, x'', 'deletion')";
const DELETE_COLLECTION: &str = "DELETE FROM collections WHERE gun = ?";
/// How many writes share one transaction.
const MAX_BATCH: usize = 256;
/// How many may wait.
const MAX_WAITING: usize = 1024;
