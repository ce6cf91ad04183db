-- Version 1. The tables that Notary knows have its names; times are microseconds since 1970, UTC.

CREATE TABLE tuf_files (
    id INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    gun TEXT NOT NULL,
    role TEXT NOT NULL,
    version INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (gun, role, version)
) STRICT;

-- By name first, so that the files of one publication stand on one page.
CREATE INDEX tuf_files_sha256 ON tuf_files (gun, sha256);

CREATE TABLE changefeed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL,
    gun TEXT NOT NULL,
    version INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    category TEXT NOT NULL CHECK (category IN ('update', 'deletion'))
) STRICT;

CREATE INDEX changefeed_gun ON changefeed (gun, id);

CREATE TABLE private_keys (
    gun TEXT NOT NULL,
    role TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    private BLOB NOT NULL,
    PRIMARY KEY (gun, role, key_id)
) STRICT, WITHOUT ROWID;

-- Which timestamp is current, and since when: one row for each collection.
CREATE TABLE collections (
    gun TEXT NOT NULL PRIMARY KEY,
    timestamp_version INTEGER NOT NULL,
    timestamp_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX collections_timestamp_at ON collections (timestamp_at);

-- The last versions of deleted collections.
CREATE TABLE buried (
    gun TEXT NOT NULL,
    role TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (gun, role)
) STRICT, WITHOUT ROWID;
