//! The wire: what is asked of trust servers and registries, and how much of the answer is read.
//!
//! - Nothing that arrives here is trusted; bytes go to `verify`, or are compared with a digest.
//! - Every body has a limit, every operation a [`Deadline`]; a body is never decompressed.
//! - Certificates are always checked. Plain HTTP is for loopback only.
//! - Credentials are asked for after a 401, and leave only for the host that they belong to or for
//!   a realm that the configuration names ([`Realms`]).
//! - A failed journey is never told as a failed check, nor the other way round: see [`Error`].

mod account;
mod addresses;
mod bearer;
mod blob;
mod challenge;
mod deadline;
mod error;
mod failure;
mod failures;
mod folder;
mod http;
mod kept;
pub mod listing;
mod local;
mod manifest;
mod notary;
mod oci;
mod paced;
mod proxy;
mod published;
mod realm;
mod recording;
mod redirect;
mod registry;
mod repository;
mod response;
mod secret;
mod server_url;
mod session;
mod source;
mod taken;
pub(crate) mod text;
mod tls;
mod trust;
mod upload;

pub use account::{Account, Anonymous, Credential, Credentials};
pub use blob::Blob;
pub use deadline::Deadline;
pub use error::Error;
pub use failure::Fault;
pub use folder::FolderRepository;
pub use http::{Http, HttpOptions, Timeouts};
pub use kept::{ArchiveShelf, Kept, KeptFile, Shelf};
pub use local::{LocalAnswer, LocalServer};
pub use manifest::Manifest;
pub use notary::{NotaryServer, Pace, Remote, RemoteFile};
pub use oci::OciRepository;
pub use paced::{Paced, Rate};
pub use proxy::Proxies;
pub use realm::Realms;
pub use recording::Recording;
pub use registry::Registry;
pub use repository::StaticRepository;
pub use secret::Secret;
pub use server_url::{PlainHttp, ServerUrl};
pub use session::Access;
pub use source::TrustSource;
pub use tls::TlsDirectory;
pub use trust::SystemAuthorities;
