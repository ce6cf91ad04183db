//! New dates before the old ones run out (Notary `server/timestamp/timestamp.go`, which waits until
//! they have).

use std::time::Duration;

use jiff::SignedDuration;

use super::online_keys::Found;
use super::publish::{judged, size};
use super::{Error, Inner, Server};
use crate::edit::{self, Online, Sealed, Signers};
use crate::storage::metadata as storage;
use crate::tuf::{Dialect, Gun, Limits, RoleName};
use crate::verify::submission::{Holdings, Publication, Renewal};

impl Server {
    /// Renews what is due, for ever, if no other server of the same database does. Run it beside
    /// the listener.
    pub async fn keep_renewing(&self) {
        loop {
            if let Some(problem) = self.inner.keys.problem().await {
                self.inner.log.trouble("token", None, &problem);
            }
            self.inner.try_shut_keys().await;
            if self.may_renew().await {
                self.renew_due().await;
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    async fn may_renew(&self) -> bool {
        let Some(shared) = self.inner.store.shared() else { return true };
        shared.may_renew().await.unwrap_or_else(|error| {
            self.inner.log.trouble("renewal", None, &error.into());
            false
        })
    }

    /// Renews the timestamps that are due now. One that cannot be renewed is logged, and costs the
    /// others nothing.
    pub async fn renew_due(&self) {
        let inner = &self.inner;
        let mut tried = std::collections::BTreeSet::new();
        loop {
            let before = inner.clock.now() - inner.options.timestamp_age;
            let due = match inner.store.stale(before, AT_ONCE + tried.len()).await {
                Ok(due) => due,
                Err(error) => return inner.log.trouble("renewal", None, &error.into()),
            };
            let due: Vec<Gun> = due.into_iter().filter(|gun| !tried.contains(gun)).collect();
            if due.is_empty() {
                return;
            }
            for gun in due {
                if let Err(error) = inner.renew(&gun).await {
                    inner.metrics.renewal_failed();
                    inner.log.trouble("renewal", Some(&gun), &error);
                }
                tried.insert(gun);
            }
        }
    }
}

impl Inner {
    /// Tries keys that did not open before: their secret may be back, or another server may have
    /// taken their successors.
    async fn try_shut_keys(&self) {
        for gun in self.keys.shut.all() {
            match self.current_root(&gun).await {
                Ok(Some(root)) => drop(self.keys.of_root(&*self.store, &gun, &root).await),
                Ok(None) => self.keys.shut.forget(&gun),
                Err(error) => self.log.trouble("renewal", Some(&gun), &error),
            }
        }
    }

    /// Renews a timestamp that a reader found expired, unless somebody else did meanwhile. Where that
    /// fails, it stays what it is; only a store that is out of reach is an error.
    pub(super) async fn renew_expired(&self, gun: &Gun) -> Result<(), Error> {
        let _turn = self.turns.take(gun).await;
        let now = self.clock.now();
        let found = self.found(gun, &RoleName::Timestamp, storage::Which::Current).await?;
        if found.expires > now || self.unrenewed.is_recent(gun, now) {
            return Ok(());
        }
        match self.renew_in_turn(gun).await {
            Ok(()) => self.unrenewed.forget(gun),
            Err(error) if error.is_unreachable_store() => return Err(error),
            Err(error) => {
                self.unrenewed.note(gun, now);
                self.log.trouble("renewal", Some(gun), &error);
            }
        }
        Ok(())
    }

    async fn renew(&self, gun: &Gun) -> Result<(), Error> {
        let _turn = self.turns.take(gun).await;
        self.renew_in_turn(gun).await
    }

    async fn renew_in_turn(&self, gun: &Gun) -> Result<(), Error> {
        let roles = [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot];
        let held = self.store.holdings(gun, &roles).await?;
        if self.is_foreign(gun, &held).await? {
            return Ok(());
        }
        let snapshot_due = self.clock.now() + SNAPSHOT_AHEAD;
        match self.renew_held(gun, held, snapshot_due).await {
            // Another server was faster; that is as good.
            Err(Error::Updating(storage::Error::Conflict)) => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// Signs the timestamp of a collection that is held so, and its snapshot if that expires by
    /// then; `None` if there is nothing to sign for.
    pub(super) async fn renew_held(
        &self,
        gun: &Gun,
        held: Holdings,
        snapshot_due: jiff::Timestamp,
    ) -> Result<Option<Publication>, Error> {
        let (policy, now) = (self.policy(gun), self.clock.now());
        let bytes = size(&held.files);
        let renewal = judged(bytes, move || Renewal::of(&policy, held, snapshot_due)).await?;
        let Some(renewal) = renewal.map_err(Error::Renewal)? else { return Ok(None) };
        let Found { keys, new } =
            self.keys.of_root(&*self.store, gun, renewal.root().content()).await?;
        let publication = keys.sign(bytes, move |signers| signed(renewal, signers, now)).await??;
        self.store_it(&publication, &new, now).await?;
        Ok(Some(publication))
    }
}

impl Inner {
    /// Whether the stored root leaves timestamps to a key that this server does not have. That is
    /// told once.
    async fn is_foreign(&self, gun: &Gun, held: &Holdings) -> Result<bool, Error> {
        let bytes = held.files.get(&RoleName::Root).map(Vec::as_slice).unwrap_or_default();
        // What cannot be read is damage, which renewal tells of.
        let Ok(root) = Dialect::Notary.open_root(bytes, &Limits::default()) else {
            return Ok(false);
        };
        let root = root.into_unverified_content();
        let ours = self.keys.current(&*self.store, gun, &RoleName::Timestamp, &root).await?;
        match ours {
            Some(_) => self.foreign.forget(gun),
            None if self.foreign.note(gun) => self.log.foreign(gun),
            None => {}
        }
        Ok(ours.is_none())
    }
}

fn signed(
    renewal: Renewal,
    signers: &Signers<'_>,
    now: jiff::Timestamp,
) -> Result<Publication, Error> {
    let (renewal, sealed) = match sealed(&renewal, signers, now) {
        Err(edit::Error::Keys { role: RoleName::Snapshot, .. }) => {
            let renewal = renewal.over_what_stands();
            let sealed = sealed(&renewal, signers, now)?;
            (renewal, sealed)
        }
        sealed => (renewal, sealed?),
    };
    renewal.complete(sealed.snapshot, sealed.timestamp).map_err(Error::Renewal)
}

fn sealed(
    renewal: &Renewal,
    signers: &Signers<'_>,
    now: jiff::Timestamp,
) -> Result<Sealed, edit::Error> {
    let online = Online {
        root: renewal.root(),
        snapshot: renewal.snapshot(),
        timestamp: renewal.timestamp(),
    };
    online.seal(now, signers)
}

/// How often is looked for what is due.
const ROUND: Duration = Duration::from_secs(60);
/// A snapshot that would expire within this time is renewed together with its timestamp, if its key
/// is the server's.
const SNAPSHOT_AHEAD: SignedDuration = SignedDuration::from_hours(60 * 24);
const AT_ONCE: usize = 100;
