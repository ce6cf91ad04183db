//! What ends, and who signs it again in time or too late.
#![cfg(feature = "registry")]

#[path = "support/shelf.rs"]
mod shelf;

use countersign::crypto::{PrivateKey, Signer};
use countersign::docker::staged::{StagedEdit, StagedNote, Weakened};
use countersign::docker::{
    Collection, Detail, Ending, Error, IfAbsent, Keeper, RoleChoice, SignRequest, public_key,
};
use countersign::edit::Grant;
use countersign::image::{Descriptor, ImageDigest};
use countersign::keys::{self, Chain, KeyEntry, KeyStore, MemoryKeys, PassphraseSource};
use countersign::storage::{MemoryCache, TrustDirectory};
use countersign::tuf::{Dialect, Gun, Hashes, KeyId, Limits, RoleName, Target};
use countersign::verify::{Anchor, FirstUse, Policy};
use jiff::{SignedDuration, Timestamp};
use shelf::{Answers, Shelf};

#[tokio::test]
async fn what_ends_is_told_with_who_can_prevent_it() {
    let stage = Stage::signed().await;
    let owner = stage.collection(START);
    let lifetimes = owner.lifetimes(&stage.keys).await.expect("readable");
    let told: Vec<(String, Keeper)> = lifetimes
        .iter()
        .map(|it| match &it.what {
            Ending::Role(role) => (role.to_string(), it.keeper),
            Ending::Certificate(role, _) => (format!("certificate of {role}"), it.keeper),
        })
        .collect();
    let expected = [
        ("timestamp", Keeper::Server),
        ("snapshot", Keeper::Here),
        ("targets", Keeper::Here),
        ("root", Keeper::Here),
        ("certificate of root", Keeper::Elsewhere),
    ];
    let mut expected = expected.map(|(name, keeper)| (name.to_owned(), keeper)).to_vec();
    // What was made within one second may end in either order.
    let mut told = told;
    told.sort_by(|left, right| left.0.cmp(&right.0));
    expected.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(told, expected);
    assert!(lifetimes.is_sorted_by_key(|it| it.at));
    let nobody = owner.lifetimes(&MemoryKeys::new()).await.expect("readable");
    let of = |role: RoleName| nobody.iter().find(|it| it.what == Ending::Role(role.clone()));
    assert_eq!(of(RoleName::Targets).expect("told").keeper, Keeper::Elsewhere);
    assert_eq!(of(RoleName::Snapshot).expect("told").keeper, Keeper::Server);
}

#[tokio::test]
async fn what_ends_soon_is_renewed_and_nothing_else() {
    let stage = Stage::signed().await;
    let owner = stage.collection(START);
    let half_a_year = SignedDuration::from_hours(180 * 24);
    let renewed = owner.renew(half_a_year, &stage.keys, &mut Chain::new()).await.expect("read");
    assert!(renewed.value.renewed.is_empty() && renewed.versions.is_empty());
    let four_years = SignedDuration::from_hours(4 * 365 * 24);
    let renewed = owner.renew(four_years, &stage.keys, &mut Chain::new()).await.expect("signed");
    let roles: Vec<&str> = renewed.value.renewed.iter().map(|(role, _)| role.as_str()).collect();
    assert_eq!(roles, ["snapshot", "targets"]);
    let strangers = MemoryKeys::new();
    let left = owner.renew(four_years, &strangers, &mut Chain::new()).await.expect("read");
    let left: Vec<&str> = left.value.left.iter().map(|(role, _)| role.as_str()).collect();
    assert_eq!(left, ["targets"], "a snapshot may be the server's");
}

#[tokio::test]
async fn what_expired_can_still_be_renewed_and_read_again() {
    for how in ["refresh", "witness"] {
        let stage = Stage::signed().await;
        stage.shelf.move_to(LATER.parse().expect("a time"));
        let host = stage.collection(LATER);
        let tag = "1".parse().expect("a tag");
        host.resolve(&tag, None, Detail::Answer).await.expect_err("expired");
        let strangers = MemoryKeys::new();
        let passphrases = &mut Chain::new();
        let day = SignedDuration::from_hours(24);
        let left = host.renew(day, &strangers, passphrases).await.expect("readable");
        assert!(left.versions.is_empty(), "{left:?}");
        match how {
            "refresh" => drop(host.renew(day, &stage.keys, passphrases).await.expect("signed")),
            _ => {
                let roles = [RoleName::Targets, RoleName::Snapshot];
                drop(host.witness(&roles, &stage.keys, passphrases).await.expect("signed"));
            }
        }
        let found = host.resolve(&tag, None, Detail::Answer).await.expect("readable again");
        assert_eq!(found.reference.digest(), ImageDigest::of(b"{}"));
    }
}

#[tokio::test]
async fn an_expired_delegation_is_renewed_with_its_own_key() {
    let stage = Stage::signed().await;
    let owner = stage.collection(START);
    let text = include_bytes!("../keys-example/docker/alice.pub");
    let key = public_key(Dialect::Notary, text, START.parse().expect("a time")).expect("a key");
    let grant = Grant { keys: vec![key], paths: vec![String::new()], threshold: None };
    let (role, passphrases) = (RoleName::releases(), &mut Chain::new());
    let delegated = owner.delegate(&role, &grant, IfAbsent::Refuse, &stage.keys, passphrases);
    delegated.await.expect("delegated");
    stage.shelf.move_to(LATER.parse().expect("a time"));
    let host = stage.collection(LATER);
    let day = SignedDuration::from_hours(24);
    host.renew(day, &stage.keys, passphrases).await.expect("signed");
    let absent = host.witness(std::slice::from_ref(&role), &stage.keys, passphrases).await;
    assert!(matches!(absent, Err(Error::Unpublished { .. })), "nobody signed it: {absent:?}");
}

