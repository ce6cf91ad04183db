-- notary-signer, version 2: whose keys they are, and whether they were ever used.
ALTER TABLE private_keys
    ADD COLUMN gun varchar(255) NOT NULL,
    ADD COLUMN role varchar(255) NOT NULL,
    ADD COLUMN last_used datetime NULL DEFAULT NULL;
