//! What the changes of a draft mean to a verifier: each draft is signed, published beside a new
//! timestamp, and read again from the root down.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::*;
use crate::crypto::{Algorithm, PrivateKey, Signer};
use crate::tuf::{
    Dialect, FileMeta, Gun, Hashes, Key, KeyId, Limits, MAX_EXACT_INTEGER, Target, Threshold,
    Timestamp, Unknown, Version, canonical_key_id,
};
use crate::verify::{
    self, Anchor, Baseline, FirstUse, Policy, TrustedRoot, TrustedTargets, Wanted,
};

mod bins;
mod proposals;
mod serverless;

const DIALECT: Dialect = Dialect::Notary;

/// A collection whose every key is at hand, and its published files.
struct Shelf {
    keys: BTreeMap<&'static str, PrivateKey>,
    files: BTreeMap<RoleName, Vec<u8>>,
    roots: Vec<Vec<u8>>,
    timestamps: u64,
    timestamp_key: &'static str,
    now: Instant,
}

impl Shelf {
    fn founded() -> Self {
        let names = ["root", "targets", "snapshot", "timestamp", "alice", "bob"];
        let key = |name| (name, PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));
        let mut shelf = Self {
            keys: names.into_iter().map(key).collect(),
            files: BTreeMap::new(),
            roots: Vec::new(),
            timestamps: 0,
            timestamp_key: "timestamp",
            now: "2026-11-25T00:00:00Z".parse().expect("a time"),
        };
        let gun = gun();
        let founding = Founding {
            certificate: None,
            gun: &gun,
            root: &shelf.keys["root"],
            targets: &shelf.keys["targets"],
            snapshot: SnapshotKey::Local(&shelf.keys["snapshot"]),
            timestamp: shelf.key("timestamp"),
            now: shelf.now,
        };
        let draft = founding.draft(DIALECT).expect("a draft");
        shelf.publish(draft, &["targets", "snapshot"]).expect("signed");
        shelf
    }

    fn key(&self, name: &str) -> Key {
        DIALECT.key(self.keys[name].public())
    }

    fn add_key(&mut self, name: &'static str) -> Key {
        self.keys.insert(name, PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));
        self.key(name)
    }

    fn certified(&self, name: &str) -> Key {
        root_key(DIALECT, &gun(), &self.keys[name], self.now).expect("a certificate")
    }

    /// Signs with these keys and no others.
    fn publish(&mut self, draft: Draft, with: &[&str]) -> Result<Vec<RoleName>, Error> {
        let signers: Signers<'_> =
            with.iter().filter_map(|name| Some(self.keys.get(name)? as &dyn Signer)).collect();
        let update = draft.sign(self.now, &signers)?;
        for (role, bytes) in update.files() {
            self.files.insert(role.clone(), bytes.clone());
            if *role == RoleName::Root {
                self.roots.push(bytes.clone());
            }
        }
        self.timestamps += 1;
        let content = Timestamp {
            version: Version::new(self.timestamps).expect("a version"),
            expires: expiry(&RoleName::Timestamp, self.now),
            snapshot: FileMeta::of(&self.files[&RoleName::Snapshot]),
            unknown: Unknown::default(),
        };
        let message = DIALECT.timestamp_message(&content);
        let key = &self.keys[self.timestamp_key];
        let signature = key.sign(message.as_bytes()).expect("signed");
        let sealed = DIALECT.seal(&message, &[(DIALECT.key(key.public()).id(), signature)]);
        self.files.insert(RoleName::Timestamp, sealed);
        Ok(update.files().iter().map(|(role, _)| role.clone()).collect())
    }

    /// The top level, for who knows the root of that index; delegated roles as far as they verify.
    fn read_from(&self, root: usize) -> Result<TrustedTargets, verify::Error> {
        let seen = Baseline::default();
        let policy = Policy {
            dialect: DIALECT,
            gun: gun(),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: self.now,
            limits: Limits::default(),
            max_age: None,
        };
        let mut trusted = TrustedRoot::establish(Arc::new(policy), &self.roots[root])?;
        for next in &self.roots[root + 1..] {
            trusted = trusted.advance(next)?;
        }
        let timestamp =
            trusted.current(&seen)?.timestamp(&self.files[&RoleName::Timestamp], &seen)?;
        let snapshot = timestamp.snapshot(&self.files[&RoleName::Snapshot], &seen)?;
        let targets = &self.files[&RoleName::Targets];
        snapshot.targets(targets, &seen, Wanted::Everything)
    }

    fn read(&self) -> TrustedTargets {
        let mut targets = self.read_from(0).expect("trusted");
        for (role, bytes) in &self.files {
            let everything = Wanted::Everything;
            let _ = targets.delegation(role, bytes, &Baseline::default(), everything);
        }
        targets
    }

    fn draft(&self) -> Draft {
        Draft::of(self.read())
    }

    /// Gives alice, or others, `targets/alice` and has it signed.
    fn delegate(&mut self, role: &str, keys: &[&str], paths: &[&str]) {
        let mut draft = self.draft();
        let keys = keys.iter().map(|name| self.key(name)).collect();
        let grant = Grant { keys, paths: texts(paths), threshold: None };
        assert_eq!(draft.grant(&name(role), &grant).expect("granted"), Edited::Created);
        self.publish(draft, &["targets", "snapshot", "alice", "bob"]).expect("signed");
    }

    fn tag(&mut self, role: &str, tag: &str, with: &[&str]) -> Result<Vec<RoleName>, Error> {
        let mut draft = self.draft();
        draft.set_target(&name(role), tag, target())?;
        self.publish(draft, with)
    }
}

