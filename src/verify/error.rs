//! What the repository did wrong.

use jiff::{SignedDuration, Timestamp as Instant};

use crate::tuf::{self, Gun, RoleName, Threshold, Version};

/// Why metadata is not trusted. It is always the repository's fault, or of whoever stands between.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not acceptable in its dialect, whoever signed it.
    #[error(transparent)]
    Metadata(#[from] tuf::Error),
    /// Too few distinct keys of the role signed.
    #[error("{role}: {valid} of {needed} required signatures")]
    Threshold {
        /// The role.
        role: RoleName,
        /// Distinct keys with a valid signature.
        valid: usize,
        /// How many are needed.
        needed: Threshold,
    },
    /// A new root is not signed by those whom the trusted root named.
    #[error(
        "root {found}: {valid} of {needed} required signatures by the keys of the trusted root {trusted}"
    )]
    RootChain {
        /// Version of the new root.
        found: Version,
        /// Version of the trusted root.
        trusted: Version,
        /// Distinct keys of the trusted root with a valid signature.
        valid: usize,
        /// How many are needed.
        needed: Threshold,
    },
    /// A version went down, or a root does not follow its predecessor.
    #[error("{role}: version {found}, expected {expected} or later")]
    Rollback {
        /// The role.
        role: RoleName,
        /// The version found.
        found: Version,
        /// The lowest acceptable version.
        expected: Version,
    },
    /// A root does not follow its predecessor.
    #[error("root: version {found}, expected exactly {expected}")]
    RootGap {
        /// The version found.
        found: Version,
        /// The only acceptable version.
        expected: Version,
    },
    /// A role that was listed is listed no more, although it is still delegated.
    #[error("{role}: no longer listed in the snapshot although it is still delegated")]
    Vanished {
        /// The role.
        role: RoleName,
    },
    /// Past its expiry.
    #[error("{role}: expired at {at}")]
    Expired {
        /// The role.
        role: RoleName,
        /// The first instant at which it is not valid.
        at: Instant,
    },
    /// Older than the policy allows.
    #[error("timestamp: signed {age:#} ago, if for 14 days, more than the {allowed:#} allowed")]
    TooOld {
        /// Its age in whole seconds, from the usual lifetime of a timestamp.
        age: SignedDuration,
        /// The age allowed.
        allowed: SignedDuration,
    },
    /// Nobody can say whether it is older than the policy allows.
    #[error(
        "timestamp: expires at {expires}, more than 14 days from now, so that nothing says whether it \
         is older than the {allowed:#} allowed"
    )]
    UnknownAge {
        /// When it expires.
        expires: Instant,
        /// The age allowed.
        allowed: SignedDuration,
    },
    /// Not the file that a trusted file promised.
    #[error("{role}: {what} is {found}, expected {expected}")]
    Mismatch {
        /// The role.
        role: RoleName,
        /// Which property.
        what: &'static str,
        /// As promised.
        expected: String,
        /// As received.
        found: String,
    },
    /// A role that a trusted role refers to is nowhere listed.
    #[error("{role}: {reason}")]
    NotListed {
        /// The role.
        role: RoleName,
        /// Who should have listed it.
        reason: &'static str,
    },
    /// The root does not satisfy the pins for this collection.
    #[error(
        "root {version} of {gun}: not signed by a pinned key or under a pinned authority: {reason}"
    )]
    Pin {
        /// The collection.
        gun: Gun,
        /// Version of the root.
        version: Version,
        /// What was missing.
        reason: String,
    },
    /// The certificates of the root are not valid now or not for this collection.
    #[error("root {version} of {gun}: {reason}")]
    Certificate {
        /// The collection.
        gun: Gun,
        /// Version of the root.
        version: Version,
        /// What is wrong with them.
        reason: String,
    },
    /// Never seen before, not pinned, and the policy refuses first use.
    #[error("{gun} is not pinned and was never seen here, and trust on first use is not allowed")]
    FirstUse {
        /// The collection.
        gun: Gun,
    },
    /// More roots than one update may follow.
    #[error("more than {limit} new roots in one update")]
    RootChainTooLong {
        /// How many are followed.
        limit: usize,
    },
    /// Delegations nest too deep or are too many.
    #[error("more than {limit} delegated roles to visit, or nested too deep")]
    TooManyDelegations {
        /// How many are visited.
        limit: usize,
    },
}
