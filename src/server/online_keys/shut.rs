//! Which collections have an online key that did not open.
//!
//! Nobody outside can bring a name in here: it takes a stored key, damaged or under another secret.
//! A name stays until all keys of its collection are seen to open, or it is gone.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Error;
use crate::tuf::Gun;

#[derive(Default)]
pub(in crate::server) struct Shut(Mutex<BTreeSet<Gun>>);

impl Shut {
    /// Notes the collection if it is for a shut key that something failed.
    pub(super) fn note(&self, gun: &Gun, error: &Error) {
        if error.is_shut_key() {
            self.names().insert(gun.clone());
        }
    }

    pub(in crate::server) fn forget(&self, gun: &Gun) {
        self.names().remove(gun);
    }

    pub(in crate::server) fn all(&self) -> Vec<Gun> {
        self.names().iter().cloned().collect()
    }

    pub(in crate::server) fn count(&self) -> usize {
        self.names().len()
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<Gun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
