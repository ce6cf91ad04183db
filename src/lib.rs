//! Docker Content Trust that goes on working.

pub mod crypto;
pub mod edit;
pub mod image;
#[cfg(feature = "client")]
pub mod storage;
pub mod tuf;
pub mod verify;
