//! Storing and deleting, each in one transaction that begins with the collection's turn.

use jiff::Timestamp as Instant;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};

use super::{Sha256, failed, sql};
use crate::storage::metadata::{Error, KeyRecord};
use crate::tuf::Gun;
use crate::verify::submission::Publication;

pub(super) async fn publish(
    pool: &PgPool,
    publication: &Publication,
    keys: &[KeyRecord],
    at: Instant,
) -> Result<(), Error> {
    let Some((version, sha256)) = publication.timestamp() else {
        return Err(Error::Damaged { what: "publication" });
    };
    let mut transaction = turn(pool, publication.gun()).await?;
    let files = publication.files();
    let roles: Vec<&str> = files.iter().map(|file| file.role.as_str()).collect();
    let versions: Vec<i32> = files.iter().map(|file| sql::number(file.version)).collect();
    let digests: Vec<String> = files.iter().map(|file| sql::hex(file.sha256)).collect();
    let bytes: Vec<&[u8]> = files.iter().map(|file| file.bytes.as_slice()).collect();
    let stored = sqlx::query_scalar::<_, i64>(PUBLISH)
        .bind(publication.gun().as_str())
        .bind(publication.on().map(sql::number))
        .bind(at.as_microsecond())
        .bind(roles)
        .bind(versions)
        .bind(digests)
        .bind(bytes)
        .bind(sql::number(version))
        .bind(sql::hex(sha256))
        .fetch_one(&mut *transaction)
        .await
        .map_err(conflict_or("store a publication"))?;
    if usize::try_from(stored) != Ok(files.len()) {
        return Err(Error::Conflict);
    }
    store_keys(&mut transaction, keys, at).await?;
    transaction.commit().await.map_err(failed("store a publication"))
}

async fn store_keys(
    connection: &mut PgConnection,
    keys: &[KeyRecord],
    at: Instant,
) -> Result<(), Error> {
    for key in keys {
        let query = sqlx::query(INSERT_KEY)
            .bind(key.gun.as_str())
            .bind(key.role.as_str())
            .bind(key.id.to_string())
            .bind(at.as_microsecond())
            .bind(key.sealed.as_slice());
        query.execute(&mut *connection).await.map_err(failed("store a key"))?;
    }
    Ok(())
}

pub(super) async fn delete(pool: &PgPool, gun: &Gun, at: Instant) -> Result<bool, Error> {
    let failed = failed("delete a collection");
    let mut transaction = turn(pool, gun).await?;
    let bury = sqlx::query(BURY).bind(gun.as_str());
    bury.execute(&mut *transaction).await.map_err(&failed)?;
    let delete = sqlx::query(DELETE_FILES).bind(gun.as_str());
    let deleted = delete.execute(&mut *transaction).await.map_err(&failed)?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    let note = sqlx::query(NOTE_DELETION).bind(at.as_microsecond()).bind(gun.as_str());
    note.execute(&mut *transaction).await.map_err(&failed)?;
    transaction.commit().await.map_err(&failed)?;
    Ok(true)
}

/// Begins a transaction in which nobody else changes this collection. Every statement in it sees
/// what was stored before the turn came.
async fn turn(pool: &PgPool, gun: &Gun) -> Result<Transaction<'static, Postgres>, Error> {
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; \
         SELECT pg_advisory_xact_lock({}), pg_advisory_xact_lock_shared({FEED})",
        lock(gun)
    );
    // Two numbers of our own are all that varies.
    pool.begin_with(AssertSqlSafe(begin)).await.map_err(failed("begin a publication"))
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

/// Held in common by those who add to the changefeed, alone by those who read it; nobody else on
/// the database takes a lock of that number.
const FEED: i64 = 7_165_074_649_429_406_209;
/// The same number, in digits.
pub(super) const READ_FEED: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7165074649429406209)";
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
const INSERT_KEY: &str = "INSERT INTO countersign_keys (gun, role, key_id, created_at, private) \
     VALUES ($1, $2, $3, timestamp 'epoch' + $4 * interval '1 microsecond', $5) ON CONFLICT DO NOTHING";
const BURY: &str = "INSERT INTO countersign_buried AS buried (gun, role, version) \
     SELECT gun, role, max(version) FROM tuf_files WHERE gun = $1 GROUP BY gun, role \
     ON CONFLICT (gun, role) DO UPDATE SET version = greatest(buried.version, excluded.version)";
const DELETE_FILES: &str = "DELETE FROM tuf_files WHERE gun = $1";
const NOTE_DELETION: &str = "INSERT INTO changefeed (created_at, gun, version, sha256, category) \
     VALUES (timestamp 'epoch' + $1 * interval '1 microsecond', $2, 0, '', 'deletion')";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_s_number_is_written_right() {
        assert!(READ_FEED.contains(&format!("({FEED})")), "{FEED}");
    }
}
