//! How much one caller, and all of them together, may ask for.
//!
//! A bucket holds so many requests and is filled again at a steady rate. Callers are told apart by
//! address, an IPv6 caller by its network, since it may have every address in that.
//!
//! | bucket | takes from it |
//! |---|---|
//! | all requests | every request but those for health and metrics |
//! | requests of a caller | the same |
//! | wrong passwords of a caller | each of them; while it is empty no password is looked at that was not found right before |

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Error;

/// Limits of requests and connections. `None` where there is none.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests of all callers.
    pub requests: Option<Rate>,
    /// Requests of each caller.
    pub requests_each: Option<Rate>,
    /// Wrong passwords of each caller.
    pub failures_each: Option<Rate>,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once of each caller.
    pub connections_each: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: None,
            requests_each: None,
            failures_each: Some(Rate { burst: 30, each: Duration::from_secs(2) }),
            connections: 10_000,
            connections_each: 2_000,
        }
    }
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// After how long it may happen once more.
    pub each: Duration,
}

impl Rate {
    /// So many in a second, and twice that at once.
    pub fn per_second(count: u32) -> Option<Self> {
        let each = Duration::from_secs(1).checked_div(count)?;
        Some(Self { burst: count.saturating_mul(2), each })
    }
}

/// What is left of the limits.
pub(super) struct Gates {
    all: Option<(Rate, Mutex<Bucket>)>,
    each: Option<Buckets>,
    failures: Option<Buckets>,
}

/// When a bucket will be full again; the later, the emptier it is.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
}

struct Buckets {
    rate: Rate,
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<IpAddr, Bucket>>>,
}

impl Gates {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            all: limits.requests.map(|rate| (rate, Mutex::new(Bucket { full_at: now }))),
            each: limits.requests_each.map(Buckets::new),
            failures: limits.failures_each.map(Buckets::new),
        }
    }

    /// Lets a request in, or says when it may come again.
    pub(super) fn enter(&self, caller: Option<IpAddr>, now: Instant) -> Result<(), Error> {
        if let (Some(each), Some(caller)) = (&self.each, caller) {
            each.take(caller, now).map_or(Ok(()), refuse)?;
        }
        match &self.all {
            None => Ok(()),
            Some((rate, bucket)) => locked(bucket).take(rate, now).map_or(Ok(()), refuse),
        }
    }

    /// Lets whoever has not sent too many wrong passwords send another one.
    pub(super) fn may_guess(&self, caller: Option<IpAddr>, now: Instant) -> Result<(), Error> {
        match (&self.failures, caller) {
            (Some(failures), Some(caller)) => failures.wait_for(caller, now).map_or(Ok(()), refuse),
            _ => Ok(()),
        }
    }

    /// Notes a wrong password.
    pub(super) fn failed(&self, caller: Option<IpAddr>, now: Instant) {
        if let (Some(failures), Some(caller)) = (&self.failures, caller) {
            let _ = failures.take(caller, now);
        }
    }
}

impl Bucket {
    /// Takes one out, or says how long until there is one.
    fn take(&mut self, rate: &Rate, now: Instant) -> Option<Duration> {
        match self.wait(rate, now) {
            Some(wait) => Some(wait),
            None => {
                self.full_at = self.full_at.max(now) + rate.each;
                None
            }
        }
    }

    fn wait(&self, rate: &Rate, now: Instant) -> Option<Duration> {
        let missing = self.full_at.saturating_duration_since(now);
        let holds = rate.each * rate.burst.saturating_sub(1);
        missing.checked_sub(holds).filter(|wait| !wait.is_zero())
    }
}

impl Buckets {
    fn new(rate: Rate) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { rate, hasher: RandomState::new(), shards }
    }

    fn take(&self, caller: IpAddr, now: Instant) -> Option<Duration> {
        let caller = network(caller);
        let mut shard = self.shard(caller);
        if shard.len() >= MAX_CALLERS / SHARDS && !shard.contains_key(&caller) {
            forget_one(&mut shard);
        }
        shard.entry(caller).or_insert(Bucket { full_at: now }).take(&self.rate, now)
    }

    fn wait_for(&self, caller: IpAddr, now: Instant) -> Option<Duration> {
        let caller = network(caller);
        self.shard(caller).get(&caller).and_then(|bucket| bucket.wait(&self.rate, now))
    }

    fn shard(&self, caller: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, Bucket>> {
        let shard = self.hasher.hash_one(caller) % SHARDS as u64;
        locked(&self.shards[usize::try_from(shard).unwrap_or_default()])
    }
}

