//! Stores that do not answer, or not as they should.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use countersign::storage::metadata::{
    Answer, Change, Error, KeyRecord, MemoryStore, MetadataStore, Page, StoredFile, Which,
};
use countersign::tuf::{Gun, RoleName};
use countersign::verify::submission::{Holdings, Publication};
use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;
use tokio::sync::Notify;

/// Whatever is asked, it fails; for names only after a while.
#[derive(Default)]
pub(crate) struct Failing {
    asking: AtomicUsize,
    /// How many asked for names at once.
    pub(crate) most: AtomicUsize,
}

fn failed<'a, T: Send + 'a>() -> Answer<'a, T> {
    let source = "the disk is gone".into();
    std::future::ready(Err(Error::Database { action: "answer", source })).boxed()
}

impl MetadataStore for Failing {
    fn file<'a>(&'a self, _: &'a Gun, _: &'a RoleName, _: Which) -> Answer<'a, Option<StoredFile>> {
        failed()
    }

    fn holdings<'a>(&'a self, _: &'a Gun, _: &'a [RoleName]) -> Answer<'a, Holdings> {
        failed()
    }

    fn publish<'a>(&'a self, _: &'a Publication, _: &'a [KeyRecord], _: Instant) -> Answer<'a, ()> {
        failed()
    }

    fn delete<'a>(&'a self, _: &'a Gun, _: Instant) -> Answer<'a, bool> {
        failed()
    }

    fn changes<'a>(&'a self, _: Option<&'a Gun>, _: Page) -> Answer<'a, Vec<Change>> {
        failed()
    }

    fn keys<'a>(&'a self, _: &'a Gun) -> Answer<'a, Vec<KeyRecord>> {
        failed()
    }

    fn stale(&self, _: Instant, _: usize) -> Answer<'_, Vec<Gun>> {
        failed()
    }

    fn names<'a>(&'a self, _: &'a str, _: Option<&'a str>, _: usize) -> Answer<'a, Vec<Gun>> {
        async move {
            let now = self.asking.fetch_add(1, SeqCst) + 1;
            self.most.fetch_max(now, SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.asking.fetch_sub(1, SeqCst);
            failed().await
        }
        .boxed()
    }

    fn check(&self) -> Answer<'_, ()> {
        failed()
    }
}

/// What somebody may meddle with before it goes its way.
pub(crate) enum Touched<'t> {
    /// A file that is handed out.
    File(&'t RoleName, &'t mut Option<StoredFile>),
    /// What an upload is judged against.
    Holdings(&'t mut Holdings),
    /// A publication that is about to be stored.
    Publication,
}

/// A store with whose answers somebody meddles, and that may have stored long before it says so.
pub(crate) struct Meddled {
    store: MemoryStore,
    meddle: Box<Meddling>,
    pub(crate) pause: Pause,
}

/// Where a publication that is stored waits, while the pause lasts.
#[derive(Default)]
pub(crate) struct Pause {
    lasts: AtomicBool,
    /// Told when something is stored and waits.
    pub(crate) has_stored: Notify,
    may_answer: Notify,
}

impl Pause {
    pub(crate) fn begin(&self) {
        self.lasts.store(true, SeqCst);
    }

    pub(crate) fn end(&self) {
        self.lasts.store(false, SeqCst);
        self.may_answer.notify_one();
    }

    async fn pass(&self) {
        if self.lasts.load(SeqCst) {
            self.has_stored.notify_one();
            self.may_answer.notified().await;
        }
    }
}

type Meddling = dyn Fn(Touched<'_>) -> Result<(), Error> + Send + Sync;

impl Meddled {
    pub(crate) fn by(
        meddle: impl Fn(Touched<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        Self { store: MemoryStore::new(), meddle: Box::new(meddle), pause: Pause::default() }
    }
}

impl MetadataStore for Meddled {
    fn file<'a>(
        &'a self,
        gun: &'a Gun,
        role: &'a RoleName,
        which: Which,
    ) -> Answer<'a, Option<StoredFile>> {
        async move {
            let mut file = self.store.file(gun, role, which).await?;
            (self.meddle)(Touched::File(role, &mut file)).map(|()| file)
        }
        .boxed()
    }

    fn holdings<'a>(&'a self, gun: &'a Gun, roles: &'a [RoleName]) -> Answer<'a, Holdings> {
        async move {
            let mut held = self.store.holdings(gun, roles).await?;
            (self.meddle)(Touched::Holdings(&mut held)).map(|()| held)
        }
        .boxed()
    }

    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
        keys: &'a [KeyRecord],
        at: Instant,
    ) -> Answer<'a, ()> {
        async move {
            (self.meddle)(Touched::Publication)?;
            let outcome = self.store.publish(publication, keys, at).await;
            self.pause.pass().await;
            outcome
        }
        .boxed()
    }

    fn delete<'a>(&'a self, gun: &'a Gun, at: Instant) -> Answer<'a, bool> {
        self.store.delete(gun, at)
    }

    fn changes<'a>(&'a self, gun: Option<&'a Gun>, page: Page) -> Answer<'a, Vec<Change>> {
        self.store.changes(gun, page)
    }

    fn keys<'a>(&'a self, gun: &'a Gun) -> Answer<'a, Vec<KeyRecord>> {
        self.store.keys(gun)
    }

    fn stale(&self, before: Instant, limit: usize) -> Answer<'_, Vec<Gun>> {
        self.store.stale(before, limit)
    }

    fn check(&self) -> Answer<'_, ()> {
        self.store.check()
    }
}
