//! Reading a collection as of an earlier time, for signing again what expired since.

use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::Collection;
use crate::net::Remote;
use crate::storage::{Accepted, Cache, Error, Memory, Steady, Unread};
use crate::tuf::RoleName;
use crate::verify::{Policy, TrustedRoot};

/// A cache that keeps the time out of it: when something was accepted last is neither told, because
/// it would make the earlier time look like a clock that went back, nor noted.
#[derive(Clone, Debug)]
pub(super) struct Earlier<'c, C>(pub(super) &'c C);

impl<C: Cache> Cache for Earlier<'_, C> {
    fn look(&self, role: &RoleName, limit: u64) -> Result<Option<Unread>, Error> {
        self.0.look(role, limit)
    }

    fn steady(&self) -> Result<Steady, Error> {
        self.0.steady()
    }

    fn turn(&self) -> Result<Option<Steady>, Error> {
        self.0.turn()
    }

    fn memory(&self) -> Result<Memory, Error> {
        Ok(Memory { clock: None, root_asked: None, ..self.0.memory()? })
    }

    fn first_use(&self, root: &TrustedRoot) {
        self.0.first_use(root);
    }

    fn keep(&self, accepted: &Accepted) -> Result<(), Error> {
        self.0.keep(&Accepted { confirmed: false, root_asked: false, ..accepted.clone() })
    }

    fn offer(&self, role: &RoleName, bytes: &[u8]) -> Result<(), Error> {
        self.0.offer(role, bytes)
    }
}

/// The collection as it could be read then; what is signed is signed now.
pub(super) fn as_of<'c, C: Cache, R: Remote>(
    collection: &Collection<'c, C, R>,
    cache: &'c Earlier<'c, C>,
    then: Instant,
) -> Collection<'c, Earlier<'c, C>, R> {
    let policy = Policy { now: then, ..Policy::clone(collection.policy()) };
    Collection::reading(Arc::new(policy), cache, collection.remote(), collection.now())
}
