//! A copy of the database, while it is in use.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use super::failed;
use crate::storage::metadata::Error;

/// Copies the database as it is at one moment into a new file, durable and proved whole when this
/// returns; how many collections it holds. Nobody who uses the database waits.
///
/// # Errors
///
/// [`Error::Unusable`] if there is no such database or the copy exists, [`Error::Database`].
pub async fn backup(database: &Path, copy: &Path) -> Result<u64, Error> {
    let unusable = |path: &Path, problem: String| Error::Unusable { path: path.into(), problem };
    // SQLite would write into what is there.
    if copy.symlink_metadata().is_ok() {
        return Err(unusable(copy, "it exists already".to_owned()));
    }
    let options = SqliteConnectOptions::new().filename(database).busy_timeout(super::PATIENCE);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| unusable(database, error.to_string()))?;
    let unfinished = unfinished(copy)?;
    let into = unfinished.path().to_str().ok_or_else(|| unusable(copy, NOT_TEXT.to_owned()))?;
    let query = sqlx::query("VACUUM INTO ?").bind(into).execute(&mut connection).await;
    query.map_err(failed("be copied"))?;
    let collections = proved(unfinished.path()).await?;
    let settled = unfinished.as_file().sync_all().and_then(|()| {
        unfinished.persist_noclobber(copy).map_err(|error| error.error)?;
        std::fs::File::open(folder(copy))?.sync_all()
    });
    settled.map_err(|error| unusable(copy, error.to_string()))?;
    Ok(collections)
}

/// An empty file beside the copy, that only we can read: there are keys in a database, if sealed.
fn unfinished(copy: &Path) -> Result<tempfile::NamedTempFile, Error> {
    let file = tempfile::Builder::new().prefix(".backup-").tempfile_in(folder(copy));
    file.map_err(|error| Error::Unusable { path: copy.into(), problem: error.to_string() })
}

async fn proved(copy: &Path) -> Result<u64, Error> {
    let options = SqliteConnectOptions::new().filename(copy).read_only(true);
    let mut connection =
        SqliteConnection::connect_with(&options).await.map_err(failed("open its copy"))?;
    let answer: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .map_err(failed("check its copy"))?;
    if answer != "ok" {
        return Err(Error::Damaged { what: "database" });
    }
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM collections")
        .fetch_one(&mut connection)
        .await
        .map_err(failed("count collections"))?;
    connection.close().await.map_err(failed("close its copy"))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

const NOT_TEXT: &str = "its name is not UTF-8";
