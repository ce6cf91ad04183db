//! Collections in MySQL or MariaDB, in Notary's own tables; any number of servers on one database.
//!
//! Notary's columns take upper and lower case for the same. Whatever is looked for is therefore
//! compared once more, byte for byte; and of two names that differ in nothing else only one can have
//! a collection.
//!
//! The session's time zone stays what the database says, as with notary-server: what is written as
//! UTC is then read as UTC, whatever that zone is. Times have whole seconds.

mod writer;

pub(in crate::storage) mod tables;

use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, MySqlPool};

use super::sql::{self, Outlook, Watch, failed};
use super::{Answer, Change, Error, KeyRecord, MetadataStore, Page, Shared, StoredFile, Which};
use crate::tuf::{Gun, RoleName};
use crate::verify::submission::{Holdings, Publication};

/// Collections in MySQL or MariaDB.
#[derive(Debug)]
pub struct MySqlStore {
    pool: MySqlPool,
    watch: Watch,
    /// Whose lease is ours.
    replica: String,
}

impl MySqlStore {
    /// Connects, and makes or brings up to date the tables.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`]; [`Error::Unfit`] if the tables cannot be used.
    pub async fn open(options: &MySqlConnectOptions) -> Result<Self, Error> {
        let pool = tables::connect(options).await?;
        tables::prepare(&pool, &tables::SERVER).await?;
        tables::prepare_own(&pool).await?;
        Self::on(pool)
    }

    /// The collections as they are, for looking at them; `None` if notary-server's tables are not
    /// there. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`].
    pub async fn as_it_is(options: &MySqlConnectOptions) -> Result<Option<Self>, Error> {
        let pool = tables::connect(options).await?;
        let found = tables::found(&pool).await?;
        found.has("tuf_files.sha256").then(|| Self::on(pool)).transpose()
    }

    fn on(pool: MySqlPool) -> Result<Self, Error> {
        let replica = sql::replica()?;
        let watched = pool.clone();
        let watch = Watch::start(move |guns| states(watched.clone(), guns).boxed());
        Ok(Self { pool, watch, replica })
    }

    /// What opening it would do. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`].
    pub async fn outlook(options: &MySqlConnectOptions) -> Result<Outlook, Error> {
        let pool = tables::connect(options).await?;
        let found = tables::found(&pool).await?;
        let mut lines = vec![tables::SERVER.outlook(&found), tables::OWN.outlook(&found)];
        if found.has("tuf_files.gun") {
            let (collections, files): (i64, i64) =
                sqlx::query_as(COUNTS).fetch_one(&pool).await.map_err(failed("be counted"))?;
            lines.push(format!("it holds {files} files of {collections} collections"));
        }
        pool.close().await;
        Ok(Outlook { lines })
    }

    async fn read_file(
        &self,
        gun: &Gun,
        role: &RoleName,
        which: Which,
    ) -> Result<Option<StoredFile>, Error> {
        let (gun, role) = (gun.as_str(), role.as_str());
        let query = match which {
            Which::Current => sqlx::query_as(CURRENT_FILE),
            Which::Hash(_) => sqlx::query_as(FILE_BY_HASH),
            Which::Version(_) => sqlx::query_as(FILE_BY_VERSION),
        };
        let query = query.bind(gun).bind(gun).bind(role).bind(role);
        let query = match which {
            Which::Current => query,
            Which::Hash(sha256) => query.bind(sql::hex(sha256)),
            Which::Version(version) => query.bind(sql::number(version)),
        };
        let row = query.fetch_optional(&self.pool).await.map_err(failed("read a file"))?;
        row.map(sql::file).transpose()
    }

    async fn read_holdings(&self, gun: &Gun, roles: &[RoleName]) -> Result<Holdings, Error> {
        let mut holdings = Holdings::default();
        let names: Vec<&str> = roles.iter().map(RoleName::as_str).collect();
        let name = gun.as_str();
        let rows: Vec<(String, i32, Option<Vec<u8>>, i64)> = sqlx::query_as(HOLDINGS)
            .bind(name)
            .bind(name)
            .bind(names.join(","))
            .bind(name)
            .bind(name)
            .bind(name)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read what it holds"))?;
        for (role, version, data, buried) in rows {
            let (role, version) = (sql::role(&role)?, sql::version(version)?);
            if buried != 0 {
                holdings.buried.insert(role, version);
                continue;
            }
            holdings.versions.insert(role.clone(), version);
            if let Some(data) = data {
                holdings.files.insert(role, data);
            }
        }
        if let Some(named) = sql::other_snapshot(&holdings) {
            let role = RoleName::Snapshot;
            if let Some(file) = self.read_file(gun, &role, Which::Hash(named)).await? {
                holdings.files.insert(role, file.bytes.to_vec());
            }
        }
        Ok(holdings)
    }

