//! Collections whose timestamps have expired and could not be renewed for a reader. They are served as
//! they are, since clients refuse them with the right reason, and not judged anew for each reader.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp as Instant};

use crate::tuf::Gun;

#[derive(Default)]
pub(super) struct Unrenewed(Mutex<BTreeMap<Gun, Instant>>);

impl Unrenewed {
    /// Notes that a renewal failed.
    pub(super) fn note(&self, gun: &Gun, at: Instant) {
        self.times().insert(gun.clone(), at);
    }

    /// Whether one failed a short while ago.
    pub(super) fn is_recent(&self, gun: &Gun, now: Instant) -> bool {
        self.times().get(gun).is_some_and(|at| now.duration_since(*at).abs() < PAUSE)
    }

    pub(super) fn forget(&self, gun: &Gun) {
        self.times().remove(gun);
    }

    fn times(&self) -> MutexGuard<'_, BTreeMap<Gun, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a renewal that failed is not tried again for readers.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
