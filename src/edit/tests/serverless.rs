//! Drafts of TUF 1.0 collections: every file is the publisher's, and each state is read again as
//! any client of TUF 1.0 reads it.

use super::*;

const TUF1: Dialect = Dialect::Tuf1;

/// The files of a collection by their names, and the private keys.
pub(super) struct Folder {
    keys: BTreeMap<&'static str, PrivateKey>,
    roots: Vec<Vec<u8>>,
    files: BTreeMap<RoleName, Vec<u8>>,
    now: Instant,
}

impl Folder {
    pub(super) fn founded() -> Self {
        let names = ["root", "root 2", "targets", "snapshot", "timestamp", "timestamp 2", "alice"];
        let key = |name| (name, PrivateKey::generate(Algorithm::EcdsaP256).expect("random bytes"));
        let mut folder = Self {
            keys: names.into_iter().map(key).collect(),
            roots: Vec::new(),
            files: BTreeMap::new(),
            now: "2026-11-25T00:00:00Z".parse().expect("a time"),
        };
        let gun = gun();
        let founding = Founding {
            certificate: None,
            gun: &gun,
            root: &folder.keys["root"],
            targets: &folder.keys["targets"],
            snapshot: SnapshotKey::Local(&folder.keys["snapshot"]),
            timestamp: folder.key("timestamp"),
            now: folder.now,
        };
        let draft = founding.draft(TUF1).expect("a draft");
        folder.publish(draft, &["targets", "snapshot", "timestamp"]).expect("signed");
        folder
    }

    pub(super) fn key(&self, name: &str) -> Key {
        TUF1.key(self.keys[name].public())
    }

    pub(super) fn publish(&mut self, draft: Draft, with: &[&str]) -> Result<Vec<RoleName>, Error> {
        let signers: Signers<'_> =
            with.iter().map(|name| &self.keys[name] as &dyn Signer).collect();
        let update = draft.sign(self.now, &signers)?;
        for (role, bytes) in update.files() {
            if *role == RoleName::Root {
                self.roots.push(bytes.clone());
            }
            self.files.insert(role.clone(), bytes.clone());
        }
        Ok(update.files().iter().map(|(role, _)| role.clone()).collect())
    }

    pub(super) fn read(&self) -> TrustedTargets {
        self.read_after(&Baseline::default())
    }

    /// Reads all of it as somebody does who saw an earlier state.
    pub(super) fn read_after(&self, seen: &Baseline) -> TrustedTargets {
        let policy = Policy {
            dialect: TUF1,
            gun: gun(),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: self.now,
            limits: Limits::default(),
            max_age: None,
        };
        let mut root =
            TrustedRoot::establish(Arc::new(policy), &self.roots[0]).expect("the first root");
        for next in &self.roots[1..] {
            root = root.advance(next).expect("the next root");
        }
        let root = root.current(seen).expect("current");
        let timestamp = root.timestamp(&self.files[&RoleName::Timestamp], seen);
        let snapshot =
            timestamp.expect("a timestamp").snapshot(&self.files[&RoleName::Snapshot], seen);
        let targets = &self.files[&RoleName::Targets];
        let mut targets = snapshot
            .expect("a snapshot")
            .targets(targets, seen, Wanted::Everything)
            .expect("targets");
        for (role, bytes) in &self.files {
            if targets.delegation_to(role).is_some() {
                targets.delegation(role, bytes, seen, Wanted::Everything).expect("delegated");
            }
        }
        targets
    }

    pub(super) fn draft(&self) -> Draft {
        Draft::of(self.read())
    }

    pub(super) fn json(&self, role: &RoleName) -> serde_json::Value {
        serde_json::from_slice(&self.files[role]).expect("JSON")
    }
}

#[test]
fn a_collection_is_founded_in_the_form_of_the_specification() {
    let folder = Folder::founded();
    let root = &folder.json(&RoleName::Root)["signed"];
    assert_eq!(root["_type"], "root");
    assert_eq!(root["consistent_snapshot"], true);
    assert!(root["spec_version"].as_str().expect("text").starts_with("1.0."));
    for (id, key) in root["keys"].as_object().expect("keys") {
        assert_eq!(id.len(), 64);
        assert_eq!(key["keytype"], "ecdsa");
        assert_eq!(key["scheme"], "ecdsa-sha2-nistp256");
        let public = key["keyval"]["public"].as_str().expect("text");
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "no certificate: {public}");
    }
    let listed = &folder.json(&RoleName::Snapshot)["signed"]["meta"];
    assert_eq!(listed.as_object().expect("meta").len(), 1, "root is not listed: {listed}");
    assert_eq!(listed["targets.json"]["version"], 1);
    let named = &folder.json(&RoleName::Timestamp)["signed"]["meta"]["snapshot.json"];
    assert_eq!(named["version"], 1);
    assert_eq!(named["length"], folder.files[&RoleName::Snapshot].len());
}

