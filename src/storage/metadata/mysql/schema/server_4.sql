-- notary-server, version 4: keys are the signer's alone.
DROP TABLE IF EXISTS timestamp_keys;
