//! Storing and deleting, each in one transaction that begins with the collection's turn: a row of
//! our own that nobody else may touch until the transaction ends.

use jiff::Timestamp as Instant;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection, MySqlPool, Transaction};

use super::{failed, sql};
use crate::storage::metadata::{Error, KeyRecord};
use crate::tuf::Gun;
use crate::verify::submission::{Publication, PublishedFile};

/// InnoDB breaks a deadlock by ending one of the transactions; that one may simply try again.
pub(super) async fn publish(
    pool: &MySqlPool,
    publication: &Publication,
    keys: &[KeyRecord],
    at: Instant,
) -> Result<(), Error> {
    for _ in 1..ATTEMPTS {
        match publish_once(pool, publication, keys, at).await {
            Err(error) if is_deadlock(&error) => {}
            outcome => return outcome,
        }
    }
    publish_once(pool, publication, keys, at).await
}

async fn publish_once(
    pool: &MySqlPool,
    publication: &Publication,
    keys: &[KeyRecord],
    at: Instant,
) -> Result<(), Error> {
    let gun = publication.gun();
    let mut transaction = turn(pool, gun).await?;
    if !stands(&mut transaction, publication).await? {
        return Err(Error::Conflict);
    }
    if let Err(error) = insert(&mut transaction, publication, keys, at).await {
        return Err(match sql::is_duplicate(&error) {
            true => namesake_or_conflict(&mut transaction, gun).await?,
            false => failed("store a publication")(error),
        });
    }
    transaction.commit().await.map_err(failed("store a publication"))
}

/// Whether the stored timestamp is the one that was judged, and every version rises.
async fn stands(
    connection: &mut MySqlConnection,
    publication: &Publication,
) -> Result<bool, Error> {
    let gun = publication.gun().as_str();
    let held: Vec<(String, i32)> = sqlx::query_as(VERSIONS)
        .bind(gun)
        .bind(gun)
        .fetch_all(connection)
        .await
        .map_err(failed("read versions"))?;
    let highest =
        |role: &str| held.iter().find(|(held, _)| held == role).map(|(_, number)| *number);
    let files = publication.files().iter();
    let rises = files.map(|file| {
        highest(file.role.as_str()).is_none_or(|held| held < sql::number(file.version))
    });
    Ok(highest("timestamp") == publication.on().map(sql::number) && rises.into_iter().all(|it| it))
}