fn gun() -> Gun {
    Gun::raw("registry.example.com/team/web").expect("a name")
}

fn name(role: &str) -> RoleName {
    role.parse().expect("a role")
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn target() -> Target {
    Target { length: 3, hashes: Hashes::of(b"one"), custom: None }
}

fn keys_withdrawn(ids: Vec<KeyId>) -> Withdrawal {
    Withdrawal { keys: ids, ..Withdrawal::default() }
}

#[test]
fn a_signer_of_a_new_delegation_may_sign_what_its_paths_allow() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/alice", &["alice"], &["v"]);
    shelf.tag("targets/alice", "v1", &["alice", "snapshot"]).expect("signed");
    assert!(shelf.read().role(&name("targets/alice")).expect("loaded").target("v1").is_some());
    let refused = shelf.tag("targets/alice", "w1", &["alice", "snapshot"]);
    assert!(matches!(refused, Err(Error::Scope { .. })), "{refused:?}");
    let refused = shelf.tag("targets/alice", "v2", &["bob", "snapshot"]);
    assert!(matches!(refused, Err(Error::Keys { .. })), "{refused:?}");
}

#[test]
fn granting_again_adds_and_says_whether_it_did() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/alice", &["alice"], &["v"]);
    let mut draft = shelf.draft();
    let role = name("targets/alice");
    let same = Grant { keys: vec![shelf.key("alice")], paths: texts(&["v"]), threshold: None };
    assert_eq!(draft.grant(&role, &same).expect("granted"), Edited::Unchanged);
    assert_eq!(draft.touched().count(), 0);
    let two = Threshold::new(2);
    let more = Grant { keys: vec![shelf.key("bob")], paths: texts(&["w"]), threshold: two };
    assert_eq!(draft.grant(&role, &more).expect("granted"), Edited::Changed);
    let (_, delegation) = draft.delegation(&role).expect("delegated");
    assert_eq!(delegation.paths.prefixes(), ["v", "w"]);
    assert_eq!(delegation.role.keyids(), [shelf.key("alice").id(), shelf.key("bob").id()]);
    assert_eq!(Some(delegation.role.threshold()), two);
}

