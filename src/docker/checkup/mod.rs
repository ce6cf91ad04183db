//! What a host or a directory believes to be verified, and is not; and what will break next.
//!
//! Facts in, findings out: nothing here looks at a disk, an environment or a clock. Each finding
//! has an id that stays, so that fleets can count and silence it, and the one command that helps.
//!
//! | file | about |
//! |---|---|
//! | `host` | docker, its plugins, the environment, the daemon |
//! | `containerd` | where containerd pulls from |
//! | `files` | who can read and write what trust rests on |
//! | `collections` | cached trust data: first use, expiry, damage |
//! | `servers` | trust servers that are known to go away |
//! | `pipeline` | files of a directory: CI, compose, Dockerfiles |

mod collections;
mod containerd;
mod files;
mod finding;
mod host;
mod pipeline;
mod servers;

pub use collections::{CachedCollection, Expiry, Standing, collection_findings};
pub use containerd::containerd_finding;
pub use files::{KeyFact, Place, PlaceKind, key_findings, place_findings};
pub use finding::{Finding, Id, Severity};
pub use host::{ContentTrust, Daemon, DockerProgram, Host, Plugin, Shim, host_findings};
pub use pipeline::{FileKind, Source, pipeline_findings};
pub use servers::server_findings;
