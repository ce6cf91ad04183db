//! The table in a database of whatever make.

use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use sqlx::Pool;

use super::{ENCRYPTION, KEY_WRAP, SignerKey, SignerTable, key};
use crate::storage::metadata::sql::{Engine, Statement, Value, all, run};
use crate::storage::metadata::{Answer, Error};
use crate::tuf::{Gun, KeyId, RoleName};

/// notary-signer's table.
#[derive(Debug)]
pub(super) struct SqlSignerTable<D: Engine> {
    pool: Pool<D>,
    words: Words,
}

#[derive(Debug)]
struct Words {
    find: Statement,
    unused: Statement,
    add: Statement,
    used: Statement,
    aliases: Statement,
    one_of: Statement,
}

impl<D: Engine> SqlSignerTable<D> {
    /// Makes the table if there is none.
    pub(super) async fn open(pool: Pool<D>) -> Result<Self, Error> {
        D::prepare(&pool, &D::SIGNER).await?;
        Ok(Self::on(pool))
    }

    /// What opening it would do; and the table, if it can be read as it is. Nothing is changed.
    pub(super) async fn look(pool: Pool<D>) -> Result<(String, Option<Self>), Error> {
        let found = D::found(&pool).await?;
        let stands = found.has("private_keys.last_used");
        Ok((D::SIGNER.outlook(&found), stands.then(|| Self::on(pool))))
    }

    fn on(pool: Pool<D>) -> Self {
        Self { pool, words: Words::of::<D>() }
    }

    /// A few at a time: who is missing is asked for twice, which finds nothing more.
    async fn find_all(&self, ids: &[KeyId]) -> Result<Vec<SignerKey>, Error> {
        let mut found = Vec::new();
        for few in ids.chunks(A_FEW) {
            let texts: Vec<String> = few.iter().map(ToString::to_string).collect();
            let values: Vec<Value<'_>> =
                texts.iter().cycle().take(A_FEW).map(|text| Value::Text(text)).collect();
            let rows: Vec<super::Row> =
                all(&self.pool, &self.words.find, &values, "find keys").await?;
            for row in rows {
                found.push(key(row)?);
            }
        }
        Ok(found)
    }

    async fn find_unused(
        &self,
        gun: &Gun,
        role: &RoleName,
        algorithm: &str,
    ) -> Result<Option<SignerKey>, Error> {
        let values = [role.as_str(), gun.as_str(), algorithm].map(Value::Text);
        let rows: Vec<super::Row> =
            all(&self.pool, &self.words.unused, &values, "find a key").await?;
        rows.into_iter().next().map(key).transpose()
    }

    async fn insert(&self, key: &SignerKey, at: Instant) -> Result<(), Error> {
        let id = key.id.to_string();
        let values = [
            Value::Number(at.as_microsecond()),
            Value::Text(&id),
            Value::Text(ENCRYPTION),
            Value::Text(KEY_WRAP),
            Value::Text(&key.algorithm),
            Value::Text(&key.alias),
            Value::Bytes(&key.public),
            Value::Bytes(key.private.as_bytes()),
            Value::Text(&key.gun),
            Value::Text(&key.role),
        ];
        run(&self.pool, &self.words.add, &values, "store a key").await.map(|_| ())
    }

    async fn count_aliases(&self) -> Result<Vec<(SignerKey, u64)>, Error> {
        let action = "tell its aliases";
        let counts: Vec<(String, i64)> = all(&self.pool, &self.words.aliases, &[], action).await?;
        let mut aliases = Vec::new();
        for (alias, count) in counts {
            let values = [Value::Text(&alias)];
            let rows: Vec<super::Row> =
                all(&self.pool, &self.words.one_of, &values, action).await?;
            for row in rows {
                aliases.push((key(row)?, u64::try_from(count).unwrap_or_default()));
            }
        }
        Ok(aliases)
    }
}

impl<D: Engine> SignerTable for SqlSignerTable<D> {
    fn find<'a>(&'a self, ids: &'a [KeyId]) -> Answer<'a, Vec<SignerKey>> {
        self.find_all(ids).boxed()
    }

    fn unused<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        algorithm: &'a str,
    ) -> Answer<'a, Option<SignerKey>> {
        self.find_unused(gun, role, algorithm).boxed()
    }

    fn add<'a>(&'a self, key: &'a SignerKey, at: Instant) -> Answer<'a, ()> {
        self.insert(key, at).boxed()
    }

    fn used<'a>(&'a self, id: &'a KeyId, at: Instant) -> Answer<'a, ()> {
        async move {
            let id = id.to_string();
            let values = [Value::Number(at.as_microsecond()), Value::Text(&id)];
            run(&self.pool, &self.words.used, &values, "note that a key signs").await.map(|_| ())
        }
        .boxed()
    }

    fn aliases(&self) -> Answer<'_, Vec<(SignerKey, u64)>> {
        self.count_aliases().boxed()
    }
}

impl Words {
    fn of<D: Engine>() -> Self {
        let statement = |text: &str| Statement::new(text, D::PLACES);
        let keys = |which: &str| statement(&format!("{ROW} WHERE {which}"));
        let (gun, now) = (D::same("gun", "$2"), D::time("$1"));
        Self {
            find: keys("key_id IN ($1, $2, $3, $4) AND deleted_at IS NULL ORDER BY key_id"),
            unused: keys(&format!(
                "role = $1 AND {gun} AND algorithm = $3 AND last_used IS NULL AND deleted_at IS NULL \
                 ORDER BY key_id LIMIT 1"
            )),
            add: statement(&format!(
                "INSERT INTO private_keys (created_at, updated_at, key_id, encryption_alg, keywrap_alg, \
                 algorithm, passphrase_alias, public, private, gun, role) \
                 VALUES ({now}, {now}, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            )),
            used: statement(&format!(
                "UPDATE private_keys SET last_used = {now}, updated_at = {now} \
                 WHERE key_id = $2 AND deleted_at IS NULL"
            )),
            aliases: statement(ALIASES),
            one_of: keys("passphrase_alias = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1"),
        }
    }
}

const ROW: &str = "SELECT key_id, gun, role, algorithm, passphrase_alias, public, private, \
     last_used IS NOT NULL FROM private_keys";
const ALIASES: &str = "SELECT passphrase_alias, count(*) FROM private_keys WHERE deleted_at IS NULL \
     GROUP BY passphrase_alias ORDER BY passphrase_alias";
/// Places in the statement that finds keys; a root has two online keys.
const A_FEW: usize = 4;
