//! Keys that somebody else keeps for the server: on a token.
//!
//! All collections share them. What lies elsewhere may be out of reach, and then comes back: it is
//! asked each time anew, away from the threads that answer callers, and by one of us at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Error;
use crate::crypto::Signer;
use crate::keys::{self, KeySource, PassphraseSource};
use crate::tuf::{Dialect, Key, KeyId, RoleName, Root};

/// Keys on a token, by their labels.
#[derive(Clone)]
pub struct HeldKeys {
    inner: Arc<Inner>,
}

struct Inner {
    source: Box<dyn KeySource + Send + Sync>,
    labels: Vec<String>,
    pins: Box<Pins>,
    /// The ids in metadata of all keys that were ever seen under these labels; none before the
    /// token was there for the first time.
    seen: Mutex<BTreeSet<KeyId>>,
    /// Whoever has it may ask the token.
    turn: tokio::sync::Mutex<Option<Checked>>,
}

/// Whoever is asked for the PIN, each time that one is needed.
type Pins = dyn Fn() -> Box<dyn PassphraseSource> + Send + Sync;

/// When the token was last looked at, and what it said.
struct Checked {
    at: Instant,
    problem: Option<Arc<keys::Error>>,
}

/// Whether a root needs the keys that are kept here.
pub(super) enum Wanted {
    /// It names none of them.
    No,
    /// It names some.
    Yes,
    /// Nobody can say: they were never seen.
    Perhaps,
}

impl HeldKeys {
    /// The keys with these labels at `source`. The first is named in new roots; the others sign for
    /// roots that name them. `pins` is asked when the source wants a PIN.
    pub fn new(
        source: impl KeySource + Send + Sync + 'static,
        labels: Vec<String>,
        pins: impl Fn() -> Box<dyn PassphraseSource> + Send + Sync + 'static,
    ) -> Self {
        let (source, pins) = (Box::new(source), Box::new(pins));
        let (seen, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { inner: Arc::new(Inner { source, labels, pins, seen, turn }) }
    }

    /// The key that the next root may name.
    pub(super) async fn next(&self) -> Result<Key, Error> {
        let at_hand = self.at_hand().await?;
        let first = at_hand.first().ok_or(Error::Internal("no key is named for new roots"))?;
        Ok(Dialect::Notary.key(first.public()))
    }

    /// The keys that a root names for these roles.
    pub(super) async fn named(
        &self,
        root: &Root,
        roles: &[RoleName],
    ) -> Result<Vec<Arc<dyn Signer>>, Error> {
        let mut keys = self.at_hand().await?;
        keys.retain(|key| names(root, roles, &Dialect::Notary.key(key.public()).id()));
        Ok(keys)
    }

    /// Whether a root names keys that are kept here, as far as can be said without asking.
    pub(super) fn wanted(&self, root: &Root, roles: &[RoleName]) -> Wanted {
        let seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.iter().any(|id| names(root, roles, id)) {
            true => Wanted::Yes,
            false if seen.is_empty() => Wanted::Perhaps,
            false => Wanted::No,
        }
    }

    /// What keeps the keys from signing now. Callers who come close together share one look.
    pub(super) async fn problem(&self) -> Option<Error> {
        let mut turn = self.inner.turn.lock().await;
        if let Some(checked) = &*turn
            && checked.at.elapsed() < FRESH
        {
            return checked.problem.clone().map(Error::Held);
        }
        let inner = Arc::clone(&self.inner);
        let looked = tokio::task::spawn_blocking(move || inner.all().map(drop)).await;
        let problem = match looked {
            Ok(outcome) => outcome.err().map(Arc::new),
            Err(_) => return Some(BROKEN_OFF),
        };
        *turn = Some(Checked { at: Instant::now(), problem: problem.clone() });
        problem.map(Error::Held)
    }

    /// Does arithmetic that signs with these keys: one at a time, as a token does it, and where
    /// waiting for the token holds up nobody else.
    pub(super) async fn sign<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _turn = self.inner.turn.lock().await;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|_| BROKEN_OFF)
    }

    async fn at_hand(&self) -> Result<Vec<Arc<dyn Signer>>, Error> {
        let inner = Arc::clone(&self.inner);
        let found = self.sign(move || inner.all()).await?;
        found.map_err(|error| Error::Held(Arc::new(error)))
    }
}

impl Inner {
    /// Every key that is there, ready to sign, in the order of the labels.
    fn all(&self) -> Result<Vec<Arc<dyn Signer>>, keys::Error> {
        let entries = self.source.list()?;
        let mut signers: Vec<Arc<dyn Signer>> = Vec::new();
        for label in &self.labels {
            let mut labelled = entries.iter().filter(|entry| entry.role.as_ref() == Some(label));
            let id = match (labelled.next(), labelled.next()) {
                (Some(entry), None) => &entry.id,
                (Some(_), Some(_)) => return Err(self.says(format!("two keys have label {label}"))),
                // An old key may be gone; without the first nothing new can begin.
                (None, _) if !signers.is_empty() => continue,
                (None, _) => return Err(self.says(format!("is not there, or has no key {label}"))),
            };
            let signer = self.source.signer(id, &mut *(self.pins)())?;
            signers.push(Arc::from(signer));
        }
        let ids = signers.iter().map(|key| Dialect::Notary.key(key.public()).id());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        Ok(signers)
    }

    fn says(&self, problem: String) -> keys::Error {
        keys::Error::Elsewhere { place: self.source.place(), problem }
    }
}

fn names(root: &Root, roles: &[RoleName], id: &KeyId) -> bool {
    let mut named = roles.iter().filter_map(|role| root.role(role));
    named.any(|role| role.keyids().contains(id))
}

const BROKEN_OFF: Error = Error::Internal("work with a token was broken off");
/// Whoever watches a server asks more often than a token should be.
const FRESH: Duration = Duration::from_secs(1);
