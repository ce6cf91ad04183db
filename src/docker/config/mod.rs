//! Docker's configuration, as far as it concerns trust: where it lies, who we are, whom to ask.
//!
//! The environment is read through [`Environment`], once, by whoever starts us.

mod aliases;
mod error;
mod helper;
mod keychain;
mod location;
mod notary_auth;
mod trust_server;

pub use aliases::{BUILDX, builder_alias};
pub use error::Error;
pub use keychain::Keychain;
pub use location::{Environment, Location};
pub use notary_auth::NotaryAuth;
pub use trust_server::trust_server;
