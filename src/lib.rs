//! Docker Content Trust that goes on working: *this tag is this digest, now*, signed by its
//! publisher.
//!
//! The crate reads, verifies, changes and publishes the trust data that docker and notary keep
//! beside a registry (TUF metadata in Notary v1's form). The program `countersign` is a face over
//! it.
//!
//! # The map
//!
//! | | folders | what they do |
//! |---|---|---|
//! | decide | [`crypto`] [`image`] [`tuf`] [`verify`] [`edit`] | bytes in, trusted types out, and back: no disk, network, clock or environment |
//! | carry | `keys` `storage` `net` | private keys at rest, metadata at rest, the wire |
//! | mean | `client` `docker` | one trusted collection; what docker calls a tag, a signer, a release |
//!
//! A folder imports only from those before it. With `default-features = false` the deciding folders
//! are built alone; feature `client` adds the carrying ones and `client`, feature `registry` adds
//! `docker`.
//!
//! # Verify a tag
//!
//! From files that are already here. A `Trusted…` value exists only if every check before it
//! passed, so the order cannot be wrong.
//!
//! ```
//! use countersign::tuf::{Dialect, Gun, Limits, RoleName};
//! use countersign::verify::{Anchor, Baseline, FirstUse, Policy, TrustedRoot, Wanted};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = |name: &str| {
//! #     let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/notary/docker-two-signers");
//! #     std::fs::read(format!("{folder}/{name}")).expect("a vector")
//! # };
//! let policy = Policy {
//!     dialect: Dialect::Notary,
//!     gun: Gun::raw("127.0.0.1:24257/docker-two-signers")?,
//!     anchor: Anchor::unpinned(FirstUse::Allow),
//!     now: "2026-11-22T00:00:00Z".parse()?,
//!     limits: Limits::default(),
//!     max_age: None,
//! };
//! let seen = Baseline::default(); // nothing was seen before: no version is too old
//! let root = TrustedRoot::establish(policy.into(), &file("root.json"))?.current(&seen)?;
//! let timestamp = root.timestamp(&file("timestamp.json"), &seen)?;
//! let snapshot = timestamp.snapshot(&file("snapshot.json"), &seen)?;
//! let mut targets = snapshot.targets(&file("targets.json"), &seen, Wanted::Everything)?;
//! let releases = RoleName::releases();
//! targets.delegation(&releases, &file("targets/releases.json"), &seen, Wanted::Everything)?;
//!
//! let target = targets.role(&releases).and_then(|role| role.target("1")).ok_or("not signed")?;
//! assert_eq!(target.length, 527);
//! # Ok(()) }
//! ```
//!
//! From a trust server, with docker's order of roles and a cache that remembers versions:
//!
//! ```no_run
//! # #[cfg(feature = "registry")]
//! # async fn example(policy: countersign::verify::Policy) -> Result<(), Box<dyn std::error::Error>> {
//! use std::{sync::Arc, time::Duration};
//!
//! use countersign::docker::{Collection, Detail};
//! use countersign::net::{
//!     Account, Anonymous, Deadline, Http, HttpOptions, NotaryServer, PlainHttp, Realms, ServerUrl,
//! };
//! use countersign::storage::TrustDirectory;
//!
//! let http = Http::new(HttpOptions::default());
//! let url = ServerUrl::parse("https://notary.example.com", PlainHttp::Refused)?;
//! let account = Account::at("notary.example.com", Arc::new(Anonymous), Arc::new(Realms::default()));
//! let deadline = Deadline::after(Duration::from_secs(120));
//! let server = NotaryServer::new(http, &url, &policy.gun, account, deadline)?;
//!
//! let cache = TrustDirectory::new("/home/ada/.docker/trust").collection(&policy.gun);
//! let collection = Collection::new(policy, &cache, &server);
//! let answer = collection.resolve(&"1.4".parse()?, None, Detail::Answer).await?;
//! println!("{}", answer.reference); // registry.example.com/team/web@sha256:…
//! # Ok(()) }
//! ```
//!
//! # Sign a digest
//!
//! The collection is founded if there is none; if another publisher is faster, the change is made
//! again on what is there then. `MemoryKeys` and `MemoryCache` forget; `KeyDirectory` and
//! `TrustDirectory` are docker's files.
//!
//! ```no_run
//! # #[cfg(feature = "registry")]
//! # async fn example(
//! #     policy: countersign::verify::Policy,
//! #     server: countersign::net::NotaryServer,
//! #     manifest: Vec<u8>,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! use countersign::crypto::{Algorithm, PrivateKey};
//! use countersign::docker::{Collection, RoleChoice, SignRequest};
//! use countersign::image::{Descriptor, ImageDigest};
//! use countersign::keys::{Chain, MemoryKeys};
//! use countersign::storage::MemoryCache;
//!
//! let digest = ImageDigest::of(&manifest);
//! let image = Descriptor { digest, size: manifest.len() as u64, media_type: None };
//! let request = SignRequest {
//!     tags: vec![("1.4".parse()?, image)],
//!     roles: RoleChoice::AsDocker,
//!     custom: None,
//!     root_key: None,
//!     local_snapshot: false,
//! };
//! let keys = MemoryKeys::new();
//! keys.insert(&PrivateKey::generate(Algorithm::EcdsaP256)?, "root", None);
//! let cache = MemoryCache::new();
//! let collection = Collection::new(policy, &cache, &server);
//! // No key in memory has a passphrase, so nobody needs to be asked for one.
//! let signing = collection.sign(&request, &keys, &mut Chain::new()).await?;
//! assert!(signing.tags.iter().all(|tag| tag.counts_for_pulls()));
//! # Ok(()) }
//! ```
//!
//! # Host trust data in a registry of one's own
//!
//! Whatever keeps files can be a `Remote`: a table, a bucket, the registry's own storage. It needs
//! a timestamp key, and it must refuse a version that is not newer. Here it is a map:
//!
//! ```
//! # #[cfg(feature = "registry")]
//! # mod example {
//! # use std::{collections::HashMap, sync::Mutex, time::Duration};
//! # use countersign::{docker::*, image::*, keys::*, storage::MemoryCache, verify::*};
//! use countersign::crypto::{Algorithm, PrivateKey, Sha256, Signer};
//! use countersign::edit::expiry;
//! use countersign::net::{self, Remote, RemoteFile};
//! use countersign::tuf::{Dialect, FileMeta, Gun, Limits, RoleName, Timestamp, Unknown, Version};
//!
//! const DIALECT: Dialect = Dialect::Notary;
//!
//! struct Shelf {
//!     files: Mutex<HashMap<RemoteFile, Vec<u8>>>,
//!     timestamp_key: PrivateKey,
//!     now: jiff::Timestamp,
//! }
//!
//! impl Shelf {
//!     fn refused(&self, name: &str) -> net::Error {
//!         net::Error::Refused { host: self.name(), name: name.into(), message: String::new() }
//!     }
//!
//!     fn snapshot_version(bytes: &[u8]) -> Option<Version> {
//!         let opened = DIALECT.open_snapshot(bytes, &Limits::default()).ok()?;
//!         Some(opened.unverified_content().version)
//!     }
//!
//!     fn timestamp(&self, snapshot: &[u8], version: Version) -> Option<Vec<u8>> {
//!         let expires = expiry(&RoleName::Timestamp, self.now);
//!         let (snapshot, unknown) = (FileMeta::of(snapshot), Unknown::default());
//!         let timestamp = Timestamp { version, expires, snapshot, unknown };
//!         let message = DIALECT.timestamp_message(&timestamp);
//!         let signature = self.timestamp_key.sign(message.as_bytes()).ok()?;
//!         let id = DIALECT.key(self.timestamp_key.public()).id();
//!         Some(DIALECT.seal(&message, &[(id, signature)]))
//!     }
//! }
//!
//! impl Remote for Shelf {
//!     fn name(&self) -> String {
//!         "shelf".to_owned()
//!     }
//!
//!     async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, net::Error> {
//!         let found = self.files.lock().expect("no panic while held").get(file).cloned();
//!         match found {
//!             Some(bytes) if bytes.len() as u64 > limit => {
//!                 Err(net::Error::TooLarge { host: self.name(), limit })
//!             }
//!             found => Ok(found),
//!         }
//!     }
//!
//!     async fn public_key(&self, role: &RoleName) -> Result<Vec<u8>, net::Error> {
//!         match role {
//!             RoleName::Timestamp => Ok(DIALECT.write_key(&DIALECT.key(self.timestamp_key.public()))),
//!             _ => Err(self.refused("not a role that is signed here")),
//!         }
//!     }
//!
//!     async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), net::Error> {
//!         let snapshot = files.iter().find(|(role, _)| *role == RoleName::Snapshot);
//!         let (_, snapshot) = snapshot.ok_or_else(|| self.refused("no snapshot"))?;
//!         let version = Self::snapshot_version(snapshot).ok_or_else(|| self.refused("snapshot"))?;
//!         let mut shelf = self.files.lock().expect("no panic while held");
//!         let current = shelf.get(&RemoteFile::Current(RoleName::Snapshot));
//!         if current.and_then(|bytes| Self::snapshot_version(bytes)).is_some_and(|is| is >= version) {
//!             return Err(net::Error::Conflict { host: self.name() });
//!         }
//!         let timestamp = self.timestamp(snapshot, version).ok_or_else(|| self.refused("key"))?;
//!         let timestamp = (RoleName::Timestamp, timestamp);
//!         for (role, bytes) in files.iter().chain([&timestamp]) {
//!             shelf.insert(RemoteFile::ByHash(role.clone(), Sha256::of(bytes)), bytes.clone());
//!             shelf.insert(RemoteFile::Current(role.clone()), bytes.clone());
//!         }
//!         Ok(())
//!     }
//!
//!     async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, net::Error> {
//!         Err(self.refused("keys are kept"))
//!     }
//!
//!     async fn delete(&self) -> Result<(), net::Error> {
//!         Err(self.refused("nothing is deleted"))
//!     }
//! }
//! # pub async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! #     let now: jiff::Timestamp = "2026-11-22T00:00:00Z".parse()?;
//! #     let timestamp_key = PrivateKey::generate(Algorithm::Ed25519)?;
//! #     let shelf = Shelf { files: Mutex::default(), timestamp_key, now };
//! #     let policy = || -> Result<Policy, Box<dyn std::error::Error>> { Ok(Policy {
//! #         dialect: DIALECT,
//! #         gun: Gun::raw("registry.example.com/team/web")?,
//! #         anchor: Anchor::unpinned(FirstUse::Allow),
//! #         now,
//! #         limits: Limits::default(),
//! #         max_age: None,
//! #     }) };
//! #     let (keys, publisher, host) = (MemoryKeys::new(), MemoryCache::new(), MemoryCache::new());
//! #     for text in ["one", "two"] {
//! #         let digest = ImageDigest::of(text.as_bytes());
//! #         let tags = vec![("1".parse()?, Descriptor { digest, size: 3, media_type: None })];
//! #         let roles = RoleChoice::AsDocker;
//! #         let request =
//! #             SignRequest { tags, roles, custom: None, root_key: None, local_snapshot: true };
//! #         let collection = Collection::new(policy()?, &publisher, &shelf);
//! #         collection.sign(&request, &keys, &mut Chain::new()).await?;
//! #         let collection = Collection::new(policy()?, &host, &shelf);
//! #         let answer = collection.resolve(&"1".parse()?, None, Detail::Answer).await?;
//! #         assert_eq!(answer.reference.digest(), digest);
//! #     }
//! #     Ok(())
//! # }
//! # }
//! # #[cfg(feature = "registry")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! #     runtime.block_on(example::run())
//! # }
//! # #[cfg(not(feature = "registry"))]
//! # fn main() {}
//! ```
//!
//! It shall check what is published, too: a publisher's program may be wrong, and its credentials
//! may be stolen.

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
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "client")]
pub mod storage;
pub mod tuf;
pub mod verify;
