//! Docker Content Trust that goes on working.

pub mod crypto;
pub mod edit;
pub mod image;
pub mod tuf;
pub mod verify;
