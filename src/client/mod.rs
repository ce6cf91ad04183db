//! One trusted collection: refresh it, change it.
//!
//! This folder knows TUF, not docker: which roles to load and what their names mean is the
//! caller's. It moves bytes between a [`Cache`](crate::storage::Cache), a
//! [`Remote`](crate::net::Remote) and [`crate::verify`], and decides nothing that `verify` could
//! decide.

mod ahead;
mod entries;
mod error;
mod files;
mod initialise;
mod publish;
mod refresh;
mod rescue;
mod roles;
mod rooting;
mod search;
mod update;

pub use entries::entries;
pub use error::Error;
pub use initialise::{Foundation, initialise, resume};
pub use publish::{Author, Publication, publish};
pub use refresh::{Freshness, Refreshed, Roles, Wish, newest_root, refresh};
pub use rescue::{Rescue, rescue};
pub use rooting::{PresentedRoot, presented_root};
pub use search::{Found, search};
