//! The trust server: the HTTP API of notary-server, in one process with its signer.
//!
//! - What is accepted is what a client would accept: [`crate::verify::submission`] decides, nothing here does.
//! - What is served are the bytes that were accepted. What is signed are hashes of those bytes.
//! - A success means stored for good; a reader sees it at once.
//! - Timestamps are renewed long before they expire, and never over what does not verify.
//! - `route` has the whole API on one page, `error` alone chooses statuses and Notary's error codes.
//!
//! `listen` serves whoever answers: besides the trust server that is `admission`, Kubernetes' webhook, and
//! `distribution`, a registry of what is signed.
//!
//! The reference is Notary 0.7.0 (`server/server.go`, `server/handlers/`). What differs from it:
//! `HEAD` is answered, conditional requests are, `Last-Modified` is a date of HTTP,
//! `timestamp.json` and `root.json` are not to be cached.

mod admission;
mod auth;
mod cache;
mod changefeed;
mod distribution;
mod error;
mod expiries;
mod foreign;
mod health;
mod import;
mod lent;
mod limits;
mod listen;
mod log;
mod metadata;
mod metrics;
mod multipart;
mod online_keys;
mod page;
mod proxies;
mod publish;
mod recovery;
mod renewal;
mod replaceable;
mod response;
mod route;
mod router;
mod secret;
mod unrenewed;
mod upload;
mod writing;

pub use admission::{Admission, Judge};
pub use auth::{Access, Caller, Passwords, Peer, Readers, Tokens};
pub use distribution::{Distribution, Hosts, Images, Refusal, Upstream, Which};
pub use error::{Error, Needed};
pub use import::TakenOver;
pub use limits::{Limits, Rate};
pub use listen::{Answering, Listener, Tls};
pub use log::{Level, Log};
pub use online_keys::{HeldKeys, OnlineKeys, Passphrases};
pub use proxies::{ForwardedHeader, Network, Proxies};
pub use recovery::Recovered;
pub use route::Route;
pub use secret::MasterSecret;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp as Instant};
use tokio::sync::Semaphore;

use crate::storage::metadata::MetadataStore;
use crate::tuf::{self, Dialect, Gun};
use crate::verify::{Anchor, FirstUse, Policy};
use cache::Cache;
use expiries::Expiries;
use foreign::Foreign;
use metrics::Metrics;
use unrenewed::Unrenewed;
use writing::Writing;

/// A trust server, apart from the sockets that it listens on. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn MetadataStore>,
    keys: OnlineKeys,
    access: Access,
    options: Options,
    clock: Clock,
    cache: Cache,
    lent: lent::Lent,
    pages: Semaphore,
    turns: publish::Turns,
    budget: upload::Budget,
    gates: limits::Gates,
    draining: AtomicBool,
    expiries: Expiries,
    foreign: Foreign,
    unrenewed: Unrenewed,
    writing: Writing,
    metrics: Metrics,
    log: Log,
}

/// How a server behaves; the defaults suit a small team and a large one.
#[derive(Clone, Debug)]
pub struct Options {
    /// The only collections that are served, by the start of their names; none means all (Notary
    /// `repositories.gun_prefixes`).
    pub gun_prefixes: Vec<String>,
    /// Bytes of one upload.
    pub upload_bytes: usize,
    /// Bytes of all uploads that are under way; room for the largest one there is in any case.
    pub uploads_bytes: usize,
    /// How long an upload may take.
    pub upload_time: Duration,
    /// Bytes of files that are kept in memory for readers.
    pub cache_bytes: usize,
    /// Bytes of files too large for that which are being sent; readers of the same file share it.
    pub sending_bytes: usize,
    /// Seconds for which others may keep a file that will never change (Notary
    /// `caching.max_age.consistent_metadata`).
    pub consistent_max_age: u32,
    /// Seconds for which others may keep a current snapshot, targets or delegation file (Notary
    /// `caching.max_age.current_metadata`).
    pub current_max_age: u32,
    /// A timestamp of this age is renewed.
    pub timestamp_age: SignedDuration,
    /// How much callers may ask for.
    pub limits: Limits,
    /// Who is believed about who called.
    pub proxies: Proxies,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            gun_prefixes: Vec::new(),
            upload_bytes: 32 << 20,
            uploads_bytes: 256 << 20,
            upload_time: Duration::from_secs(120),
            cache_bytes: 8 << 20,
            sending_bytes: 256 << 20,
            consistent_max_age: 30 * 24 * 3600,
            current_max_age: 300,
            timestamp_age: SignedDuration::from_hours(7 * 24),
            limits: Limits::default(),
            proxies: Proxies::default(),
        }
    }
}

impl Options {
    /// Whether a collection of that name may be here.
    fn serves(&self, gun: &Gun) -> bool {
        let begins = |prefix: &String| gun.as_str().starts_with(prefix.as_str());
        self.gun_prefixes.is_empty() || self.gun_prefixes.iter().any(begins)
    }
}

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    /// A clock that asks this function.
    pub fn new(read: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    fn now(&self) -> Instant {
        (self.0)()
    }
}

impl Server {
    /// A server of these collections.
    pub fn new(
        store: Arc<dyn MetadataStore>,
        keys: OnlineKeys,
        access: Access,
        options: Options,
        clock: Clock,
        log: Log,
    ) -> Self {
        let inner = Inner {
            cache: Cache::new(options.cache_bytes),
            lent: lent::Lent::new(options.sending_bytes),
            pages: Semaphore::new(PAGES_AT_ONCE),
            budget: upload::Budget::new(options.uploads_bytes, options.upload_bytes),
            turns: publish::Turns::default(),
            gates: limits::Gates::new(&options.limits, std::time::Instant::now()),
            draining: AtomicBool::new(false),
            expiries: Expiries::default(),
            foreign: Foreign::default(),
            unrenewed: Unrenewed::default(),
            writing: Writing::default(),
            metrics: Metrics::default(),
            store,
            keys,
            access,
            options,
            clock,
            log,
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Server {
    /// From now on new requests should go elsewhere; those that come are answered.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Relaxed);
    }
}

impl Inner {
    /// What an upload to a collection is measured against, now.
    fn policy(&self, gun: &Gun) -> Arc<Policy> {
        Arc::new(Policy {
            dialect: Dialect::Notary,
            gun: gun.clone(),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: self.clock.now(),
            limits: tuf::Limits { unsigned_members: 0, ..tuf::Limits::default() },
            max_age: None,
        })
    }
}

/// Pages for people that are made side by side.
const PAGES_AT_ONCE: usize = 2;
