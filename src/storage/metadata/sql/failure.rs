//! Whose fault it is when a database does not do what it is told.

use sqlx::Connection;

use super::PATIENCE;
use crate::storage::metadata::Error;

/// Tells a database that is not there from one that refuses.
pub(in crate::storage) fn failed(action: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match is_lost(&error) {
        true => Error::Unreachable { source: error.into() },
        false => Error::Database { action, source: error.into() },
    }
}

/// Why a pool had no connection in time: it tries again and again, and does not say what failed.
pub(in crate::storage) async fn reason<C: Connection>(
    options: &C::Options,
    error: sqlx::Error,
) -> sqlx::Error {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return error;
    }
    match tokio::time::timeout(PATIENCE, C::connect_with(options)).await {
        Ok(Err(reason)) => reason,
        _ => error,
    }
}

/// Tells a database that does not let its tables be made from one that is not there.
pub(in crate::storage) fn not_prepared(error: sqlx::Error) -> Error {
    match error.as_database_error() {
        Some(cause) => Error::Unfit {
            problem: format!(
                "it does not let its tables be made: {}; once, a user is needed who may create tables",
                cause.message()
            ),
        },
        None => failed("be brought up to date")(error),
    }
}

/// Whether the same question may be answered later: the connection is gone, or the database is
/// starting, stopping, or full of others.
pub(in crate::storage) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(cause) => {
            cause.code().is_some_and(|code| LOST.contains(&code.as_ref()))
        }
        _ => false,
    }
}

/// Whether a row of that name stands there already.
pub(in crate::storage) fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|cause| cause.is_unique_violation())
}

/// PostgreSQL: shut down, crashed, not up yet, too many connections, read-only after a failover;
/// MySQL: too many connections, shutting down.
const LOST: [&str; 8] = ["57P01", "57P02", "57P03", "53300", "25006", "08004", "08S01", "57P05"];
