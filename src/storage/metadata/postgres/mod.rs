//! Collections in PostgreSQL, in Notary's own tables; any number of servers on one database.
//!
//! Whoever changes a collection first takes its turn, an advisory lock that ends with the
//! transaction, and then looks at what is stored: of two replicas one stores, the other is told of
//! the conflict. notary-server takes no turn; between it and us the rule decides that a version
//! stands once.

mod writer;

pub(in crate::storage) mod tables;

use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::sql::{self, Outlook, Watch, failed};
use super::{Answer, Change, Error, KeyRecord, MetadataStore, Page, Shared, StoredFile, Which};
use crate::crypto::Sha256;
use crate::tuf::{Gun, RoleName};
use crate::verify::submission::{Holdings, Publication};

/// Collections in PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    pool: PgPool,
    watch: Watch,
    /// Whose lease is ours.
    replica: String,
}

impl PostgresStore {
    /// Connects, and makes or brings up to date the tables.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`]; [`Error::Unfit`] if the tables cannot be used.
    pub async fn open(options: &PgConnectOptions) -> Result<Self, Error> {
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
    pub async fn as_it_is(options: &PgConnectOptions) -> Result<Option<Self>, Error> {
        let pool = tables::connect(options).await?;
        let found = tables::found(&pool).await?;
        found.has("tuf_files.sha256").then(|| Self::on(pool)).transpose()
    }

    fn on(pool: PgPool) -> Result<Self, Error> {
        let replica = sql::replica()?;
        let watched = pool.clone();
        let watch = Watch::start(move |guns| {
            let pool = watched.clone();
            async move { sqlx::query_as(STATES).bind(guns).fetch_all(&pool).await }.boxed()
        });
        Ok(Self { pool, watch, replica })
    }

    /// What opening it would do. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`].
    pub async fn outlook(options: &PgConnectOptions) -> Result<Outlook, Error> {
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
        let query = match which {
            Which::Current => sqlx::query_as(CURRENT_FILE).bind(gun.as_str()).bind(role.as_str()),
            Which::Hash(sha256) => sqlx::query_as(FILE_BY_HASH)
                .bind(gun.as_str())
                .bind(role.as_str())
                .bind(sql::hex(sha256)),
            Which::Version(version) => sqlx::query_as(FILE_BY_VERSION)
                .bind(gun.as_str())
                .bind(role.as_str())
                .bind(sql::number(version)),
        };
        let row = query.fetch_optional(&self.pool).await.map_err(failed("read a file"))?;
        row.map(sql::file).transpose()
    }

    async fn read_holdings(&self, gun: &Gun, roles: &[RoleName]) -> Result<Holdings, Error> {
        let mut holdings = Holdings::default();
        let names: Vec<&str> = roles.iter().map(RoleName::as_str).collect();
        let rows: Vec<(String, i32, Option<Vec<u8>>, bool)> = sqlx::query_as(HOLDINGS)
            .bind(gun.as_str())
            .bind(names)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read what it holds"))?;
        for (role, version, data, is_buried) in rows {
            let (role, version) = (sql::role(&role)?, sql::version(version)?);
            if is_buried {
                holdings.buried.insert(role, version);
                continue;
            }
            holdings.versions.insert(role.clone(), version);
            if let Some(data) = data {
                holdings.files.insert(role, data);
            }
        }
        self.set_right(gun, &mut holdings).await?;
        Ok(holdings)
    }

    /// Puts the snapshot that the timestamp names in the place of a newer one that none names.
    async fn set_right(&self, gun: &Gun, holdings: &mut Holdings) -> Result<(), Error> {
        if let Some(named) = sql::other_snapshot(holdings) {
            let role = RoleName::Snapshot;
            if let Some(file) = self.read_file(gun, &role, Which::Hash(named)).await? {
                holdings.files.insert(role, file.bytes.to_vec());
            }
        }
        Ok(())
    }

    /// In its own transaction, because publications that are under way take the numbers of their
    /// changes before they are seen: who reads waits for them, and so misses none.
    async fn read_changes(&self, gun: Option<&Gun>, page: Page) -> Result<Vec<Change>, Error> {
        let (statement, id, limit) = match page {
            Page::After { id, limit } => (CHANGES_AFTER, Some(id), limit),
            Page::Before { id, limit } => (CHANGES_BEFORE, id, limit),
        };
        let failed = failed("read changes");
        let mut transaction = self.pool.begin_with(writer::READ_FEED).await.map_err(&failed)?;
        let rows: Vec<sql::ChangeRow> = sqlx::query_as(statement)
            .bind(id.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX)))
            .bind(gun.map(Gun::as_str))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut *transaction)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
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