async fn insert(
    connection: &mut MySqlConnection,
    publication: &Publication,
    keys: &[KeyRecord],
    at: Instant,
) -> Result<(), sqlx::Error> {
    let (gun, at) = (publication.gun().as_str(), at.as_second());
    for files in publication.files().chunk_by(within(MAX_INSERT)) {
        insert_files(connection, gun, files, at).await?;
    }
    if let Some((version, sha256)) = publication.timestamp() {
        let query = sqlx::query(NOTE).bind(at).bind(gun).bind(sql::number(version));
        query.bind(sql::hex(sha256)).bind("update").execute(&mut *connection).await?;
    }
    for key in keys {
        let query = sqlx::query(INSERT_KEY).bind(gun).bind(key.role.as_str());
        let query = query.bind(key.id.to_string()).bind(at).bind(key.sealed.as_slice());
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert_files(
    connection: &mut MySqlConnection,
    gun: &str,
    files: &[PublishedFile],
    at: i64,
) -> Result<(), sqlx::Error> {
    let rows = vec![FILE; files.len()].join(", ");
    // Only its length varies.
    let mut query = sqlx::query(AssertSqlSafe(format!("{INSERT_FILES} {rows}")));
    for file in files {
        query = query.bind(at).bind(at).bind(gun).bind(file.role.as_str());
        query = query.bind(sql::number(file.version));
        query = query.bind(sql::hex(file.sha256)).bind(file.bytes.as_slice());
    }
    query.execute(connection).await.map(|_| ())
}

/// Keeps together neighbours of so many bytes at most, each counted as no less than its row.
fn within(limit: usize) -> impl FnMut(&PublishedFile, &PublishedFile) -> bool {
    let size = |file: &PublishedFile| file.bytes.len().max(MIN_ROW);
    let mut together = 0;
    move |left, right| {
        together += size(left);
        let fits = together + size(right) <= limit;
        if !fits {
            together = 0;
        }
        fits
    }
}

/// A version that is there already is somebody else's: another server's, or that of a collection
/// whose name differs only in its capitals.
async fn namesake_or_conflict(connection: &mut MySqlConnection, gun: &Gun) -> Result<Error, Error> {
    let query = sqlx::query_scalar(NAMESAKE).bind(gun.as_str()).bind(gun.as_str());
    let taken: Option<String> =
        query.fetch_optional(connection).await.map_err(failed("read names"))?;
    Ok(taken.map_or(Error::Conflict, |taken| Error::Taken { taken }))
}

pub(super) async fn delete(pool: &MySqlPool, gun: &Gun, at: Instant) -> Result<bool, Error> {
    for _ in 1..ATTEMPTS {
        match delete_once(pool, gun, at).await {
            Err(error) if is_deadlock(&error) => {}
            outcome => return outcome,
        }
    }
    delete_once(pool, gun, at).await
}

async fn delete_once(pool: &MySqlPool, gun: &Gun, at: Instant) -> Result<bool, Error> {
    let failed = failed("delete a collection");
    let mut transaction = turn(pool, gun).await?;
    let name = gun.as_str();
    let bury = sqlx::query(BURY).bind(name).bind(name);
    bury.execute(&mut *transaction).await.map_err(&failed)?;
    let delete = sqlx::query(DELETE_FILES).bind(name).bind(name);
    let deleted = delete.execute(&mut *transaction).await.map_err(&failed)?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    let note = sqlx::query(NOTE).bind(at.as_second()).bind(name).bind(0).bind("").bind("deletion");
    note.execute(&mut *transaction).await.map_err(&failed)?;
    transaction.commit().await.map_err(&failed)?;
    Ok(true)
}

/// Begins a transaction in which nobody else changes this collection. Every statement in it sees
/// what was stored before the turn came: the session reads what is committed.
async fn turn(pool: &MySqlPool, gun: &Gun) -> Result<Transaction<'static, MySql>, Error> {
    let failed = failed("begin a publication");
    let mut transaction = pool.begin().await.map_err(&failed)?;
    let query = sqlx::query(TURN).bind(gun.as_str());
    query.execute(&mut *transaction).await.map_err(&failed)?;
    Ok(transaction)
}

/// 1213: a deadlock; 1205: a lock that was not given in time.
fn is_deadlock(error: &Error) -> bool {
    let (Error::Database { source, .. } | Error::Unreachable { source }) = error else {
        return false;
    };
    let cause = source.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    let cause = cause.and_then(|cause| cause.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>());
    cause.is_some_and(|cause| matches!(cause.number(), 1205 | 1213))
}

const ATTEMPTS: usize = 5;
/// Bytes of one statement, for which every server has room, and so at most 4096 files in it; a
/// statement takes 65535 values.
const MAX_INSERT: usize = 4 << 20;
const MIN_ROW: usize = 1 << 10;
const TURN: &str =
    "INSERT INTO countersign_turns (gun) VALUES (?) ON DUPLICATE KEY UPDATE gun = VALUES(gun)";
const VERSIONS: &str = "SELECT role COLLATE utf8_bin, max(version) FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? AND deleted_at IS NULL GROUP BY role COLLATE utf8_bin";
const INSERT_FILES: &str =
    "INSERT INTO tuf_files (created_at, updated_at, gun, role, version, sha256, data) VALUES";
const FILE: &str =
    "('1970-01-01' + INTERVAL ? SECOND, '1970-01-01' + INTERVAL ? SECOND, ?, ?, ?, ?, ?)";
const NOTE: &str = "INSERT INTO changefeed (created_at, gun, version, sha256, category) \
     VALUES ('1970-01-01' + INTERVAL ? SECOND, ?, ?, ?, ?)";
const INSERT_KEY: &str = "INSERT IGNORE INTO countersign_keys (gun, role, key_id, created_at, private) \
     VALUES (?, ?, ?, '1970-01-01' + INTERVAL ? SECOND, ?)";
const NAMESAKE: &str =
    "SELECT gun FROM tuf_files WHERE gun = ? AND NOT gun COLLATE utf8_bin = ? LIMIT 1";
const BURY: &str = "INSERT INTO countersign_buried (gun, role, version) \
     SELECT gun, role COLLATE utf8_bin, max(version) FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? GROUP BY gun, role COLLATE utf8_bin \
     ON DUPLICATE KEY UPDATE version = GREATEST(countersign_buried.version, VALUES(version))";
const DELETE_FILES: &str = "DELETE FROM tuf_files WHERE gun = ? AND gun COLLATE utf8_bin = ?";
