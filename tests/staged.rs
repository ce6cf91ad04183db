//! Changes that are staged now and published later, whatever happens in between.
#![cfg(feature = "registry")]

#[path = "support/shelf.rs"]
mod shelf;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use countersign::crypto::{Algorithm, PrivateKey, Signer};
use countersign::docker::staged::{
    Preparation, Prepared, StagedEdit, StagedNote, StagedReport, Weakened,
};
use countersign::docker::{Amended, Collection, Error, Legacy, NewKeys, RotateRequest};
use countersign::edit::WithdrawnPaths;
use countersign::keys::{self, Chain, KeyEntry, KeyStore, MemoryKeys, PassphraseSource};
use countersign::net::{Remote, RemoteFile};
use countersign::storage::{Cache, Changelist, CollectionDirectory, TrustDirectory};
use countersign::tuf::{
    Dialect, Gun, Hashes, KeyId, Limits, RoleName, Target, Threshold, canonical_key_id,
};
use countersign::verify::{Anchor, FirstUse, Policy};
use shelf::{Answers, Disturbed, Shelf};

/// Threat L-14: the server took it, and nobody here knows.
#[tokio::test]
async fn publish_reply_lost() {
    for (tag, answers) in [("1", Answers::LoseFirst), ("2", Answers::Always)] {
        let (user, shelf) = (User::new(), Shelf::new(now(), answers));
        user.stage(&[target(tag)]);
        let files = user.change_files();
        user.publish(&shelf).await.expect("it was taken");
        assert!(user.is_clean());
        // As after a crash: the list was not cleared.
        user.put_back(&files);
        let again = user.publish(&shelf).await.expect("it is true already");
        assert!(again.versions.is_empty(), "signed again: {:?}", again.versions);
        assert!(user.is_clean());
    }
}

