-- countersign's own, version 1; notary-server never looks here.

-- The last versions of deleted collections.
CREATE TABLE countersign_buried (
    gun varchar(255) NOT NULL,
    role varchar(255) NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (gun, role)
);

-- Online keys in use, where notary-signer's table does not hold them; encrypted.
CREATE TABLE countersign_keys (
    gun varchar(255) NOT NULL,
    role varchar(255) NOT NULL,
    key_id char(64) NOT NULL,
    created_at timestamp NOT NULL,
    private bytea NOT NULL,
    PRIMARY KEY (gun, role, key_id)
);

-- What all replicas must agree on; nothing secret.
CREATE TABLE countersign_settings (
    name varchar(64) PRIMARY KEY,
    value bytea NOT NULL
);

-- Which replica renews, and until when.
CREATE TABLE countersign_lease (
    name varchar(64) PRIMARY KEY,
    holder varchar(64) NOT NULL,
    until timestamp NOT NULL
);

CREATE TABLE countersign_version (version integer PRIMARY KEY);
INSERT INTO countersign_version (version) VALUES (1);
