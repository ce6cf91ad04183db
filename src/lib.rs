//! Docker Content Trust that goes on working.

pub mod crypto;
pub mod image;