    /// A reader that locks waits for the publications that are under way, and so misses none that
    /// took its number earlier and is stored later.
    async fn read_changes(&self, gun: Option<&Gun>, page: Page) -> Result<Vec<Change>, Error> {
        let (statement, id, limit) = match page {
            Page::After { id, limit } => (CHANGES_AFTER, Some(id), limit),
            Page::Before { id, limit } => (CHANGES_BEFORE, id, limit),
        };
        let gun = gun.map(Gun::as_str);
        let rows: Vec<sql::ChangeRow> = sqlx::query_as(statement)
            .bind(id.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX)))
            .bind(gun)
            .bind(gun)
            .bind(gun)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read changes"))?;
        let mut changes: Vec<Change> =
            rows.into_iter().map(sql::change).collect::<Result<_, _>>()?;
        changes.sort_by_key(|change| change.id);
        Ok(changes)
    }

    async fn read_keys(&self, gun: &Gun) -> Result<Vec<KeyRecord>, Error> {
        let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(KEYS)
            .bind(gun.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read keys"))?;
        rows.into_iter().map(|row| sql::key(gun, row)).collect()
    }
}

/// One row for each collection that is there.
async fn states(pool: MySqlPool, guns: Vec<String>) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let statement = vec![STATE; guns.len()].join(" UNION ALL ");
    // Only its length varies.
    let mut query = sqlx::query_as(AssertSqlSafe(statement));
    for gun in &guns {
        query = query.bind(gun.as_str()).bind(gun.as_str());
    }
    query.fetch_all(&pool).await
}

impl MetadataStore for MySqlStore {
    fn file<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        which: Which,
    ) -> Answer<'a, Option<StoredFile>> {
        self.read_file(gun, role, which).boxed()
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
        writer::publish(&self.pool, publication, keys, at).boxed()
    }

    fn delete<'a>(&'a self, gun: &'a Gun, at: Instant) -> Answer<'a, bool> {
        writer::delete(&self.pool, gun, at).boxed()
    }

    fn changes<'a>(&'a self, gun: Option<&'a Gun>, page: Page) -> Answer<'a, Vec<Change>> {
        self.read_changes(gun, page).boxed()
    }

    fn keys<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Vec<KeyRecord>> {
        self.read_keys(gun).boxed()
    }

    fn stale(&self, before: Instant, limit: usize) -> Answer<'_, Vec<Gun>> {
        async move {
            let guns: Vec<(String,)> = sqlx::query_as(STALE)
                .bind(before.as_second())
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(&self.pool)
                .await
                .map_err(failed("find stale files"))?;
            // A name that we would never serve is not ours to renew.
            Ok(guns.iter().filter_map(|(gun,)| Gun::raw(gun).ok()).collect())
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
            let guns: Vec<(String,)> = sqlx::query_as(NAMES)
                .bind(part)
                .bind(after.unwrap_or_default())
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(&self.pool)
                .await
                .map_err(failed("find names"))?;
            Ok(guns.iter().filter_map(|(gun,)| Gun::raw(gun).ok()).collect())
        }
        .boxed()
    }

    fn check(&self) -> Answer<'_, ()> {
        async move {
            let query =
                sqlx::query("SELECT count(*) FROM (SELECT 1 FROM tuf_files LIMIT 1) AS one");
            query.execute(&self.pool).await.map(|_| ()).map_err(failed("answer"))
        }
        .boxed()
    }

    fn shared(&self) -> Option<&dyn Shared> {
        Some(self)
    }
}

impl Shared for MySqlStore {
    fn state<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Option<i64>> {
        self.watch.state(gun).boxed()
    }

    fn may_renew(&self) -> Answer<'_, bool> {
        async move {
            let failed = failed("take the lease");
            sqlx::query(FIRST_LEASE).execute(&self.pool).await.map_err(&failed)?;
            let query =
                sqlx::query(LEASE).bind(&self.replica).bind(sql::LEASE_SECONDS).bind(&self.replica);
            let taken = query.execute(&self.pool).await.map_err(&failed)?;
            Ok(taken.rows_affected() == 1)
        }
        .boxed()
    }

    fn agree<'a>(
        &'a self,
        name: &'a str,
        proposed: Option<&'a [u8]>,
    ) -> Answer<'a, Option<Vec<u8>>> {
        async move {
            let failed = failed("agree on a setting");
            if let Some(value) = proposed {
                let query = sqlx::query(PROPOSE).bind(name).bind(value);
                query.execute(&self.pool).await.map_err(&failed)?;
            }
            let query = sqlx::query_scalar(SETTING).bind(name);
            query.fetch_optional(&self.pool).await.map_err(&failed)
        }
        .boxed()
    }
}

