//! What Docker means: its configuration, its trust servers, its tags and signers.

pub mod config;
