//! The table in MySQL or MariaDB.

use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, MySqlPool};

use super::{ENCRYPTION, KEY_WRAP, Row, SignerKey, SignerTable, key};
use crate::storage::metadata::mysql::tables;
use crate::storage::metadata::sql::failed;
use crate::storage::metadata::{Answer, Error};
use crate::tuf::{Gun, KeyId, RoleName};

/// notary-signer's table in MySQL or MariaDB.
#[derive(Debug)]
pub struct MySqlSignerTable {
    pool: MySqlPool,
}

impl MySqlSignerTable {
    /// Connects, and makes the table if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`]; [`Error::Unfit`] if the table cannot be used.
    pub async fn open(options: &MySqlConnectOptions) -> Result<Self, Error> {
        let pool = tables::connect(options).await?;
        tables::prepare(&pool, &tables::SIGNER).await?;
        Ok(Self { pool })
    }

    /// What opening it would do; and the table, if it can be read as it is. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`].
    pub async fn look(options: &MySqlConnectOptions) -> Result<(String, Option<Self>), Error> {
        let pool = tables::connect(options).await?;
        let found = tables::found(&pool).await?;
        let stands = found.has("private_keys.last_used");
        Ok((tables::SIGNER.outlook(&found), stands.then_some(Self { pool })))
    }
}

impl SignerTable for MySqlSignerTable {
    fn find<'a>(&'a self, ids: &'a [KeyId]) -> Answer<'a, Vec<SignerKey>> {
        async move {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            // Only the number of question marks varies.
            let marks = vec!["?"; ids.len()].join(", ");
            let statement = FIND.replace("MARKS", &marks);
            let mut query = sqlx::query_as(AssertSqlSafe(statement));
            for id in ids {
                query = query.bind(id.to_string());
            }
            let rows: Vec<Row> = query.fetch_all(&self.pool).await.map_err(failed("find keys"))?;
            rows.into_iter().map(key).collect()
        }
        .boxed()
    }

    fn unused<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        algorithm: &'a str,
    ) -> Answer<'a, Option<SignerKey>> {
        async move {
            let (gun, role) = (gun.as_str(), role.as_str());
            let query = sqlx::query_as(UNUSED).bind(role).bind(gun).bind(gun).bind(algorithm);
            let row = query.fetch_optional(&self.pool).await.map_err(failed("find a key"))?;
            row.map(key).transpose()
        }
        .boxed()
    }

    fn add<'a>(&'a self, key: &'a SignerKey, at: Instant) -> Answer<'a, ()> {
        async move {
            let query = sqlx::query(ADD)
                .bind(at.as_second())
                .bind(at.as_second())
                .bind(key.id.to_string())
                .bind(ENCRYPTION)
                .bind(KEY_WRAP)
                .bind(&key.algorithm)
                .bind(&key.alias)
                .bind(&key.public)
                .bind(key.private.as_bytes())
                .bind(&key.gun)
                .bind(&key.role);
            query.execute(&self.pool).await.map(|_| ()).map_err(failed("store a key"))
        }
        .boxed()
    }

    fn used<'a>(&'a self, id: &'a KeyId, at: Instant) -> Answer<'a, ()> {
        async move {
            let at = at.as_second();
            let query = sqlx::query(USED).bind(at).bind(at).bind(id.to_string());
            query.execute(&self.pool).await.map(|_| ()).map_err(failed("note that a key signs"))
        }
        .boxed()
    }

    fn aliases(&self) -> Answer<'_, Vec<(SignerKey, u64)>> {
        async move {
            let failed = failed("tell its aliases");
            let query = sqlx::query_as(ALIASES);
            let counts: Vec<(String, i64)> = query.fetch_all(&self.pool).await.map_err(&failed)?;
            let mut aliases = Vec::new();
            for (alias, count) in counts {
                let query = sqlx::query_as(ONE_OF).bind(&alias);
                let row: Row = query.fetch_one(&self.pool).await.map_err(&failed)?;
                aliases.push((key(row)?, u64::try_from(count).unwrap_or_default()));
            }
            Ok(aliases)
        }
        .boxed()
    }
}

const FIND: &str = "SELECT key_id, gun, role, algorithm, passphrase_alias, public, private, last_used IS NOT NULL \
     FROM private_keys WHERE key_id IN (MARKS) AND deleted_at IS NULL ORDER BY key_id";
const UNUSED: &str = "SELECT key_id, gun, role, algorithm, passphrase_alias, public, private, false \
     FROM private_keys WHERE role = ? AND gun = ? AND gun COLLATE utf8_bin = ? AND algorithm = ? \
     AND last_used IS NULL AND deleted_at IS NULL ORDER BY key_id LIMIT 1";
const ADD: &str = "INSERT INTO private_keys (created_at, updated_at, key_id, encryption_alg, keywrap_alg, algorithm, \
     passphrase_alias, public, private, gun, role) \
     VALUES ('1970-01-01' + INTERVAL ? SECOND, '1970-01-01' + INTERVAL ? SECOND, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const USED: &str = "UPDATE private_keys SET last_used = '1970-01-01' + INTERVAL ? SECOND, \
     updated_at = '1970-01-01' + INTERVAL ? SECOND WHERE key_id = ? AND deleted_at IS NULL";
const ALIASES: &str = "SELECT passphrase_alias, count(*) FROM private_keys WHERE deleted_at IS NULL \
     GROUP BY passphrase_alias ORDER BY passphrase_alias";
const ONE_OF: &str = "SELECT key_id, gun, role, algorithm, passphrase_alias, public, private, last_used IS NOT NULL \
     FROM private_keys WHERE passphrase_alias = ? AND deleted_at IS NULL ORDER BY id DESC LIMIT 1";
