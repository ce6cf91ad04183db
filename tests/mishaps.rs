//! What goes wrong half-way leaves nothing worse behind than before.
#![cfg(feature = "registry")]

#[path = "support/shelf.rs"]
mod shelf;

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use countersign::crypto::{Algorithm, PrivateKey, Signer};
use countersign::docker::{Collection, Detail, Error, RoleChoice, SignRequest, Signing};
use countersign::image::{Descriptor, ImageDigest};
use countersign::keys::{Chain, KeyStore, MemoryKeys};
use countersign::net::{self, Remote};
use countersign::storage::{Cache, MemoryCache};
use countersign::tuf::{Dialect, Gun, KeyId, Limits, canonical_key_id};
use countersign::verify::{Anchor, FirstUse, Pin, Policy};
use futures_util::FutureExt as _;
use shelf::{Answers, Disturbed, Shelf};

#[tokio::test]
async fn founding_whose_answer_was_lost_keeps_its_keys() {
    for answers in [Answers::LoseFirst, Answers::GatewayFirst] {
        let (keys, shelf) = (MemoryKeys::new(), Shelf::new(now(), answers));
        let signing = sign(&shelf, &keys, &MemoryCache::new(), "1").await.expect("it was taken");
        assert_eq!(signing.tags.len(), 1);
        let roles: Vec<_> =
            keys.list().expect("in memory").into_iter().filter_map(|entry| entry.role).collect();
        assert!(roles.contains(&"targets".to_owned()), "{roles:?}");
        sign(&shelf, &keys, &MemoryCache::new(), "2").await.expect("the collection can be changed");
    }
}

/// The server may have taken it after all: what it was signed with must not be lost.
#[tokio::test]
async fn founding_that_is_not_there_although_it_was_taken_keeps_its_keys_and_is_not_remembered() {
    let (keys, host) = (MemoryKeys::new(), MemoryCache::new());
    let shelf = Shelf::new(now(), Answers::Always);
    let before = || Err(net::Error::NotTaken { host: "shelf".to_owned() });
    let lying = Disturbed { shelf: &shelf, before };
    let told = sign(&lying, &keys, &host, "1").await.expect_err("it is not there");
    assert!(told.to_string().contains("does not have it"), "{told}");
    let roles = keys.list().expect("in memory").into_iter().filter_map(|entry| entry.role);
    assert_eq!(roles.filter(|role| role == "targets").count(), 1);
    assert_eq!(host.memory().expect("in memory").baseline.root(), None);
    sign(&shelf, &keys, &host, "1").await.expect("signed at last");
}

#[tokio::test]
async fn first_root_that_a_pin_refuses_is_not_stored() {
    let (keys, host) = (MemoryKeys::new(), MemoryCache::new());
    let shelf = Shelf::new(now(), Answers::Always);
    sign(&shelf, &keys, &MemoryCache::new(), "1").await.expect("signed");
    let other = PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes");
    let refused = resolve(&shelf, &host, pinned(canonical_key_id(other.public()))).await;
    assert!(matches!(refused, Err(Error::Client(_))), "{refused:?}");
    assert!(host.files().is_empty(), "{:?}", host.files().keys());
    assert_eq!(host.memory().expect("in memory").baseline.root(), None);
}

#[tokio::test]
async fn first_root_that_has_expired_is_not_stored() {
    let host = MemoryCache::new();
    let shelf = Shelf::new(now(), Answers::Always);
    sign(&shelf, &MemoryKeys::new(), &MemoryCache::new(), "1").await.expect("signed");
    let later = Policy { now: "2046-01-01T00:00:00Z".parse().expect("a date"), ..policy() };
    assert!(resolve(&shelf, &host, later).await.is_err());
    assert!(host.files().is_empty(), "{:?}", host.files().keys());
}

