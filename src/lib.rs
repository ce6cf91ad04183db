//! Docker Content Trust that goes on working.

pub mod crypto;
pub mod image;
#[cfg(feature = "client")]
pub mod keys;
pub mod tuf;
pub mod verify;
