//! From rows to values, and back. A row that makes no sense is damage, not a value.

use bytes::Bytes;
use jiff::Timestamp as Instant;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::failed;
use crate::crypto::Sha256;
use crate::storage::metadata::{Change, Error, Event, KeyRecord, StoredFile};
use crate::tuf::{Gun, RoleName, Version};

pub(super) fn number(version: Version) -> i64 {
    i64::try_from(version.number()).unwrap_or(i64::MAX)
}

/// `version, sha256, created_at, data`.
pub(super) fn file(row: &SqliteRow) -> Result<StoredFile, Error> {
    Ok(StoredFile {
        version: read_version(row.try_get(0))?,
        sha256: digest(row.try_get(1))?,
        stored_at: instant(row.try_get(2))?,
        bytes: Bytes::from(bytes(row)?),
    })
}

/// The last column of a file.
pub(super) fn bytes(row: &SqliteRow) -> Result<Vec<u8>, Error> {
    row.try_get::<Vec<u8>, _>(3).map_err(failed("read a file"))
}

/// `role, version, buried`.
pub(super) fn version(row: &SqliteRow) -> Result<(RoleName, Version, bool), Error> {
    let role = parsed(row.try_get::<&str, _>(0), "role")?;
    let buried: i64 = row.try_get(2).map_err(failed("read versions"))?;
    Ok((role, read_version(row.try_get(1))?, buried != 0))
}

/// `key_id, private, role`.
pub(super) fn key(row: &SqliteRow, gun: &Gun) -> Result<KeyRecord, Error> {
    let id = parsed(row.try_get::<&str, _>(0), "key id")?;
    let sealed = row.try_get(1).map_err(failed("read keys"))?;
    let role = parsed(row.try_get::<&str, _>(2), "role")?;
    Ok(KeyRecord { id, gun: gun.clone(), role, sealed })
}

/// `id, created_at, gun, version, sha256, category`.
pub(super) fn change(row: &SqliteRow) -> Result<Change, Error> {
    let read = failed("read changes");
    let id: i64 = row.try_get(0).map_err(&read)?;
    let event = match row.try_get::<&str, _>(5).map_err(&read)? {
        "deletion" => Event::Deletion,
        _ => Event::Update {
            version: read_version(row.try_get(3))?,
            sha256: digest(row.try_get(4))?,
        },
    };
    let id = u64::try_from(id).map_err(|_| Error::Damaged { what: "change" })?;
    let gun = row.try_get(2).map_err(&read)?;
    Ok(Change { id, at: instant(row.try_get(1))?, gun, event })
}

/// The names in these rows. One that is none is damage of its row, and costs no other collection
/// anything.
pub(super) fn guns(rows: &[SqliteRow]) -> Vec<Gun> {
    let name = |row: &SqliteRow| Gun::raw(row.try_get(0).ok()?).ok();
    rows.iter().filter_map(name).collect()
}

fn read_version(number: Result<i64, sqlx::Error>) -> Result<Version, Error> {
    let number = number.map_err(failed("read a version"))?;
    let version = u64::try_from(number).ok().and_then(Version::new);
    version.ok_or(Error::Damaged { what: "version" })
}

fn digest(bytes: Result<&[u8], sqlx::Error>) -> Result<Sha256, Error> {
    let bytes = bytes.map_err(failed("read a digest"))?.try_into();
    bytes.map(Sha256::from_bytes).map_err(|_| Error::Damaged { what: "digest" })
}

fn instant(micros: Result<i64, sqlx::Error>) -> Result<Instant, Error> {
    let micros = micros.map_err(failed("read a time"))?;
    Instant::from_microsecond(micros).map_err(|_| Error::Damaged { what: "time" })
}

fn parsed<T: std::str::FromStr>(
    text: Result<&str, sqlx::Error>,
    what: &'static str,
) -> Result<T, Error> {
    text.map_err(failed("read a column"))?.parse().map_err(|_| Error::Damaged { what })
}
