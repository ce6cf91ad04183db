-- notary-server, version 2: keys of more roles than one.
ALTER TABLE timestamp_keys
    ADD COLUMN role varchar(255) NOT NULL, DROP KEY gun, ADD UNIQUE KEY gun_role (gun, role);
UPDATE timestamp_keys SET role = 'timestamp';