#[tokio::test]
async fn file_that_is_no_change_is_named_and_nothing_is_published_past_it() {
    let (user, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
    user.stage(&[target("1")]);
    let half = user.changelist().path().join("0.change");
    std::fs::write(&half, "{\"action\":\"crea").expect("written");
    let error = user.publish(&shelf).await.expect_err("no change");
    let Error::StagedChange { number: 0, source } = error else { panic!("{error}") };
    assert!(source.to_string().contains("0.change"), "{source}");
    let staged = user.changelist().list().expect("readable");
    assert_eq!(staged.len(), 2, "nothing is lost");
    user.changelist().remove(staged.first()).expect("removed");
    user.publish(&shelf).await.expect("published");
    assert!(user.is_clean());
}

#[tokio::test]
async fn what_is_staged_while_something_is_published_stays_staged() {
    let user = User::new();
    let (shelf, changes) = (Shelf::new(now(), Answers::Always), user.changelist());
    let shelf = Disturbed {
        shelf: &shelf,
        before: || {
            changes.add(&[target("meanwhile").to_change()], now()).expect("staged");
            Ok(())
        },
    };
    user.stage(&[target("1")]);
    user.publish(&shelf).await.expect("published");
    let staged = user.changelist().list().expect("readable");
    let paths: Vec<&str> =
        staged.iter().filter_map(|it| Some(&*it.change.as_ref().ok()?.path)).collect();
    assert_eq!(paths, ["meanwhile"]);
}

#[tokio::test]
async fn a_failed_publication_leaves_everything_staged_and_no_keys_behind() {
    let user = User::new();
    let shelf = Shelf::new(now(), Answers::Always);
    let nobody: RoleName = "targets/nobody".parse().expect("a role");
    let in_nobody = StagedEdit::RemoveTarget { role: nobody, name: "1".into() };
    user.stage(&[target("1"), in_nobody]);
    user.publish(&shelf).await.expect_err("there is no such role");
    assert_eq!(user.changelist().list().expect("readable").len(), 2);
    assert_eq!(user.roles_of_keys(), ["root"], "a root key serves other collections, too");
}

/// Of keys that are made together none stays if one cannot be kept.
#[tokio::test]
async fn a_key_that_cannot_be_kept_leaves_none_of_the_others_behind() {
    let (user, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
    let cache = user.cache();
    let collection = Collection::new(policy(), &cache, &shelf);
    let choosy = WithoutSnapshot(&user.keys);
    user.stage(&[target("1")]);
    let refused = collection
        .publish_staged(&user.changelist(), Weakened::SignAgain, &choosy, &mut Chain::new())
        .await;
    refused.expect_err("no key of snapshot");
    assert_eq!(user.roles_of_keys(), ["root"], "a root key serves other collections, too");
    user.publish(&shelf).await.expect("founded");
    let before = user.keys.list().expect("in memory");
    let request = RotateRequest {
        roles: vec![RoleName::Targets, RoleName::Snapshot],
        keys: NewKeys::Made,
        threshold: None,
        legacy: Legacy::No,
        needed: BTreeSet::new(),
    };
    let refused = collection.rotate(&request, &choosy, &mut Chain::new()).await;
    refused.expect_err("no key of snapshot");
    assert_eq!(user.keys.list().expect("in memory"), before);
}

#[tokio::test]
async fn publishers_of_one_collection_lose_nothing() {
    let (one, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
    one.stage(&[target("0")]);
    one.publish(&shelf).await.expect("founded");
    let other = User { keys: Arc::clone(&one.keys), ..User::new() };
    one.stage(&[target("1")]);
    other.stage(&[target("2")]);
    let (first, second) = tokio::join!(one.publish(&shelf), other.publish(&shelf));
    first.and(second).expect("both are published");
    let names = one.names(&shelf).await;
    assert_eq!(names, ["0", "1", "2"]);
}

#[tokio::test]
async fn a_prepared_collection_is_taken_up_as_it_is() {
    let (user, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
    let Prepared::Made(root) = user.prepare(&shelf).await else { panic!("nothing was there") };
    let prepared = user.cache().read(&RoleName::Root, 1 << 20).expect("readable").expect("a root");
    let keys = user.keys.list().expect("in memory");
    assert!(keys.iter().any(|entry| entry.id == root));
    assert_eq!(user.prepare(&shelf).await, Prepared::Before);
    user.stage(&[target("1")]);
    let published = user.publish(&shelf).await.expect("published");
    assert_eq!(published.founded, None, "it was founded before");
    let current = RemoteFile::Current(RoleName::Root);
    let root = shelf.fetch(&current, 1 << 20).await.expect("there").expect("a root");
    assert_eq!(root, prepared);
    assert_eq!(user.prepare(&shelf).await, Prepared::Published);
    assert_eq!(user.keys.list().expect("in memory"), keys, "no key was made in vain");
    let stranger = User::new();
    assert_eq!(stranger.prepare(&shelf).await, Prepared::Published);
    assert!(stranger.keys.list().expect("in memory").is_empty());
}

#[tokio::test]
async fn delegations_are_changed_once_however_often_it_is_published() {
    let (user, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
    let alice = PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes");
    let role: RoleName = "targets/alice".parse().expect("a role");
    let id = canonical_key_id(alice.public());
    let delegate = [
        StagedEdit::Delegate {
            role: role.clone(),
            threshold: Some(Threshold::ONE),
            keys: vec![Dialect::Notary.key(alice.public())],
            paths: Vec::new(),
        },
        StagedEdit::Delegate {
            role: role.clone(),
            threshold: None,
            keys: Vec::new(),
            paths: vec!["a/".into()],
        },
    ];
    let purge = [StagedEdit::Purge { below: RoleName::Targets, keys: vec![id] }];
    let remove = [StagedEdit::RemoveDelegation { role: role.clone() }];
    let starved = vec![StagedNote::Starved(role.clone())];
    for (edits, notes) in [(&delegate[..], vec![]), (&purge[..], starved), (&remove[..], vec![])] {
        user.stage(edits);
        let first = user.publish(&shelf).await.expect("published");
        assert!(first.versions.contains_key(&RoleName::Targets), "{edits:?}");
        assert_eq!(first.value.notes, notes);
        user.stage(edits);
        let again = user.publish(&shelf).await.expect("it is true already");
        assert!(again.versions.is_empty(), "{edits:?}: {:?}", again.versions);
    }
}

#[tokio::test]
async fn keys_in_roles_of_others_are_left_and_named() {
    let (user, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
    let [alice, bob] =
        [(); 2].map(|()| PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));
    let (parent, child): (RoleName, RoleName) =
        ("targets/a".parse().expect("a role"), "targets/a/b".parse().expect("a role"));
    let delegate = |role: &RoleName, key: &PrivateKey| StagedEdit::Delegate {
        role: role.clone(),
        threshold: Some(Threshold::ONE),
        keys: vec![Dialect::Notary.key(key.public())],
        paths: vec![String::new()],
    };
    let alices = user.keys.insert(&alice, "targets/a", None);
    user.stage(&[delegate(&parent, &alice), delegate(&child, &bob)]);
    user.publish(&shelf).await.expect("alice's key is here");
    user.keys.remove(&alices).expect("it was");
    let bobs: KeyId = canonical_key_id(bob.public());
    user.stage(&[StagedEdit::Purge { below: RoleName::Targets, keys: vec![bobs] }]);
    let purged = user.publish(&shelf).await.expect("there is nothing to sign");
    assert_eq!(purged.value.notes, [StagedNote::NotPurged(parent)]);
}

/// A role that one key alone had signed is signed again when that key is taken from it, or is named
/// if no other key of it is here or nobody wants it.
#[tokio::test]
async fn roles_that_lose_who_signed_them_are_signed_again_or_named() {
    let releases = RoleName::releases();
    for (bob_is_here, weakened) in
        [(true, Weakened::SignAgain), (true, Weakened::Leave), (false, Weakened::SignAgain)]
    {
        let signed_again = bob_is_here && weakened == Weakened::SignAgain;
        let (user, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
        let [alice, bob] =
            [(); 2].map(|()| PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));
        let delegate = StagedEdit::Delegate {
            role: releases.clone(),
            threshold: Some(Threshold::ONE),
            keys: [&alice, &bob].map(|key| Dialect::Notary.key(key.public())).to_vec(),
            paths: vec![String::new()],
        };
        let StagedEdit::SetTarget { name, target, .. } = target("1") else { panic!("a target") };
        let release = StagedEdit::SetTarget { role: releases.clone(), name, target };
        let alices = user.keys.insert(&alice, "targets/releases", None);
        user.stage(&[delegate, release]);
        user.publish(&shelf).await.expect("signed by alice alone");
        if bob_is_here {
            user.keys.insert(&bob, "targets/releases", None);
        }
        let paths = WithdrawnPaths::default();
        let narrow = StagedEdit::Narrow { role: releases.clone(), keys: vec![alices], paths };
        user.stage(&[narrow]);
        let narrowed = user.publish_with(&shelf, weakened).await.expect("published");
        let note = match signed_again {
            true => StagedNote::SignedAgain(releases.clone()),
            false => StagedNote::Weakened(releases.clone()),
        };
        assert_eq!(narrowed.value.notes, [note]);
        let cache = user.cache();
        let readable = Collection::new(policy(), &cache, &shelf).inspect(None).await;
        assert_eq!(readable.expect("a collection").collection.unusable.is_empty(), signed_again);
    }
}

/// Keys that are staged one by one are enough only together.
#[tokio::test]
async fn a_role_without_keys_gets_them_one_by_one() {
    let (user, shelf) = (User::new(), Shelf::new(now(), Answers::Always));
    let role: RoleName = "targets/alice".parse().expect("a role");
    let keys = [(); 4].map(|()| PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));
    let delegate = |keys: &[PrivateKey], paths: &[&str]| StagedEdit::Delegate {
        role: role.clone(),
        threshold: Threshold::new(2),
        keys: keys.iter().map(|key| Dialect::Notary.key(key.public())).collect(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    };
    let lost = keys[..2].iter().map(|key| canonical_key_id(key.public())).collect();
    let purge = StagedEdit::Purge { below: RoleName::Targets, keys: lost };
    user.stage(&[delegate(&keys[..2], &["a/"]), purge]);
    let starved = [StagedNote::Starved(role.clone())];
    assert_eq!(user.publish(&shelf).await.expect("published").value.notes, starved);
    user.stage(&[delegate(&[], &["b/"])]);
    assert_eq!(user.publish(&shelf).await.expect("published").value.notes, starved);
    user.stage(&[delegate(&keys[2..3], &[]), delegate(&keys[3..], &[])]);
    assert_eq!(user.publish(&shelf).await.expect("published").value.notes, []);
    let alone: RoleName = "targets/bob".parse().expect("a role");
    let StagedEdit::Delegate { threshold, keys, paths, .. } = delegate(&keys[..1], &[""]) else {
        panic!("a delegation")
    };
    user.stage(&[StagedEdit::Delegate { role: alone, threshold, keys, paths }]);
    user.publish(&shelf).await.expect_err("a new role must have enough");
}

/// Somebody with a trust directory and keys.
struct User {
    home: tempfile::TempDir,
    keys: Arc<MemoryKeys>,
}

impl User {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a directory"), keys: Arc::new(MemoryKeys::new()) }
    }

    fn cache(&self) -> CollectionDirectory {
        TrustDirectory::new(self.home.path()).collection(&gun())
    }

    fn changelist(&self) -> Changelist {
        self.cache().changelist()
    }

    fn stage(&self, edits: &[StagedEdit]) {
        let changes: Vec<_> = edits.iter().map(StagedEdit::to_change).collect();
        self.changelist().add(&changes, now()).expect("staged");
    }

    fn roles_of_keys(&self) -> Vec<String> {
        let keys = self.keys.list().expect("in memory");
        keys.into_iter().filter_map(|entry| entry.role).collect()
    }

    fn is_clean(&self) -> bool {
        self.changelist().list().expect("readable").is_empty()
    }

    async fn publish(&self, remote: &impl Remote) -> Result<Amended<StagedReport>, Error> {
        self.publish_with(remote, Weakened::SignAgain).await
    }

    async fn publish_with(
        &self,
        remote: &impl Remote,
        weakened: Weakened,
    ) -> Result<Amended<StagedReport>, Error> {
        let cache = self.cache();
        let collection = Collection::new(policy(), &cache, remote);
        let (changes, keys) = (self.changelist(), &*self.keys);
        collection.publish_staged(&changes, weakened, keys, &mut Chain::new()).await
    }

    async fn prepare(&self, remote: &impl Remote) -> Prepared {
        let cache = self.cache();
        let collection = Collection::new(policy(), &cache, remote);
        let preparation = Preparation::default();
        let prepared = collection.prepare(&preparation, &*self.keys, &mut Chain::new()).await;
        prepared.expect("prepared or there")
    }

    async fn names(&self, remote: &impl Remote) -> Vec<String> {
        let cache = self.cache();
        let found = Collection::new(policy(), &cache, remote).inspect(None).await;
        let mut names: Vec<_> =
            found.expect("readable").tags.into_iter().map(|tag| tag.tag).collect();
        names.sort();
        names
    }

    fn change_files(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let read = |path: &Path| std::fs::read(path).expect("a file");
        let entries = std::fs::read_dir(self.changelist().path()).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.map(|path| (path.clone(), read(&path))).collect()
    }

    fn put_back(&self, files: &[(std::path::PathBuf, Vec<u8>)]) {
        files.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).expect("written"));
    }
}

/// Keys of somebody who has no passphrase for those of snapshot.
struct WithoutSnapshot<'k>(&'k MemoryKeys);

impl KeyStore for WithoutSnapshot<'_> {
    fn list(&self) -> Result<Vec<KeyEntry>, keys::Error> {
        self.0.list()
    }

    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, keys::Error> {
        self.0.signer(id, passphrases)
    }

    fn store(
        &self,
        key: &PrivateKey,
        role: &str,
        gun: Option<&Gun>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<KeyId, keys::Error> {
        match role {
            "snapshot" => Err(keys::Error::NoPassphrase { role: role.to_owned(), id: None }),
            _ => self.0.store(key, role, gun, passphrases),
        }
    }

    fn remove(&self, id: &KeyId) -> Result<(), keys::Error> {
        self.0.remove(id)
    }
}

fn target(name: &str) -> StagedEdit {
    let target = Target { length: 2, hashes: Hashes::of(b"{}"), custom: None };
    StagedEdit::SetTarget { role: RoleName::Targets, name: name.to_owned(), target }
}

fn gun() -> Gun {
    Gun::raw("registry.example.com/team/web").expect("a name")
}

fn now() -> jiff::Timestamp {
    "2026-11-22T00:00:00Z".parse().expect("a date")
}

fn policy() -> Policy {
    Policy {
        dialect: Dialect::Notary,
        gun: gun(),
        anchor: Anchor::unpinned(FirstUse::Allow),
        now: now(),
        limits: Limits::default(),
        max_age: None,
    }
}
