//! From columns to values, and back. A row that makes no sense is damage, not a value.

use bytes::Bytes;
use jiff::Timestamp as Instant;

use crate::crypto::Sha256;
use crate::storage::metadata::{Change, Error, Event, StoredFile};
use crate::tuf::{Dialect, Limits, RoleName, Version};

/// `version`, when it was stored in microseconds since 1970, `data`.
pub(in crate::storage::metadata) type FileRow = (i32, i64, Vec<u8>);
/// `id`, when in microseconds since 1970, `gun`, `version`, `sha256`, `category`.
pub(in crate::storage::metadata) type ChangeRow = (i32, i64, String, i32, Option<String>, String);

/// The digest is that of the bytes, whatever stands beside them: Notary's column may be empty.
pub(in crate::storage::metadata) fn file(row: FileRow) -> Result<StoredFile, Error> {
    let (number, micros, data) = row;
    let sha256 = Sha256::of(&data);
    let stored_at = instant(micros)?;
    Ok(StoredFile { version: version(number)?, sha256, bytes: Bytes::from(data), stored_at })
}

/// PostgreSQL fills a digest up with blanks, even none.
pub(in crate::storage::metadata) fn change(row: ChangeRow) -> Result<Change, Error> {
    let (id, micros, gun, number, sha256, category) = row;
    let event = match category.as_str() {
        "deletion" => Event::Deletion,
        _ => {
            let sha256 = sha256.unwrap_or_default();
            let sha256 = sha256.trim_end().parse();
            let sha256 = sha256.map_err(|_| Error::Damaged { what: "digest" })?;
            Event::Update { version: version(number)?, sha256 }
        }
    };
    let id = u64::try_from(id).map_err(|_| Error::Damaged { what: "change" })?;
    Ok(Change { id, at: instant(micros)?, gun, event })
}

pub(in crate::storage::metadata) fn version(number: i32) -> Result<Version, Error> {
    let version = u64::try_from(number).ok().and_then(Version::new);
    version.ok_or(Error::Damaged { what: "version" })
}

pub(in crate::storage::metadata) fn role(name: &str) -> Result<RoleName, Error> {
    name.parse().map_err(|_| Error::Damaged { what: "role" })
}

/// For a column of 32 bits, which hold every version that can be published.
pub(in crate::storage::metadata) fn number(version: Version) -> i32 {
    i32::try_from(version.number()).unwrap_or(i32::MAX)
}

/// The snapshot that a timestamp names. notary-server stores a renewed snapshot before the
/// timestamp that names it, and may be stopped in between: then the newest is not the current one.
pub(in crate::storage::metadata) fn named_snapshot(timestamp: &[u8]) -> Option<Sha256> {
    let timestamp = Dialect::Notary.open_timestamp(timestamp, &Limits::default()).ok()?;
    timestamp.unverified_content().snapshot.sha256()
}

pub(in crate::storage) fn hex(sha256: Sha256) -> String {
    sha256.to_string()
}

fn instant(micros: i64) -> Result<Instant, Error> {
    Instant::from_microsecond(micros).map_err(|_| Error::Damaged { what: "time" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_postgresql_filled_up_with_blanks_is_read() {
        let digest = Sha256::of(b"x").to_string();
        let row = |sha256: &str, version, category: &str| {
            (7, 1_000_000, "a".to_owned(), version, Some(sha256.to_owned()), category.to_owned())
        };
        let update = change(row(&digest, 3, "update")).expect("read");
        assert!(matches!(update.event, Event::Update { sha256, .. } if sha256 == Sha256::of(b"x")));
        let deletion = change(row(&" ".repeat(64), 0, "deletion")).expect("read");
        assert_eq!(deletion.event, Event::Deletion);
        for damaged in [row("", 3, "update"), row(&digest, 0, "update"), row("zz", 1, "update")] {
            assert!(matches!(change(damaged), Err(Error::Damaged { .. })));
        }
    }
}