#[test]
fn a_change_is_signed_by_all_that_say_what_is_current() {
    let mut folder = Folder::founded();
    let mut draft = folder.draft();
    draft.set_target(&RoleName::Targets, "v1", target()).expect("set");
    for missing in [&["targets", "snapshot"][..], &["targets", "timestamp"]] {
        let refused = folder.publish(draft.clone(), missing);
        assert!(matches!(refused, Err(Error::Keys { .. })), "{missing:?}: {refused:?}");
    }
    let files = folder.publish(draft, &["targets", "snapshot", "timestamp"]).expect("signed");
    assert_eq!(files, [RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp]);
    let trusted = folder.read();
    assert!(trusted.role(&RoleName::Targets).expect("loaded").target("v1").is_some());
    assert_eq!(trusted.snapshot().timestamp().content().version.number(), 2);
}

#[test]
fn the_timestamp_alone_is_signed_again() {
    let mut folder = Folder::founded();
    let mut draft = folder.draft();
    draft.renew(&RoleName::Timestamp).expect("ours");
    assert_eq!(draft.signing(), [RoleName::Timestamp]);
    assert_eq!(folder.publish(draft, &["timestamp"]).expect("signed"), [RoleName::Timestamp]);
    let trusted = folder.read();
    assert_eq!(trusted.snapshot().timestamp().content().version.number(), 2);
    assert_eq!(trusted.snapshot().content().version.number(), 1);
}

#[test]
fn a_delegation_is_published_with_its_first_file() {
    let mut folder = Folder::founded();
    let role: RoleName = "targets/alice".parse().expect("a role");
    let mut draft = folder.draft();
    let grant = Grant { keys: vec![folder.key("alice")], paths: vec!["v".into()], threshold: None };
    draft.grant(&role, &grant).expect("granted");
    let with = ["targets", "alice", "snapshot", "timestamp"];
    folder.publish(draft, &with).expect("signed");
    let listed = &folder.json(&RoleName::Snapshot)["signed"]["meta"];
    assert_eq!(listed["targets/alice.json"]["version"], 1);
    let delegated = &folder.json(&RoleName::Targets)["signed"]["delegations"]["roles"][0];
    assert_eq!(delegated["paths"], serde_json::json!(["v*"]));

    let mut draft = folder.draft();
    assert!(draft.set_target(&role, "latest", target()).is_err(), "not one of its names");
    draft.set_target(&role, "v1", target()).expect("set");
    folder.publish(draft, &["alice", "snapshot", "timestamp"]).expect("signed");
    assert!(folder.read().role(&role).expect("loaded").target("v1").is_some());

    let mut draft = folder.draft();
    let more = Grant { paths: vec!["w".into()], ..Grant::default() };
    assert_eq!(draft.grant(&role, &more).expect("granted"), Edited::Changed);
    let less = WithdrawnPaths::These(vec!["v".into()]);
    draft.withdraw(&role, &Withdrawal { paths: less, ..Withdrawal::default() }).expect("taken");
    let left = draft.delegation(&role).expect("delegated").1.paths.written().expect("globs");
    assert_eq!(left, ["w*"]);
}

#[test]
fn keys_are_replaced_and_a_root_key_needs_no_certificate() {
    let mut folder = Folder::founded();
    for (role, new) in [(RoleName::Timestamp, "timestamp 2"), (RoleName::Root, "root 2")] {
        let mut draft = folder.draft();
        let key = folder.key(new);
        draft.rotate(&role, vec![key.clone()], Threshold::ONE).expect("rotated");
        let with = ["root", "root 2", "snapshot", "timestamp 2"];
        folder.publish(draft, &with).expect("signed");
        let trusted = folder.read();
        let ids = trusted.root().content().role(&role).expect("top level").keyids().to_vec();
        assert_eq!(ids, [key.id()], "{role}");
    }
    assert_eq!(folder.roots.len(), 3);
}
