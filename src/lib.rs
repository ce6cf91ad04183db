//! Docker Content Trust that goes on working.

#[cfg(feature = "cli")]
pub mod cli;
pub mod crypto;
#[cfg(feature = "registry")]
pub mod docker;
pub mod edit;
pub mod image;
#[cfg(feature = "client")]
pub mod net;
pub mod tuf;
pub mod verify;