#[test]
fn a_length_that_no_reader_takes_is_refused() {
    let mut draft = Shelf::founded().draft();
    let largest = Target { length: MAX_EXACT_INTEGER, ..target() };
    let above = Target { length: MAX_EXACT_INTEGER + 1, ..target() };
    draft.set_target(&RoleName::Targets, "1", largest).expect("readers take it");
    let refused = draft.set_target(&RoleName::Targets, "1", above);
    assert!(matches!(refused, Err(Error::Length { .. })), "{refused:?}");
}

#[test]
fn a_delegation_that_nobody_could_use_is_refused_and_changes_nothing() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/alice", &["alice"], &["v"]);
    let mut draft = shelf.draft();
    let alice = shelf.key("alice");
    let grant = |keys: &[&Key], paths: &[&str], threshold| Grant {
        keys: keys.iter().map(|key| (*key).clone()).collect(),
        paths: texts(paths),
        threshold: Threshold::new(threshold),
    };
    for (role, given, expected) in [
        ("targets/bob", grant(&[], &[""], 1), "starved"),
        ("targets/bob", grant(&[&alice, &alice], &[""], 2), "starved"),
        ("targets/alice/ci", grant(&[&alice], &["w"], 1), "paths"),
        ("targets/alice/ci", grant(&[&alice], &[""], 1), "paths"),
        ("targets/alice", grant(&[], &["v\t1"], 1), "path"),
        ("targets/bob", grant(&[&alice], &["v", "\u{1b}[1m"], 1), "path"),
        ("targets/bob/ci", grant(&[&alice], &["v"], 1), "role"),
    ] {
        let refused = match draft.grant(&name(role), &given) {
            Err(Error::Starved { .. }) => "starved",
            Err(Error::Paths { .. }) => "paths",
            Err(Error::Path { .. }) => "path",
            Err(Error::Role { .. }) => "role",
            other => panic!("{role}: {other:?}"),
        };
        assert_eq!(refused, expected, "{role}");
    }
    assert_eq!(draft.touched().count(), 0);
}

#[test]
fn a_key_is_withdrawn_by_either_of_its_ids_and_listed_no_more() {
    let mut shelf = Shelf::founded();
    let (role, certified) = (name("targets/alice"), shelf.certified("alice"));
    let canonical = canonical_key_id(certified.public().expect("usable"));
    for id in [certified.id(), canonical] {
        let mut draft = shelf.draft();
        let keys = vec![certified.clone(), shelf.key("bob")];
        draft.grant(&role, &Grant { keys, ..Grant::default() }).expect("granted");
        assert_eq!(draft.delegations_with(&id), vec![role.clone()]);
        let edited = draft.withdraw(&role, &keys_withdrawn(vec![id])).expect("withdrawn");
        assert_eq!(edited, Edited::Changed);
        assert!(draft.delegations_with(&id).is_empty());
        let delegations = &draft.targets(&RoleName::Targets).expect("loaded").delegations;
        assert_eq!(delegations.keys.len(), 1, "only bob's is still listed");
        assert!(draft.starved().is_empty());
        draft.withdraw(&role, &keys_withdrawn(vec![shelf.key("bob").id()])).expect("withdrawn");
        assert_eq!(draft.starved(), [(role.clone(), 0, Threshold::ONE)]);
        shelf.publish(draft, &["targets", "snapshot"]).expect("Notary writes that, too");
        assert!(shelf.read().delegation_to(&role).is_some());
        let mut draft = shelf.draft();
        draft.remove_delegation(&role).expect("removed");
        shelf.publish(draft, &["targets", "snapshot"]).expect("signed");
    }
}

