//! Digests, keys and signatures; no JSON and no roles.
