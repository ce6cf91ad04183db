//! Publishing a change, whoever else publishes at the same time.
//!
//! Nobody can lock a collection on a server. So a change is made on what is there, and if another
//! publisher was faster the change is made again on what is there now: nobody's work is lost, and
//! nothing is ever overwritten unseen.

use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use super::Error;
use super::refresh::{Refreshed, Wish, refresh_and_leave};
use crate::crypto::Sha256;
use crate::edit::Update;
use crate::net::{self, Remote};
use crate::storage::{self, Accepted, Cache, Keeping, Steady};
use crate::tuf::{OnlineRoles, RoleName, Version};
use crate::verify::Policy;

/// Who makes the change.
pub trait Author {
    /// Why it could not be made.
    type Error: From<Error>;

    /// Makes the change on the collection as it is, or founds it if there is none. `None` when
    /// there is nothing to change. Called again, on a newer state, when another publisher was
    /// faster.
    ///
    /// # Errors
    ///
    /// Ends the publication.
    fn compose(
        &mut self,
        known: Option<Refreshed>,
    ) -> impl Future<Output = Result<Option<Update>, Self::Error>>;

    /// Hears that the update may have been taken although no answer said so.
    fn doubt(&mut self) {}
}

/// What came of it.
#[derive(Debug)]
pub struct Publication {
    /// What was published; `None` when there was nothing to change.
    pub update: Option<Update>,
    /// How often it was made.
    pub attempts: u32,
}

/// Publishes what the author composes, and composes again when another publisher was faster.
///
/// # Errors
///
/// The author's error; [`Error::Contended`] after many attempts, or as many as there was time for;
/// any other [`Error`]. After a failed journey the state is read again: if the change is there, it was
/// taken, and that is success. After a refusal, too: if somebody else published meanwhile, the change
/// is made on that.
pub async fn publish<A: Author>(
    policy: Arc<Policy>,
    cache: &impl Cache,
    remote: &impl Remote,
    wish: Wish<'_>,
    author: &mut A,
) -> Result<Publication, A::Error> {
    remote.takes_changes().map_err(Error::Net)?;
    let (mut doubts, mut failed, mut overtaken) = (0, None, 0);
    for attempts in 1..=MAX_ATTEMPTS {
        let read = in_turn(&policy, cache, remote, wish).await;
        if overtaken > 0 && matches!(read, Err(Error::Net(net::Error::TimedOut { .. }))) {
            return Err(Error::Contended { attempts: overtaken }.into());
        }
        let standing = read.as_ref().ok().and_then(|(on, _)| Standing::of(on.as_ref()));
        if let Some(Failed { on, error }) = failed.take()
            && !Standing::differs(on.as_ref(), standing.as_ref())
        {
            if doubts == MAX_DOUBTS || !is_lost(&error) {
                return Err(Error::Net(error).into());
            }
            doubts += 1;
        }
        let (on, _turn) = read?;
        let (on, accepted) = on.unzip();
        let keeping = accepted.flatten().map(|accepted| cache.keep_meanwhile(accepted));
        let update = author.compose(on).await?;
        match keeping.map_or(Ok(()), Keeping::finish) {
            Err(storage::Error::Overtaken) => continue,
            kept => kept.map_err(Error::from)?,
        }
        let Some(update) = update else {
            return Ok(Publication { update: None, attempts });
        };
        match remote.publish(update.files()).await {
            Ok(()) => {
                remember_root(&policy, cache, &update, standing)?;
                offer_published(cache, &update);
                return Ok(Publication { update: Some(update), attempts });
            }
            Err(net::Error::Conflict { .. }) => overtaken += 1,
            Err(error) if may_be_overtaken(&error) => {
                if leaves_doubt(&error) {
                    author.doubt();
                }
                failed = Some(Failed { on: standing, error });
            }
            Err(error) => return Err(Error::Net(error).into()),
        }
        tokio::time::sleep(pause(attempts)).await;
    }
    Err(Error::Contended { attempts: MAX_ATTEMPTS }.into())
}

/// An update that was not published, as far as we know.
struct Failed {
    on: Option<Standing>,
    error: net::Error,
}

/// In which state a collection is.
#[derive(PartialEq)]
struct Standing {
    root: Option<Sha256>,
    snapshot: Sha256,
}

impl Standing {
    fn of(known: Option<&(Refreshed, Option<Accepted>)>) -> Option<Self> {
        let targets = &known?.0.targets;
        let root = targets.root().trusted().file().sha256();
        Some(Self { root, snapshot: targets.snapshot().seen().sha256 })
    }

    /// Whether somebody published meanwhile.
    fn differs(before: Option<&Self>, now: Option<&Self>) -> bool {
        now.is_some() && now != before
    }
}

