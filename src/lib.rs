//! Docker Content Trust that goes on working.

pub mod crypto;
pub mod image;
pub mod tuf;
pub mod verify;
