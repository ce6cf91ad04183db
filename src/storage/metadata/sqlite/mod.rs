//! Collections in one SQLite file.
//!
//! Readers have connections of their own. All writes go through one task, which puts those that
//! wait together into one transaction: the cost of being durable is shared by everyone who
//! publishes at the same time.

mod backup;
mod checkpoints;
mod glance;
mod inserts;
mod readers;
mod rows;
mod writer;

pub use backup::backup;
pub use glance::{Glance, glance};

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};

use super::{Answer, Change, Error, KeyRecord, MetadataStore, Page, StoredFile, Which};
use crate::storage::lock::Held;
use crate::tuf::{Gun, RoleName};
use crate::verify::submission::{Holdings, Publication};
use checkpoints::Checkpoints;
use readers::Readers;
use writer::Writer;

/// Collections in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    readers: Readers,
    writer: Writer,
    _lock: Held,
}

impl SqliteStore {
    /// Opens the database, and makes it if there is none. One process at a time may have it open.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] if another process has it, or if it was made by a later release.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let lock = lock(path)?;
        make_private(path)?;
        let unusable = |error: sqlx::Error| Error::Unusable {
            path: path.to_owned(),
            problem: error.to_string(),
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(PATIENCE)
            .pragma("cache_size", "-1024");
        let writing = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", checkpoints::LAST_RESORT)
            // Pages as they were before a statement, for when it fails, need no file.
            .pragma("temp_store", "MEMORY");
        let mut connection = SqliteConnection::connect_with(&writing).await.map_err(unusable)?;
        migrate(path, &mut connection).await?;
        let checkpoints = Checkpoints::start(&options).await.map_err(unusable)?;
        let readers = Readers::open(options).await.map_err(unusable)?;
        Ok(Self { readers, writer: Writer::start(connection, checkpoints), _lock: lock })
    }
}

impl MetadataStore for SqliteStore {
    fn file<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        which: Which,
    ) -> Answer<'a, Option<StoredFile>> {
        let query = match which {
            Which::Current => sqlx::query(CURRENT_FILE).bind(gun.as_str()).bind(role.as_str()),
            Which::Hash(sha256) => sqlx::query(FILE_BY_HASH)
                .bind(gun.as_str())
                .bind(role.as_str())
                .bind(sha256.as_bytes().to_vec()),
            Which::Version(version) => sqlx::query(FILE_BY_VERSION)
                .bind(gun.as_str())
                .bind(role.as_str())
                .bind(rows::number(version)),
        };
        async move {
            let row = query
                .fetch_optional(&mut *self.readers.one().await)
                .await
                .map_err(failed("read a file"))?;
            row.as_ref().map(rows::file).transpose()
        }
        .boxed()
    }

    fn holdings<'a>(&'a self, gun: &'a Gun, roles: &'a [RoleName]) -> Answer<'a, Holdings> {
        self.read_holdings(gun, roles).boxed()
    }

    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
        keys: &'a [KeyRecord],
        at: Instant,
    ) -> Answer<'a, ()> {
        self.writer.publish(publication.clone(), keys.to_vec(), at).boxed()
    }

    fn delete<'a>(&'a self, gun: &'a Gun, at: Instant) -> Answer<'a, bool> {
        self.writer.delete(gun.clone(), at).boxed()
    }

    fn changes<'a>(&'a self, gun: Option<&'a Gun>, page: Page) -> Answer<'a, Vec<Change>> {
        self.read_changes(gun, page).boxed()
    }

    fn keys<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Vec<KeyRecord>> {
        async move {
            let query = sqlx::query(KEYS).bind(gun.as_str());
            let found = query
                .fetch_all(&mut *self.readers.one().await)
                .await
                .map_err(failed("read keys"))?;
            found.iter().map(|row| rows::key(row, gun)).collect()
        }
        .boxed()
    }

    fn stale(&self, before: Instant, limit: usize) -> Answer<'_, Vec<Gun>> {
        async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let query = sqlx::query(STALE).bind(before.as_microsecond()).bind(limit);
            let found = query
                .fetch_all(&mut *self.readers.one().await)
                .await
                .map_err(failed("find stale files"))?;
            Ok(rows::guns(&found))
        }
        .boxed()
    }

    fn names<'a>(
        &'a self,
        part: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Gun>> {
        async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let query = sqlx::query(NAMES).bind(after.unwrap_or_default()).bind(part).bind(limit);
            let found = query
                .fetch_all(&mut *self.readers.one().await)
                .await
                .map_err(failed("find names"))?;
            Ok(rows::guns(&found))
        }
        .boxed()
    }

    fn check(&self) -> Answer<'_, ()> {
        async move {
            let query = sqlx::query("SELECT count(*) FROM (SELECT 1 FROM tuf_files LIMIT 1)");
            query.fetch_one(&mut *self.readers.one().await).await.map_err(failed("answer"))?;
            self.writer.check()
        }
        .boxed()
    }
}

