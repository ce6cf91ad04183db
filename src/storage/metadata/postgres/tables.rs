//! Connecting, and making tables or bringing them up to date.

use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::storage::metadata::Error;
use crate::storage::metadata::sql::{
    CONNECTIONS, Found, IDLE, PATIENCE, STILL_THERE, Schema, failed, not_prepared, reason, within,
};

/// The tables of notary-server.
pub(in crate::storage) const SERVER: Schema = Schema {
    owner: "notary-server",
    steps: &[include_str!("schema/server_1.sql"), include_str!("schema/server_2.sql")],
    reached: |found| match (found.has("tuf_files.gun"), found.has("changefeed.category")) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    },
};
/// The table of notary-signer.
pub(in crate::storage) const SIGNER: Schema = Schema {
    owner: "notary-signer",
    steps: &[include_str!("schema/signer_1.sql")],
    reached: |found| usize::from(found.has("private_keys.key_id")),
};
/// Our own.
pub(in crate::storage) const OWN: Schema = Schema {
    owner: "countersign",
    steps: &[include_str!("schema/own_1.sql")],
    reached: |found| usize::from(found.has("countersign_version.version")),
};

pub(in crate::storage) async fn connect(options: &PgConnectOptions) -> Result<PgPool, Error> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection: &mut PgConnection, about: PoolConnectionMetadata| {
            Box::pin(async move {
                if about.idle_for > IDLE {
                    within(STILL_THERE, connection.ping()).await?;
                }
                Ok(true)
            })
        });
    let options = options.clone().application_name("countersign");
    match pool.connect_with(options.clone()).await {
        Ok(pool) => Ok(pool),
        Err(error) => Err(failed("be opened")(reason::<PgConnection>(&options, error).await)),
    }
}

/// What there is where tables are made.
pub(in crate::storage) async fn found(pool: &PgPool) -> Result<Found, Error> {
    let mut connection = pool.acquire().await.map_err(failed("be reached"))?;
    look(&mut connection).await
}

async fn look(connection: &mut PgConnection) -> Result<Found, Error> {
    let failed = failed("say what tables it has");
    let columns: Vec<(String,)> =
        sqlx::query_as(COLUMNS).fetch_all(&mut *connection).await.map_err(&failed)?;
    let columns: Vec<String> = columns.into_iter().map(|(name,)| name).collect();
    let note = match columns.iter().any(|name| name == "schema_migrations.dirty") {
        true => sqlx::query_as(NOTE).fetch_optional(&mut *connection).await.map_err(&failed)?,
        false => None,
    };
    Ok(Found::new(columns, note))
}

/// Takes every step that is still due, all of them or none; one server at a time.
pub(in crate::storage) async fn prepare(pool: &PgPool, schema: &Schema) -> Result<(), Error> {
    let failed = failed("be brought up to date");
    if schema.due(&found(pool).await?)?.next().is_none() {
        return Ok(());
    }
    let mut transaction = pool.begin_with(BEGIN_ALONE).await.map_err(&failed)?;
    let found = look(&mut transaction).await?;
    let is_noted = schema.is_noted(&found) && schema.owner != OWN.owner;
    let mut reached = None;
    for (number, step) in schema.due(&found)? {
        sqlx::raw_sql(step).execute(&mut *transaction).await.map_err(not_prepared)?;
        reached = Some(number);
    }
    if let Some(number) = reached.filter(|_| is_noted) {
        sqlx::raw_sql(NOTES).execute(&mut *transaction).await.map_err(not_prepared)?;
        let query =
            sqlx::query("INSERT INTO schema_migrations (version, dirty) VALUES ($1, false)");
        query.bind(number).execute(&mut *transaction).await.map_err(not_prepared)?;
    }
    transaction.commit().await.map_err(&failed)
}

const COLUMNS: &str = "SELECT table_name || '.' || column_name FROM information_schema.columns \
     WHERE table_schema = current_schema()";
const NOTE: &str =
    "SELECT version::bigint, dirty FROM schema_migrations ORDER BY version DESC LIMIT 1";
const BEGIN_ALONE: &str = "BEGIN; SELECT pg_advisory_xact_lock(7165074649429406210)";
/// As golang-migrate keeps it: one row.
const NOTES: &str = "CREATE TABLE IF NOT EXISTS schema_migrations \
     (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL); DELETE FROM schema_migrations;";
