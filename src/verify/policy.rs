//! What one update is measured against.

use jiff::{SignedDuration, Timestamp as Instant};

use super::targets::Glance;
use super::{Anchor, Error};
use crate::crypto::{Hashed, Sha256, Sha512};
use crate::tuf::{Dialect, FileMeta, Gun, Key, Limits, RoleName, Root, Version, distinct_keys};

/// What one update is measured against; fixed when the update starts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The written form.
    pub dialect: Dialect,
    /// The collection.
    pub gun: Gun,
    /// Which root is believed.
    pub anchor: Anchor,
    /// The one reading of the clock that every expiry is compared with, UTC.
    pub now: Instant,
    /// How much of a stranger's file is read.
    pub limits: Limits,
    /// How old the timestamp may be; its age is reckoned from its expiry less the fourteen days for
    /// which notary-server and our publishers sign. That of one that ends later is unknown.
    pub max_age: Option<SignedDuration>,
}

impl Policy {
    /// Whether a file is the listed one, by what identifies it there: a hash, or else the version
    /// that it states. The steps check the rest.
    pub fn is_listed(&self, role: &RoleName, listed: &FileMeta, file: &Hashed<'_>) -> bool {
        let hashes = listed.hashes.map(|hashes| (hashes.sha256(), hashes.sha512()));
        match hashes {
            Some((Some(sha256), _)) => sha256 == file.sha256(),
            Some((None, Some(sha512))) => sha512 == Sha512::of(file.as_bytes()),
            _ => {
                listed.version.is_some()
                    && listed.version == self.unverified_version(role, file.as_bytes())
            }
        }
    }

    /// The version that an unverified file gives itself, for finding its place; `None` if it cannot
    /// be read.
    pub fn unverified_version(&self, role: &RoleName, bytes: &[u8]) -> Option<Version> {
        let (dialect, limits) = (self.dialect, &self.limits);
        Some(match role {
            RoleName::Root => dialect.open_root(bytes, limits).ok()?.unverified_content().version,
            RoleName::Timestamp => {
                dialect.open_timestamp(bytes, limits).ok()?.unverified_content().version
            }
            RoleName::Snapshot => {
                dialect.open_snapshot(bytes, limits).ok()?.unverified_content().version
            }
            role => dialect.open_targets(role, bytes, limits).ok()?.unverified_content().version,
        })
    }

    /// What parts of an unverified file of targets say of these names, for looking while something
    /// else is waited for; `None` if they cannot be read. `length` and `sha256` are those of the
    /// whole file, of which the parts were chosen by its landmarks ([`Landmarks::parts`]).
    ///
    /// [`Landmarks::parts`]: crate::tuf::Landmarks::parts
    pub fn unverified_glance(
        &self,
        role: &RoleName,
        (length, sha256): (u64, Sha256),
        parts: &[u8],
        names: &[&str],
    ) -> Option<Glance> {
        let content = self.dialect.glance_at_targets(role, parts, names, &self.limits).ok()?;
        Some(Glance::new(sha256, length, content))
    }

    /// Refuses a collection that was never seen here, if a pin is wanted and there is none.
    ///
    /// # Errors
    ///
    /// [`Error::FirstUse`].
    pub fn check_first_use(&self) -> Result<(), Error> {
        match self.anchor.refuses_first_use() {
            true => Err(Error::FirstUse { gun: self.gun.clone() }),
            false => Ok(()),
        }
    }

    /// Refuses a root unless enough of its signers satisfy the pin, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Pin`].
    pub fn check_pins<'k>(
        &self,
        root: &Root,
        signers: impl Iterator<Item = &'k Key>,
    ) -> Result<(), Error> {
        let admitted = |key: &&Key| self.anchor.admits(key, self.now);
        let (found, needed) = (distinct_keys(signers.filter(admitted)), root.root.threshold());
        if found >= needed.count() {
            return Ok(());
        }
        let reason = format!("{found} of {needed} required signers are pinned");
        Err(Error::Pin { gun: self.gun.clone(), version: root.version, reason })
    }

    /// Refuses what is past its expiry; the instant of expiry itself is past (TUF 1.0.34 §5.3.10).
    pub(super) fn check_expiry(&self, role: &RoleName, at: Instant) -> Result<(), Error> {
        if at > self.now { Ok(()) } else { Err(Error::Expired { role: role.clone(), at }) }
    }

    /// Refuses a timestamp that is valid but older than the policy allows, or of unknown age.
    pub(super) fn check_age(&self, expires: Instant) -> Result<(), Error> {
        let Some(allowed) = self.max_age else { return Ok(()) };
        let left = expires.duration_since(self.now);
        if left > TIMESTAMP_LIFETIME.saturating_add(CLOCK_TOLERANCE) {
            return Err(Error::UnknownAge { expires, allowed });
        }
        match TIMESTAMP_LIFETIME.checked_sub(left) {
            Some(age) if age > allowed => {
                Err(Error::TooOld { age: SignedDuration::from_secs(age.as_secs()), allowed })
            }
            _ => Ok(()),
        }
    }
}

/// How long notary-server's timestamps are valid (Notary `const.go`, `NotaryTimestampExpiry`).
const TIMESTAMP_LIFETIME: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How far the clock that a timestamp was signed by may be ahead of ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);