impl SqliteStore {
    async fn read_holdings(&self, gun: &Gun, roles: &[RoleName]) -> Result<Holdings, Error> {
        let mut holdings = Holdings::default();
        let mut connection = self.readers.one().await;
        let query = sqlx::query(VERSIONS).bind(gun.as_str()).bind(gun.as_str());
        let found = query.fetch_all(&mut *connection).await.map_err(failed("read versions"))?;
        for row in &found {
            let (role, version, buried) = rows::version(row)?;
            match buried {
                true => holdings.buried.insert(role, version),
                false => holdings.versions.insert(role, version),
            };
        }
        for role in roles {
            let Some(version) = holdings.versions.get(role) else { continue };
            let query = sqlx::query(FILE_BY_VERSION)
                .bind(gun.as_str())
                .bind(role.as_str())
                .bind(rows::number(*version));
            let row =
                query.fetch_optional(&mut *connection).await.map_err(failed("read a file"))?;
            if let Some(row) = row {
                holdings.files.insert(role.clone(), rows::bytes(&row)?);
            }
        }
        Ok(holdings)
    }

    async fn read_changes(&self, gun: Option<&Gun>, page: Page) -> Result<Vec<Change>, Error> {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let id = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
        let (sql, bound, limit) = match page {
            Page::After { id: after, limit } => (CHANGES_AFTER, id(after), whole(limit)),
            Page::Before { id: before, limit } => {
                (CHANGES_BEFORE, before.map_or(i64::MAX, id), whole(limit))
            }
        };
        let query = sqlx::query(sql).bind(bound).bind(gun.map(Gun::as_str)).bind(limit);
        let found = query
            .fetch_all(&mut *self.readers.one().await)
            .await
            .map_err(failed("read changes"))?;
        let mut changes: Vec<Change> = found.iter().map(rows::change).collect::<Result<_, _>>()?;
        changes.sort_by_key(|change| change.id);
        Ok(changes)
    }
}

/// Brings the tables up to this release, in one transaction.
async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let failed = failed("be brought up to date");
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await
        .map_err(&failed)?;
    let done = glance::later(path, version)?;
    for migration in MIGRATIONS.iter().skip(done) {
        sqlx::raw_sql(*migration).execute(&mut *connection).await.map_err(&failed)?;
    }
    Ok(())
}

/// One process at a time: what it answers from memory must be what is stored.
fn lock(path: &Path) -> Result<Held, Error> {
    let unusable = |problem: String| unusable(path, problem);
    let file = open_private(&glance::lock_of(path));
    let file = file.map_err(|error| unusable(error.to_string()))?;
    match Held::now(file) {
        Ok(held) => Ok(held),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(unusable("another process has this database open".to_owned()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(unusable(error.to_string())),
    }
}

/// Makes the file for our user alone, if it is not there: there are keys in it, if sealed. SQLite
/// gives the files beside it the same mode. Whoever wants others to read it may let them.
fn make_private(path: &Path) -> Result<(), Error> {
    open_private(path).map(drop).map_err(|error| unusable(path, error.to_string()))
}

fn open_private(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600).open(path)
}

fn unusable(path: &Path, problem: impl Into<String>) -> Error {
    Error::Unusable { path: path.to_owned(), problem: problem.into() }
}

fn failed(action: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| Error::Database { action, source: error.into() }
}

/// A role's highest version is its current one.
const CURRENT_FILE: &str = "SELECT version, sha256, created_at, data FROM tuf_files \
     WHERE gun = ? AND role = ? ORDER BY version DESC LIMIT 1";
const FILE_BY_VERSION: &str = "SELECT version, sha256, created_at, data FROM tuf_files \
     WHERE gun = ? AND role = ? AND version = ?";
const FILE_BY_HASH: &str = "SELECT version, sha256, created_at, data FROM tuf_files \
     WHERE gun = ? AND +role = ? AND sha256 = ? LIMIT 1";
const VERSIONS: &str = "SELECT role, max(version), 0 FROM tuf_files WHERE gun = ? GROUP BY role \
     UNION ALL SELECT role, version, 1 FROM buried WHERE gun = ?";
const KEYS: &str = "SELECT key_id, private, role FROM private_keys WHERE gun = ?";
const STALE: &str =
    "SELECT gun FROM collections WHERE timestamp_at < ? ORDER BY timestamp_at LIMIT ?";
/// Bytes, not patterns: neither `%` nor `_` means anything here.
const NAMES: &str = "SELECT gun FROM collections WHERE gun > ?1 AND instr(gun, ?2) > 0 \
     ORDER BY gun LIMIT ?3";
const CHANGES_AFTER: &str = "SELECT id, created_at, gun, version, sha256, category FROM changefeed \
     WHERE id > ?1 AND (?2 IS NULL OR gun = ?2) ORDER BY id LIMIT ?3";
const CHANGES_BEFORE: &str = "SELECT id, created_at, gun, version, sha256, category FROM changefeed \
     WHERE id < ?1 AND (?2 IS NULL OR gun = ?2) ORDER BY id DESC LIMIT ?3";
const MIGRATIONS: &[&str] =
    &[concat!("BEGIN IMMEDIATE;", include_str!("schema.sql"), "PRAGMA user_version = 1; COMMIT;")];
const PATIENCE: Duration = Duration::from_secs(10);
