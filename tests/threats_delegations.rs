//! Attacks through delegated roles and through names.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::sync::Arc;

use countersign::client::{self, Wish};
use countersign::crypto::Sha256;
use countersign::docker::{Collection, Detail, Note, SignerName};
use countersign::storage::{Cache, TrustDirectory};
use countersign::tuf::{Gun, RoleName, Version};
use countersign::verify::{self, Lookup};
use repository::*;
use serde_json::{Value, json};

fn role(name: &str) -> RoleName {
    name.parse().expect("a role")
}

fn digest_of(repository: &Repository, tag: &str) -> Result<Sha256, &'static str> {
    let resolved = Client::new().resolve(&repository.server(), tag);
    resolved.map(|it| *it.reference.digest().sha256()).map_err(|error| kind(&error))
}

fn image(content: &str) -> Result<Sha256, &'static str> {
    Ok(Sha256::of(content.as_bytes()))
}

// ---- names
// -----------------------------------------------------------------------------------------------------

#[test]
fn gun_table() {
    for bad in [
        "../../../../tmp/x",
        "a/../../b",
        "/abs",
        "a//b",
        ".",
        "a\\..\\b",
        "%2e%2e",
        "a\0b",
        "a\nb",
    ] {
        assert!(Gun::raw(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn cache_path_containment() {
    let home = repository::temporary();
    let trust = home.path().join("trust");
    let evil = home.path().join("trust-evil");
    for gun in ["registry.test/team/app", "metadata", "countersign", "tuf/tuf", "a/metadata/b"] {
        let gun = Gun::raw(gun).expect("a name");
        let cache = TrustDirectory::new(&trust).collection(&gun);
        assert!(cache.metadata_path().starts_with(&trust));
        assert!(cache.record_path().starts_with(&trust));
    }
    #[cfg(unix)]
    for linked in ["tuf", "tuf/registry.test", "tuf/registry.test/team/app/metadata", "countersign"]
    {
        let link = trust.join(linked);
        std::fs::create_dir_all(link.parent().expect("a parent")).expect("a folder");
        std::fs::create_dir_all(&evil).expect("a folder");
        std::os::unix::fs::symlink(&evil, &link).expect("a link");
        let cache = TrustDirectory::new(&trust).collection(&Gun::raw(GUN).expect("a name"));
        let team = Repository::team();
        let client = Client::new();
        let server = team.server();
        let refreshed = server.run(client::refresh(
            Arc::new(client.policy),
            &cache,
            Some(&server),
            Wish::EVERYTHING,
        ));
        assert_eq!(kind_of(&refreshed.expect_err(linked)), "disk");
        assert_eq!(std::fs::read_dir(&evil).expect("a folder").count(), 0, "{linked}");
        std::fs::remove_dir_all(&trust).expect("a folder");
    }
}

#[test]
fn role_name_table() {
    let team = Repository::team();
    let long = format!("targets/{}", "a".repeat(248));
    for bad in [
        "targets/../root",
        "../x",
        "targets/",
        "targets//a",
        "targets/A",
        "targets/a b",
        "targets/\u{e4}",
        "root/x",
        "",
        "?",
        "#",
        "/x",
        &long,
    ] {
        let bad = bad.to_owned();
        Attack::on(&team, "snapshot", "malformed").is_refused(|evil| {
            let bad = bad.clone();
            evil.spoil("snapshot", move |file| {
                file.change(|signed| signed["meta"][&bad] = signed["meta"]["targets"].clone());
            });
        });
        Attack::on(&team, "targets", "malformed").is_refused(|evil| {
            evil.say("targets", |it| it["delegations"]["roles"][0]["name"] = json!(bad));
        });
    }
}

#[test]
fn delegation_parentage() {
    let team = Repository::team();
    for stranger in ["targets/b", "targets", "root", "targets/alice/b/c", "targets/alicey/b"] {
        let listed = json!({"keyids": [], "name": stranger, "paths": [""], "threshold": 1});
        let client = Client::warm(&team.server());
        let mut evil = team.clone();
        evil.say("targets/alice", |it| it["delegations"]["roles"] = json!([listed])).publish();
        let seen = client.refresh(&evil.server()).expect("the others are fine");
        let error = &seen.unusable[&role("targets/alice")];
        assert!(
            matches!(error, client::Error::Verify(verify::Error::Metadata(_))),
            "{stranger}: {error}"
        );
        Attack::on(&team, "targets/releases", "malformed").is_refused(|evil| {
            evil.say("targets/releases", |it| it["delegations"]["roles"] = json!([listed]));
        });
    }
    for stranger in ["targets", "root", "targets/a/b", "snapshot"] {
        let listed = json!({"keyids": [], "name": stranger, "paths": [""], "threshold": 1});
        Attack::on(&team, "targets", "malformed").is_refused(|evil| {
            evil.say("targets", |targets| {
                targets["delegations"]["roles"].as_array_mut().expect("roles").push(listed.clone());
            });
        });
    }
}

#[test]
fn name_check_is_linear() {
    let team = Repository::team();
    let name = format!("targets/{}", "-a".repeat(1 << 18));
    let started = std::time::Instant::now();
    Attack::on(&team, "targets", "malformed").is_refused_cold(|evil| {
        evil.say("targets", |it| it["delegations"]["roles"][0]["name"] = json!(name));
    });
    assert!(started.elapsed().as_secs() < 5);
}

// ---- delegations
// -----------------------------------------------------------------------------------------------

#[test]
fn delegation_cycle() {
    // A name of Notary's form says who its parent is, so that a cycle cannot even be written: a
    // role that delegates upwards, sideways or to itself is malformed. What is left is a role that
    // is listed and delegated twice.
    let team = Repository::team();
    for (from, to) in [
        ("targets/releases", "targets/releases"),
        ("targets/releases", "targets"),
        ("targets/releases", "targets/alice"),
    ] {
        let listed = json!({"keyids": [], "name": to, "paths": [""], "threshold": 1});
        Attack::on(&team, "targets/releases", "malformed").is_refused(|evil| {
            evil.say(from, |it| it["delegations"]["roles"] = json!([listed]));
        });
    }
}

#[test]
fn delegation_bomb_requests_bounded() {
    let mut team = Repository::team();
    team.spoil("snapshot", |file| {
        file.change(|signed| {
            let listing = signed["meta"]["targets/alice"].clone();
            (0..200).for_each(|n| signed["meta"][format!("targets/x{n}")] = listing.clone());
        });
    });
    let mut deep = String::from("targets/alice");
    for _ in 0..40 {
        deep.push_str("/a");
        team.delegate(&deep, 1, &[TestKey::ed25519()], &["v"]);
    }
    team.publish();
    let server = team.server();
    Client::new().resolve(&server, "v1").expect("honest where it matters");
    let asked = server.asked();
    assert!(asked.len() <= 6, "only what the tag needs: {asked:?}");
    let _ = Client::new().refresh(&server);
    assert!(server.asked().len() <= 300);
    let mut wide = Repository::team();
    (0..10_000).for_each(|n| {
        wide.declare(&format!("targets/x{n}"), 1, &[], &[]);
    });
    wide.publish();
    let server = wide.server();
    let error = Client::new().resolve(&server, "v1").expect_err("too many");
    assert_eq!(kind(&error), "too-many");
    assert!(server.asked().len() <= 6);
}

#[test]
fn delegation_bomb_bytes_bounded() {
    let mut team = Repository::team();
    for n in 0..40 {
        let role = format!("targets/x{n}");
        team.delegate(&role, 1, &[TestKey::ed25519()], &["v"]);
        for tag in 0..20 {
            team.tag(&role, &format!("v{tag}"), "v");
        }
    }
    team.publish();
    let server = team.server();
    let all = Client::new().refresh(&server).expect("honest, and not much");
    assert!(all.unusable.is_empty(), "{:?}", all.unusable);
    server.asked();
    let file = team.files.iter().find(|(name, _)| name.starts_with("targets/x1."));
    let (_, file) = file.expect("published");
    let mut client = Client::new();
    client.with(|policy| policy.limits.collection_bytes = 10 * file.len() as u64);
    let some = client.refresh(&server).expect("what there is room for");
    let refused = some.unusable.values().map(kind_of).collect::<Vec<_>>();
    assert!((25..40).contains(&refused.len()), "{refused:?}");
    assert!(refused.iter().all(|kind| *kind == "too-large"), "{refused:?}");
    let asked = server.asked().iter().filter(|name| name.starts_with("targets/x")).count();
    assert!(asked < 24, "{asked} of 40 are fetched at all");
    client.resolve(&server, "v1").expect("enough for a tag");
}

/// Scopes are compared each with each.
#[test]
fn paths_bomb_is_refused() {
    let mut team = Repository::team();
    team.say("targets", |targets| {
        let paths: Vec<String> = (0..5000).map(|n| format!("v{n}")).collect();
        targets["delegations"]["roles"][0]["paths"] = json!(paths);
    });
    team.publish();
    let error = Client::new().resolve(&team.server(), "v1").expect_err("too many");
    assert_eq!(kind(&error), "too-many");
}

#[test]
fn the_search_of_a_name_visits_a_bounded_tree() {
    let mut team = Repository::team();
    let mut deep = String::from("targets/alice");
    for _ in 0..20 {
        deep.push_str("/a");
        team.delegate(&deep, 1, &[TestKey::ed25519()], &["v"]);
    }
    team.publish();
    let all = Client::new().refresh(&team.server()).expect("honest");
    let error = all.targets.find("v9").expect_err("deeper than 16");
    assert!(matches!(error, verify::Error::TooManyDelegations { .. }));
    assert!(matches!(all.targets.find("w"), Ok(Lookup::Absent)), "out of scope below alice");
    let Ok(Lookup::Found { role: found, .. }) = all.targets.find("v1") else { panic!("signed") };
    assert_eq!(*found, RoleName::releases(), "in the order of delegation");
}

#[test]
fn path_scope_table() {
    for (paths, trusted) in [
        (json!([""]), true),
        (json!(["v1"]), true),
        (json!(["v"]), true),
        (json!(["x", "v1"]), true),
        (json!(["v2"]), false),
        (json!(["v1-"]), false),
        (json!([]), false),
        (Value::Null, false),
        (json!(["V1"]), false),
        (json!(["*"]), false),
    ] {
        let mut team = Repository::team();
        team.say("targets", |it| it["delegations"]["roles"][0]["paths"] = paths.clone()).publish();
        let expected = if trusted { image("v1") } else { Err("no-such-tag") };
        assert_eq!(digest_of(&team, "v1"), expected, "{paths}");
    }
    let mut team = Repository::team();
    team.say("targets", |targets| {
        targets["delegations"]["roles"][0].as_object_mut().expect("a role").remove("paths");
    });
    assert_eq!(digest_of(team.publish(), "v1"), Err("no-such-tag"), "paths missing");
}

#[test]
fn nested_paths_are_restricted_by_every_ancestor() {
    let mut team = Repository::team();
    team.delegate("targets/alice", 1, &[TestKey::p256()], &["ci-", "x"]);
    team.delegate("targets/alice/ci", 1, &[TestKey::p256()], &["", "ci-", "v"]);
    team.delegate("targets/alice/ci/deep", 1, &[TestKey::p256()], &["", "ci-7", "x"]);
    for name in ["ci-7", "v1", "x1"] {
        team.tag("targets/alice/ci", name, name).tag("targets/alice/ci/deep", name, name);
    }
    team.publish();
    let all = Client::new().refresh(&team.server()).expect("honest");
    let signs =
        |at: &str, name: &str| all.targets.role(&role(at)).expect("loaded").target(name).is_some();
    assert!(signs("targets/alice/ci", "ci-7") && signs("targets/alice/ci/deep", "ci-7"));
    for name in ["v1", "x1"] {
        assert!(!signs("targets/alice/ci", name), "{name}");
        assert!(!signs("targets/alice/ci/deep", name), "{name}");
    }
}

#[test]
fn bad_delegate_does_not_block_others() {
    let team = Repository::team();
    type Spoil = fn(&mut Repository);
    let ways: [(&str, Spoil); 5] = [
        ("a name outside its paths", |it| {
            it.tag("targets/alice/ci", "v1", "malware");
        }),
        ("no signature", |it| {
            {
                it.spoil("targets/alice", |file| file.signatures.clear());
            };
        }),
        ("garbage", |it| {
            it.spoil("targets/alice", |file| file.rewrite(|_| "x".into()));
        }),
        ("expired", |it| {
            {
                it.say("targets/alice", |alice| alice["expires"] = json!("2020-01-01T00:00:00Z"));
            };
        }),
        ("too long a list", |it| {
            let spoiler = |file: &mut File| file.signatures = vec![json!({}); 1000];
            {
                it.spoil("targets/alice", spoiler);
            };
        }),
    ];
    for (way, spoil) in ways {
        for detail in [Detail::Answer, Detail::Signers] {
            let mut evil = team.clone();
            spoil(&mut evil);
            evil.publish();
            let client = Client::warm(&team.server());
            let (cache, server) = (client.cache(), evil.server());
            let collection = Collection::new(client.policy.clone(), &cache, &server);
            let tag = "v1".parse().expect("a tag");
            let found = server.run(collection.resolve(&tag, None, detail));
            let found = found.unwrap_or_else(|error| panic!("{way}: {error}"));
            assert_eq!(Ok(*found.reference.digest().sha256()), image("v1"), "{way}");
        }
    }
}

#[test]
fn glob_table() {
    let mut team = Repository::team();
    team.say("targets", |it| it["delegations"]["roles"][0]["paths"] = json!(["v1"]));
    for name in ["v10", "v1-evil", "v*", "w"] {
        team.tag("targets/releases", name, name);
    }
    team.publish();
    for (name, expected) in [
        ("v1", image("v1")),
        ("v10", image("v10")),
        ("v1-evil", image("v1-evil")),
        ("w", Err("no-such-tag")),
    ] {
        assert_eq!(digest_of(&team, name), expected, "{name}: a path is a plain prefix");
    }
    team.say("targets", |it| it["delegations"]["roles"][0]["paths"] = json!(["v*", "?"])).publish();
    assert_eq!(digest_of(&team, "v1"), Err("no-such-tag"), "nothing is a pattern");
}

#[test]
fn diamond_reverified() {
    // In Notary's form a role has one delegator. What remains: its file was trusted under other
    // keys a moment ago.
    let mut team = Repository::team();
    let client = Client::warm(&team.server());
    let releases = team.current["targets/releases"].clone();
    team.delegate("targets/releases", 1, &[TestKey::p256()], &[""]);
    let mut evil = team.clone();
    evil.spoil("targets/releases", move |file| file.rewrite_bytes(|_| releases.clone()));
    evil.publish();
    for _ in 0..2 {
        let error = client.resolve(&evil.server(), "v1").expect_err("signed by the former keys");
        assert_eq!(kind(&error), "threshold", "although these very bytes are cached and known");
    }
    client.resolve(&team.leap().publish().server(), "v1").expect("signed by the new ones");
}

#[test]
fn raising_a_threshold_counts_known_bytes_anew() {
    let mut team = Repository::team();
    let client = Client::warm(&team.server());
    let two = [Arc::clone(&team.keys("targets/releases")[0]), TestKey::p256()];
    let releases = team.current["targets/releases"].clone();
    team.declare("targets/releases", 2, &two, &[""])
        .place("targets/releases", 1, releases)
        .publish();
    let error = client.resolve(&team.server(), "v1").expect_err("one of two");
    assert_eq!(kind(&error), "threshold");
}

#[test]
fn duplicate_delegation_name() {
    let team = Repository::team();
    Attack::on(&team, "targets", "malformed").is_refused(|evil| {
        let mallory = TestKey::p256();
        evil.say("targets", |targets| {
            targets["delegations"]["keys"][mallory.id()] = mallory.object();
            let roles = targets["delegations"]["roles"].as_array_mut().expect("roles");
            let mut again = roles[0].clone();
            again["keyids"] = json!([mallory.id()]);
            roles.insert(0, again);
        });
    });
}

#[test]
fn releases_priority() {
    let mut team = Repository::team();
    team.tag("targets", "v1", "another image").publish();
    assert_eq!(digest_of(&team, "v1"), image("v1"), "releases comes first");
    assert_eq!(digest_of(&team, "old"), image("old"), "and targets after it");
}

#[test]
fn broken_releases_never_falls_back() {
    let mut team = Repository::team();
    team.tag("targets", "v1", "another image").publish();
    let expired = |signed: &mut Value| signed["expires"] = json!("2026-01-01T00:00:00Z");
    let mut unsigned = team.clone();
    unsigned.spoil("targets/releases", |file| file.signatures.clear()).publish();
    let mut stale = team.clone();
    stale.say("targets/releases", expired).publish();
    let mut garbage = team.clone();
    garbage.spoil("targets/releases", |file| file.rewrite(|_| "{}".to_owned())).publish();
    let sha256 = Sha256::of(&team.current["targets/releases"]);
    let name = format!("targets/releases.{sha256}.json");
    let missing = team.server();
    missing.fail(&name, Fault::Missing);
    let silent = team.server();
    silent.fail(&name, Fault::TimedOut);
    let other = team.server();
    other.serve(&name, garbage.current["targets/releases"].clone());
    let mut moved = team.clone();
    moved.touch("targets/releases").publish();
    for (cause, server, expected) in [
        ("unsigned", unsigned.server(), "threshold"),
        ("expired", stale.server(), "expired"),
        ("garbage", garbage.server(), "malformed"),
        ("missing", missing, "network"),
        ("silent", silent, "network"),
        ("other bytes", other, "mismatch"),
    ] {
        for tag in ["v1", "old"] {
            let error = Client::new().resolve(&server, tag).expect_err(cause);
            assert_eq!(kind(&error), expected, "{cause} {tag}: {error}");
        }
    }
    assert_eq!(digest_of(&moved, "v1"), image("v1"));
}

#[test]
fn a_releases_role_that_was_never_published_is_normal() {
    let mut team = Repository::bare(GUN);
    team.tag("targets", "v1", "v1");
    team.declare("targets/releases", 1, &[TestKey::p256()], &[""]).publish();
    let found = Client::new().resolve(&team.server(), "v1").expect("right after signer add");
    assert_eq!(found.notes, [Note::ReleasesNeverPublished]);
    assert_eq!(*found.reference.role(), RoleName::Targets);
}

#[test]
fn other_roles_ignored() {
    let mut team = Repository::team();
    team.delegate("targets/releases/evil", 1, &[TestKey::p256()], &[""]);
    team.delegate("targets/evil", 1, &[TestKey::p256()], &[""]);
    for role in ["targets/releases/evil", "targets/evil", "targets/alice"] {
        team.tag(role, "v9", "malware");
    }
    team.publish();
    let client = Client::new();
    for detail in [Detail::Answer, Detail::Signers] {
        let (cache, server) = (client.cache(), team.server());
        let collection = Collection::new(client.policy.clone(), &cache, &server);
        let tag = "v9".parse().expect("a tag");
        let error = server.run(collection.resolve(&tag, None, detail)).expect_err("no role counts");
        assert_eq!(kind(&error), "no-such-tag");
    }
}

#[test]
fn required_signers_same_digest() {
    let mut honest = Repository::team();
    let bob = TestKey::p256();
    honest.delegate("targets/bob", 1, &[Arc::clone(&bob)], &[""]);
    honest.tag("targets/bob", "v1", "v1").publish();
    let required = |repository: &Repository, names: &[&str]| {
        let (client, server) = (Client::new(), repository.server());
        let cache = client.cache();
        let collection = Collection::new(client.policy.clone(), &cache, &server);
        let tag = "v1".parse().expect("a tag");
        let found = server.run(collection.resolve(&tag, None, Detail::Signers));
        let signers: Vec<SignerName> =
            names.iter().map(|name| name.parse().expect("a signer")).collect();
        found.expect("signed for release").check_signed_by(&signers).map_err(|error| kind(&error))
    };
    assert_eq!(required(&honest, &["alice", "bob"]), Ok(()));
    assert_eq!(required(&honest, &["alice", "carol"]), Err("policy"), "nobody of that name");

    let mut differing = honest.clone();
    differing.tag("targets/bob", "v1", "another image").publish();
    assert_eq!(required(&differing, &["alice", "bob"]), Err("mismatch"));
    assert_eq!(required(&differing, &["alice"]), Ok(()));

    // What he signed elsewhere, put in the place of what he signed here.
    let elsewhere = |named: &str| {
        let mut team = honest.clone();
        team.say("targets/bob", |bob| {
            bob["targets"]["v1"]["custom"] = json!({"countersign": {"gun": named}});
        });
        team.publish();
        required(&team, &["alice", "bob"])
    };
    assert_eq!(elsewhere(GUN), Ok(()));
    assert_eq!(elsewhere("registry.test/team/other"), Err("mismatch"));

    let mut silent = honest.clone();
    silent.say("targets/bob", |bob| bob["targets"] = json!({})).publish();
    assert_eq!(required(&silent, &["alice", "bob"]), Err("policy"));

    // A stale copy: what bob signed before, in the place of what he signs now.
    let mut stale = honest.clone();
    stale.tag("targets/bob", "v2", "v2").publish();
    let server = stale.server();
    let listed = Sha256::of(&stale.current["targets/bob"]);
    server.serve(&format!("targets/bob.{listed}.json"), honest.current["targets/bob"].clone());
    let (client, tag) = (Client::new(), "v1".parse().expect("a tag"));
    let cache = client.cache();
    let collection = Collection::new(client.policy.clone(), &cache, &server);
    let found = server.run(collection.resolve(&tag, None, Detail::Signers)).expect("for release");
    let refused = found.check_signed_by(&["bob".parse().expect("a signer")]);
    assert_eq!(refused.map_err(|error| kind(&error)), Err("policy"), "no use is made of it");
}

#[test]
fn what_was_signed_for_another_collection_is_pulled_by_nobody() {
    let mut team = Repository::team();
    team.tag("targets/releases", "v2", "v2").tag("targets/releases", "v3", "another's");
    for (tag, named) in [("v2", GUN), ("v3", "registry.test/team/other")] {
        team.say("targets/releases", |signed| {
            signed["targets"][tag]["custom"] = json!({"countersign": {"gun": named}});
        });
    }
    team.publish();
    assert_eq!(digest_of(&team, "v2"), image("v2"));
    assert_eq!(digest_of(&team, "v3"), Err("mismatch"));
    let (client, server) = (Client::new(), team.server());
    let cache = client.cache();
    let collection = Collection::new(client.policy.clone(), &cache, &server);
    let shown = server.run(collection.inspect(None)).expect("honest where it matters");
    let pulled = shown.into_pulled().expect("usable roles");
    let tags: Vec<&str> = pulled.tags.iter().map(|it| it.tag.as_str()).collect();
    assert_eq!(tags, ["old", "v1", "v2"]);
    let [odd] = pulled.misplaced.as_slice() else { panic!("{:?}", pulled.misplaced) };
    assert_eq!(odd.signed_for.as_deref(), Some("registry.test/team/other"));
}

#[test]
fn delegation_absent_from_snapshot() {
    let team = Repository::team();
    let mut hidden = team.clone();
    hidden.forget("targets/releases").publish();
    let server = hidden.server();
    let found = Client::new().resolve(&server, "old").expect("never seen here");
    assert_eq!(found.notes, [Note::ReleasesNeverPublished]);
    let asked = server.asked();
    assert!(asked.iter().all(|name| !name.contains("releases")), "{asked:?}");
    let error = Client::warm(&team.server()).resolve(&server, "old").expect_err("seen here");
    assert_eq!(kind(&error), "rollback");
    let mut undelegated = team.clone();
    undelegated.say("targets", |it| it["delegations"]["roles"] = json!([])).publish();
    assert_eq!(
        digest_of(&undelegated, "v1"),
        Err("no-such-tag"),
        "listed, but by nobody delegated"
    );
}

#[test]
fn tag_and_digest_must_agree() {
    let team = Repository::team();
    let client = Client::new();
    let (cache, server) = (client.cache(), team.server());
    let collection = Collection::new(client.policy.clone(), &cache, &server);
    let tag = "v1".parse().expect("a tag");
    for (image, trusted) in [("v1", true), ("malware", false)] {
        let given = format!("sha256:{}", Sha256::of(image.as_bytes())).parse().expect("a digest");
        let found = server.run(collection.resolve(&tag, Some(given), Detail::Answer));
        assert_eq!(found.is_ok(), trusted);
        assert!(trusted || found.is_err_and(|error| kind(&error) == "mismatch"));
    }
}

#[test]
fn signers_are_those_that_sign_the_same_digest() {
    let mut team = Repository::team();
    team.delegate("targets/bob", 1, &[TestKey::p256()], &[""]).tag("targets/bob", "v1", "older");
    team.publish();
    let client = Client::new();
    let (cache, server) = (client.cache(), team.server());
    let collection = Collection::new(client.policy.clone(), &cache, &server);
    let tag = "v1".parse().expect("a tag");
    let found = server.run(collection.resolve(&tag, None, Detail::Signers)).expect("honest");
    assert_eq!(found.signers, ["alice"], "bob signed another one");

    team.tag("targets/bob", "v1", "v1").say("targets/bob", |bob| {
        bob["targets"]["v1"]["custom"] =
            json!({"countersign": {"gun": "registry.test/team/other"}});
    });
    team.publish();
    let server = team.server();
    let collection = Collection::new(client.policy.clone(), &cache, &server);
    let found = server.run(collection.resolve(&tag, None, Detail::Signers)).expect("honest");
    assert_eq!(found.signers, ["alice"], "bob signed it for another collection");
    assert!(cache.memory().expect("a record").baseline.root() >= Some(Version::ONE));
}
