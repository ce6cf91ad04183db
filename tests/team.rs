//! Teams and keys over several rounds, with docker and notary in turn: what one of us writes the
//! others read and go on from, on Notary's trust server and on ours.

#[path = "support/registry.rs"]
mod registry;
#[path = "support/user.rs"]
mod user;

use std::collections::BTreeSet;
use std::path::Path;

use countersign::client::Wish;
use countersign::docker::{
    Care, Difference, Error, Happened, IfAbsent, Legacy, NewKeys, Revision, RotateRequest,
    Rotation, SignerName, public_key,
};
use countersign::edit::Edited;
use countersign::image::ImageDigest;
use countersign::keys::KeyStore;
use countersign::storage::TrustDirectory;
use countersign::tuf::{Dialect, Key, RoleName, Version, canonical_key_id};
use registry::TestRegistry;
use user::User;

#[tokio::test]
async fn signers_come_and_go_whoever_manages_them() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let owner = User::of(&servers, "team/web");
        let (digest, size) = servers.seed("team/web:1", &[]);
        owner.sign(&["1"], &digest, size).await.expect("signed");
        for name in ["alice", "bob", "carol"] {
            servers.run("docker", &["trust", "key", "generate", name]);
        }
        let key = |name: &str| key_in(&servers, name);
        assert_eq!(add(&owner, "alice", &[key("alice")]).await, Edited::Created);
        assert_eq!(add(&owner, "alice", &[key("alice")]).await, Edited::Unchanged);
        let gun = owner.gun.as_str();
        servers.run("docker", &["trust", "signer", "add", "--key", "bob.pub", "bob", gun]);
        let inspected = servers.run("docker", &["trust", "inspect", "--pretty", gun]);
        assert!(inspected.contains("alice ") && inspected.contains("bob "), "{inspected}");

        // Only alice signs the release; then she goes, and the owner, who has bob's key, signs it
        // again.
        let alice = canonical(&key("alice"));
        let hex = digest.trim_start_matches("sha256:");
        let parked = park(&owner, &key("bob"));
        owner.sign(&["2"], &digest, size).await.expect("signed as alice");
        parked.back();
        let removed = remove(&owner, "alice", Care::Careful).await.expect("removed");
        assert_eq!(removed.aftermath.resigned, [RoleName::releases()]);
        assert!(removed.shared.is_empty());
        let listed = servers.run("notary", &["list", gun, "-r", "targets/releases"]);
        assert!(listed.contains(hex), "{listed}");
        let delegations = servers.run("notary", &["delegation", "list", gun]);
        assert!(!delegations.contains(&alice), "{delegations}");
        assert!(delegations.contains(&canonical(&key("bob"))), "{delegations}");
        owner.resolve("2").await.expect("still there for pulls");

        // notary and docker go on from there, and we from what they did.
        servers.run("notary", &["delegation", "add", "-p", gun, "targets/releases", "carol.pub"]);
        let added = ["delegation", "add", "-p", gun, "targets/carol", "carol.pub", "--all-paths"];
        servers.run("notary", &added);
        owner.sign(&["3"], &digest, size).await.expect("signed as bob and carol");
        let listed = servers.run("notary", &["list", gun, "-r", "targets/carol"]);
        assert!(listed.contains("\n3 "), "{listed}");

        // A signer of that name comes back with another key.
        servers.run("mkdir", &["stranger"]);
        servers.run("docker", &["trust", "key", "generate", "alice", "--dir", "stranger"]);
        let newcomer = key("stranger/alice");
        assert_eq!(add(&owner, "alice", &[newcomer]).await, Edited::Created);
        owner.sign(&["4"], &digest, size).await.expect("signed as all three");
        let listed = servers.run("notary", &["list", gun, "-r", "targets/alice"]);
        assert!(listed.contains("\n4 ") && !listed.contains("\n2 "), "{listed}");
    }
}

