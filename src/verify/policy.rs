//! What one update is measured against.

use jiff::{SignedDuration, Timestamp as Instant};

use super::{Anchor, Error};
use crate::tuf::{Dialect, Gun, Limits, RoleName};

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
    /// which notary-server signs.
    pub max_age: Option<SignedDuration>,
}

impl Policy {
    /// Refuses what is past its expiry; the instant of expiry itself is past (TUF 1.0.34 §5.3.10).
    pub(super) fn check_expiry(&self, role: &RoleName, at: Instant) -> Result<(), Error> {
        if at > self.now { Ok(()) } else { Err(Error::Expired { role: role.clone(), at }) }
    }

    /// Refuses a timestamp that is valid but older than the policy allows.
    pub(super) fn check_age(&self, expires: Instant) -> Result<(), Error> {
        let Some(allowed) = self.max_age else { return Ok(()) };
        let left = expires.duration_since(self.now);
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
