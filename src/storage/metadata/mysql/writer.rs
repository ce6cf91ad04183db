//! Storing the files of a publication.

use jiff::Timestamp as Instant;
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::{failed, sql};
use crate::storage::metadata::Error;
use crate::tuf::Gun;
use crate::verify::submission::{Publication, PublishedFile};

pub(super) async fn store(
    connection: &mut MySqlConnection,
    publication: &Publication,
    at: Instant,
) -> Result<(), Error> {
    if !stands(connection, publication).await? {
        return Err(Error::Conflict);
    }
    match insert(connection, publication, at.as_second()).await {
        Ok(()) => Ok(()),
        Err(error) if sql::is_duplicate(&error) => {
            Err(namesake_or_conflict(connection, publication.gun()).await?)
        }
        Err(error) => Err(failed("store a publication")(error)),
    }
}

/// Whether the stored timestamp is the one that was judged, and every version rises.
async fn stands(
    connection: &mut MySqlConnection,
    publication: &Publication,
) -> Result<bool, Error> {
    let gun = publication.gun().as_str();
    let held: Vec<(String, i32)> = sqlx::query_as(VERSIONS)
        .bind(gun)
        .bind(gun)
        .fetch_all(connection)
        .await
        .map_err(failed("read versions"))?;
    let highest =
        |role: &str| held.iter().find(|(held, _)| held == role).map(|(_, number)| *number);
    let files = publication.files().iter();
    let rises = files.map(|file| {
        highest(file.role.as_str()).is_none_or(|held| held < sql::number(file.version))
    });
    Ok(highest("timestamp") == publication.on().map(sql::number) && rises.into_iter().all(|it| it))
}

async fn insert(
    connection: &mut MySqlConnection,
    publication: &Publication,
    at: i64,
) -> Result<(), sqlx::Error> {
    let gun = publication.gun().as_str();
    for files in publication.files().chunk_by(within(MAX_INSERT)) {
        insert_files(connection, gun, files, at).await?;
    }
    if let Some((version, sha256)) = publication.timestamp() {
        let query = sqlx::query(NOTE).bind(at).bind(gun).bind(sql::number(version));
        query.bind(sql::hex(sha256)).execute(connection).await?;
    }
    Ok(())
}

async fn insert_files(
    connection: &mut MySqlConnection,
    gun: &str,
    files: &[PublishedFile],
    at: i64,
) -> Result<(), sqlx::Error> {
    let rows = vec![FILE; files.len()].join(", ");
    // Only its length varies.
    let mut query = sqlx::query(AssertSqlSafe(format!("{INSERT_FILES} {rows}")));
    for file in files {
        query = query.bind(at).bind(at).bind(gun).bind(file.role.as_str());
        query = query.bind(sql::number(file.version));
        query = query.bind(sql::hex(file.sha256)).bind(file.bytes.as_slice());
    }
    query.execute(connection).await.map(|_| ())
}

/// Keeps together neighbours of so many bytes at most, each counted as no less than its row.
fn within(limit: usize) -> impl FnMut(&PublishedFile, &PublishedFile) -> bool {
    let size = |file: &PublishedFile| file.bytes.len().max(MIN_ROW);
    let mut together = 0;
    move |left, right| {
        together += size(left);
        let fits = together + size(right) <= limit;
        if !fits {
            together = 0;
        }
        fits
    }
}

/// A version that is there already is somebody else's: another server's, or that of a collection
/// whose name differs only in its capitals.
async fn namesake_or_conflict(connection: &mut MySqlConnection, gun: &Gun) -> Result<Error, Error> {
    let query = sqlx::query_scalar(NAMESAKE).bind(gun.as_str()).bind(gun.as_str());
    let taken: Option<String> =
        query.fetch_optional(connection).await.map_err(failed("read names"))?;
    Ok(taken.map_or(Error::Conflict, |taken| Error::Taken { taken }))
}

/// Bytes of one statement, for which every server has room, and so at most 4096 files in it; a
/// statement takes 65535 values.
const MAX_INSERT: usize = 4 << 20;
const MIN_ROW: usize = 1 << 10;
const VERSIONS: &str = "SELECT role COLLATE utf8_bin, max(version) FROM tuf_files \
     WHERE gun = ? AND gun COLLATE utf8_bin = ? AND deleted_at IS NULL GROUP BY role COLLATE utf8_bin";
const INSERT_FILES: &str =
    "INSERT INTO tuf_files (created_at, updated_at, gun, role, version, sha256, data) VALUES";
const FILE: &str =
    "('1970-01-01' + INTERVAL ? SECOND, '1970-01-01' + INTERVAL ? SECOND, ?, ?, ?, ?, ?)";
const NOTE: &str = "INSERT INTO changefeed (created_at, gun, version, sha256, category) \
     VALUES ('1970-01-01' + INTERVAL ? SECOND, ?, ?, ?, 'update')";
const NAMESAKE: &str =
    "SELECT gun FROM tuf_files WHERE gun = ? AND NOT gun COLLATE utf8_bin = ? LIMIT 1";
