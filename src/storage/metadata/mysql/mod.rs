//! MySQL and MariaDB.
//!
//! Notary's columns take upper and lower case for the same. Whatever is looked for is therefore
//! compared once more, byte for byte; and of two names that differ in nothing else only one can have
//! a collection.
//!
//! Whoever changes a collection first takes its turn: a row of our own that nobody else may touch
//! until the transaction ends.
//!
//! The session's time zone stays what the database says, as with notary-server: what is written as
//! UTC is then read as UTC, whatever that zone is. Times have whole seconds.

mod writer;

pub(in crate::storage) mod tables;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp as Instant;
use sqlx::mysql::{MySqlArguments, MySqlDatabaseError};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, MySql, MySqlConnection, MySqlPool, Transaction,
};

use super::Error;
use super::sql::{self, Engine, Found, Places, Row, Schema, Statement, Value, failed};
use crate::tuf::Gun;
use crate::verify::submission::Publication;

impl Engine for MySql {
    const SERVER: Schema = tables::SERVER;
    const SIGNER: Schema = tables::SIGNER;
    const OWN: Schema = tables::OWN;
    const PLACES: Places = Places::Marked;
    const NOW: &'static str = "UTC_TIMESTAMP()";
    const DIGEST: &'static str = "$3";
    const HIGHER: &'static str = "ON DUPLICATE KEY UPDATE \
         version = GREATEST(countersign_buried.version, VALUES(version))";
    const READING: &'static str = "LOCK IN SHARE MODE";

    fn exact(column: &str) -> String {
        format!("{column} COLLATE utf8_bin")
    }

    fn bytes(column: &str) -> String {
        Self::exact(column)
    }

    fn same(column: &str, other: &str) -> String {
        format!("{column} = {other} AND {column} COLLATE utf8_bin = {other}")
    }

    fn among(column: &str, place: &str) -> String {
        format!("find_in_set({column}, {place})")
    }

    fn holds(column: &str, part: &str) -> String {
        format!("instr({column} COLLATE utf8_bin, {part}) > 0")
    }

    fn insert_new(row: &str) -> String {
        format!("INSERT IGNORE INTO {row}")
    }

    fn micros(time: &str) -> String {
        format!("coalesce(timestampdiff(MICROSECOND, '1970-01-01', {time}), 0)")
    }

    fn time(micros: &str) -> String {
        format!("'1970-01-01' + INTERVAL ({micros} DIV 1000000) SECOND")
    }

    fn found(pool: &MySqlPool) -> BoxFuture<'_, Result<Found, Error>> {
        tables::found(pool).boxed()
    }

    fn prepare<'a>(pool: &'a MySqlPool, schema: &'a Schema) -> BoxFuture<'a, Result<(), Error>> {
        tables::prepare(pool, schema).boxed()
    }

    sql::sends_statements!();

    fn states<'a>(
        connection: &'a mut MySqlConnection,
        guns: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(String, i64)>, sqlx::Error>> {
        async move {
            let statement = vec![STATE; guns.len()].join(" UNION ALL ");
            // Only its length varies.
            let mut query = sqlx::query_as(AssertSqlSafe(statement));
            for gun in guns {
                query = query.bind(gun.as_str()).bind(gun.as_str());
            }
            query.fetch_all(connection).await
        }
        .boxed()
    }

    /// The session reads what is committed.
    fn turn<'a>(
        connection: &'a mut MySqlConnection,
        gun: &'a Gun,
    ) -> BoxFuture<'a, Result<Transaction<'a, Self>, sqlx::Error>> {
        async move {
            let mut transaction = connection.begin().await?;
            sqlx::query(TURN).bind(gun.as_str()).execute(&mut *transaction).await?;
            Ok(transaction)
        }
        .boxed()
    }

    /// A reader that locks waits by itself.
    fn feed(
        connection: &mut MySqlConnection,
    ) -> BoxFuture<'_, Result<Transaction<'_, Self>, sqlx::Error>> {
        connection.begin().boxed()
    }

    fn store<'a>(
        connection: &'a mut MySqlConnection,
        publication: &'a Publication,
        at: Instant,
    ) -> BoxFuture<'a, Result<(), Error>> {
        writer::store(connection, publication, at).boxed()
    }

    /// 1213: a deadlock; 1205: a lock that was not given in time.
    fn is_deadlock(error: &Error) -> bool {
        let (Error::Database { source, .. } | Error::Unreachable { source }) = error else {
            return false;
        };
        let cause = source.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
        let cause = cause.and_then(|cause| cause.try_downcast_ref::<MySqlDatabaseError>());
        cause.is_some_and(|cause| matches!(cause.number(), 1205 | 1213))
    }
}

sql::arranges_values!(MySqlArguments);

const TURN: &str =
    "INSERT INTO countersign_turns (gun) VALUES (?) ON DUPLICATE KEY UPDATE gun = VALUES(gun)";
const STATE: &str = "(SELECT gun, CAST(id AS SIGNED) AS id FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? AND role = 'timestamp' AND deleted_at IS NULL \
     ORDER BY version DESC LIMIT 1)";
