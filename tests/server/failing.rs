//! A store that does not answer.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use countersign::storage::metadata::{
    Answer, Change, Error, KeyRecord, MetadataStore, Page, StoredFile, Which,
};
use countersign::tuf::{Gun, RoleName};
use countersign::verify::submission::{Holdings, Publication};
use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;

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
