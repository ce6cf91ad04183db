//! TUF 1.0's written form (TUF 1.0.34 §4), as its many implementations read and write it.

pub(super) mod key;
pub(super) mod read;
mod unknown;
pub(super) mod write;

/// What we write in `spec_version`; any 1.x is read.
const SPEC_VERSION: &str = "1.0.34";

/// How many bits of a hash may choose among hashed bins: a listed snapshot of that many is large
/// already.
const MAX_BIN_BITS: u64 = 14;