const CURRENT_FILE: &str = "SELECT version, \
     coalesce(timestampdiff(MICROSECOND, '1970-01-01', coalesce(updated_at, created_at)), 0), data FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? AND role = ? AND role COLLATE utf8_bin = ? AND deleted_at IS NULL \
     ORDER BY version DESC LIMIT 1";
const FILE_BY_VERSION: &str = "SELECT version, \
     coalesce(timestampdiff(MICROSECOND, '1970-01-01', created_at), 0), data FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? AND role = ? AND role COLLATE utf8_bin = ? AND deleted_at IS NULL \
     AND version = ?";
const FILE_BY_HASH: &str = "SELECT version, \
     coalesce(timestampdiff(MICROSECOND, '1970-01-01', created_at), 0), data FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? AND role = ? AND role COLLATE utf8_bin = ? AND deleted_at IS NULL \
     AND sha256 = ? ORDER BY version DESC LIMIT 1";
/// The highest version of every role, the files of some, and what was buried.
const HOLDINGS: &str = "SELECT v.role, v.version, f.data, 0 FROM \
     (SELECT role COLLATE utf8_bin AS role, max(version) AS version FROM tuf_files \
      WHERE gun = ? AND gun COLLATE utf8_bin = ? AND deleted_at IS NULL GROUP BY role COLLATE utf8_bin) AS v \
     LEFT JOIN tuf_files AS f ON find_in_set(v.role, ?) AND f.gun = ? AND f.gun COLLATE utf8_bin = ? \
     AND f.role COLLATE utf8_bin = v.role AND f.version = v.version \
     UNION ALL SELECT role, version, NULL, 1 FROM countersign_buried WHERE gun = ?";
const KEYS: &str = "SELECT key_id, role, private FROM countersign_keys WHERE gun = ?";
const STALE: &str = "SELECT t.gun FROM tuf_files AS t \
     WHERE t.role = 'timestamp' AND t.deleted_at IS NULL AND t.created_at < '1970-01-01' + INTERVAL ? SECOND \
     AND NOT EXISTS (SELECT 1 FROM tuf_files AS n WHERE n.gun = t.gun AND n.gun COLLATE utf8_bin = t.gun \
                     AND n.role = 'timestamp' AND n.version > t.version AND n.deleted_at IS NULL) \
     ORDER BY t.created_at, t.gun LIMIT ?";
const NAMES: &str = "SELECT DISTINCT gun COLLATE utf8_bin AS name FROM tuf_files \
     WHERE role = 'timestamp' AND deleted_at IS NULL \
     AND instr(gun COLLATE utf8_bin, ?) > 0 AND gun COLLATE utf8_bin > ? ORDER BY name LIMIT ?";
const CHANGES_AFTER: &str = "SELECT id, timestampdiff(MICROSECOND, '1970-01-01', created_at), gun, version, sha256, category \
     FROM changefeed WHERE id > ? AND (? IS NULL OR gun = ? AND gun COLLATE utf8_bin = ?) \
     ORDER BY id LIMIT ? LOCK IN SHARE MODE";
const CHANGES_BEFORE: &str = "SELECT id, timestampdiff(MICROSECOND, '1970-01-01', created_at), gun, version, sha256, category \
     FROM changefeed WHERE id < ? AND (? IS NULL OR gun = ? AND gun COLLATE utf8_bin = ?) \
     ORDER BY id DESC LIMIT ? LOCK IN SHARE MODE";
const STATE: &str = "(SELECT gun, CAST(id AS SIGNED) AS id FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? AND role = 'timestamp' AND deleted_at IS NULL \
     ORDER BY version DESC LIMIT 1)";
const COUNTS: &str = "SELECT count(DISTINCT gun), count(*) FROM tuf_files WHERE deleted_at IS NULL";
const FIRST_LEASE: &str = "INSERT IGNORE INTO countersign_lease (name, holder, until) \
     VALUES ('renewal', '', '1970-01-01')";
const LEASE: &str = "UPDATE countersign_lease SET holder = ?, until = UTC_TIMESTAMP() + INTERVAL ? SECOND \
     WHERE name = 'renewal' AND (holder = ? OR until < UTC_TIMESTAMP())";
const PROPOSE: &str = "INSERT IGNORE INTO countersign_settings (name, value) VALUES (?, ?)";
const SETTING: &str = "SELECT value FROM countersign_settings WHERE name = ?";