#[tokio::test]
async fn the_last_signer_is_removed_only_by_force() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let owner = User::of(&servers, "team/last");
    let (digest, size) = servers.seed("team/last:1", &[]);
    servers.run("docker", &["trust", "key", "generate", "alice"]);
    let alice = key_in(&servers, "alice");
    assert_eq!(add(&owner, "alice", std::slice::from_ref(&alice)).await, Edited::Created);
    let removed = remove(&owner, "alice", Care::Careful).await.expect("nothing is released yet");
    assert!(removed.aftermath.gone.contains(&RoleName::releases()));
    let unknown = remove(&owner, "alice", Care::Careful).await;
    assert!(matches!(unknown, Err(Error::NoSuchSigner { .. })), "{unknown:?}");

    add(&owner, "alice", &[alice]).await;
    owner.sign(&["1"], &digest, size).await.expect("signed");
    let refused = remove(&owner, "alice", Care::Careful).await;
    assert!(matches!(refused, Err(Error::Breaks { .. })), "{refused:?}");
    owner.resolve("1").await.expect("as it was");
    let removed = remove(&owner, "alice", Care::Forced).await.expect("removed");
    assert_eq!(removed.aftermath.starved, [RoleName::releases()]);
    owner.resolve("1").await.expect_err("nobody vouches for the release any more");
}

#[tokio::test]
async fn a_key_goes_with_its_signer_in_every_form() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let owner = User::of(&servers, "team/forms");
    let gun = owner.gun.as_str();
    let (digest, size) = servers.seed("team/forms:1", &[]);
    owner.sign(&["1"], &digest, size).await.expect("signed");
    servers.run("docker", &["trust", "key", "generate", "alice"]);
    add(&owner, "alice", &[key_in(&servers, "alice")]).await;
    for line in [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out bob.pem",
        "pkey -in bob.pem -pubout -out bob.pub",
        "req -x509 -new -key bob.pem -subj /CN=bob -days 200 -out old.crt",
        "req -x509 -new -key bob.pem -subj /CN=bob -days 300 -out new.crt",
    ] {
        servers.run("openssl", &line.split(' ').collect::<Vec<_>>());
    }
    let new = read_key(&servers.directory().join("new.crt"));
    let bob = canonical(&new);
    let delegate = ["delegation", "add", "-p", gun, "targets/releases", "old.crt", "--all-paths"];
    servers.run("notary", &delegate);
    add(&owner, "bob", std::slice::from_ref(&new)).await;

    let removed = remove(&owner, "bob", Care::Careful).await.expect("removed");
    assert!(removed.shared.is_empty());
    let delegations = servers.run("notary", &["delegation", "list", gun]);
    assert!(!delegations.contains(&bob), "{delegations}");

    let his = servers.directory().join("his");
    let his = ["-d", his.to_str().expect("a path in UTF-8")];
    servers.run("notary", &[&his[..], &["key", "import", "bob.pem", "--role", "bob"]].concat());
    let (size, hex) = (size.to_string(), digest.trim_start_matches("sha256:"));
    let target = ["-r", "targets/releases", "-p", gun, "2", &size, "--sha256", hex];
    let release = [&his[..], &["addhash"], &target].concat();
    let refused = servers.command("notary").args(release).output().expect("notary runs");
    assert!(!refused.status.success(), "{}", registry::text(&refused));

    // As long as another signer has the key, in whatever form, it releases.
    add(&owner, "bob", &[new]).await;
    add(&owner, "carol", &[key_in(&servers, "bob")]).await;
    let removed = remove(&owner, "bob", Care::Careful).await.expect("removed");
    assert_eq!(removed.shared.iter().map(ToString::to_string).collect::<Vec<_>>(), [bob]);
}

