//! What publications add to the tables, as one text of a few statements.
//!
//! The database lives on a thread of its own. To wake it, and to be woken for each of its answers, costs
//! more than a statement, and most of all where many publish at once. So the rows of all publications
//! that are stored together go into one statement for each table.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection, error::BoxDynError};

use super::rows::number;
use super::writer::Entry;

/// Adds everything, between these two statements. If one fails, those after it were not run.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    entries: &[Entry<'_>],
    (begin, end): (&str, &str),
) -> Result<(), sqlx::Error> {
    let text = format!("{begin};{}{end};", statements(entries));
    let values = values(entries).map_err(sqlx::Error::Encode)?;
    // The text of several is not likely to come again.
    let query = sqlx::query_with(AssertSqlSafe(text), values).persistent(entries.len() == 1);
    query.execute(connection).await.map(|_| ())
}

/// The parts are all our own, only the number of rows varies.
fn statements(entries: &[Entry<'_>]) -> String {
    let first = entries.iter().filter(|entry| entry.publication.on().is_none()).count();
    let files = entries.iter().map(|entry| entry.publication.files().len()).sum();
    let keys = entries.iter().map(|entry| entry.keys.len()).sum();
    let next = entries.len() - first;
    [(FIRST, first), (NEXT, next), (FILE, files), (KEY, keys), (CHANGE, entries.len())]
        .map(|(insert, count)| insert.of(count))
        .concat()
}

fn values(entries: &[Entry<'_>]) -> Result<SqliteArguments, BoxDynError> {
    let mut values = SqliteArguments::default();
    add_timestamps(entries, &mut values)?;
    add_files(entries, &mut values)?;
    add_keys(entries, &mut values)?;
    for entry in entries {
        values.add(entry.at.as_microsecond())?;
        values.add(entry.publication.gun().as_str())?;
        values.add(number(entry.version))?;
        values.add(entry.sha256.as_bytes().as_slice())?;
    }
    Ok(values)
}

/// Those of new collections stand before the others.
fn add_timestamps(entries: &[Entry<'_>], values: &mut SqliteArguments) -> Result<(), BoxDynError> {
    for entry in entries.iter().filter(|entry| entry.publication.on().is_none()) {
        values.add(entry.publication.gun().as_str())?;
        values.add(number(entry.version))?;
        values.add(entry.at.as_microsecond())?;
    }
    for entry in entries {
        let Some(on) = entry.publication.on() else { continue };
        let gun = entry.publication.gun().as_str();
        values.add(gun)?;
        values.add(number(entry.version))?;
        values.add(gun)?;
        values.add(number(on))?;
        values.add(entry.at.as_microsecond())?;
    }
    Ok(())
}

fn add_files(entries: &[Entry<'_>], values: &mut SqliteArguments) -> Result<(), BoxDynError> {
    for entry in entries {
        for file in entry.publication.files() {
            values.add(entry.at.as_microsecond())?;
            values.add(entry.publication.gun().as_str())?;
            values.add(file.role.as_str())?;
            values.add(number(file.version))?;
            values.add(file.sha256.as_bytes().as_slice())?;
            values.add(file.bytes.as_slice())?;
        }
    }
    Ok(())
}

fn add_keys(entries: &[Entry<'_>], values: &mut SqliteArguments) -> Result<(), BoxDynError> {
    for entry in entries {
        for key in entry.keys {
            values.add(entry.at.as_microsecond())?;
            values.add(key.id.to_string())?;
            values.add(key.gun.as_str())?;
            values.add(key.role.as_str())?;
            values.add(key.sealed.as_slice())?;
        }
    }
    Ok(())
}

/// An insert of any number of rows.
#[derive(Clone, Copy)]
struct Insert {
    into: &'static str,
    row: &'static str,
    then: &'static str,
}

impl Insert {
    fn of(self, mut count: usize) -> String {
        let mut text = String::new();
        while count > 0 {
            let rows = count.min(MAX_ROWS);
            let Self { into, row, then } = self;
            text += &format!("INSERT INTO {into} VALUES {}{then};", vec![row; rows].join(","));
            count -= rows;
        }
        text
    }
}

/// A collection that is there already breaks the rule that a name stands once.
const FIRST: Insert = Insert {
    into: "collections (gun, timestamp_version, timestamp_at)",
    row: "(?, ?, ?)",
    then: "",
};
/// Where another timestamp stands, or none, there is no version to write, and one must be written.
const NEXT: Insert = Insert {
    into: "collections (gun, timestamp_version, timestamp_at)",
    row: "(?, (SELECT ? FROM collections WHERE gun = ? AND timestamp_version = ?), ?)",
    then: " ON CONFLICT (gun) DO UPDATE SET timestamp_version = excluded.timestamp_version, \
           timestamp_at = excluded.timestamp_at",
};
const FILE: Insert = Insert {
    into: "tuf_files (created_at, gun, role, version, sha256, data)",
    row: "(?, ?, ?, ?, ?, ?)",
    then: "",
};
const KEY: Insert = Insert {
    into: "private_keys (created_at, key_id, gun, role, private)",
    row: "(?, ?, ?, ?, ?)",
    then: " ON CONFLICT DO NOTHING",
};
const CHANGE: Insert = Insert {
    into: "changefeed (created_at, gun, version, sha256, category)",
    row: "(?, ?, ?, ?, 'update')",
    then: "",
};
/// A statement takes 32766 values.
const MAX_ROWS: usize = 1024;
