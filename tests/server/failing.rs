//! A store that does not answer.

use countersign::storage::metadata::{
    Answer, Change, Error, KeyRecord, MetadataStore, Page, StoredFile, Which,
};
use countersign::tuf::{Gun, RoleName};
use countersign::verify::submission::{Holdings, Publication};
use futures_util::FutureExt as _;
use jiff::Timestamp as Instant;

/// Whatever is asked, it fails.
pub(crate) struct Failing;

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

    fn check(&self) -> Answer<'_, ()> {
        failed()
    }
}
