//! Docker Content Trust that goes on working.

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
pub mod crypto;
#[cfg(feature = "registry")]
pub mod docker;
pub mod edit;
pub mod image;
#[cfg(feature = "client")]
pub mod keys;
#[cfg(feature = "client")]
pub mod net;
#[cfg(feature = "client")]
pub mod storage;
pub mod tuf;
pub mod verify;
