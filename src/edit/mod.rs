//! Trusted state and a change in, signed files out: the mirror of [`crate::verify`].
//!
//! Rules: a [`Draft`] starts from what was verified, never from raw bytes; it asks for no key and
//! fetches nothing. It says which roles a change touches, and is signed with the keys it is given.
//! An [`Update`] can only come from there, and only an `Update` can be published. Where
//! several people sign, a [`Proposal`] is what they sign, and the draft takes it back.

mod bins;
mod delegation;
mod draft;
mod error;
mod founding;
mod lookup;
mod online;
mod proposal;
mod renewal;
mod root;
mod rotation;
mod sealing;
mod signers;
#[cfg(test)]
mod tests;

pub use delegation::{Edited, Grant, Withdrawal, WithdrawnPaths, check_path};
pub use draft::{Change, Draft, check_target, check_target_name};
pub use error::Error;
pub use founding::{Founding, SnapshotKey};
pub use online::{Online, Sealed};
pub use proposal::{Need, Part, PartContent, Proposal};
pub use root::root_key;
pub use sealing::Update;
pub use signers::Signers;

use jiff::{SignedDuration, Timestamp as Instant};

use crate::tuf::RoleName;

/// When a file signed now ends to be valid: the lifetimes that notary and docker use (Notary
/// `const.go`; a year is 365 days).
pub fn expiry(role: &RoleName, now: Instant) -> Instant {
    let days = match role {
        RoleName::Root => 10 * 365,
        RoleName::Targets | RoleName::Delegation(_) | RoleName::Snapshot => 3 * 365,
        RoleName::Timestamp => 14,
    };
    now.checked_add(SignedDuration::from_hours(days * 24)).unwrap_or(Instant::MAX)
}