#[test]
fn paths_are_withdrawn_one_by_one_or_all() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/alice", &["alice"], &["a", "b", "c"]);
    let (mut draft, role) = (shelf.draft(), name("targets/alice"));
    let paths = WithdrawnPaths::These(texts(&["b", "x"]));
    draft.withdraw(&role, &Withdrawal { paths, ..Withdrawal::default() }).expect("withdrawn");
    assert_eq!(draft.delegation(&role).expect("there").1.paths.prefixes(), ["a", "c"]);
    let all = Withdrawal { paths: WithdrawnPaths::All, ..Withdrawal::default() };
    assert_eq!(draft.withdraw(&role, &all).expect("withdrawn"), Edited::Changed);
    assert_eq!(draft.withdraw(&role, &all).expect("nothing left"), Edited::Unchanged);
    assert!(!draft.may_sign(&role, "a"));
}

#[test]
fn a_removed_delegation_takes_what_it_delegates_to_with_it() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/alice", &["alice"], &[""]);
    shelf.tag("targets/alice", "v1", &["alice", "snapshot"]).expect("signed");
    shelf.delegate("targets/alice/ci", &["bob"], &["ci-"]);
    shelf.tag("targets/alice/ci", "ci-1", &["bob", "snapshot"]).expect("signed");
    shelf.delegate("targets/alicent", &["bob"], &[""]);
    shelf.tag("targets/alicent", "v1", &["bob", "snapshot"]).expect("signed");
    let mut draft = shelf.draft();
    let gone = draft.remove_delegation(&name("targets/alice")).expect("removed");
    assert_eq!(gone, [name("targets/alice"), name("targets/alice/ci")]);
    shelf.publish(draft, &["targets", "snapshot"]).expect("signed");
    let trusted = shelf.read();
    let listed: Vec<&str> =
        trusted.snapshot().content().meta.keys().map(RoleName::as_str).collect();
    assert_eq!(listed, ["root", "targets", "targets/alicent"]);
    assert!(trusted.role(&name("targets/alice/ci")).is_none());
}

#[test]
fn a_delegation_removed_and_made_again_goes_on_with_its_versions() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/alice", &["alice"], &[""]);
    shelf.tag("targets/alice", "v1", &["alice", "snapshot"]).expect("signed");
    let (mut draft, role) = (shelf.draft(), name("targets/alice"));
    draft.remove_delegation(&role).expect("removed");
    let grant = Grant { keys: vec![shelf.key("bob")], paths: texts(&[""]), threshold: None };
    draft.grant(&role, &grant).expect("granted");
    draft.set_target(&role, "v2", target()).expect("set");
    shelf.publish(draft, &["targets", "snapshot", "bob"]).expect("signed");
    let trusted = shelf.read();
    let loaded = trusted.role(&role).expect("loaded");
    assert_eq!(loaded.content().version.number(), 2);
    assert!(loaded.target("v1").is_none() && loaded.target("v2").is_some());
}

#[test]
fn a_role_that_lost_its_signer_is_known_to_be_weakened_and_can_be_signed_again() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/releases", &["alice", "bob"], &[""]);
    shelf.tag("targets/releases", "v1", &["alice", "snapshot"]).expect("signed");
    let (mut draft, role) = (shelf.draft(), RoleName::releases());
    assert!(draft.weakened().is_empty());
    draft.withdraw(&role, &keys_withdrawn(vec![shelf.key("alice").id()])).expect("withdrawn");
    assert_eq!(draft.weakened(), vec![role.clone()]);
    let mut mended = draft.clone();
    mended.renew(&role).expect("loaded");
    assert!(mended.weakened().is_empty());

    shelf.publish(draft, &["targets", "snapshot"]).expect("signed");
    let trusted = shelf.read();
    assert!(trusted.role(&role).is_none(), "what alice signed does not count");
    let bytes = &shelf.files[&role];
    let suspended = trusted.suspended(&role, bytes).expect("it is the listed file");
    assert!(trusted.suspended(&role, &b"{}"[..]).is_none());
    let (before, mut draft) = (suspended.version(), Draft::of(trusted));
    let mut anew = draft.clone();
    draft.take_over(&role, suspended.clone()).expect("delegated");
    shelf.publish(draft, &["bob", "snapshot"]).expect("signed by bob");
    let loaded = shelf.read().role(&role).expect("it counts again").clone();
    assert!(loaded.target("v1").is_some());
    assert!(loaded.content().version > before);
    assert_eq!(loaded.signers(), [shelf.key("bob").id()]);
    anew.start_over(&role, suspended).expect("delegated");
    assert!(anew.targets(&role).expect("begun").targets.is_empty());
}

