//! Collections whose timestamps are signed with a key that was never this server's: they came from
//! another one, with their history ([`super::import`]), or their keys were left behind there.
//!
//! They are served as they are. Nothing here can give them new dates; their owners can, with a root
//! that names this server's key.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tuf::Gun;

#[derive(Default)]
pub(super) struct Foreign(Mutex<BTreeSet<Gun>>);

impl Foreign {
    /// Notes a collection; whether that is news.
    pub(super) fn note(&self, gun: &Gun) -> bool {
        self.names().insert(gun.clone())
    }

    pub(super) fn holds(&self, gun: &Gun) -> bool {
        self.names().contains(gun)
    }

    pub(super) fn forget(&self, gun: &Gun) {
        self.names().remove(gun);
    }

    pub(super) fn count(&self) -> usize {
        self.names().len()
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<Gun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
