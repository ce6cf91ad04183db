//! What docker means by a collection: tags, signers, `targets/releases`, and docker's files.
//!
//! Rules: a tag's digest comes out of [`Collection::resolve`] and nowhere else, as a
//! [`TrustedReference`]. The order of roles is docker's: `targets/releases`, then `targets`. Where
//! docker falls back from an unusable `targets/releases` to `targets`, we refuse.

pub mod config;
pub mod engine;
pub mod pins;
pub mod pull;

mod collection;
mod error;
mod inspect;
mod resolve;
mod revoke;
mod sign;
mod signers;
mod survey;

pub use collection::Collection;
pub use error::Error;
pub use inspect::{AdministrativeKey, Inspection, SignedTag, SignerKeys};
pub use resolve::{Detail, Note, Resolution, TrustedReference};
pub use revoke::{Revocation, RevokeRequest};
pub use sign::{SignRequest, Signing, TagSigned};
pub use signers::RoleChoice;
pub use survey::{Survey, Use};
