//! Whether what is remembered of a collection is still what is stored, for many askers at once.
//!
//! An asker is answered by a question to the database that began after he asked, so nobody is told
//! what was true only before. All who ask while one question is under way share the next one: the
//! busier the server, the less each answer costs. A connection is held from one question to the next,
//! for handing it back is a question of its own (whether it still works).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::Pool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Engine, Lent, PATIENCE, within};
use crate::storage::metadata::Error;
use crate::tuf::Gun;

/// What a collection is at: the row of its current timestamp, which every change replaces. `None`:
/// there is no such collection.
pub(in crate::storage::metadata) type State = Option<i64>;

/// Where the question is handed in.
#[derive(Clone, Debug)]
pub(in crate::storage::metadata) struct Watch {
    queue: mpsc::Sender<Request>,
}

#[derive(Debug)]
struct Request {
    gun: Gun,
    reply: oneshot::Sender<Result<State, Error>>,
}

/// Who knows the states of collections.
pub(super) trait Witness: Send + 'static {
    /// The states of those of these collections that exist.
    fn ask(
        &mut self,
        guns: &[String],
    ) -> impl Future<Output = Result<Vec<(String, i64)>, sqlx::Error>> + Send;

    /// Nobody has asked for a while.
    fn rest(&mut self);
}

/// A database, and the connection that is held while questions follow each other.
pub(super) struct Held<D: Engine> {
    pool: Pool<D>,
    /// Since when it is held, too.
    connection: Option<(Lent<D>, Instant)>,
}

impl<D: Engine> Held<D> {
    pub(super) fn of(pool: Pool<D>) -> Self {
        Self { pool, connection: None }
    }
}

impl<D: Engine> Witness for Held<D> {
    async fn ask(&mut self, guns: &[String]) -> Result<Vec<(String, i64)>, sqlx::Error> {
        // One that failed, or did not answer in time, is not asked again.
        let (mut connection, since) = match self.connection.take() {
            Some(held) => held,
            None => (Lent::from(&self.pool).await?, Instant::now()),
        };
        let states = within(PATIENCE, D::states(&mut *connection, guns)).await?;
        self.connection = (since.elapsed() < HOLD).then_some((connection, since));
        Ok(states)
    }

    fn rest(&mut self) {
        self.connection = None;
    }
}

impl Watch {
    /// Has the witness asked for as long as anybody may want to know.
    pub(super) fn start(mut witness: impl Witness) -> Self {
        let (queue, mut requests) = mpsc::channel::<Request>(MAX_WAITING);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while gather(&mut requests, &mut batch, &mut witness).await > 0 {
                let mut guns: Vec<String> = batch.iter().map(|one| one.gun.to_string()).collect();
                guns.sort_unstable();
                guns.dedup();
                answer(witness.ask(&guns).await, &mut batch);
            }
        });
        Self { queue }
    }

    pub(in crate::storage::metadata) async fn state(&self, gun: &Gun) -> Result<State, Error> {
        let (reply, answer) = oneshot::channel();
        let request = Request { gun: gun.clone(), reply };
        self.queue.send(request).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Watch {
    /// Whether those who ask are answered.
    pub(in crate::storage::metadata) async fn check(&self) -> Result<(), Error> {
        let any = Gun::raw("any").map_err(|_| gone())?;
        self.state(&any).await.map(drop)
    }
}

/// Those who wait for an answer, at least one; none when nobody can ask any more. The witness rests
/// if that takes long.
async fn gather(
    requests: &mut mpsc::Receiver<Request>,
    batch: &mut Vec<Request>,
    witness: &mut impl Witness,
) -> usize {
    if let Ok(count) = timeout(REST, requests.recv_many(batch, MAX_BATCH)).await {
        return count;
    }
    witness.rest();
    requests.recv_many(batch, MAX_BATCH).await
}

fn answer(found: Result<Vec<(String, i64)>, sqlx::Error>, batch: &mut Vec<Request>) {
    // Whoever asked may have gone.
    match found {
        Ok(states) => {
            let states: HashMap<String, i64> = states.into_iter().collect();
            for Request { gun, reply } in batch.drain(..) {
                let _ = reply.send(Ok(states.get(gun.as_str()).copied()));
            }
        }
        Err(error) => {
            let told = error.to_string();
            let lost = super::is_lost(&error);
            for Request { reply, .. } in batch.drain(..) {
                let source = told.clone().into();
                let _ = reply.send(Err(match lost {
                    true => Error::Unreachable { source },
                    false => Error::Database { action: "tell what is current", source },
                }));
            }
        }
    }
}

fn gone() -> Error {
    Error::Database { action: "tell what is current", source: "nobody asks it any more".into() }
}

/// How many collections one question is about.
const MAX_BATCH: usize = 64;
/// How many may wait.
const MAX_WAITING: usize = 4096;
/// How long a connection is held, for the pool to see to its age now and then.
const HOLD: Duration = Duration::from_secs(1);
/// After how long without a question the connection is handed back.
const REST: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use super::*;

    /// Whoever asks hears what was so when the question was put, and is told it later.
    struct Slow {
        now: Arc<AtomicI64>,
        asked: Arc<AtomicUsize>,
    }

    impl Witness for Slow {
        async fn ask(&mut self, guns: &[String]) -> Result<Vec<(String, i64)>, sqlx::Error> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let now = self.now.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            Ok(guns.iter().map(|gun| (gun.clone(), now)).collect())
        }

        fn rest(&mut self) {}
    }

    #[tokio::test]
    async fn an_answer_is_never_older_than_its_question_and_askers_share() {
        let (now, asked) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicUsize::new(0)));
        let watch = Watch::start(Slow { now: Arc::clone(&now), asked: Arc::clone(&asked) });
        let askers = (0..200).map(|number| {
            let (watch, now) = (watch.clone(), Arc::clone(&now));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(number * 50)).await;
                let before = now.fetch_add(1, Ordering::SeqCst) + 1;
                let gun = Gun::raw("a").expect("a name");
                let state = watch.state(&gun).await.expect("answered").expect("there");
                assert!(state >= before, "{state} was true before {before} came");
            })
        });
        for asker in askers.collect::<Vec<_>>() {
            asker.await.expect("no panic");
        }
        assert!(
            asked.load(Ordering::SeqCst) < 100,
            "{} questions for 200",
            asked.load(Ordering::SeqCst)
        );
    }
}
