//! Handing out files, and deleting collections (Notary `server/handlers/default.go`, `roles.go`).

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Response, StatusCode};
use jiff::Timestamp as Instant;
use serde_json::json;

use super::auth::Caller;
use super::response::Rendered;
use super::{Error, Inner, response};
use crate::storage::metadata::{StoredFile, Which};
use crate::tuf::{Dialect, Gun, Key, Limits, RoleName, Root};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

impl Inner {
    /// A file. A current timestamp or snapshot that has expired is renewed first, if it can be.
    pub(super) async fn file(
        self: &Arc<Self>,
        gun: &Gun,
        role: &RoleName,
        which: Which,
        asked: &HeaderMap,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let found = match (which, role) {
            (Which::Current, RoleName::Timestamp) => self.timestamp(gun).await?,
            (Which::Current, RoleName::Snapshot) => {
                self.timestamp(gun).await?;
                self.found(gun, role, which).await?
            }
            _ => self.found(gun, role, which).await?,
        };
        Ok(found.response(asked))
    }

    async fn timestamp(self: &Arc<Self>, gun: &Gun) -> Result<Arc<Rendered>, Error> {
        let role = RoleName::Timestamp;
        let found = self.found(gun, &role, Which::Current).await?;
        let now = self.clock.now();
        let stands = || self.foreign.holds(gun) || self.unrenewed.is_recent(gun, now);
        if found.expires > now || stands() {
            return Ok(found);
        }
        let (inner, expired) = (Arc::clone(self), gun.clone());
        to_the_end(async move { inner.renew_expired(&expired).await }).await?;
        self.found(gun, &role, Which::Current).await
    }

    /// A file as it is in memory or else in the store. What is in memory is used only if nobody
    /// else has changed the collection by now.
    pub(super) async fn found(
        &self,
        gun: &Gun,
        role: &RoleName,
        which: Which,
    ) -> Result<Arc<Rendered>, Error> {
        let state = match self.store.shared() {
            None => None,
            Some(shared) => Some(shared.state(gun).await?.unwrap_or(NO_COLLECTION)),
        };
        let since = match self.cache.find(gun, role, which, state) {
            Ok(found) => return Ok(found),
            Err(since) => since,
        };
        let mut file = self.store.file(gun, role, which).await?.ok_or(Error::NoFile)?;
        if !self.cache.keeps(file.bytes.len()) {
            file.bytes = self.lent.share(file.sha256, file.bytes)?;
        }
        let expires = expiry(role, which, &file);
        let rendered = Arc::new(Rendered::new(role, which, file, expires, &self.options));
        if state != Some(NO_COLLECTION) {
            self.cache.keep(gun, role, which, Arc::clone(&rendered), (since, state));
        }
        Ok(rendered)
    }

    pub(super) async fn delete(
        &self,
        gun: &Gun,
        caller: &Caller,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let _turn = self.turns.take(gun).await;
        let now = self.clock.now();
        let deleted = self.store.delete(gun, now).await;
        self.cache.forget(gun);
        // Where there was nothing to delete, nothing was written.
        if !matches!(deleted, Ok(false)) {
            self.writing.note(&deleted, now);
        }
        if deleted.map_err(Error::Updating)? {
            self.keys.shut.forget(gun);
            self.foreign.forget(gun);
            self.unrenewed.forget(gun);
            self.log.deleted(gun, caller);
        }
        Ok(response::empty(StatusCode::OK))
    }

    /// The key that the current root names if it is ours, or else the one that the next root may
    /// name.
    pub(super) async fn key(
        &self,
        gun: &Gun,
        role: &RoleName,
    ) -> Result<Response<Full<Bytes>>, Error> {
        if let Some(root) = self.current_root(gun).await?
            && let Some(key) = self.keys.current(&*self.store, gun, role, &root).await?
        {
            return Ok(key_response(&key));
        }
        Ok(key_response(&self.keys.next(&*self.store, gun, role).await?))
    }

    /// What the stored root says, if there is one.
    pub(super) async fn current_root(&self, gun: &Gun) -> Result<Option<Root>, Error> {
        let file = self.store.file(gun, &RoleName::Root, Which::Current).await?;
        let root =
            file.and_then(|file| Dialect::Notary.open_root(&file.bytes, &Limits::default()).ok());
        Ok(root.map(|root| root.into_unverified_content()))
    }

    /// A key for the next root. The old one signs until a root that names the new one is published.
    pub(super) async fn rotate_key(
        &self,
        gun: &Gun,
        role: &RoleName,
        caller: &Caller,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let key = self.keys.next(&*self.store, gun, role).await?;
        self.log.rotating(gun, role, &key, caller);
        Ok(key_response(&key))
    }
}

/// Does what changes a collection to its end, also if whoever asked for it goes away meanwhile. The
/// store would go on alone, and what is kept in memory, and the log, would know nothing of it.
pub(super) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(change).await.map_err(|_| Error::Internal("a change was broken off"))?
}

/// There may be no collection twice, and something in between: nothing is kept of that state.
const NO_COLLECTION: i64 = -1;

/// When a file that must be renewed in time expires.
fn expiry(role: &RoleName, which: Which, file: &StoredFile) -> Instant {
    if (which, role) != (Which::Current, &RoleName::Timestamp) {
        return Instant::MAX;
    }
    let timestamp = Dialect::Notary.open_timestamp(&file.bytes, &Limits::default());
    timestamp.map_or(Instant::MIN, |envelope| envelope.unverified_content().expires)
}

/// Here `public` stands first, unlike in metadata (Notary `tuf/data/keys.go`).
fn key_response(key: &Key) -> Response<Full<Bytes>> {
    let keytype = json!(key.keytype());
    let public = json!(STANDARD.encode(key.written()));
    let text =
        format!("{{\"keytype\":{keytype},\"keyval\":{{\"public\":{public},\"private\":null}}}}");
    response::json(text)
}