#[tokio::test]
async fn every_key_is_rotated_and_hosts_follow() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let owner = User::of(&servers, "team/keys");
        let folder = servers.trust_directory().with_file_name("hosts");
        let host = User::at(&servers, "team/keys", folder.join("ours"));
        let theirs = folder.join("theirs").display().to_string();
        let gun = owner.gun.as_str();
        let (digest, size) = servers.seed("team/keys:1", &[]);
        owner.sign(&["1"], &digest, size).await.expect("signed");
        host.resolve("1").await.expect("seen before");
        servers.run("notary", &["-d", &theirs, "list", gun]);
        let mut round = 1;
        for (role, keys) in [
            (RoleName::Targets, NewKeys::Made),
            (RoleName::Snapshot, NewKeys::Made),
            (RoleName::Timestamp, NewKeys::Server),
            (RoleName::Snapshot, NewKeys::Made),
            (RoleName::Root, NewKeys::Made),
            (RoleName::Snapshot, NewKeys::Server),
            (RoleName::Root, NewKeys::Made),
        ] {
            let before = private_keys(&owner, &role);
            let rotation = rotate(&owner, role.clone(), keys, Legacy::No).await.expect("rotated");
            assert_eq!(rotation.replaced.len(), 1, "{role}");
            let after = private_keys(&owner, &role);
            match role {
                RoleName::Root => assert_eq!(after.len(), before.len() + 1, "root keys are kept"),
                _ => assert!(before.iter().all(|id| !after.contains(id)), "{role}: destroyed"),
            }
            // The next tag by us, the one after by notary, with the keys that it finds.
            round += 1;
            owner.sign(&[&round.to_string()], &digest, size).await.expect("signed");
            round += 1;
            let (tag, size) = (round.to_string(), size.to_string());
            let hex = digest.trim_start_matches("sha256:");
            servers.run("notary", &["addhash", "-p", gun, &tag, &size, "--sha256", hex]);
            host.resolve(&tag).await.expect("a host that had seen the old keys");
            let listed = servers.run("notary", &["-d", &theirs, "list", gun]);
            assert!(listed.contains(&format!("\n{tag} ")), "{role}: {listed}");
        }
        let fresh = User::at(&servers, "team/keys", folder.join("fresh"));
        fresh.resolve("1").await.expect("a host that comes later");
        servers.run("docker", &["trust", "inspect", gun]);

        // And the other way round: notary rotates, and we go on.
        servers.run("notary", &["key", "rotate", gun, "targets"]);
        servers.run("notary", &["key", "rotate", gun, "snapshot"]);
        owner.sign(&["last"], &digest, size).await.expect("signed with notary's keys");
        host.resolve("last").await.expect("found");
    }
}

#[tokio::test]
async fn history_says_who_signed_what_whoever_published() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let owner = User::of(&servers, "team/past");
        let gun = owner.gun.as_str();
        let (one, size) = servers.seed("team/past:1", &[]);
        let (two, _) = servers.seed("team/past:2", &["--text", "two"]);
        owner.sign(&["1"], &one, size).await.expect("signed");
        let (size_text, hex) = (size.to_string(), one.trim_start_matches("sha256:"));
        servers.run("notary", &["addhash", "-p", gun, "2", &size_text, "--sha256", hex]);
        owner.sign(&["2"], &two, size).await.expect("moved");
        rotate(&owner, RoleName::Targets, NewKeys::Made, Legacy::No).await.expect("rotated");
        rotate(&owner, RoleName::Root, NewKeys::Made, Legacy::No).await.expect("rotated");
        servers.run("docker", &["trust", "key", "generate", "alice"]);
        add(&owner, "alice", &[key_in(&servers, "alice")]).await;
        let revisions = owner.with(async |it| it.history(100).await).await.expect("read");
        let told: Vec<Vec<String>> = revisions.iter().rev().map(words).collect();
        let has = |index: usize, word: &str| {
            assert!(told[index].iter().any(|it| it == word), "{index}: {word} in {told:#?}");
        };
        assert_eq!(told.len(), 6, "{told:#?}");
        has(0, &format!("targets + 1 {one}"));
        has(1, &format!("targets + 2 {one}"));
        has(2, &format!("targets ~ 2 {one} {two}"));
        has(3, "targets key +");
        has(3, "targets key -");
        has(4, "root key +");
        has(4, "root signed by 1");
        has(5, "targets/alice role +");
        has(5, "targets/releases role +");

        // What a host with no history of its own reads is the same.
        let fresh = servers.trust_directory().with_file_name("fresh");
        let fresh = User::at(&servers, "team/past", fresh);
        let again = fresh.with(async |it| it.history(100).await).await.expect("read");
        assert_eq!(again.len(), revisions.len());
        let (first, last) = (revisions[5].version, revisions[0].version);
        let (from, to) =
            fresh.with(async |it| it.difference(first, last).await).await.expect("both are there");
        assert!(to.since(Some(&from)).len() > 4);
        assert!(to.since(Some(&to)).is_empty());
        let beyond = fresh.with(async |it| it.difference(first, version(999)).await).await;
        assert!(matches!(beyond, Err(Error::NoSuchVersion { .. })), "{beyond:?}");
    }
}

