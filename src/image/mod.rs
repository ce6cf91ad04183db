//! Names of images, read the way docker reads them.
//!
//! - A [`Name`] is always in docker's full form, so two spellings of one repository are equal and
//!   two repositories never are (Docker's reference grammar, `distribution/reference`).
//! - Text is checked byte by byte in one pass; length first, so no input is slow.
//! - What was accepted here can be put into a URL path or an argument vector: ASCII only, no `..`,
//!   never a leading `-`.

// Whatever it is given, what reads and decides here comes to an answer.
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)
)]

mod descriptor;
mod error;
mod name;
mod reference;

pub use descriptor::{Descriptor, ImageDigest};
pub use error::Error;
pub use name::{Name, with_lower_host};
pub use reference::{Reference, Tag};
