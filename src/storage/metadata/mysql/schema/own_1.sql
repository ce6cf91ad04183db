-- countersign's own, version 1; notary-server never looks here. Names are compared byte for byte.

-- Whose turn it is to change a collection: who has its row.
CREATE TABLE countersign_turns (
    gun varchar(255) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL PRIMARY KEY
) ENGINE = InnoDB;

-- The last versions of deleted collections.
CREATE TABLE countersign_buried (
    gun varchar(255) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL,
    role varchar(255) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL,
    version int NOT NULL,
    PRIMARY KEY (gun, role)
) ENGINE = InnoDB;

-- Online keys in use, where notary-signer's table does not hold them; encrypted.
CREATE TABLE countersign_keys (
    gun varchar(255) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL,
    role varchar(255) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL,
    key_id char(64) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL,
    created_at datetime NOT NULL,
    private blob NOT NULL,
    PRIMARY KEY (gun, role, key_id)
) ENGINE = InnoDB;

-- What all replicas must agree on; nothing secret.
CREATE TABLE countersign_settings (
    name varchar(64) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL PRIMARY KEY,
    value blob NOT NULL
) ENGINE = InnoDB;

-- Which replica renews, and until when.
CREATE TABLE countersign_lease (
    name varchar(64) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL PRIMARY KEY,
    holder varchar(64) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL,
    until datetime NOT NULL
) ENGINE = InnoDB;

CREATE TABLE countersign_version (version int NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT INTO countersign_version (version) VALUES (1);
