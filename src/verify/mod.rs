//! Bytes in, trusted types out.
//!
//! This is the heart: it decides, and does nothing else. It knows no disk, network, clock or
//! environment; the same bytes and the same [`Policy`] give the same answer. A `Trusted*` value
//! exists only if every check passed, and each step can be reached only through the step before it.
//!
//! | step | function | specification |
//! |---|---|---|
//! | first or remembered root | [`TrustedRoot::establish`], [`TrustedRoot::restore`] | TUF 1.0.34 §5.3.1–5.3.2; Notary `trustpinning/certs.go` |
//! | each newer root | [`TrustedRoot::advance`] | §5.3.4–5.3.8 |
//! | the last root is current | [`TrustedRoot::current`] | §5.3.10; pins, certificates |
//! | timestamp | [`CurrentRoot::timestamp`] | §5.4 |
//! | snapshot | [`TrustedTimestamp::snapshot`] | §5.5 |
//! | targets | [`TrustedSnapshot::targets`] | §5.6 |
//! | delegations | [`TrustedTargets::delegation`] | §5.6.7; Notary `tuf/tuf.go` `WalkTargets` |
//! | what a publisher sends | [`submission`] | the same steps; Notary `server/handlers/validation.go` |
//!
//! Rules: one function counts signatures (`threshold`), one compares a file with its listing
//! (`listing`), one `now` for everything. What we saw before is a [`Baseline`]: compared with,
//! never used as metadata.

// Whatever it is given, what reads and decides here comes to an answer.
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)
)]

mod anchor;
mod baseline;
mod bins;
mod error;
mod listing;
mod policy;
mod published;
mod root;
mod snapshot;
pub mod submission;
mod targets;
mod threshold;
mod timestamp;

pub use anchor::{Anchor, FirstUse, Pin, is_certificate_for};
pub use baseline::{Baseline, Governance, Seen};
pub use error::Error;
pub use policy::Policy;
pub use published::signed_role;
pub use root::{CurrentRoot, TrustedRoot};
pub use snapshot::TrustedSnapshot;
pub(crate) use targets::{Answer, Visit, look_up};
pub use targets::{Glance, Lookup, SuspendedRole, TrustedRole, TrustedTargets, Wanted};
pub use timestamp::TrustedTimestamp;
