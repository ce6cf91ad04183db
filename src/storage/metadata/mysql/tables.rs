//! Connecting, and making tables or bringing them up to date. MySQL cannot take back the making of a
//! table: a step that breaks off is noted as Notary's tool would note it.

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::{Connection as _, Executor as _, MySqlConnection, MySqlPool};

use crate::storage::metadata::Error;
use crate::storage::metadata::sql::{
    CONNECTIONS, Found, IDLE, PATIENCE, STILL_THERE, Schema, failed, not_prepared, reason, within,
};

/// The tables of notary-server.
pub(in crate::storage) const SERVER: Schema = Schema {
    owner: "notary-server",
    steps: &[
        include_str!("schema/server_1.sql"),
        include_str!("schema/server_2.sql"),
        include_str!("schema/server_3.sql"),
        include_str!("schema/server_4.sql"),
        include_str!("schema/server_5.sql"),
    ],
    reached: |found| {
        let has = |column| found.has(column);
        match () {
            () if !has("tuf_files.gun") => 0,
            () if has("changefeed.category") => 5,
            () if has("tuf_files.sha256") && !has("timestamp_keys.gun") => 4,
            () if has("tuf_files.sha256") => 3,
            () if has("timestamp_keys.role") => 2,
            () => 1,
        }
    },
};
/// The table of notary-signer.
pub(in crate::storage) const SIGNER: Schema = Schema {
    owner: "notary-signer",
    steps: &[include_str!("schema/signer_1.sql"), include_str!("schema/signer_2.sql")],
    reached: |found| match (found.has("private_keys.key_id"), found.has("private_keys.last_used")) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    },
};
/// Our own.
pub(in crate::storage) const OWN: Schema = Schema {
    owner: "countersign",
    steps: &[include_str!("schema/own_1.sql")],
    reached: |found| usize::from(found.has("countersign_version.version")),
};

pub(in crate::storage) async fn connect(options: &MySqlConnectOptions) -> Result<MySqlPool, Error> {
    let pool = MySqlPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .after_connect(|connection: &mut MySqlConnection, _| {
            Box::pin(async move {
                connection
                    .execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                    .await?;
                Ok(())
            })
        })
        .before_acquire(|connection: &mut MySqlConnection, about: PoolConnectionMetadata| {
            Box::pin(async move {
                if about.idle_for > IDLE {
                    within(STILL_THERE, connection.ping()).await?;
                }
                Ok(true)
            })
        });
    let options = options.clone().timezone(None).charset("utf8").collation("utf8_general_ci");
    match pool.connect_with(options.clone()).await {
        Ok(pool) => Ok(pool),
        Err(error) => Err(failed("be opened")(reason::<MySqlConnection>(&options, error).await)),
    }
}

/// What there is in the database.
pub(in crate::storage) async fn found(pool: &MySqlPool) -> Result<Found, Error> {
    let mut connection = pool.acquire().await.map_err(failed("be reached"))?;
    look(&mut connection).await
}

async fn look(connection: &mut MySqlConnection) -> Result<Found, Error> {
    let failed = failed("say what tables it has");
    let columns: Vec<(String,)> =
        sqlx::query_as(COLUMNS).fetch_all(&mut *connection).await.map_err(&failed)?;
    let columns: Vec<String> = columns.into_iter().map(|(name,)| name).collect();
    let is_noted = columns.iter().any(|name| name.eq_ignore_ascii_case("schema_migrations.dirty"));
    let note = match is_noted {
        true => sqlx::query_as(NOTE).fetch_optional(&mut *connection).await.map_err(&failed)?,
        false => None,
    };
    Ok(Found::new(columns, note))
}

/// Takes every step that is still due; one server at a time.
pub(in crate::storage) async fn prepare(pool: &MySqlPool, schema: &Schema) -> Result<(), Error> {
    if schema.due(&found(pool).await?)?.next().is_none() {
        return Ok(());
    }
    let failed = failed("be brought up to date");
    // The lock is the session's: it must end with it, whatever happens in between.
    let mut connection = pool.acquire().await.map_err(&failed)?.detach();
    let query = sqlx::query_scalar::<_, Option<i64>>("SELECT GET_LOCK('countersign_tables', 60)");
    if query.fetch_one(&mut connection).await.map_err(&failed)? != Some(1) {
        let problem = "another server has been making its tables for a minute".to_owned();
        return Err(Error::Unfit { problem });
    }
    take_steps(&mut connection, schema).await?;
    connection.close().await.map_err(&failed)
}

async fn take_steps(connection: &mut MySqlConnection, schema: &Schema) -> Result<(), Error> {
    let found = look(connection).await?;
    let is_noted = schema.is_noted(&found) && schema.owner != OWN.owner;
    for (number, step) in schema.due(&found)? {
        if is_noted {
            note(connection, number, true).await?;
        }
        sqlx::raw_sql(step).execute(&mut *connection).await.map_err(not_prepared)?;
        if is_noted {
            note(connection, number, false).await?;
        }
    }
    Ok(())
}

/// As golang-migrate keeps it: one row.
async fn note(connection: &mut MySqlConnection, number: i64, is_dirty: bool) -> Result<(), Error> {
    sqlx::raw_sql(NOTES).execute(&mut *connection).await.map_err(not_prepared)?;
    let mut transaction = connection.begin().await.map_err(not_prepared)?;
    let forget = sqlx::query("DELETE FROM schema_migrations");
    forget.execute(&mut *transaction).await.map_err(not_prepared)?;
    let query = sqlx::query("INSERT INTO schema_migrations (version, dirty) VALUES (?, ?)");
    query.bind(number).bind(is_dirty).execute(&mut *transaction).await.map_err(not_prepared)?;
    transaction.commit().await.map_err(not_prepared)
}

const COLUMNS: &str = "SELECT CAST(concat(table_name, '.', column_name) AS CHAR) FROM information_schema.columns \
     WHERE table_schema = database()";
const NOTE: &str = "SELECT version, dirty FROM schema_migrations ORDER BY version DESC LIMIT 1";
const NOTES: &str = "CREATE TABLE IF NOT EXISTS schema_migrations \
     (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)";
