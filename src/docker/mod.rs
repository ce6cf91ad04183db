//! What docker means by a collection: tags, signers, `targets/releases`, and docker's files.
//!
//! Rules: a tag's digest comes out of [`Collection::resolve`] and nowhere else, as a
//! [`TrustedReference`]. The order of roles is docker's: `targets/releases`, then `targets`. Where
//! docker falls back from an unusable `targets/releases` to `targets`, we refuse.

pub mod bake;
pub mod checkup;
pub mod command_line;
pub mod compose;
pub mod config;
pub mod dockerfile;
pub mod engine;
#[cfg(feature = "export")]
pub mod export;
pub mod pins;
pub mod pull;
pub mod rescue;
pub mod staged;
pub(crate) mod toml;
pub(crate) mod yaml;

mod adopt;
mod amend;
mod argument;
mod audit;
mod bins;
mod build_source;
mod ceremony;
mod collection;
mod delegations;
pub mod document;
mod earlier;
mod error;
mod found;
mod founding;
mod gate;
mod history;
mod inspect;
mod lifetimes;
mod public_key;
mod query;
mod removed;
mod required;
mod resolve;
mod revoke;
mod rotate;
mod sign;
mod signers;
mod survey;
mod team;
mod witness;

pub use adopt::{Adoption, Loosened, Source};
pub use amend::{Amended, Workbench};
pub(crate) use argument::argument;
pub use audit::{Finding, FindingKind, audit};
pub use ceremony::{
    Contribution, Person, Rehearsal, Rehearsed, Request, Submission, Transcript, TrustedRequest,
};
pub use collection::Collection;
pub use delegations::{Aftermath, Care, Cut, DelegationState, Published};
pub use error::Error;
pub use founding::IfAbsent;
pub use gate::Gate;
pub use history::{Difference, Happened, Revision, SignedRole, State};
pub use inspect::{AdministrativeKey, Inspection, Pulled, SignedTag, SignerKeys};
pub use lifetimes::{Ending, Keeper, Lifetime, Renewal, When};
pub use public_key::{PublicKeyError, public_key};
pub use query::Query;
pub use required::check_signed_by;
pub use resolve::{Detail, Note, Resolution, TrustedReference};
pub use revoke::{Revocation, RevokeRequest};
pub use rotate::{Legacy, NewKeys, RotateRequest, Rotation};
pub use sign::{SignRequest, Signing, TagSigned};
pub use signers::RoleChoice;
pub use survey::{Survey, Use};
pub use team::{SignerName, SignerRemoved};

/// Compose fetches no project: neither `include` nor `extends` brings in what nobody signed.
pub(crate) const COMPOSE_FETCHES_NOTHING: [(&str, &str); 2] =
    [("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "false"), ("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "false")];

/// What a docker that gets what was checked is told by its environment, so that no `.env` of a
/// project can say otherwise.
pub(crate) fn given_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    COMPOSE_FETCHES_NOTHING.into_iter().chain([(build_source::SOURCE_POLICY, "")])
}

/// All that a docker does not inherit which gets what was checked: content trust of its own would
/// check again what cannot be checked any more, and sign what we sign.
pub(crate) fn withheld_variables() -> impl Iterator<Item = &'static str> {
    crate::keys::SECRET_VARIABLES.into_iter().chain(["DOCKER_CONTENT_TRUST"])
}
