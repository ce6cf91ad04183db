//! Metadata as data: what TUF files say, apart from how they are written and whether they are true.
//!
//! Rules: a value of these types cannot be wrong in itself (versions start at one, thresholds at
//! one, role names are clean, key ids are those of their keys). Only [`dialect`] knows written
//! forms. Nothing here is trusted: see [`crate::verify`].

// Whatever it is given, what reads and decides here comes to an answer.
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)
)]

pub mod dialect;

mod bins;
mod envelope;
mod error;
mod file;
mod gun;
mod key;
mod limits;
mod paths;
mod role;
mod root;
mod snapshot;
mod targets;
mod timestamp;
mod unknown;

pub use bins::{Bin, Bins};
pub use dialect::{Dialect, Landmark, Landmarks, Message, OnlineRoles, RootKeys, SearchOrder};
pub use envelope::{Envelope, EnvelopeSignature};
pub use error::Error;
pub use file::{FileMeta, Hashes};
pub use gun::Gun;
pub use key::{Key, KeyId, distinct_keys};
pub use limits::Limits;
pub use paths::{Paths, Scope};
pub(crate) use role::MAX_EXACT_INTEGER;
pub use role::{DelegationName, Role, RoleName, Threshold, Version};
pub use root::{Naming, Root};
pub use snapshot::Snapshot;
pub use targets::{Custom, Delegation, Delegations, Target, Targets};
pub use timestamp::Timestamp;
pub use unknown::Unknown;

use crate::crypto::PublicKey;

/// The id of the bare key, whatever certificate carries it: the name of its private key file
/// (Notary `tuf/utils/x509.go`, `CanonicalKeyID`).
pub fn canonical_key_id(public: &PublicKey) -> KeyId {
    Dialect::Notary.key(public).id()
}
