//! What PostgreSQL and MySQL say and do each in its own way. All else is said once, in terms of this.

use futures_util::future::BoxFuture;
use jiff::Timestamp as Instant;
use sqlx::{Database, Pool, Transaction};

use super::statement::{Places, Row, Statement, Value};
use super::{Found, LONGEST, Lent, Schema, failed, within};
use crate::storage::metadata::Error;
use crate::tuf::Gun;
use crate::verify::submission::Publication;

/// A database of some make.
pub(in crate::storage) trait Engine: Database {
    /// The tables of notary-server.
    const SERVER: Schema;
    /// The table of notary-signer.
    const SIGNER: Schema;
    /// Our own.
    const OWN: Schema;
    const PLACES: Places;
    /// The present, in UTC.
    const NOW: &'static str;
    /// `$3` as what a column of digests holds.
    const DIGEST: &'static str;
    /// After the row of a buried version: if one is there already, the higher one counts.
    const HIGHER: &'static str;
    /// After a question to the changefeed.
    const READING: &'static str;

    /// A column, told apart byte for byte.
    fn exact(column: &str) -> String;
    /// A column, in the order of its bytes.
    fn bytes(column: &str) -> String;
    /// Whether a column is that, byte for byte.
    fn same(column: &str, other: &str) -> String;
    /// Whether a column is one of the texts at that place, commas between them.
    fn among(column: &str, place: &str) -> String;
    /// Whether a column holds that text.
    fn holds(column: &str, part: &str) -> String;
    /// Puts a row into a table, unless one with its key is there.
    fn insert_new(row: &str) -> String;
    /// Microseconds since 1970 of a time, 0 for none.
    fn micros(time: &str) -> String;
    /// The time of these microseconds since 1970.
    fn time(micros: &str) -> String;

    /// What there is where tables are made.
    fn found(pool: &Pool<Self>) -> BoxFuture<'_, Result<Found, Error>>;
    /// Takes every step that is still due; one server at a time.
    fn prepare<'a>(pool: &'a Pool<Self>, schema: &'a Schema) -> BoxFuture<'a, Result<(), Error>>;

    /// All rows of an answer.
    fn all<'c, R: Row>(
        connection: &'c mut Self::Connection,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> BoxFuture<'c, Result<Vec<R>, sqlx::Error>>;
    /// How many rows were changed.
    fn run<'c>(
        connection: &'c mut Self::Connection,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> BoxFuture<'c, Result<u64, sqlx::Error>>;

    /// The rows of current timestamps, one for each of these collections that is there.
    fn states<'a>(
        connection: &'a mut Self::Connection,
        guns: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(String, i64)>, sqlx::Error>>;
    /// Begins a transaction in which nobody else changes this collection. Every statement in it sees
    /// what was stored before the turn came.
    fn turn<'a>(
        connection: &'a mut Self::Connection,
        gun: &'a Gun,
    ) -> BoxFuture<'a, Result<Transaction<'a, Self>, sqlx::Error>>;
    /// Begins a transaction that reads the changefeed: it waits for the publications that are under
    /// way, and so misses none that took its number earlier and is stored later.
    fn feed(
        connection: &mut Self::Connection,
    ) -> BoxFuture<'_, Result<Transaction<'_, Self>, sqlx::Error>>;
    /// Stores the files of a publication and its change, if the stored timestamp is the one that was
    /// judged and every version rises.
    fn store<'a>(
        connection: &'a mut Self::Connection,
        publication: &'a Publication,
        at: Instant,
    ) -> BoxFuture<'a, Result<(), Error>>;
    /// Whether the database has ended a transaction that may simply try again.
    fn is_deadlock(error: &Error) -> bool;
}

/// All rows of an answer, over any connection.
pub(in crate::storage) async fn all<D: Engine, R: Row>(
    pool: &Pool<D>,
    statement: &Statement,
    values: &[Value<'_>],
    action: &'static str,
) -> Result<Vec<R>, Error> {
    let mut connection = Lent::from(pool).await.map_err(failed(action))?;
    let rows = D::all(&mut *connection, statement, values);
    within(LONGEST, rows).await.map_err(failed(action))
}

/// How many rows were changed, over any connection.
pub(in crate::storage) async fn run<D: Engine>(
    pool: &Pool<D>,
    statement: &Statement,
    values: &[Value<'_>],
    action: &'static str,
) -> Result<u64, Error> {
    let mut connection = Lent::from(pool).await.map_err(failed(action))?;
    let done = D::run(&mut *connection, statement, values);
    within(LONGEST, done).await.map_err(failed(action))
}

/// Statements are sent the same way to every make of database, which the compiler believes only of
/// each one.
macro_rules! sends_statements {
    () => {
        fn all<'c, R: Row>(
            connection: &'c mut Self::Connection,
            statement: &Statement,
            values: &[Value<'_>],
        ) -> BoxFuture<'c, Result<Vec<R>, sqlx::Error>> {
            let (sql, arguments) = (statement.sql(), arguments(statement, values));
            async move {
                let arguments = arguments.map_err(sqlx::Error::Encode)?;
                sqlx::query_as_with::<Self, R, _>(sql, arguments).fetch_all(connection).await
            }
            .boxed()
        }

        fn run<'c>(
            connection: &'c mut Self::Connection,
            statement: &Statement,
            values: &[Value<'_>],
        ) -> BoxFuture<'c, Result<u64, sqlx::Error>> {
            let (sql, arguments) = (statement.sql(), arguments(statement, values));
            async move {
                let arguments = arguments.map_err(sqlx::Error::Encode)?;
                let done = sqlx::query_with::<Self, _>(sql, arguments).execute(connection).await?;
                Ok(done.rows_affected())
            }
            .boxed()
        }
    };
}

/// The function that those two put values in order with.
macro_rules! arranges_values {
    ($arguments:ty) => {
        fn arguments(
            statement: &Statement,
            values: &[Value<'_>],
        ) -> Result<$arguments, sqlx::error::BoxDynError> {
            let mut arguments = <$arguments>::default();
            for value in statement.arranged(values) {
                match value {
                    Value::Text(text) => arguments.add(text),
                    Value::MaybeText(text) => arguments.add(text),
                    Value::Number(number) => arguments.add(number),
                    Value::Bytes(bytes) => arguments.add(bytes),
                }?;
            }
            Ok(arguments)
        }
    };
}

pub(in crate::storage) use {arranges_values, sends_statements};
