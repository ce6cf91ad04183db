//! Going on after an older database was restored.
//!
//! Clients remember the versions that they saw and refuse what lies below: to them a restored
//! database is a rollback, and rightly so. What the server signs itself it can number past
//! everything that it may have signed since. What publishers signed it cannot make, but they and
//! their clients keep the newest files, each as it was published; it is taken from there, through
//! the same door as an upload.

use std::collections::BTreeMap;

use super::auth::Caller;
use super::publish::raise;
use super::{Error, Inner, Server};
use crate::tuf::{self, Dialect, Gun, RoleName, Version};
use crate::verify::submission::{Holdings, Publication, Refusal, Submission};

/// What became of one collection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recovered {
    /// The roles that were stored, and their versions.
    pub files: Vec<(RoleName, Version)>,
}

/// The version of a file, whatever it is worth.
type Peek = Result<Version, tuf::Error>;

impl Server {
    /// The collections that are stored, after that one, at most so many.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn collections(&self, after: Option<&Gun>, limit: usize) -> Result<Vec<Gun>, Error> {
        Ok(self.inner.store.names("", after.map(Gun::as_str), limit).await?)
    }

    /// Numbers a collection's timestamp, and its snapshot if that is the server's, at least `leap`
    /// above what is stored or was `seen` elsewhere; and takes over the `seen` files of its
    /// publishers that are newer than the stored ones.
    ///
    /// # Errors
    ///
    /// [`Error`] when that cannot be published, as for an upload; nothing is changed then.
    pub async fn recover(
        &self,
        gun: &Gun,
        seen: &BTreeMap<RoleName, Vec<u8>>,
        leap: u64,
    ) -> Result<Recovered, Error> {
        let inner = &self.inner;
        let _turn = inner.turns.take(gun).await;
        let online = [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot];
        let held = inner.store.holdings(gun, &online).await?;
        let floors = floors(&held.versions, seen, leap);
        let newer = newer(&held.versions, seen);
        let without_snapshot =
            newer.iter().filter(|(role, _)| **role != RoleName::Snapshot).map(owned).collect();
        let published = match inner.republish(gun, without_snapshot, &floors).await {
            // Then it is the publisher's, and only he can have numbered it.
            Err(Error::Refused(Refusal::Hierarchy { missing: RoleName::Snapshot })) => {
                match newer.contains_key(&RoleName::Snapshot) {
                    true => inner.republish(gun, newer, &floors).await,
                    false => inner.renumber(gun, held, &floors).await,
                }
            }
            other => other,
        }?;
        inner.log.published(&published, &Caller::of(Some("recovery".to_owned())));
        let files = published.files().iter().map(|file| (file.role.clone(), file.version));
        Ok(Recovered { files: files.collect() })
    }
}

impl Inner {
    async fn republish(
        &self,
        gun: &Gun,
        files: BTreeMap<RoleName, Vec<u8>>,
        floors: &BTreeMap<RoleName, Version>,
    ) -> Result<Publication, Error> {
        let sent = super::publish::size(&files);
        let submission = Submission::new(self.policy(gun), files)?;
        self.publish_once(gun, submission, sent, floors).await
    }
}

impl Inner {
    /// Signs the timestamp over what is held, and nothing else.
    async fn renumber(
        &self,
        gun: &Gun,
        mut held: Holdings,
        floors: &BTreeMap<RoleName, Version>,
    ) -> Result<Publication, Error> {
        raise(&mut held, floors);
        let renewed = self.renew_held(gun, held, jiff::Timestamp::MIN).await?;
        renewed.ok_or(Error::NoFile)
    }
}

fn owned((role, bytes): (&RoleName, &Vec<u8>)) -> (RoleName, Vec<u8>) {
    (role.clone(), bytes.clone())
}

/// Below what the next timestamp and snapshot must not be.
fn floors(
    stored: &BTreeMap<RoleName, Version>,
    seen: &BTreeMap<RoleName, Vec<u8>>,
    leap: u64,
) -> BTreeMap<RoleName, Version> {
    let floor = |role: RoleName| {
        let seen = seen.get(&role).and_then(|bytes| peek(&role, bytes).ok());
        let last = stored.get(&role).copied().max(seen)?;
        Some((role, Version::new(last.number().saturating_add(leap))?))
    };
    [RoleName::Timestamp, RoleName::Snapshot].into_iter().filter_map(floor).collect()
}

/// The publishers' files above the stored versions.
fn newer(
    stored: &BTreeMap<RoleName, Version>,
    seen: &BTreeMap<RoleName, Vec<u8>>,
) -> BTreeMap<RoleName, Vec<u8>> {
    let is_newer = |role: &RoleName, bytes: &[u8]| {
        *role != RoleName::Timestamp
            && peek(role, bytes).is_ok_and(|found| stored.get(role).is_none_or(|old| *old < found))
    };
    let newer = seen.iter().filter(|(role, bytes)| is_newer(role, bytes));
    newer.map(owned).collect()
}

fn peek(role: &RoleName, bytes: &[u8]) -> Peek {
    let (dialect, limits) = (Dialect::Notary, tuf::Limits::default());
    Ok(match role {
        RoleName::Root => dialect.open_root(bytes, &limits)?.unverified_content().version,
        RoleName::Timestamp => dialect.open_timestamp(bytes, &limits)?.unverified_content().version,
        RoleName::Snapshot => dialect.open_snapshot(bytes, &limits)?.unverified_content().version,
        RoleName::Targets | RoleName::Delegation(_) => {
            dialect.glance_at_targets(role, bytes, &[], &limits)?.version
        }
    })
}