/// The collection as it is, and the turn to change it where one must be waited for.
///
/// Two processes on this machine that found a collection at once would make keys in vain, and some
/// servers do not bear it. Where no server keeps publishers apart, those of one machine take turns
/// with every change.
async fn in_turn(
    policy: &Arc<Policy>,
    cache: &impl Cache,
    remote: &impl Remote,
    wish: Wish<'_>,
) -> Result<(Option<(Refreshed, Option<Accepted>)>, Option<Steady>), Error> {
    if policy.dialect.online_roles() == OnlineRoles::Server {
        let on = known(policy, cache, remote, wish).await?;
        if on.is_some() {
            return Ok((on, None));
        }
    }
    let turn = wait_for_turn(cache).await?;
    Ok((known(policy, cache, remote, wish).await?, turn))
}

/// Waits while another process on this machine has the turn. Whoever takes too long is not waited
/// for any more.
async fn wait_for_turn(cache: &impl Cache) -> Result<Option<Steady>, Error> {
    for _ in 0..MAX_WAITS {
        if let Some(turn) = cache.turn()? {
            return Ok(Some(turn));
        }
        tokio::time::sleep(WAIT).await;
    }
    Ok(None)
}

/// The collection as it is, and what of it is to be stored; `None` if there is none and never was.
async fn known(
    policy: &Arc<Policy>,
    cache: &impl Cache,
    remote: &impl Remote,
    wish: Wish<'_>,
) -> Result<Option<(Refreshed, Option<Accepted>)>, Error> {
    match refresh_and_leave(Arc::clone(policy), cache, Some(remote), wish).await {
        Ok(refreshed) => Ok(Some(refreshed)),
        Err(Error::NoTrustData { seen_before: false, .. }) => Ok(None),
        Err(Error::NoTrustData { gun, .. }) => {
            Err(Error::AlreadyKnown { gun, dialect: policy.dialect })
        }
        Err(error) => Err(error),
    }
}

/// The root that we made ourselves needs no first use. If another process went on to another one
/// meanwhile, the next look-up says whether that one follows from ours.
fn remember_root(
    policy: &Policy,
    cache: &impl Cache,
    update: &Update,
    before: Option<Standing>,
) -> Result<(), Error> {
    let root = update.files().iter().find(|(role, _)| *role == RoleName::Root);
    let Some((_, bytes)) = root else { return Ok(()) };
    let version = update.versions().get(&RoleName::Root).copied().unwrap_or(Version::ONE);
    let root = Some((version, bytes.clone()));
    let kept = cache.keep(&Accepted {
        root,
        begun: before.and_then(|before| before.root),
        files: Vec::new(),
        behind: false,
        dropped: Vec::new(),
        root_asked: false,
        confirmed: true,
        now: policy.now,
    });
    match kept {
        Err(storage::Error::Overtaken) => Ok(()),
        other => Ok(other?),
    }
}

/// What was just published will be listed by the next snapshot, and need not be fetched then. If it
/// cannot be left in the cache, it will be fetched.
fn offer_published(cache: &impl Cache, update: &Update) {
    for (role, bytes) in update.files().iter().filter(|(role, _)| role.lists_targets()) {
        let _ = cache.offer(role, bytes);
    }
}

/// Whether it may have failed only because another publisher was faster, although the server does
/// not say so. Notary's servers see signatures before versions: an update made under a root that was
/// just replaced is refused like a wrong one. Of two founders, the slower one's root does not follow
/// from the faster one's. On PostgreSQL, of two updates at the same time one ends with status 500.
fn may_be_overtaken(error: &net::Error) -> bool {
    matches!(error, net::Error::Refused { .. }) || leaves_doubt(error)
}

/// Whether the server may have taken the update although we did not hear so.
fn leaves_doubt(error: &net::Error) -> bool {
    matches!(error, net::Error::Unavailable { status: 500, .. }) || is_lost(error)
}

/// Whether the update or the answer got lost on its way. What a gateway says is its own word: that it
/// had no answer in time.
fn is_lost(error: &net::Error) -> bool {
    use net::Error as E;
    matches!(
        error,
        E::Unreachable { .. }
            | E::TimedOut { .. }
            | E::Truncated { .. }
            | E::Unavailable { status: 502..=504, .. }
    )
}

/// A pause that grows, and differs from one publisher to the next.
fn pause(attempt: u32) -> Duration {
    let longest = 20_u64 << attempt.min(5);
    let mut dice = [0; 2];
    // Without randomness the pause is merely the shortest one.
    let _ = SystemRandom::new().fill(&mut dice);
    Duration::from_millis(5 + u64::from(u16::from_le_bytes(dice)) % longest)
}

const WAIT: Duration = Duration::from_millis(10);
/// Half a minute.
const MAX_WAITS: u32 = 3000;
const MAX_ATTEMPTS: u32 = 64;
const MAX_DOUBTS: u32 = 3;
