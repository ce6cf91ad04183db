//! A digest that is asked for by no tag is believed while some tag means it, and no longer.
#![cfg(feature = "registry")]
#![expect(clippy::duplicate_mod, reason = "repositories of either form have the same helpers")]

#[path = "support/repository.rs"]
mod repository;
#[path = "support/tuf1.rs"]
mod tuf1;

use countersign::crypto::Sha256;
use countersign::docker::{Collection, Detail, Query, Resolution, SignerName};
use countersign::image::{ImageDigest, Reference};
use countersign::storage::MemoryCache;
use repository::{Client, Repository, TestKey, after_hours, kind};
use serde_json::json;

fn digest(image: &str) -> ImageDigest {
    Sha256::of(image.as_bytes()).into()
}

/// The tag by which the digest of an image is believed, or in one word why it is not.
fn asked(
    client: &Client,
    repository: &Repository,
    image: &str,
    required: &[&str],
) -> Result<String, &'static str> {
    let (cache, server) = (client.cache(), repository.server());
    let collection = Collection::new(client.policy.clone(), &cache, &server);
    let required: Vec<SignerName> =
        required.iter().map(|name| name.parse().expect("a signer")).collect();
    let query = Query::Digest(digest(image));
    let answer = server.run(collection.answer(&query, Detail::Answer, &required));
    let checked = |found: Resolution| {
        assert_eq!(found.reference.digest(), digest(image));
        found.reference.tag().to_string()
    };
    answer.map(checked).map_err(|error| kind(&error))
}

fn believed(repository: &Repository, image: &str) -> Result<String, &'static str> {
    let cold = asked(&Client::new(), repository, image, &[]);
    let warm = asked(&Client::warm(&repository.server()), repository, image, &[]);
    assert_eq!(cold, warm, "{image}");
    cold
}

fn by(tag: &str) -> Result<String, &'static str> {
    Ok(tag.to_owned())
}

#[test]
fn a_digest_is_believed_while_a_tag_means_it() {
    let mut team = Repository::team();
    assert_eq!(believed(&team, "v1"), by("v1"));
    assert_eq!(believed(&team, "old"), by("old"), "in targets");
    assert_eq!(believed(&team, "nothing"), Err("no-such-tag"));
    team.tag("targets/releases", "v1", "v1, mended").publish();
    assert_eq!(believed(&team, "v1, mended"), by("v1"));
    assert_eq!(believed(&team, "v1"), Err("no-such-tag"), "what it meant before");
    team.tag("targets/releases", "v1.0", "v1").publish();
    assert_eq!(believed(&team, "v1"), by("v1.0"));
}

#[test]
fn what_pulls_do_not_come_to_vouches_for_no_digest() {
    let mut team = Repository::team();
    team.tag("targets/alice", "v2", "only alice").publish();
    assert_eq!(believed(&team, "only alice"), Err("no-such-tag"));
    team.tag("targets", "v1", "behind releases").publish();
    assert_eq!(believed(&team, "behind releases"), Err("no-such-tag"));
    team.tag("targets", "not/a tag", "of no image").publish();
    assert_eq!(believed(&team, "of no image"), Err("no-such-tag"));
    let mut narrow = team.clone();
    let key = TestKey::ed25519();
    narrow.delegate("targets/releases", 1, &[key], &["1."]);
    narrow.tag("targets/releases", "1.0", "within").tag("targets/releases", "2.0", "beyond");
    narrow.publish();
    assert_eq!(believed(&narrow, "within"), by("1.0"));
    assert_eq!(believed(&narrow, "beyond"), Err("no-such-tag"), "not a tag that it may sign");
    for signed in ["only alice", "behind releases", "of no image"] {
        team.tag("targets/releases", "now", signed).publish();
        assert_eq!(believed(&team, signed), by("now"));
    }
}

#[test]
fn what_was_signed_for_another_collection_vouches_for_no_digest() {
    let mut team = Repository::team();
    team.tag("targets/releases", "v2", "elsewhere");
    let of = |gun: &str| json!({"countersign": {"gun": gun}});
    team.say("targets/releases", |it| it["targets"]["v2"]["custom"] = of("registry.test/other"));
    team.publish();
    assert_eq!(believed(&team, "elsewhere"), Err("mismatch"));
    assert_eq!(believed(&team, "v1"), by("v1"), "one entry is no reason to refuse another");
    team.tag("targets/releases", "v3", "elsewhere").publish();
    assert_eq!(believed(&team, "elsewhere"), by("v3"));
}

