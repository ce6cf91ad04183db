-- notary-server, version 3: files are found by digest.
ALTER TABLE tuf_files ADD COLUMN sha256 char(64) DEFAULT NULL, ADD INDEX sha256 (sha256);
UPDATE tuf_files SET sha256 = SHA2(data, 256);
