//! PostgreSQL.
//!
//! Whoever changes a collection first takes its turn, an advisory lock that ends with the
//! transaction, and then looks at what is stored: of two replicas one stores, the other is told of
//! the conflict. notary-server takes no turn; between it and us the rule decides that a version
//! stands once. If our host goes away without a word, the database ends the turn after 20 seconds.

pub(in crate::storage) mod tables;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp as Instant;
use sqlx::postgres::PgArguments;
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Transaction,
};

use super::Error;
use super::sql::{self, Engine, Found, Places, Row, Schema, Statement, Value, failed};
use crate::crypto::Sha256;
use crate::tuf::Gun;
use crate::verify::submission::Publication;

impl Engine for Postgres {
    const SERVER: Schema = tables::SERVER;
    const SIGNER: Schema = tables::SIGNER;
    const OWN: Schema = tables::OWN;
    const PLACES: Places = Places::Numbered;
    const NOW: &'static str = "(now() AT TIME ZONE 'UTC')";
    const DIGEST: &'static str = "$3::char(64)";
    const HIGHER: &'static str = "ON CONFLICT (gun, role) DO UPDATE \
         SET version = greatest(countersign_buried.version, excluded.version)";
    const READING: &'static str = "";

    fn exact(column: &str) -> String {
        column.to_owned()
    }

    fn bytes(column: &str) -> String {
        format!("{column} COLLATE \"C\"")
    }

    fn same(column: &str, other: &str) -> String {
        format!("{column} = {other}")
    }

    fn among(column: &str, place: &str) -> String {
        format!("{column} = ANY (string_to_array({place}, ','))")
    }

    fn holds(column: &str, part: &str) -> String {
        format!("strpos({column}, {part}) > 0")
    }

    fn insert_new(row: &str) -> String {
        format!("INSERT INTO {row} ON CONFLICT DO NOTHING")
    }

    fn micros(time: &str) -> String {
        format!("(extract(epoch FROM coalesce({time}, 'epoch')) * 1000000)::bigint")
    }

    fn time(micros: &str) -> String {
        format!("timestamp 'epoch' + {micros} * interval '1 microsecond'")
    }

    fn found(pool: &PgPool) -> BoxFuture<'_, Result<Found, Error>> {
        tables::found(pool).boxed()
    }

    fn prepare<'a>(pool: &'a PgPool, schema: &'a Schema) -> BoxFuture<'a, Result<(), Error>> {
        tables::prepare(pool, schema).boxed()
    }

    sql::sends_statements!();

    fn states<'a>(
        connection: &'a mut PgConnection,
        guns: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<(String, i64)>, sqlx::Error>> {
        match guns {
            [gun] => sqlx::query_as(STATE).bind(gun).fetch_all(connection).boxed(),
            guns => sqlx::query_as(STATES).bind(guns).fetch_all(connection).boxed(),
        }
    }

    fn turn<'a>(
        connection: &'a mut PgConnection,
        gun: &'a Gun,
    ) -> BoxFuture<'a, Result<Transaction<'a, Self>, sqlx::Error>> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; \
             SET LOCAL idle_in_transaction_session_timeout = '20s'; \
             SELECT pg_advisory_xact_lock({}), pg_advisory_xact_lock_shared({FEED})",
            lock(gun)
        );
        // Two numbers of our own are all that varies.
        connection.begin_with(AssertSqlSafe(begin)).boxed()
    }

    fn feed(
        connection: &mut PgConnection,
    ) -> BoxFuture<'_, Result<Transaction<'_, Self>, sqlx::Error>> {
        connection.begin_with(READ_FEED).boxed()
    }

    fn store<'a>(
        connection: &'a mut PgConnection,
        publication: &'a Publication,
        at: Instant,
    ) -> BoxFuture<'a, Result<(), Error>> {
        store(connection, publication, at).boxed()
    }

    fn is_deadlock(_: &Error) -> bool {
        false
    }
}

sql::arranges_values!(PgArguments);