#[tokio::test]
async fn a_deleted_collection_is_gone_and_can_be_founded_again() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let owner = User::of(&servers, "team/gone");
        let (digest, size) = servers.seed("team/gone:1", &[]);
        owner.sign(&["1"], &digest, size).await.expect("signed");
        owner.with(async |it| it.delete().await).await.expect("deleted");
        owner.resolve("1").await.expect_err("the server has none, and it was seen before");
        let known = TrustDirectory::new(servers.trust_directory());
        assert_eq!(known.collections().expect("read"), vec![owner.gun.clone()]);
        known.collection(&owner.gun).forget().expect("forgotten");
        assert!(known.collections().expect("read").is_empty());
        owner.sign(&["1"], &digest, size).await.expect("founded again");
        servers.run("notary", &["list", owner.gun.as_str()]);
    }
}

#[tokio::test]
async fn a_role_removed_with_its_listing_can_be_delegated_again() {
    for servers in TestRegistry::each(&["--no-docker"]) {
        let owner = User::of(&servers, "team/again");
        let gun = owner.gun.as_str();
        let (digest, size) = servers.seed("team/again:1", &[]);
        // Here the snapshot is the owner's, and so the removed role is listed no more.
        servers.run("notary", &["init", "-p", gun]);
        servers.run("docker", &["trust", "key", "generate", "alice"]);
        servers.run("mkdir", &["other"]);
        servers.run("docker", &["trust", "key", "generate", "alice", "--dir", "other"]);
        add(&owner, "alice", &[key_in(&servers, "alice")]).await;
        for tag in ["1", "2", "3"] {
            owner.sign(&[tag], &digest, size).await.expect("signed");
        }
        remove(&owner, "alice", Care::Forced).await.expect("removed");
        add(&owner, "alice", &[key_in(&servers, "other/alice")]).await;
        let releases = [RoleName::releases()];
        let (store, mut passphrases) = (owner.keys(), owner.passphrases());
        let witnessed =
            owner.with(async |it| it.witness(&releases, &store, &mut passphrases).await).await;
        witnessed.expect("signed by the new key");
        let signing = owner.sign(&["4"], &digest, size).await.expect("above what was removed");
        let alice: RoleName = "targets/alice".parse().expect("a role");
        assert_eq!(signing.versions.get(&alice).map(|it| it.number()), Some(4));
        let listed = servers.run("notary", &["list", gun, "-r", "targets/alice"]);
        assert!(listed.contains("\n4 ") && !listed.contains("\n3 "), "{listed}");
    }
}

#[tokio::test]
async fn legacy_keys_sign_the_next_root_for_those_who_do_not_walk() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let owner = User::of(&servers, "team/legacy");
    let (digest, size) = servers.seed("team/legacy:1", &[]);
    owner.sign(&["1"], &digest, size).await.expect("signed");
    let mut signers = Vec::new();
    for legacy in [Legacy::No, Legacy::No, Legacy::Last(1), Legacy::All] {
        rotate(&owner, RoleName::Root, NewKeys::Made, legacy).await.expect("rotated");
        let known = owner.with(async |it| it.refresh(Wish::EVERYTHING).await).await.expect("read");
        assert!(known.targets.root().content().root.keyids().len() == 1);
        let path = servers.trust_directory().join("tuf").join(owner.gun.as_str());
        let root = std::fs::read(path.join("metadata/root.json")).expect("the cached root");
        let root: serde_json::Value = serde_json::from_slice(&root).expect("JSON");
        signers.push(root["signatures"].as_array().expect("signatures").len());
    }
    // Its own and its predecessor's keys; for version 4 also that of version 2, for version 5 all.
    assert_eq!(signers, [2, 2, 3, 5]);
    servers.run("notary", &["list", owner.gun.as_str()]);
}

#[tokio::test]
async fn a_rotation_that_fails_leaves_every_key_where_it_was() {
    let servers = TestRegistry::start(&["--no-docker"]);
    let owner = User::of(&servers, "team/fail");
    let (digest, size) = servers.seed("team/fail:1", &[]);
    owner.sign(&["1"], &digest, size).await.expect("signed");
    let all = |user: &User<'_>| {
        user.keys().list().expect("keys").into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    let root = private_keys(&owner, &RoleName::Root);
    let before = all(&owner);
    let file = owner.keys().path().join(format!("{}.key", root[0]));
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).expect("moved");
    let refused = rotate(&owner, RoleName::Targets, NewKeys::Made, Legacy::No).await;
    assert!(matches!(refused, Err(Error::Edit(_))), "{refused:?}");
    std::fs::rename(&aside, &file).expect("moved back");
    assert_eq!(all(&owner), before);
    for (role, keys) in [
        (RoleName::Targets, NewKeys::Server),
        (RoleName::Root, NewKeys::Server),
        (RoleName::Timestamp, NewKeys::Made),
        (RoleName::releases(), NewKeys::Made),
    ] {
        let refused = rotate(&owner, role, keys, Legacy::No).await;
        assert!(matches!(refused, Err(Error::Role { .. })), "{refused:?}");
    }
    owner.sign(&["2"], &digest, size).await.expect("as before");
}