/// Of a few callers that the map happens to name first, forgets the one whose bucket is the
/// fullest: to look at all of them would cost more than most requests.
fn forget_one(shard: &mut HashMap<IpAddr, Bucket>) {
    let fullest = shard.iter().take(A_FEW).min_by_key(|(_, bucket)| bucket.full_at);
    if let Some(caller) = fullest.map(|(caller, _)| *caller) {
        shard.remove(&caller);
    }
}

/// Whom an address stands for.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

fn refuse(wait: Duration) -> Result<(), Error> {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Err(Error::TooOften { seconds })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whatever a panic left of a bucket is one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 16;
const A_FEW: usize = 8;
/// How many callers are remembered; a bucket takes about 64 bytes.
const MAX_CALLERS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    fn limits(rate: Rate) -> Limits {
        Limits { requests_each: Some(rate), failures_each: None, ..Limits::default() }
    }

    #[test]
    fn a_burst_is_let_in_and_then_the_rate_holds() {
        let rate = Rate { burst: 3, each: Duration::from_secs(10) };
        let start = Instant::now();
        let gates = Gates::new(&limits(rate), start);
        let enter = |caller, seconds| {
            let told = gates.enter(address(caller), start + Duration::from_secs(seconds));
            match told {
                Ok(()) => 0,
                Err(Error::TooOften { seconds }) => seconds,
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!([enter("10.0.0.1", 0), enter("10.0.0.1", 0), enter("10.0.0.1", 0)], [0; 3]);
        assert_eq!(enter("10.0.0.1", 0), 10);
        assert_eq!(enter("10.0.0.1", 4), 6, "a refusal costs nothing");
        assert_eq!(enter("10.0.0.2", 4), 0, "another caller");
        assert_eq!((enter("10.0.0.1", 10), enter("10.0.0.1", 10)), (0, 10));
        assert_eq!([enter("10.0.0.1", 99), enter("10.0.0.1", 99), enter("10.0.0.1", 99)], [0; 3]);
        assert_eq!(enter("10.0.0.1", 99), 10, "however long it waited, a burst is a burst");
    }

    #[test]
    fn whoever_has_a_network_of_addresses_is_one_caller() {
        let rate = Rate { burst: 1, each: Duration::from_secs(10) };
        let now = Instant::now();
        let gates = Gates::new(&limits(rate), now);
        for (caller, let_in) in [
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("2001:db8:0:1::1", true),
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(gates.enter(address(caller), now).is_ok(), let_in, "{caller}");
        }
        assert!(gates.enter(None, now).is_ok(), "nobody from the network");
    }

    #[test]
    fn failures_end_the_guessing_of_who_fails() {
        let rate = Rate { burst: 2, each: Duration::from_secs(60) };
        let now = Instant::now();
        let gates = Gates::new(&Limits { failures_each: Some(rate), ..Limits::default() }, now);
        let (guesser, other) = (address("10.0.0.1"), address("10.0.0.2"));
        for _ in 0..2 {
            assert!(gates.may_guess(guesser, now).is_ok());
            gates.failed(guesser, now);
        }
        let refused = gates.may_guess(guesser, now);
        assert!(matches!(refused, Err(Error::TooOften { seconds: 60 })));
        assert!(gates.enter(guesser, now).is_ok(), "who shows no password is no guesser");
        assert!(gates.may_guess(other, now).is_ok());
        assert!(gates.may_guess(guesser, now + Duration::from_secs(61)).is_ok());
    }

    #[test]
    fn callers_that_are_remembered_are_bounded() {
        let rate = Rate { burst: 1, each: Duration::from_secs(3600) };
        let now = Instant::now();
        let buckets = Buckets::new(rate);
        for number in 0..100_000_u32 {
            buckets.take(IpAddr::V4(number.into()), now);
        }
        let remembered: usize = buckets.shards.iter().map(|shard| locked(shard).len()).sum();
        assert!(remembered <= MAX_CALLERS, "{remembered}");
    }
}