async fn store(
    connection: &mut PgConnection,
    publication: &Publication,
    at: Instant,
) -> Result<(), Error> {
    let Some((version, sha256)) = publication.timestamp() else {
        return Err(Error::Damaged { what: "publication" });
    };
    let files = publication.files();
    let roles: Vec<&str> = files.iter().map(|file| file.role.as_str()).collect();
    let versions: Vec<i32> = files.iter().map(|file| sql::number(file.version)).collect();
    let digests: Vec<String> = files.iter().map(|file| sql::hex(file.sha256)).collect();
    let bytes: Vec<&[u8]> = files.iter().map(|file| file.bytes.as_slice()).collect();
    let query = sqlx::query_scalar::<_, i64>(PUBLISH)
        .bind(publication.gun().as_str())
        .bind(publication.on().map(sql::number))
        .bind(at.as_microsecond())
        .bind(roles)
        .bind(versions)
        .bind(digests)
        .bind(bytes)
        .bind(sql::number(version))
        .bind(sql::hex(sha256));
    let stored = query.fetch_one(connection).await.map_err(conflict_or("store a publication"))?;
    match usize::try_from(stored) == Ok(files.len()) {
        true => Ok(()),
        false => Err(Error::Conflict),
    }
}

/// Two names may share a number; then they wait for each other.
fn lock(gun: &Gun) -> i64 {
    let digest = Sha256::of(format!("countersign turn {gun}").as_bytes());
    let mut number = [0; 8];
    number.copy_from_slice(&digest.as_bytes()[..8]);
    i64::from_be_bytes(number)
}

/// A version that is there already is somebody else's.
fn conflict_or(action: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match sql::is_duplicate(&error) {
        true => Error::Conflict,
        false => failed(action)(error),
    }
}

/// PostgreSQL makes one plan of it for all names, which it does not do for a short list.
const STATE: &str = "SELECT gun, id::bigint FROM tuf_files \
     WHERE gun = $1 AND role = 'timestamp' AND deleted_at IS NULL ORDER BY version DESC LIMIT 1";
const STATES: &str = "SELECT g.gun, t.id::bigint FROM unnest($1::text[]) AS g (gun), \
     LATERAL (SELECT id FROM tuf_files WHERE gun = g.gun AND role = 'timestamp' AND deleted_at IS NULL \
              ORDER BY version DESC LIMIT 1) AS t";
/// Held in common by those who add to the changefeed, alone by those who read it; nobody else on
/// the database takes a lock of that number.
const FEED: i64 = 7_165_074_649_429_406_209;
/// The same number, in digits.
const READ_FEED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     SET LOCAL idle_in_transaction_session_timeout = '20s'; \
     SELECT pg_advisory_xact_lock(7165074649429406209)";
/// Everything if the stored timestamp is the one that was judged and every version rises, or else
/// nothing.
const PUBLISH: &str = "WITH \
     moment AS (SELECT timestamp 'epoch' + $3 * interval '1 microsecond' AS at), \
     stands AS (SELECT (SELECT version FROM tuf_files WHERE gun = $1 AND role = 'timestamp' AND deleted_at IS NULL \
                        ORDER BY version DESC LIMIT 1) IS NOT DISTINCT FROM $2::integer AS yes), \
     offered AS (SELECT * FROM unnest($4::text[], $5::integer[], $6::text[], $7::bytea[]) \
                 WITH ORDINALITY AS f (role, version, sha256, data, place)), \
     files AS (INSERT INTO tuf_files (created_at, updated_at, gun, role, version, sha256, data) \
               SELECT at, at, $1, role, version, sha256, data FROM offered, moment, stands \
               WHERE yes AND NOT EXISTS (SELECT 1 FROM tuf_files AS o WHERE o.gun = $1 AND o.role = offered.role \
                                         AND o.version >= offered.version AND o.deleted_at IS NULL) \
               ORDER BY place RETURNING 1), \
     change AS (INSERT INTO changefeed (created_at, gun, version, sha256, category) \
                SELECT at, $1, $8, $9, 'update' FROM moment, stands WHERE yes) \
     SELECT count(*) FROM files";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_s_number_is_written_right() {
        assert!(READ_FEED.contains(&format!("({FEED})")), "{FEED}");
    }
}