#[test]
fn an_unusable_releases_role_is_no_reason_to_ask_targets() {
    let team = Repository::team();
    let mut unsigned = team.clone();
    unsigned.spoil("targets/releases", |file| file.signatures.clear()).publish();
    let mut hidden = team.clone();
    hidden.forget("targets/releases").publish();
    for image in ["old", "v1"] {
        assert_eq!(believed(&unsigned, image), Err("threshold"));
        let client = Client::warm(&team.server());
        assert_eq!(asked(&client, &hidden, image, &[]), Err("rollback"));
        assert!(asked(&client, &team, image, &[]).is_ok());
    }
    let mut late = Client::new();
    assert_eq!(asked(late.at(after_hours(24 * 15)), &team, "v1", &[]), Err("expired"));
}

#[test]
fn signers_who_are_required_must_sign_the_same_digest_for_that_tag() {
    let mut team = Repository::team();
    team.delegate("targets/bob", 1, &[TestKey::ed25519()], &[""]);
    team.tag("targets/bob", "old", "something else").publish();
    let asked = |team: &Repository, image, who: &[&str]| asked(&Client::new(), team, image, who);
    assert_eq!(asked(&team, "v1", &["alice"]), by("v1"));
    assert_eq!(asked(&team, "v1", &["alice", "bob"]), Err("policy"));
    assert_eq!(asked(&team, "old", &["bob"]), Err("mismatch"));
    team.tag("targets/bob", "v1-bob", "v1").publish();
    assert_eq!(asked(&team, "v1", &["bob"]), Err("policy"), "pulls do not come to that tag");
    team.tag("targets/releases", "v1-bob", "v1").publish();
    assert_eq!(asked(&team, "v1", &["bob"]), by("v1-bob"), "the first of two tags is not his");
    assert_eq!(asked(&team, "v1", &["alice"]), by("v1"));
}

#[test]
fn where_roles_are_asked_in_turn_all_of_them_are() {
    let mut repository = tuf1::Repository::new();
    repository.delegate("targets", "team", json!({"paths": ["*"]})).target("team", "v2");
    repository.delegate("targets", "late", json!({"paths": ["*"]})).target("late", "v3");
    repository.target("late", "v2").publish();
    let believed = |repository: &tuf1::Repository, image: &str| {
        let (client, site) = (tuf1::Client::new(), tuf1::Site::from(repository));
        let cache = MemoryCache::new();
        let collection = Collection::new(client.policy, &cache, &site);
        let query = Query::Digest(digest(image));
        let answer = repository::ready(collection.answer(&query, Detail::Answer, &[]));
        answer.map(|it| it.reference.tag().to_string()).map_err(|error| kind(&error))
    };
    for image in ["v1", "v2", "v3"] {
        assert_eq!(believed(&repository, image), by(image));
    }
    assert_eq!(believed(&repository, "nothing"), Err("no-such-tag"));
    let stranger = repository.key();
    repository.keys.insert("late".to_owned(), vec![stranger]);
    repository.touch(&["late", "snapshot", "timestamp"]).publish();
    assert_eq!(believed(&repository, "v1"), by("v1"));
    assert_eq!(believed(&repository, "v2"), by("v2"));
    assert_eq!(believed(&repository, "v3"), Err("threshold"), "it might be there");
}

#[test]
fn a_reference_asks_for_its_tag_wherever_it_has_one() {
    let [other, found] = ["v1", "v2"].map(digest);
    let of = |text: &str| {
        let reference: Reference = text.parse().expect("a reference");
        Query::of(reference.tag(), reference.digest().copied())
    };
    let tag = |text: &str, digest| Query::Tag(text.parse().expect("a tag"), digest);
    assert_eq!(of("web"), tag("latest", None));
    assert_eq!(of("web:1"), tag("1", None));
    assert_eq!(of(&format!("web:1@{other}")), tag("1", Some(other)));
    assert_eq!(of(&format!("web@{other}")), Query::Digest(other));
    assert_eq!(of("web:1").about(found), Some(tag("1", Some(found))));
    for text in ["web:1", "web"].map(|name| format!("{name}@{other}")) {
        assert_eq!(of(&text).about(found), None, "{text}");
        assert_eq!(of(&text).about(other), Some(of(&text)));
    }
}
