//! PINs that a token refused, so that nobody in this process tries one of them again.
//!
//! Only digests under a random salt are remembered. They are no secret worth stealing: what they
//! stand for opens nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::crypto::Sha256;

/// One PIN at one token, which is known by its label and serial number whatever module leads to it.
pub(super) struct Attempt(Sha256);

impl Attempt {
    pub(super) fn new(label: &str, serial: &str, pin: &str) -> Self {
        let parts = [&*SALT, label.as_bytes(), &[0], serial.as_bytes(), &[0], pin.as_bytes()];
        Self(Sha256::of(&Zeroizing::new(parts.concat())))
    }

    /// Makes the attempt, unless it was made before and refused; nobody makes another meanwhile.
    /// `None` if it was refused, now or then.
    pub(super) fn once<T, E>(
        self,
        attempt: impl FnOnce() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let refused = self.refused();
        let mut refused = locked(&refused);
        if *refused {
            return Ok(None);
        }
        let outcome = attempt()?;
        *refused = outcome.is_none();
        Ok(outcome)
    }

    /// Whether it was refused. Each attempt has a lock of its own: a token that takes its time
    /// keeps nobody from another.
    fn refused(&self) -> Arc<Mutex<bool>> {
        static ATTEMPTS: Mutex<BTreeMap<[u8; 32], Arc<Mutex<bool>>>> = Mutex::new(BTreeMap::new());
        Arc::clone(locked(&ATTEMPTS).entry(*self.0.as_bytes()).or_default())
    }
}

/// What is locked here is whole at every moment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Without random bytes the digests are weaker, and no PIN is tried more often.
static SALT: LazyLock<[u8; 16]> = LazyLock::new(|| {
    let mut salt = [0; 16];
    let _ = SystemRandom::new().fill(&mut salt);
    salt
});

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn tried(serial: &str, pin: &str, is_right: bool) -> (u32, bool) {
        let mut tries = 0;
        let outcome = Attempt::new("label of this test", serial, pin).once(|| {
            tries += 1;
            Ok::<_, Infallible>(is_right.then_some(()))
        });
        (tries, outcome.is_ok_and(|admitted| admitted.is_some()))
    }

    #[test]
    fn a_refused_pin_is_never_tried_again_and_another_one_is() {
        assert_eq!(tried("1", "4321", false), (1, false));
        assert_eq!(tried("1", "4321", false), (0, false));
        assert_eq!(tried("1", "4321", true), (0, false), "not even if it were right by now");
        assert_eq!(tried("2", "4321", true), (1, true), "another token may have it");
        assert_eq!(tried("1", "1234", true), (1, true));
        assert_eq!(tried("1", "1234", true), (1, true), "a right one as often as needed");
    }

    #[test]
    fn an_attempt_that_failed_for_another_reason_was_none() {
        let attempt = || Attempt::new("another label of this test", "1", "1");
        assert_eq!(attempt().once(|| Err::<Option<()>, _>("taken out")), Err("taken out"));
        assert_eq!(attempt().once(|| Ok::<_, &str>(Some(7))), Ok(Some(7)));
    }

    #[test]
    fn a_token_that_takes_its_time_keeps_nobody_from_another() {
        let quick = || Attempt::new("quick", "1", "1").once(|| Ok::<_, Infallible>(Some(7)));
        assert_eq!(Attempt::new("slow", "1", "1").once(quick), Ok(Some(7)));
    }
}
