//! The one task that writes.
//!
//! While a transaction is being made durable the next publications gather; they then share one
//! transaction and one wait for the disk. Each has a savepoint of its own, so that a conflict costs
//! the others nothing. Nobody is told of success before the transaction is durable.
//!
//! The database lives on a thread of its own, and each round to it costs more than a statement: so a
//! publication is one text of many statements.

use jiff::Timestamp as Instant;
use sqlx::error::ErrorKind;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::checkpoints::Checkpoints;
use super::{failed, rows};
use crate::storage::metadata::{Error, KeyRecord};
use crate::tuf::Gun;
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

async fn write_batch(
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
        Write::Publish(publication, keys) => {
            let outcome = publish(connection, publication, keys, request.at).await;
            if outcome.is_err() {
                run(connection, "ROLLBACK TO one; RELEASE one").await?;
            }
            outcome.map(|()| true)
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

async fn publish(
    connection: &mut SqliteConnection,
    publication: &Publication,
    keys: &[KeyRecord],
    at: Instant,
) -> Result<(), Error> {
    let gun = publication.gun().as_str();
    let Some((version, sha256)) = publication.timestamp() else {
        return Err(Error::Damaged { what: "publication" });
    };
    let (version, at) = (rows::number(version), at.as_microsecond());
    let mut query = sqlx::query(AssertSqlSafe(statements(publication, keys)));
    query = match publication.on() {
        None => query.bind(gun).bind(version).bind(at),
        Some(on) => query.bind(gun).bind(version).bind(gun).bind(rows::number(on)).bind(at),
    };
    for file in publication.files() {
        query = query.bind(at).bind(gun).bind(file.role.as_str()).bind(rows::number(file.version));
        query = query.bind(file.sha256.as_bytes().as_slice()).bind(file.bytes.as_slice());
    }
    for key in keys {
        query = query.bind(at).bind(key.id.to_string()).bind(key.gun.as_str());
        query = query.bind(key.role.as_str()).bind(key.sealed.as_slice());
    }
    query = query.bind(at).bind(gun).bind(version).bind(sha256.as_bytes().to_vec()).bind("update");
    query.execute(&mut *connection).await.map(|_| ()).map_err(conflict_or("store a publication"))
}

/// Everything that a publication changes. The parts are all our own, only their number varies.
fn statements(publication: &Publication, keys: &[KeyRecord]) -> String {
    let timestamp = match publication.on() {
        None => FIRST_TIMESTAMP,
        Some(_) => NEXT_TIMESTAMP,
    };
    let files = INSERT_FILE.repeat(publication.files().len());
    let keys = INSERT_KEY.repeat(keys.len());
    format!("SAVEPOINT one;{timestamp}{files}{keys}{INSERT_CHANGE}RELEASE one;")
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
    let query = sqlx::query(INSERT_CHANGE)
        .bind(at)
        .bind(gun)
        .bind(0_i64)
        .bind([].as_slice())
        .bind("deletion");
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

/// A collection that is there already breaks the rule that a name stands once.
const FIRST_TIMESTAMP: &str =
    "INSERT INTO collections (gun, timestamp_version, timestamp_at) VALUES (?, ?, ?);";
/// Where another timestamp stands, or none, there is no version to write, and one must be written.
const NEXT_TIMESTAMP: &str = "INSERT INTO collections (gun, timestamp_version, timestamp_at) \
     VALUES (?, (SELECT ? FROM collections WHERE gun = ? AND timestamp_version = ?), ?) \
     ON CONFLICT (gun) DO UPDATE SET timestamp_version = excluded.timestamp_version, \
     timestamp_at = excluded.timestamp_at;";
const INSERT_FILE: &str = "INSERT INTO tuf_files (created_at, gun, role, version, sha256, data) \
     VALUES (?, ?, ?, ?, ?, ?);";
const INSERT_KEY: &str = "INSERT INTO private_keys (created_at, key_id, gun, role, private) \
     VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;";
const INSERT_CHANGE: &str = "INSERT INTO changefeed (created_at, gun, version, sha256, category) \
     VALUES (?, ?, ?, ?, ?);";
const BURY: &str = "INSERT INTO buried (gun, role, version) \
     SELECT gun, role, max(version) FROM tuf_files WHERE gun = ? GROUP BY gun, role \
     ON CONFLICT (gun, role) DO UPDATE SET version = max(version, excluded.version)";
const DELETE_FILES: &str = "DELETE FROM tuf_files WHERE gun = ?";
const DELETE_COLLECTION: &str = "DELETE FROM collections WHERE gun = ?";
/// How many writes share one transaction.
const MAX_BATCH: usize = 256;
/// How many may wait.
const MAX_WAITING: usize = 1024;
