//! Every statement about collections, in the words of one make of database.

use super::Engine;
use super::statement::Statement;

/// The statements of a store.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) current_file: Statement,
    pub(super) file_by_version: Statement,
    pub(super) file_by_hash: Statement,
    pub(super) holdings: Statement,
    pub(super) keys: Statement,
    pub(super) stale: Statement,
    pub(super) names: Statement,
    pub(super) changes_after: Statement,
    pub(super) changes_before: Statement,
    pub(super) counts: Statement,
    pub(super) insert_key: Statement,
    pub(super) bury: Statement,
    pub(super) delete_files: Statement,
    pub(super) note_deletion: Statement,
    pub(super) first_lease: Statement,
    pub(super) lease: Statement,
    pub(super) propose: Statement,
    pub(super) setting: Statement,
}

impl Words {
    pub(super) fn of<D: Engine>() -> Self {
        let statement = |text: &str| Statement::new(text, D::PLACES);
        Self {
            current_file: statement(&file::<D>("coalesce(updated_at, created_at)", "")),
            file_by_version: statement(&file::<D>("created_at", "AND version = $3")),
            file_by_hash: statement(&file::<D>(
                "created_at",
                &format!("AND sha256 = {}", D::DIGEST),
            )),
            holdings: statement(&holdings::<D>()),
            keys: statement("SELECT key_id, role, private FROM countersign_keys WHERE gun = $1"),
            stale: statement(&stale::<D>()),
            names: statement(&names::<D>()),
            changes_after: statement(&changes::<D>("id > $1", "ASC")),
            changes_before: statement(&changes::<D>("id < $1", "DESC")),
            counts: statement(COUNTS),
            insert_key: statement(&insert_key::<D>()),
            bury: statement(&bury::<D>()),
            delete_files: statement(&format!(
                "DELETE FROM tuf_files WHERE {}",
                D::same("gun", "$1")
            )),
            note_deletion: statement(&note_deletion::<D>()),
            first_lease: statement(&D::insert_new(FIRST_LEASE)),
            lease: statement(&lease::<D>()),
            propose: statement(&D::insert_new(
                "countersign_settings (name, value) VALUES ($1, $2)",
            )),
            setting: statement("SELECT value FROM countersign_settings WHERE name = $1"),
        }
    }
}

/// `version`, when it was stored, `data`: of collection `$1` and role `$2`.
fn file<D: Engine>(time: &str, which: &str) -> String {
    let (micros, gun, role) = (D::micros(time), D::same("gun", "$1"), D::same("role", "$2"));
    format!(
        "SELECT version, {micros}, data FROM tuf_files WHERE {gun} AND {role} AND deleted_at IS NULL \
         {which} ORDER BY version DESC LIMIT 1"
    )
}

/// The highest version of every role, the files of some, and what was buried.
fn holdings<D: Engine>() -> String {
    let (gun, role) = (D::same("gun", "$1"), D::exact("role"));
    let (wanted, file_gun) = (D::among("v.role", "$2"), D::same("f.gun", "$1"));
    let file_role = D::exact("f.role");
    format!(
        "SELECT v.role, v.version, f.data, FALSE FROM \
         (SELECT {role} AS role, max(version) AS version FROM tuf_files \
          WHERE {gun} AND deleted_at IS NULL GROUP BY {role}) AS v \
         LEFT JOIN tuf_files AS f ON {wanted} AND {file_gun} AND {file_role} = v.role AND f.version = v.version \
         UNION ALL SELECT role, version, NULL, TRUE FROM countersign_buried WHERE gun = $1"
    )
}

fn stale<D: Engine>() -> String {
    let (before, same) = (D::time("$1"), D::same("n.gun", "t.gun"));
    format!(
        "SELECT t.gun FROM tuf_files AS t \
         WHERE t.role = 'timestamp' AND t.deleted_at IS NULL AND t.created_at < {before} \
         AND NOT EXISTS (SELECT 1 FROM tuf_files AS n WHERE {same} AND n.role = 'timestamp' \
                         AND n.version > t.version AND n.deleted_at IS NULL) \
         ORDER BY t.created_at, t.gun LIMIT $2"
    )
}

/// Bytes, whatever order the database has been told to keep.
fn names<D: Engine>() -> String {
    let (gun, part) = (D::bytes("gun"), D::holds("gun", "$1"));
    format!(
        "SELECT DISTINCT {gun} AS name FROM tuf_files WHERE role = 'timestamp' AND deleted_at IS NULL \
         AND {part} AND {gun} > $2 ORDER BY name LIMIT $3"
    )
}

fn changes<D: Engine>(which: &str, order: &str) -> String {
    let (micros, gun, reading) = (D::micros("created_at"), D::same("gun", "$2"), D::READING);
    format!(
        "SELECT id, {micros}, gun, version, sha256, category FROM changefeed \
         WHERE {which} AND ($2 IS NULL OR ({gun})) ORDER BY id {order} LIMIT $3 {reading}"
    )
}

fn insert_key<D: Engine>() -> String {
    let row = "countersign_keys (gun, role, key_id, created_at, private) VALUES ($1, $2, $3";
    D::insert_new(&format!("{row}, {}, $5)", D::time("$4")))
}

fn bury<D: Engine>() -> String {
    let (gun, role) = (D::same("gun", "$1"), D::exact("role"));
    format!(
        "INSERT INTO countersign_buried (gun, role, version) \
         SELECT gun, {role}, max(version) FROM tuf_files WHERE {gun} GROUP BY gun, {role} {}",
        D::HIGHER
    )
}

fn note_deletion<D: Engine>() -> String {
    format!(
        "INSERT INTO changefeed (created_at, gun, version, sha256, category) \
         VALUES ({}, $2, 0, '', 'deletion')",
        D::time("$1")
    )
}

/// For three minutes one replica renews, and the others leave it to that one.
fn lease<D: Engine>() -> String {
    let now = D::NOW;
    format!(
        "UPDATE countersign_lease SET holder = $1, until = {now} + INTERVAL '180' SECOND \
         WHERE name = 'renewal' AND (holder = $1 OR until < {now})"
    )
}

const COUNTS: &str = "SELECT count(DISTINCT gun), count(*) FROM tuf_files WHERE deleted_at IS NULL";
const FIRST_LEASE: &str =
    "countersign_lease (name, holder, until) VALUES ('renewal', '', '1970-01-01')";
