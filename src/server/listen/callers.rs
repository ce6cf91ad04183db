//! How many connections each caller has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::server::limits::network;

/// How many connections each caller has.
#[derive(Clone, Default)]
pub(super) struct Callers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection of a caller, until it is dropped.
pub(super) struct Seat {
    callers: Callers,
    caller: IpAddr,
}

impl Callers {
    /// A place for one more; `None` where the caller has so many already.
    pub(super) fn admit(&self, address: IpAddr, most: usize) -> Option<Seat> {
        let caller = network(address);
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is remembered for having been refused.
        if callers.get(&caller).copied().unwrap_or_default() >= most {
            return None;
        }
        *callers.entry(caller).or_default() += 1;
        Some(Seat { callers: self.clone(), caller })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut callers = self.callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_so_many_and_who_has_none_is_forgotten() {
        let callers = Callers::default();
        let admit = |address: &str, most| callers.admit(address.parse().expect("one"), most);
        let first = [admit("10.0.0.1", 2), admit("10.0.0.1", 2)];
        assert!(first.iter().all(Option::is_some));
        assert!(admit("10.0.0.1", 2).is_none() && admit("::ffff:10.0.0.1", 2).is_none());
        assert!(admit("10.0.0.2", 2).is_some(), "another one");
        assert!(admit("10.0.0.3", 0).is_none());
        drop(first);
        assert!(callers.0.lock().expect("callers").is_empty());
        assert!(admit("10.0.0.1", 2).is_some());
    }
}
