//! Why a change cannot be made or signed.

use crate::crypto;
use crate::tuf::{self, KeyId, RoleName, Threshold};

/// Why a change cannot be made or signed. It is our fault, or our lack of keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Fewer keys at hand than the role needs.
    #[error("{role}: {found} of {needed} required keys at hand (possible keys: {})", ids(.possible))]
    Keys {
        /// The role to sign.
        role: RoleName,
        /// Distinct keys at hand.
        found: usize,
        /// How many are needed.
        needed: Threshold,
        /// Canonical ids of all keys of the role.
        possible: Vec<KeyId>,
    },
    /// The role may not sign that name.
    #[error("{role}: may not sign {name:?}: its delegation is restricted to {scope:?}")]
    Scope {
        /// The role.
        role: RoleName,
        /// The name.
        name: String,
        /// The prefixes it may sign.
        scope: Vec<String>,
    },
    /// The name cannot stand in metadata.
    #[error("{name:?} cannot be signed: use 1 to 255 printable ASCII characters")]
    Name {
        /// The name.
        name: String,
    },
    /// The length cannot stand in metadata.
    #[error("{name}: {length} bytes are more than the {limit} that metadata can say")]
    Length {
        /// The name.
        name: String,
        /// Bytes.
        length: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The path cannot stand in metadata.
    #[error("{path:?} cannot be delegated: it has control characters")]
    Path {
        /// The path.
        path: String,
    },
    /// The role is not delegated, or its published file was not loaded.
    #[error("{role}: not delegated, or not loaded")]
    Role {
        /// The role.
        role: RoleName,
    },
    /// The role is a bin of another one, or named like one.
    #[error("{role}: a hashed bin, which goes with the role that it is a bin of")]
    Bin {
        /// The bin.
        role: RoleName,
    },
    /// The form of the trust data has no hashed bins.
    #[error("{role}: cannot be split into bins: docker and notary would not find what is in them")]
    NoBins {
        /// The role.
        role: RoleName,
    },
    /// The role is the server's to sign.
    #[error("{role}: the server signs it; there is nothing to sign here")]
    ServersRole {
        /// The role.
        role: RoleName,
    },
    /// A delegation would be given a path that its delegator may not sign itself.
    #[error("{role}: cannot be given {path:?}: {parent} itself is restricted to {scope:?}")]
    Paths {
        /// The role.
        role: RoleName,
        /// The path.
        path: String,
        /// Who delegates.
        parent: RoleName,
        /// The prefixes that the delegator may sign.
        scope: Vec<String>,
    },
    /// The role would have fewer keys than must sign it.
    #[error("{role}: {found} of the {needed} keys that must sign it")]
    Starved {
        /// The role.
        role: RoleName,
        /// Distinct keys it would have.
        found: usize,
        /// How many must sign.
        needed: Threshold,
    },
    /// The key cannot speak for the role.
    #[error("{role}: key {id} cannot sign it")]
    UnusableKey {
        /// The role.
        role: RoleName,
        /// The key, as metadata would name it.
        id: KeyId,
    },
    /// More than clients accept in one file.
    #[error("{role}: more than the {limit} {what} that clients accept in one file")]
    TooMany {
        /// The role that would be added to.
        role: RoleName,
        /// What there would be too many of.
        what: &'static str,
        /// How many are accepted.
        limit: usize,
    },
    /// The given certificate of the root key is none for this collection.
    #[error("the root certificate cannot be used: {problem}")]
    Certificate {
        /// What is wrong with it.
        problem: String,
    },
    /// A collection that is not there has no root for others to follow.
    #[error("the collection must be founded before several people can sign a change of it")]
    Unfounded,
    /// A proposed file says more than we read in it, so that nobody can see what is signed.
    #[error("{role}: the proposed file says more than can be shown")]
    Ambiguous {
        /// The role.
        role: RoleName,
    },
    /// Signatures for another content than the proposed one.
    #[error("{role}: the signatures are for something else")]
    OtherContent {
        /// The role.
        role: RoleName,
    },
    /// A signature that is not of the key that it names.
    #[error("{role}: the signature in the name of key {} is false", .id.short())]
    BadSignature {
        /// The role.
        role: RoleName,
        /// The key it names.
        id: KeyId,
    },
    /// A proposal that too few have signed.
    #[error("{role}: {found} of {needed} required signatures are there (missing: {})", ids(.missing))]
    Unsigned {
        /// The role.
        role: RoleName,
        /// Distinct keys that signed.
        found: usize,
        /// How many must.
        needed: Threshold,
        /// Keys that may sign and have not, as metadata names them.
        missing: Vec<KeyId>,
    },
    /// Somebody else published meanwhile what the proposal changes.
    #[error("{role}: was published anew since the request was made")]
    Overtaken {
        /// The role.
        role: RoleName,
    },
    /// The proposed file is past its own expiry.
    #[error("{role}: what is to be published expired at {at:.0}")]
    Expired {
        /// The role.
        role: RoleName,
        /// Its expiry, UTC.
        at: jiff::Timestamp,
    },
    /// The version cannot rise further.
    #[error("{role}: its version cannot rise further")]
    Version {
        /// The role.
        role: RoleName,
    },
    /// The file would be larger than anyone accepts.
    #[error("{role}: {size} bytes are more than the {limit} that clients accept")]
    Size {
        /// The role.
        role: RoleName,
        /// Bytes it would have.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The content has no signed form.
    #[error(transparent)]
    Metadata(#[from] tuf::Error),
    /// A key could not sign.
    #[error("{role}: signing failed")]
    Signing {
        /// The role.
        role: RoleName,
        /// Why.
        source: crypto::Error,
    },
}

fn ids(ids: &[KeyId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