#[test]
fn each_online_and_offline_key_can_be_replaced() {
    let mut shelf = Shelf::founded();
    for (role, new, with) in [
        ("targets", "targets 2", ["root", "targets 2", "snapshot"]),
        ("snapshot", "snapshot 2", ["root", "targets 2", "snapshot 2"]),
        ("timestamp", "timestamp 2", ["root", "targets 2", "snapshot 2"]),
    ] {
        let (mut draft, key) = (shelf.draft(), shelf.add_key(new));
        let replaced = draft.rotate(&name(role), vec![key.clone()], Threshold::ONE);
        assert_eq!(replaced.expect("rotated"), [shelf.key(role)], "{role}");
        if role == "timestamp" {
            shelf.timestamp_key = "timestamp 2";
        }
        let unsigned = shelf.publish(draft.clone(), &["targets 2", "snapshot", "snapshot 2"]);
        assert!(matches!(unsigned, Err(Error::Keys { .. })), "{role}: {unsigned:?}");
        shelf.publish(draft, &with).expect(role);
        let trusted = shelf.read();
        let root = trusted.root().content();
        assert_eq!(root.role(&name(role)).expect("top level").keyids(), [key.id()]);
        assert_eq!(root.keys.len(), 4, "{role}: its old key is listed no more");
    }
}

#[test]
fn a_root_is_replaced_by_its_own_word_and_its_predecessors() {
    let mut shelf = Shelf::founded();
    shelf.add_key("root 2");
    let old = shelf.read().root().content().root.keyids().to_vec();
    let rotated = |shelf: &Shelf| {
        let (mut draft, key) = (shelf.draft(), shelf.certified("root 2"));
        draft.rotate(&RoleName::Root, vec![key], Threshold::ONE).expect("rotated");
        draft
    };
    for one_of_two in ["root", "root 2"] {
        let refused = shelf.publish(rotated(&shelf), &[one_of_two, "snapshot"]);
        assert!(matches!(refused, Err(Error::Keys { .. })), "{refused:?}");
    }
    let draft = rotated(&shelf);
    assert_eq!(draft.signing_keys(&RoleName::Root).expect("root").len(), 2);
    let files = shelf.publish(draft, &["root", "root 2", "snapshot"]).expect("signed");
    assert_eq!(files, [RoleName::Root, RoleName::Snapshot]);
    let trusted = shelf.read();
    assert!(trusted.root().content().keys.contains_key(&old[0]), "retired, and still listed");
    let bare = shelf.key("root 2");
    let refused = shelf.draft().rotate(&RoleName::Root, vec![bare], Threshold::ONE);
    assert!(matches!(refused, Err(Error::UnusableKey { .. })), "no certificate: {refused:?}");

    // The next root needs only the new key, and the old one's signature counts no more.
    let mut draft = shelf.draft();
    draft.renew(&RoleName::Root).expect("root");
    shelf.publish(draft.clone(), &["root 2", "snapshot"]).expect("signed");
    let refused = shelf.publish(draft, &["root", "snapshot"]);
    assert!(matches!(refused, Err(Error::Keys { .. })), "{refused:?}");
}