/// What happened, without what differs from run to run.
fn words(revision: &Revision) -> Vec<String> {
    let Happened::Changed { signed, differences } = &revision.what else {
        return vec![format!("{:?}", revision.what)];
    };
    let digest = |digest: &Option<ImageDigest>| digest.expect("a sha256").to_string();
    let signed = signed.iter().map(|it| format!("{} signed by {}", it.role, it.by.len()));
    let differences = differences.iter().map(|it| match it {
        Difference::Added(role, tag, now) => format!("{role} + {tag} {}", digest(now)),
        Difference::Moved(role, tag, before, now) => {
            format!("{role} ~ {tag} {} {}", digest(before), digest(now))
        }
        Difference::KeyAdded(role, _) => format!("{role} key +"),
        Difference::KeyRemoved(role, _) => format!("{role} key -"),
        Difference::RoleAdded(role) => format!("{role} role +"),
        other => format!("{other:?}"),
    });
    signed.chain(differences).collect()
}

fn version(number: u64) -> Version {
    Version::new(number).expect("a version")
}

async fn add(user: &User<'_>, name: &str, keys: &[Key]) -> Edited {
    let name: SignerName = name.parse().expect("a name");
    let (store, mut passphrases) = (user.keys(), user.passphrases());
    let found = IfAbsent::Found { root_key: None, local_snapshot: false };
    let added = user
        .with(async |it| it.add_signer(&name, keys, found, &store, &mut passphrases).await)
        .await;
    added.expect("added").value
}

async fn remove(
    user: &User<'_>,
    name: &str,
    care: Care,
) -> Result<countersign::docker::SignerRemoved, Error> {
    let name: SignerName = name.parse().expect("a name");
    let (store, mut passphrases) = (user.keys(), user.passphrases());
    let removed =
        user.with(async |it| it.remove_signer(&name, care, &store, &mut passphrases).await).await;
    removed.map(|amended| amended.value)
}

async fn rotate(
    user: &User<'_>,
    role: RoleName,
    keys: NewKeys,
    legacy: Legacy,
) -> Result<Rotation, Error> {
    let request =
        RotateRequest { roles: vec![role], keys, threshold: None, legacy, needed: BTreeSet::new() };
    let (store, mut passphrases) = (user.keys(), user.passphrases());
    user.with(async |it| it.rotate(&request, &store, &mut passphrases).await).await
}

fn private_keys(user: &User<'_>, role: &RoleName) -> Vec<String> {
    let entries = user.keys().list().expect("keys").into_iter();
    let of_role = entries.filter(|entry| entry.role.as_deref() == Some(role.as_str()));
    of_role.map(|entry| entry.id.to_string()).collect()
}

fn key_in(servers: &TestRegistry, name: &str) -> Key {
    let folder = servers.trust_directory();
    let folder = folder.ancestors().find(|it| it.join("env").is_file()).expect("the stage");
    read_key(&folder.join(format!("{name}.pub")))
}

#[expect(clippy::disallowed_methods, reason = "the keys live in this very time")]
fn read_key(path: &Path) -> Key {
    let text = std::fs::read(path).expect("a public key");
    public_key(Dialect::Notary, &text, jiff::Timestamp::now()).expect("a public key")
}

fn canonical(key: &Key) -> String {
    canonical_key_id(key.public().expect("usable")).to_string()
}

/// Keeps a private key out of the way.
fn park(user: &User<'_>, key: &Key) -> Parked {
    let file = user.keys().path().join(format!("{}.key", canonical(key)));
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).expect("moved");
    Parked { file, aside }
}

struct Parked {
    file: std::path::PathBuf,
    aside: std::path::PathBuf,
}

impl Parked {
    fn back(self) {
        std::fs::rename(self.aside, self.file).expect("moved back");
    }
}
