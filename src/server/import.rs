//! Taking over collections from another server, each with its whole history and byte for byte.
//!
//! The keys of root and targets stay their owners'; those of timestamp and snapshot went with the
//! other server. So what comes is served as it is and never renewed here, until a root names this
//! server's keys ([`super::foreign`]).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp as Instant};

use super::publish::judged;
use super::{Error, Inner, Server};
use crate::crypto::Sha256;
use crate::storage::metadata::Which;
use crate::tuf::{self, Gun, RoleName, Version};
use crate::verify::Policy;
use crate::verify::submission::{Import, Imported, Refusal};

/// What became of one collection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TakenOver {
    /// How many files were stored; none if all of them were here.
    pub stored: usize,
    /// How many files nothing vouches for, which were left out.
    pub left_out: usize,
    /// The version of the newest timestamp that came.
    pub timestamp: Version,
    /// When that timestamp ends, UTC.
    pub expires: Instant,
}

impl Server {
    /// Stores all these files of a collection, which another server showed at that time; or, where
    /// some of its history is stored, what follows that.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if a client would have refused the collection then, or another history of
    /// it is stored; [`Error::Prefix`]; [`Error::Store`]. Nothing is changed then.
    pub async fn import(
        &self,
        gun: &Gun,
        fetched_at: Instant,
        files: Vec<(RoleName, Vec<u8>)>,
    ) -> Result<TakenOver, Error> {
        let inner = &self.inner;
        if !inner.options.serves(gun) {
            return Err(Error::Prefix { prefixes: inner.options.gun_prefixes.clone() });
        }
        let policy = inner.policy_as_of(gun, fetched_at);
        let bytes = files.iter().map(|(_, bytes)| bytes.len()).sum();
        let judge = move || Import::new(policy, files).and_then(Import::judge);
        let imported = judged(bytes, judge).await??;
        let _turn = inner.turns.take(gun).await;
        inner.store_imported(gun, fetched_at, imported).await
    }
}

impl Inner {
    async fn store_imported(
        &self,
        gun: &Gun,
        fetched_at: Instant,
        imported: Imported,
    ) -> Result<TakenOver, Error> {
        let nothing = Refusal::Validation("there is no timestamp");
        let (timestamp, _) = imported.timestamp().ok_or(nothing)?;
        let (left_out, expires) = (imported.left_out, imported.expires);
        let held = self.store.holdings(gun, &[RoleName::Timestamp]).await?;
        let namesake = self.timestamp_of(gun, timestamp).await?;
        let mut stored = 0;
        if let Some(publication) = imported.onto(&held, namesake)? {
            // A timestamp counts as stored when it was signed: its age is what renewal goes by.
            let signed_at = expires.checked_sub(TIMESTAMP_LIFETIME).unwrap_or(fetched_at);
            self.store_it(&publication, &[], signed_at.min(fetched_at)).await?;
            stored = publication.files().len();
        }
        Ok(TakenOver { stored, left_out, timestamp, expires })
    }

    async fn timestamp_of(&self, gun: &Gun, version: Version) -> Result<Option<Sha256>, Error> {
        let which = Which::Version(version);
        let file = self.store.file(gun, &RoleName::Timestamp, which).await?;
        Ok(file.map(|file| file.sha256))
    }

    /// What clients measured a collection against then.
    fn policy_as_of(&self, gun: &Gun, now: Instant) -> Arc<Policy> {
        let limits = tuf::Limits::default();
        Arc::new(Policy { now, limits, ..(*self.policy(gun)).clone() })
    }
}

/// How long notary-server's timestamps are valid (Notary `const.go`, `NotaryTimestampExpiry`).
const TIMESTAMP_LIFETIME: SignedDuration = SignedDuration::from_hours(14 * 24);