#[test]
fn a_cross_signed_root_is_followed_without_the_roots_between() {
    let mut shelf = Shelf::founded();
    let first = shelf.read().root().content().root.keyids().to_vec();
    let retired = shelf.read().root().content().keys[&first[0]].clone();
    for (old, new, legacy) in [("root", "root 2", false), ("root 2", "root 3", true)] {
        shelf.add_key(new);
        let (mut draft, key) = (shelf.draft(), shelf.certified(new));
        draft.rotate(&RoleName::Root, vec![key], Threshold::ONE).expect("rotated");
        if legacy {
            draft.cross_sign([retired.clone()]);
        }
        shelf.publish(draft, &["root", old, new, "snapshot"]).expect("signed");
    }
    let opened = DIALECT.open_root(&shelf.roots[2], &Limits::default()).expect("a root");
    let signed_by: Vec<Option<KeyId>> =
        opened.signatures().iter().map(|signature| signature.keyid).collect();
    assert_eq!(signed_by.len(), 3);
    assert!(signed_by.contains(&Some(first[0])), "the first root's key signed the third root");
    shelf.read_from(0).expect("who knows the first root walks");
    shelf.read_from(2).expect("who knows the last one");
}

#[test]
fn rotating_to_the_same_keys_changes_nothing_and_a_threshold_counts_distinct_keys() {
    let shelf = Shelf::founded();
    let mut draft = shelf.draft();
    let same = vec![shelf.key("targets")];
    assert!(draft.rotate(&RoleName::Targets, same, Threshold::ONE).expect("same").is_empty());
    assert_eq!(draft.touched().count(), 0);
    let two = Threshold::new(2).expect("two");
    let certificates = vec![shelf.certified("root"), shelf.certified("root")];
    let refused = draft.rotate(&RoleName::Root, certificates, two);
    assert!(matches!(refused, Err(Error::Starved { found: 1, .. })), "{refused:?}");
    let refused = draft.rotate(&name("targets/alice"), vec![shelf.key("alice")], Threshold::ONE);
    assert!(matches!(refused, Err(Error::Role { .. })), "{refused:?}");
}

#[test]
fn a_snapshot_of_ours_is_renewed_and_a_timestamp_is_not_ours() {
    let mut shelf = Shelf::founded();
    let mut draft = shelf.draft();
    draft.renew(&RoleName::Snapshot).expect("ours");
    assert!(matches!(draft.renew(&RoleName::Timestamp), Err(Error::ServersRole { .. })));
    assert_eq!(shelf.publish(draft.clone(), &["snapshot"]).expect("signed"), [RoleName::Snapshot]);
    assert_eq!(shelf.read().snapshot().content().version.number(), 2);
    assert!(matches!(shelf.publish(draft, &["targets"]), Err(Error::Keys { .. })));
}

/// What a thief can sign who holds these keys, and has the server serve: on the state from before
/// the rotation.
fn thief(shelf: &mut Shelf, stale: Draft, stolen: &[&str], timestamp: &'static str) {
    let honest = std::mem::replace(&mut shelf.timestamp_key, timestamp);
    shelf.publish(stale, stolen).expect("signed with stolen keys");
    shelf.timestamp_key = honest;
}

#[test]
fn rotation_locks_the_thief_out_of_each_top_level_role() {
    for (role, new, stolen) in [
        ("targets", "targets 2", &["targets", "snapshot"][..]),
        ("snapshot", "snapshot 2", &["targets", "snapshot"]),
        ("timestamp", "timestamp 2", &["targets", "snapshot"]),
    ] {
        let mut shelf = Shelf::founded();
        let mut stale = shelf.draft();
        stale.set_target(&RoleName::Targets, "evil", target()).expect("set");
        thief(&mut shelf, stale.clone(), stolen, "timestamp");
        assert!(shelf.read_from(0).is_ok(), "{role}: before the rotation it is believed");

        let mut shelf = Shelf::founded();
        let mut stale = shelf.draft();
        stale.set_target(&RoleName::Targets, "evil", target()).expect("set");
        let (mut draft, key) = (shelf.draft(), shelf.add_key(new));
        draft.rotate(&name(role), vec![key], Threshold::ONE).expect("rotated");
        let honest = if role == "timestamp" { "timestamp 2" } else { "timestamp" };
        shelf.timestamp_key = honest;
        shelf.publish(draft, &["root", "targets", "snapshot", new]).expect("signed");
        shelf.read_from(0).expect("the honest state is believed");
        // The thief lists the new root, so that nothing but the keys is wrong.
        stale
            .snapshot
            .as_mut()
            .expect("published")
            .meta
            .insert(RoleName::Root, FileMeta::of(&shelf.files[&RoleName::Root]));
        // The server cooperates with its own key; only for its own role it has none any more.
        thief(&mut shelf, stale, stolen, "timestamp");
        let refused = shelf.read_from(0).expect_err("the stolen key");
        let expected = name(role);
        assert!(
            matches!(&refused, verify::Error::Threshold { role, .. } if *role == expected),
            "{role}: {refused:?}"
        );
    }
}