impl MetadataStore for PostgresStore {
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
                .bind(before.as_microsecond())
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

impl Shared for PostgresStore {
    fn state<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Option<i64>> {
        self.watch.state(gun).boxed()
    }

    fn may_renew(&self) -> Answer<'_, bool> {
        async move {
            let query = sqlx::query(LEASE).bind(&self.replica).bind(sql::LEASE_SECONDS);
            let taken = query.execute(&self.pool).await.map_err(failed("take the lease"))?;
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

const CURRENT_FILE: &str = "SELECT version, (extract(epoch FROM coalesce(updated_at, created_at, 'epoch')) * 1000000)::bigint, data \
     FROM tuf_files WHERE gun = $1 AND role = $2 AND deleted_at IS NULL ORDER BY version DESC LIMIT 1";
const FILE_BY_VERSION: &str = "SELECT version, (extract(epoch FROM coalesce(created_at, 'epoch')) * 1000000)::bigint, data \
     FROM tuf_files WHERE gun = $1 AND role = $2 AND version = $3 AND deleted_at IS NULL";
const FILE_BY_HASH: &str = "SELECT version, (extract(epoch FROM coalesce(created_at, 'epoch')) * 1000000)::bigint, data \
     FROM tuf_files WHERE gun = $1 AND role = $2 AND sha256 = $3::char(64) AND deleted_at IS NULL \
     ORDER BY version DESC LIMIT 1";
/// The highest version of every role, the files of some, and what was buried.
const HOLDINGS: &str = "SELECT v.role, v.version, f.data, false FROM \
     (SELECT role, max(version) AS version FROM tuf_files \
      WHERE gun = $1 AND deleted_at IS NULL GROUP BY role) AS v \
     LEFT JOIN tuf_files AS f ON v.role = ANY ($2) AND f.gun = $1 AND f.role = v.role AND f.version = v.version \
     UNION ALL SELECT role, version, NULL, true FROM countersign_buried WHERE gun = $1";
const KEYS: &str = "SELECT key_id::text, role, private FROM countersign_keys WHERE gun = $1";
const STALE: &str = "SELECT gun FROM tuf_files AS t \
     WHERE role = 'timestamp' AND deleted_at IS NULL \
     AND created_at < timestamp 'epoch' + $1 * interval '1 microsecond' \
     AND NOT EXISTS (SELECT 1 FROM tuf_files AS n WHERE n.gun = t.gun AND n.role = 'timestamp' \
                     AND n.version > t.version AND n.deleted_at IS NULL) \
     ORDER BY created_at, gun LIMIT $2";
/// Bytes, whatever order the database has been told to keep.
const NAMES: &str = "SELECT gun FROM \
     (SELECT DISTINCT gun FROM tuf_files WHERE role = 'timestamp' AND deleted_at IS NULL) AS found \
     WHERE strpos(gun, $1) > 0 AND gun > $2 COLLATE \"C\" ORDER BY gun COLLATE \"C\" LIMIT $3";
const CHANGES_AFTER: &str = "SELECT id, (extract(epoch FROM coalesce(created_at, 'epoch')) * 1000000)::bigint, gun, version, \
     sha256::text, category FROM changefeed WHERE id > $1 AND ($2::text IS NULL OR gun = $2) ORDER BY id LIMIT $3";
const CHANGES_BEFORE: &str = "SELECT id, (extract(epoch FROM coalesce(created_at, 'epoch')) * 1000000)::bigint, gun, version, \
     sha256::text, category FROM changefeed WHERE id < $1 AND ($2::text IS NULL OR gun = $2) ORDER BY id DESC LIMIT $3";
const STATES: &str = "SELECT g.gun, t.id::bigint FROM unnest($1::text[]) AS g (gun), \
     LATERAL (SELECT id FROM tuf_files WHERE gun = g.gun AND role = 'timestamp' AND deleted_at IS NULL \
              ORDER BY version DESC LIMIT 1) AS t";
const COUNTS: &str = "SELECT count(DISTINCT gun), count(*) FROM tuf_files WHERE deleted_at IS NULL";
const LEASE: &str = "INSERT INTO countersign_lease AS lease (name, holder, until) \
     VALUES ('renewal', $1, (now() AT TIME ZONE 'UTC') + $2 * interval '1 second') \
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
     WHERE lease.holder = excluded.holder OR lease.until < (now() AT TIME ZONE 'UTC')";
const PROPOSE: &str =
    "INSERT INTO countersign_settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const SETTING: &str = "SELECT value FROM countersign_settings WHERE name = $1";