/// As Notary's client does, but without its root key it cannot publish any more.
#[tokio::test]
async fn root_that_ends_soon_is_signed_with_the_next_publication() {
    let stage = Stage::signed().await;
    stage.shelf.move_to(NEAR.parse().expect("a time"));
    let (owner, passphrases) = (stage.collection(NEAR), &mut Chain::new());
    let day = SignedDuration::from_hours(24);
    owner.renew(day, &stage.keys, passphrases).await.expect("targets and snapshot");
    let folder = tempfile::tempdir().expect("a folder");
    let gun = Gun::raw("registry.example.com/team/web").expect("a name");
    let changes = TrustDirectory::new(folder.path()).collection(&gun).changelist();
    let stage_tag = |name: &str| {
        let target = Target { length: 2, hashes: Hashes::of(b"{}"), custom: None };
        let (role, name) = (RoleName::Targets, name.to_owned());
        let edit = StagedEdit::SetTarget { role, name, target };
        changes.add(&[edit.to_change()], NEAR.parse().expect("a time")).expect("staged");
    };

    let nothing = owner
        .publish_staged(&changes, Weakened::SignAgain, &stage.keys, passphrases)
        .await
        .expect("read");
    assert!(nothing.versions.is_empty() && nothing.value.notes.is_empty(), "{nothing:?}");

    let mut entries = stage.keys.list().expect("keys").into_iter();
    let root = entries.find(|key| key.role.as_deref() == Some("root")).expect("a root key").id;
    stage_tag("2");
    let delegate = Without { keys: &stage.keys, hidden: root };
    let without = owner
        .publish_staged(&changes, Weakened::SignAgain, &delegate, passphrases)
        .await
        .expect("signed");
    assert!(matches!(without.value.notes.as_slice(), [StagedNote::RootEnds(_)]), "{without:?}");
    assert!(!without.versions.contains_key(&RoleName::Root));

    stage_tag("3");
    let with = owner
        .publish_staged(&changes, Weakened::SignAgain, &stage.keys, passphrases)
        .await
        .expect("signed");
    assert!(matches!(with.value.notes.as_slice(), [StagedNote::RootRenewed(_)]), "{with:?}");
    assert_eq!(with.versions.get(&RoleName::Root).map(|it| it.number()), Some(2));
    stage_tag("4");
    let after = owner
        .publish_staged(&changes, Weakened::SignAgain, &stage.keys, passphrases)
        .await
        .expect("signed");
    assert!(after.value.notes.is_empty(), "{after:?}");
}

const START: &str = "2026-11-25T00:00:00Z";
/// Less than half a year before the root ends, and its certificate.
const NEAR: &str = "2036-07-25T00:00:00Z";
/// After targets and snapshot of then, and before the root.
const LATER: &str = "2030-11-25T00:00:00Z";

/// Keys without one of them.
struct Without<'k> {
    keys: &'k MemoryKeys,
    hidden: KeyId,
}

impl KeyStore for Without<'_> {
    fn list(&self) -> Result<Vec<KeyEntry>, keys::Error> {
        Ok(self.keys.list()?.into_iter().filter(|entry| entry.id != self.hidden).collect())
    }

    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, keys::Error> {
        assert_ne!(*id, self.hidden, "it is not here");
        self.keys.signer(id, passphrases)
    }

    fn store(
        &self,
        key: &PrivateKey,
        role: &str,
        gun: Option<&Gun>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<KeyId, keys::Error> {
        self.keys.store(key, role, gun, passphrases)
    }

    fn remove(&self, id: &KeyId) -> Result<(), keys::Error> {
        self.keys.remove(id)
    }
}

/// A collection whose keys, snapshot key included, are all in memory.
struct Stage {
    shelf: Shelf,
    keys: MemoryKeys,
    cache: MemoryCache,
}

impl Stage {
    async fn signed() -> Self {
        let now: Timestamp = START.parse().expect("a time");
        let (keys, cache) = (MemoryKeys::new(), MemoryCache::new());
        let stage = Self { shelf: Shelf::new(now, Answers::Always), keys, cache };
        let image = Descriptor { digest: ImageDigest::of(b"{}"), size: 2, media_type: None };
        let request = SignRequest {
            tags: vec![("1".parse().expect("a tag"), image)],
            roles: RoleChoice::AsDocker,
            custom: None,
            root_key: None,
            local_snapshot: true,
        };
        let signing = stage.collection(START).sign(&request, &stage.keys, &mut Chain::new()).await;
        signing.expect("signed");
        stage
    }

    fn collection(&self, now: &str) -> Collection<'_, MemoryCache, Shelf> {
        let policy = Policy {
            dialect: Dialect::Notary,
            gun: Gun::raw("registry.example.com/team/web").expect("a name"),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: now.parse().expect("a time"),
            limits: Limits::default(),
            max_age: None,
        };
        Collection::new(policy, &self.cache, &self.shelf)
    }
}