#[test]
fn a_rotated_root_locks_the_thief_out_of_whoever_has_seen_the_new_one() {
    let mut shelf = Shelf::founded();
    shelf.add_key("root 2");
    shelf.add_key("thief");
    let (stale, mut draft, key) = (shelf.draft(), shelf.draft(), shelf.certified("root 2"));
    draft.rotate(&RoleName::Root, vec![key], Threshold::ONE).expect("rotated");
    shelf.publish(draft, &["root", "root 2", "snapshot"]).expect("signed");
    let honest = shelf.roots.clone();

    // With the old key the thief makes another second root, and a third one on top of it.
    let mut draft = stale;
    let theirs = shelf.certified("thief");
    draft.rotate(&RoleName::Root, vec![theirs], Threshold::ONE).expect("rotated");
    shelf.publish(draft, &["root", "thief", "snapshot"]).expect("signed");
    let forged = shelf.roots[2].clone();
    shelf.roots = vec![honest[1].clone(), forged.clone()];
    let refused = shelf.read_from(0).expect_err("not the third root");
    assert!(matches!(refused, verify::Error::RootGap { .. }), "{refused:?}");

    shelf.roots = vec![honest[0].clone(), forged];
    let mut draft = Draft::of(shelf.read_from(0).expect("who has not seen the new root is lost"));
    draft.renew(&RoleName::Root).expect("root");
    shelf.publish(draft, &["thief", "snapshot"]).expect("signed");
    let third = shelf.roots[2].clone();
    shelf.roots = vec![honest[1].clone(), third];
    let refused = shelf.read_from(0).expect_err("not signed by the new root key");
    assert!(matches!(refused, verify::Error::RootChain { .. }), "{refused:?}");
}

#[test]
fn a_withdrawn_delegation_key_signs_no_more() {
    let mut shelf = Shelf::founded();
    shelf.delegate("targets/releases", &["alice", "bob"], &[""]);
    shelf.tag("targets/releases", "v1", &["bob", "snapshot"]).expect("signed");
    let (role, mut stale) = (RoleName::releases(), shelf.draft());
    stale.set_target(&role, "evil", target()).expect("set");
    let mut draft = shelf.draft();
    draft.withdraw(&role, &keys_withdrawn(vec![shelf.key("alice").id()])).expect("withdrawn");
    assert!(draft.weakened().is_empty(), "bob had signed it");
    shelf.publish(draft, &["targets", "snapshot"]).expect("signed");
    let listed = FileMeta::of(&shelf.files[&RoleName::Targets]);
    let snapshot = stale.snapshot.as_mut().expect("published");
    snapshot.meta.insert(RoleName::Targets, listed);
    thief(&mut shelf, stale, &["alice", "snapshot"], "timestamp");
    let trusted = shelf.read();
    assert!(trusted.role(&role).is_none(), "what alice signed is not believed");
    assert!(trusted.suspended(&role, &shelf.files[&role]).is_some(), "for want of signatures");
}
