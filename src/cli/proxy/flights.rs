//! Whoever asks for what is just being found out waits for the same answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

/// What is being found out. Nothing that was found out before is answered again.
pub(super) struct Flights<Q, A>(Mutex<HashMap<Q, Weak<OnceCell<A>>>>);

impl<Q: Eq + Hash, A: Clone> Flights<Q, A> {
    /// Finds out, or waits for those who do. If they go away, one who waits begins anew.
    pub(super) async fn join(&self, question: Q, find: impl Future<Output = A>) -> A {
        let flight = self.flight(question);
        flight.get_or_init(|| find).await.clone()
    }

    fn flight(&self, question: Q) -> Arc<OnceCell<A>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that somebody waits for: there are no more than connections.
        flights.retain(|_, flight| flight.strong_count() > 0);
        let under_way = flights.get(&question).and_then(Weak::upgrade);
        if let Some(flight) = under_way.filter(|flight| !flight.initialized()) {
            return flight;
        }
        let flight = Arc::new(OnceCell::new());
        flights.insert(question, Arc::downgrade(&flight));
        flight
    }
}

impl<Q, A> Default for Flights<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn who_asks_at_the_same_time_gets_one_answer_and_who_asks_later_a_new_one() {
        let (flights, found) = (Flights::default(), AtomicUsize::new(0));
        let ask = |question: &'static str| {
            flights.join(question, async {
                tokio::task::yield_now().await;
                found.fetch_add(1, Ordering::Relaxed)
            })
        };
        let (a, b, other) = tokio::join!(ask("web"), ask("web"), ask("data"));
        assert_eq!(a, b);
        assert_ne!(a, other);
        assert_eq!(ask("web").await, 2);
        assert!(
            flights.flight("data").get().is_none() && flights.0.lock().expect("one").len() == 1
        );
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_the_first_goes_away() {
        let flights = Flights::default();
        let mut first = Box::pin(flights.join("web", async { std::future::pending::<u8>().await }));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        let mut second = Box::pin(flights.join("web", async { 2 }));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        assert_eq!(second.await, 2);
    }
}