/// Notary's servers say neither of an update under a root that was just replaced nor, on PostgreSQL,
/// of one of two at the same time that it was too late.
#[tokio::test]
async fn who_was_overtaken_signs_on_what_is_there_now() {
    let host = || "shelf".to_owned();
    let refused = || {
        let (name, message) = ("ErrBadTargets".to_owned(), String::new());
        net::Error::Refused { host: host(), name, message }
    };
    let broken = || net::Error::Unavailable { host: host(), status: 500 };
    for error in [&refused as &(dyn Fn() -> net::Error + Sync), &broken] {
        let (keys, shelf) = (MemoryKeys::new(), Shelf::new(now(), Answers::Always));
        sign(&shelf, &keys, &MemoryCache::new(), "1").await.expect("founded");
        let times = AtomicU32::new(0);
        let race = |faster: Option<&'static str>| {
            let (keys, shelf, times) = (&keys, &shelf, &times);
            let before = move || {
                if times.fetch_add(1, Relaxed) > 0 {
                    return Ok(());
                }
                if let Some(tag) = faster {
                    let signed = sign(shelf, keys, &MemoryCache::new(), tag).now_or_never();
                    signed.expect("a shelf lets nobody wait").expect("signed");
                }
                Err(error())
            };
            Disturbed { shelf, before }
        };
        sign(&race(Some("faster")), &keys, &MemoryCache::new(), "2").await.expect("made again");
        assert_eq!(times.swap(0, Relaxed), 2);
        let told = sign(&race(None), &keys, &MemoryCache::new(), "3").await;
        let told = told.expect_err("nobody was faster: it is as the place says");
        assert_eq!(told.to_string(), error().to_string());
        assert_eq!(times.into_inner(), 1);
        let cache = MemoryCache::new();
        let found = Collection::new(policy(), &cache, &shelf).inspect(None).await;
        let mut tags: Vec<_> =
            found.expect("readable").tags.into_iter().map(|tag| tag.tag).collect();
        tags.sort();
        assert_eq!(tags, ["1", "2", "faster"]);
    }
}

/// Whoever has no more time for another try is told what became of those before.
#[tokio::test]
async fn who_was_overtaken_until_the_end_is_told_so() {
    let (keys, shelf) = (MemoryKeys::new(), Shelf::new(now(), Answers::Always));
    sign(&shelf, &keys, &MemoryCache::new(), "1").await.expect("founded");
    for (times, expected) in [(3, "3 times in a row"), (0, "did not answer in time")] {
        shelf.turn_to(Answers::Behind(times));
        let told = sign(&shelf, &keys, &MemoryCache::new(), "2").await.expect_err("not taken");
        let told = format!("{told}: {:?}", std::error::Error::source(&told));
        assert!(told.contains(expected), "{told}");
    }
    shelf.turn_to(Answers::Always);
    sign(&shelf, &keys, &MemoryCache::new(), "2").await.expect("taken again");
}

async fn sign(
    shelf: &impl Remote,
    keys: &MemoryKeys,
    cache: &MemoryCache,
    tag: &str,
) -> Result<Signing, Error> {
    let image = Descriptor { digest: ImageDigest::of(b"{}"), size: 2, media_type: None };
    let request = SignRequest {
        tags: vec![(tag.parse().expect("a tag"), image)],
        roles: RoleChoice::AsDocker,
        custom: None,
        root_key: None,
        local_snapshot: true,
    };
    Collection::new(policy(), cache, shelf).sign(&request, keys, &mut Chain::new()).await
}

async fn resolve(shelf: &Shelf, cache: &MemoryCache, policy: Policy) -> Result<ImageDigest, Error> {
    let tag = "1".parse().expect("a tag");
    let found = Collection::new(policy, cache, shelf).resolve(&tag, None, Detail::Answer).await;
    found.map(|found| found.reference.digest())
}

fn policy() -> Policy {
    Policy {
        dialect: Dialect::Notary,
        gun: Gun::raw("registry.example.com/team/web").expect("a name"),
        anchor: Anchor::unpinned(FirstUse::Allow),
        now: now(),
        limits: Limits::default(),
        max_age: None,
    }
}

fn pinned(id: KeyId) -> Policy {
    Policy { anchor: Anchor::pinned(Pin::Keys(vec![id])), ..policy() }
}

fn now() -> jiff::Timestamp {
    "2026-11-22T00:00:00Z".parse().expect("a date")
}
