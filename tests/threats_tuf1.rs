//! What a TUF 1.0 repository, or who stands before it, may try: each attack is one named edit of an
//! honest repository.

#![cfg(feature = "client")]

#[path = "support/tuf1.rs"]
mod tuf1;

use std::sync::Arc;

use countersign::client::{self, Refreshed, Wish};
use countersign::crypto::{Algorithm, PrivateKey, Signer};
use countersign::docker::{Collection, Detail, Error as Refused, SignerName};
use countersign::edit::{Draft, Signers};
use countersign::storage::MemoryCache;
use countersign::tuf::{self, RoleName};
use countersign::verify::Error;
use jiff::SignedDuration;
use serde_json::{Value, json};

use tuf1::{
    Client, Repository, TOP, canonical_bytes, entry, hex, key_id, key_object, sign, signature,
};

#[test]
fn an_honest_repository_is_read_in_the_order_of_the_specification() {
    let repository = Repository::new();
    assert_eq!(Client::warm(&repository).role_of(&repository, "v1").as_deref(), Some("targets"));
    assert_eq!(Client::new().role_of(&repository, "v2"), None);
    let client = Client::new();
    let first =
        ["1.root.json", "2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"];
    assert_eq!(client.questions(&repository), first);
    assert_eq!(client.questions(&repository), ["2.root.json", "timestamp.json"]);
}

#[test]
fn type_swap() {
    for role in TOP {
        for wrong in ["Targets", "Root", "mirrors", ""] {
            let mut evil = Repository::new();
            evil.role(role)["_type"] = json!(wrong);
            evil.publish();
            let error = Client::new().refusal(&evil);
            assert!(
                matches!(&error, Error::Metadata(tuf::Error::WrongType { .. })),
                "{role} {wrong}: {error}"
            );
        }
    }
}

#[test]
fn versions_may_not_go_back_in_files_nor_in_listings() {
    let mut honest = Repository::new();
    honest.delegate("targets", "team", json!({"paths": ["*"]})).target("team", "v2");
    honest.touch(&["timestamp", "snapshot", "targets", "team"]).publish();
    let seen = || {
        let client = Client::new();
        assert_eq!(client.role_of(&honest, "v2").as_deref(), Some("team"));
        client
    };
    for (role, raise) in [
        ("timestamp", vec![]),
        ("snapshot", vec!["timestamp"]),
        ("targets", vec!["timestamp", "snapshot"]),
        ("team", vec!["timestamp", "snapshot"]),
    ] {
        let mut evil = honest.clone();
        evil.role(role)["version"] = json!(1);
        evil.touch(&raise).publish();
        let client = seen();
        let before = client.cache.files();
        let error = client.refusal(&evil);
        let named = matches!(&error, Error::Rollback { role: found, .. } if found.as_str() == role);
        assert!(named, "{role}: {error}");
        let file = RoleName::free(role).expect("a role");
        assert_eq!(client.cache.files().get(&file), before.get(&file), "{role} is kept");
    }
}

#[test]
fn a_listed_role_may_not_vanish_until_the_snapshot_key_is_rotated() {
    let mut honest = Repository::new();
    honest.delegate("targets", "team", json!({"paths": ["*"]})).publish();
    let client = Client::warm(&honest);
    let mut evil = honest.clone();
    evil.touch(&["snapshot", "timestamp"]).list();
    evil.role("snapshot")["meta"].as_object_mut().expect("listed").remove("team.json");
    evil.seal("snapshot").seal("timestamp");
    assert!(matches!(client.refusal(&evil), Error::Vanished { role } if role.as_str() == "team"));

    let key = evil.key();
    evil.keys.insert("snapshot".to_owned(), vec![key]);
    evil.touch(&["root"]).name_keys();
    evil.seal("root").seal("snapshot");
    client.refresh(&evil).expect("a rotated key forgets what was listed");
}

/// TUF 1.0.34 §5.3.11: who drove versions up with both online keys has lost when one is replaced.
#[test]
fn rotating_either_online_key_forgets_versions_that_were_driven_up() {
    for rotated in [&[][..], &["timestamp"], &["snapshot"], &["timestamp", "snapshot"]] {
        let mut honest = Repository::new();
        let (client, mut evil) = (Client::warm(&honest), honest.clone());
        for role in ["timestamp", "snapshot"] {
            evil.role(role)["version"] = json!(1000);
        }
        client.refresh(evil.publish()).expect("signed with the stolen keys");
        rotated.iter().for_each(|role| honest.rotate(role));
        honest.touch(&["root", "snapshot", "timestamp"]).publish();
        match rotated {
            [] => assert!(matches!(client.refusal(&honest), Error::Rollback { .. })),
            _ => drop(client.refresh(&honest).expect("a key was replaced")),
        }
    }
}

#[test]
fn version_vs_parent() {
    for role in ["snapshot", "targets"] {
        let mut evil = Repository::new();
        let name = format!("1.{role}.json");
        evil.touch(&[role]);
        evil.seal(role);
        let later = evil.files.remove(&format!("2.{role}.json")).expect("there");
        evil.files.insert(name, later);
        let error = Client::new().refusal(&evil);
        assert!(matches!(error, Error::Mismatch { what: "version", .. }), "{role}: {error}");
    }
}

#[test]
fn one_key_counts_once_whatever_its_ids() {
    let mut evil = Repository::new();
    let key = evil.keys["targets"][0].clone();
    let mut twin = key_object(&key);
    twin["x-note"] = json!("another id");
    let id = "ab".repeat(32);
    evil.role("root")["keys"][&id] = twin;
    evil.name_keys();
    evil.role("root")["roles"]["targets"]["threshold"] = json!(2);
    evil.role("root")["roles"]["targets"]["keyids"].as_array_mut().expect("ids").push(json!(id));
    evil.seal("root");
    let again = json!({"keyid": id, "sig": signature(&key, &evil.roles["targets"])});
    let signatures = vec![sign(&key, &evil.roles["targets"]), again];
    evil.put("targets", signatures);
    let error = Client::new().refusal(&evil);
    assert!(matches!(error, Error::Threshold { valid: 1, .. }), "{error}");
}

#[test]
fn an_id_signs_once() {
    for role in TOP {
        let mut evil = Repository::new();
        let one = sign(&evil.keys[role][0], &evil.roles[role]);
        evil.put(role, vec![one.clone(), one]);
        let error = Client::new().refusal(&evil);
        assert!(matches!(error, Error::Metadata(tuf::Error::Malformed { .. })), "{role}: {error}");
    }
}

/// An id is what a file says it is: a delegate may put a key of his own under the id of another
/// role's key, and have his file taken for that role's.
#[test]
fn a_file_is_remembered_by_the_keys_that_signed_it_and_not_by_their_ids() {
    let mut honest = Repository::new();
    honest.delegate("targets", "aaa", json!({"paths": ["aaa-*"]})).target("aaa", "aaa-1");
    honest.delegate("targets", "targets/releases", json!({"paths": ["*"]}));
    honest.target("targets/releases", "v2").publish();
    let client = Client::new();
    assert!(client.pull(&honest, "v2").is_ok());
    let (his, theirs) = (honest.keys["aaa"][0].clone(), honest.keys["targets/releases"][0].clone());
    let mut evil = honest.clone();
    let role = json!({"keyids": [key_id(&theirs)], "name": "targets/releases", "paths": ["aaa-*"], "terminating": false, "threshold": 1});
    evil.role("aaa")["targets"] = json!({});
    evil.role("aaa")["delegations"] =
        json!({"keys": {key_id(&theirs): key_object(&his)}, "roles": [role]});
    evil.target("targets/releases", "aaa-1").role("targets/releases")["targets"]["v2"] = entry("x");
    evil.touch(&["aaa", "targets/releases", "snapshot", "timestamp"]).publish();
    let signed = evil.sign_as(&key_id(&theirs), &his, "targets/releases");
    evil.put("targets/releases", vec![signed]);
    assert_eq!(client.role_of(&evil, "aaa-1").as_deref(), Some("targets/releases"));
    let refused = client.pull(&evil, "v2");
    let counted = matches!(&refused, Err(client::Error::Verify(Error::Threshold { valid: 0, .. })));
    assert!(counted, "{refused:?}");
    honest.touch(&["aaa", "targets/releases", "snapshot", "timestamp"]);
    honest.touch(&["aaa", "targets/releases", "snapshot", "timestamp"]).publish();
    assert!(client.pull(&honest, "v2").is_ok());
}

#[test]
fn a_key_that_was_taken_away_counts_no_longer_though_another_has_its_id() {
    let mut it = Repository::new();
    let client = Client::new();
    assert!(client.pull(&it, "v1").is_ok());
    let (old, new) = (it.keys["targets"][0].clone(), it.key());
    it.role("root")["keys"][key_id(&old)] = key_object(&new);
    it.touch(&["root"]).seal("root");
    let refused = client.pull(&it, "v1");
    let counted = matches!(&refused, Err(client::Error::Verify(Error::Threshold { valid: 0, .. })));
    assert!(counted, "{refused:?}");
    it.touch(&["targets", "snapshot", "timestamp"]);
    it.list();
    let signed = it.sign_as(&key_id(&old), &new, "targets");
    it.put("targets", vec![signed]).seal("snapshot").seal("timestamp");
    assert!(client.pull(&it, "v1").is_ok(), "the new key signs");
}

#[test]
fn signature_text_variants() {
    let honest = Repository::new();
    let good = signature(&honest.keys["targets"][0], &honest.roles["targets"]);
    for (text, accepted) in [
        (good.clone(), true),
        (good.to_uppercase(), true),
        (format!("{good}\n"), false),
        (format!("0x{good}"), false),
        (good[1..].to_owned(), false),
        (String::new(), false),
    ] {
        let mut it = honest.clone();
        let mut entry = sign(&it.keys["targets"][0], &it.roles["targets"]);
        entry["sig"] = json!(text);
        it.put("targets", vec![entry]);
        assert_eq!(Client::new().refresh(&it).is_ok(), accepted, "{text:?}");
    }
}

/// K-10: TUF 1.0 writes ECDSA in DER, and one form of it alone.
#[test]
fn ecdsa_encoding_table() {
    let mut honest = Repository::new();
    let key = Arc::new(PrivateKey::generate(Algorithm::EcdsaP256).expect("a key"));
    honest.keys.insert("targets".to_owned(), vec![Arc::clone(&key)]);
    honest.publish();
    let message = canonical_bytes(&honest.roles["targets"]);
    let raw = loop {
        // One whose numbers need no byte before them, and none taken away.
        let raw = key.sign(&message).expect("a signature").as_bytes().to_vec();
        if [raw[0], raw[32]].iter().all(|first| (1..0x80).contains(first)) {
            break raw;
        }
    };
    let (r, s) = raw.split_at(32);
    let number = |bytes: &[u8]| [&[2, u8::try_from(bytes.len()).expect("short")], bytes].concat();
    let pair = |r: &[u8], s: &[u8]| {
        let body = [number(r), number(s)].concat();
        [vec![0x30, u8::try_from(body.len()).expect("short")], body].concat()
    };
    let body = [number(r), number(s)].concat();
    let mut negative = s.to_vec();
    negative[0] |= 0x80;
    for (what, bytes, good) in [
        ("as it should be", pair(r, s), true),
        ("r and s side by side", raw.clone(), false),
        ("63 bytes of them", raw[..63].to_vec(), false),
        ("r and s swapped", pair(s, r), false),
        ("a length in two bytes", [&[0x30, 0x81, 68][..], &body].concat(), false),
        ("a length that is left open", [&[0x30, 0x80][..], &body, &[0, 0]].concat(), false),
        ("a zero too many", pair(&[&[0], r].concat(), s), false),
        ("a negative s", pair(r, &negative), false),
        ("a byte behind it", [pair(r, s), vec![0]].concat(), false),
        ("a byte behind s, inside", [&[0x30, 69][..], &body, &[0]].concat(), false),
        ("r = 0", pair(&[0], s), false),
        ("s = 0", pair(r, &[0]), false),
        ("r = n", pair(&[&[0], &ORDER[..]].concat(), s), false),
        ("s = n", pair(r, &[&[0], &ORDER[..]].concat()), false),
        ("no number at all", vec![0x30, 0], false),
        ("nothing", Vec::new(), false),
    ] {
        let mut it = honest.clone();
        let mut entry = sign(&key, &it.roles["targets"]);
        entry["sig"] = json!(hex(&bytes));
        it.put("targets", vec![entry]);
        match Client::new().refresh(&it) {
            Ok(_) => assert!(good, "{what}"),
            Err(client::Error::Verify(Error::Threshold { valid: 0, .. })) => {
                assert!(!good, "{what}");
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Sets one member of a role, by its JSON pointer.
fn with(role: &str, pointer: &str, value: Value) -> Repository {
    let mut it = Repository::new();
    let place = it.role(role).pointer_mut(pointer);
    *place.unwrap_or_else(|| panic!("{role}{pointer}")) = value;
    it.seal(role);
    it
}

#[test]
fn table_of_malformed_values() {
    for (role, pointer, value) in [
        ("targets", "/spec_version", json!("2.0.0")),
        ("targets", "/spec_version", json!("")),
        ("root", "/spec_version", json!("2.0.0")),
        ("targets", "/expires", json!("2056-01-01T00:00:00+00:00")),
        ("targets", "/expires", json!("2056-01-01")),
        ("targets", "/expires", json!("2056-01-01t00:00:00z")),
        ("timestamp", "/expires", json!("")),
        ("targets", "/targets/v1/hashes", json!({})),
        ("targets", "/targets/v1/hashes", json!({"md5": "00"})),
        ("targets", "/targets/v1/hashes", json!({"sha256": "00"})),
        ("targets", "/targets/v1/length", json!(-1)),
        ("snapshot", "/meta/targets.json", json!({})),
        ("snapshot", "/meta/targets.json", json!({"version": 0})),
        ("snapshot", "/meta/targets.json", json!({"version": 1, "hashes": {}})),
        ("snapshot", "/meta", json!({})),
        ("timestamp", "/meta", json!({})),
        ("root", "/consistent_snapshot", json!("true")),
        ("root", "/roles/targets/threshold", json!(0)),
        ("targets", "/targets", json!({"caf\u{e9}": {"hashes": {"sha256": "00"}, "length": 1}})),
    ] {
        let error = Client::new().refusal(&with(role, pointer, value.clone()));
        assert!(matches!(error, Error::Metadata(_)), "{role}{pointer} {value}: {error}");
    }
    let mut evil = Repository::new();
    evil.role("root").as_object_mut().expect("an object").remove("spec_version");
    evil.seal("root");
    assert!(matches!(Client::new().refusal(&evil), Error::Metadata(_)));
}

#[test]
fn listed_length_and_hashes_bind() {
    let honest = Repository::new();
    let file = honest.files["1.targets.json"].clone();
    let hash = countersign::crypto::Sha256::of(&file).to_string();
    for (listed, accepted) in [
        (json!({"version": 1, "length": file.len(), "hashes": {"sha256": hash}}), true),
        (json!({"version": 1, "length": file.len() + 1}), false),
        (json!({"version": 1, "length": file.len() - 1}), false),
        (json!({"version": 1, "hashes": {"sha256": "00".repeat(32)}}), false),
        (json!({"version": 1, "hashes": {"sha512": "00".repeat(64)}}), false),
    ] {
        let mut it = honest.clone();
        it.role("snapshot")["meta"]["targets.json"] = listed.clone();
        it.seal("snapshot");
        assert_eq!(Client::new().refresh(&it).is_ok(), accepted, "{listed}");
    }
}

#[test]
fn role_name_table() {
    for name in ["?", "#", "/x", "../x", "a b", "targets/releases", "%2e%2e", "timestamp.json"] {
        let mut it = Repository::new();
        it.delegate("targets", name, json!({"paths": ["*"]})).target(name, "v2").publish();
        assert_eq!(Client::new().role_of(&it, "v2").as_deref(), Some(name));
    }
    for name in ["", ".", "..", "root", "targets", "snapshot", "ä", "a\nb"] {
        let mut evil = Repository::new();
        let role =
            json!({"keyids": [], "name": name, "paths": [], "terminating": false, "threshold": 1});
        evil.role("targets")["delegations"] = json!({"keys": {}, "roles": [role]});
        evil.seal("targets");
        let error = Client::new().refusal(&evil);
        assert!(matches!(error, Error::Metadata(_)), "{name:?}: {error}");
    }
}

/// D-06; every order in which delegations may be asked is in `tuf1_conformance/search.rs`.
#[test]
fn terminating_delegation() {
    let mut it = Repository::new();
    it.delegate("targets", "first", json!({"paths": ["a*"], "terminating": true}));
    it.delegate("targets", "second", json!({"paths": ["*"]}));
    it.delegate("first", "below", json!({"paths": ["ab*"]}));
    it.target("below", "ab").target("second", "ab").target("second", "ac").target("second", "b");
    it.publish();
    let client = Client::warm(&it);
    for (name, role) in [("ab", Some("below")), ("ac", None), ("b", Some("second"))] {
        assert_eq!(client.role_of(&it, name).as_deref(), role, "{name}");
    }
}

#[test]
fn a_delegate_beyond_its_paths_costs_only_that_entry() {
    let mut it = Repository::new();
    it.delegate("targets", "team", json!({"paths": ["team-*"]}));
    it.delegate("team", "child", json!({"paths": ["*"]}));
    it.target("team", "other").target("team", "team-1").target("child", "other").publish();
    let client = Client::warm(&it);
    assert_eq!(client.role_of(&it, "other"), None);
    assert_eq!(client.role_of(&it, "team-1").as_deref(), Some("team"));
    assert_eq!(client.role_of(&it, "v1").as_deref(), Some("targets"));
}

#[test]
fn a_role_is_believed_on_the_word_of_the_role_that_the_search_comes_from() {
    let mut it = Repository::new();
    it.delegate("targets", "a", json!({"paths": ["a-*"]}));
    it.delegate("targets", "b", json!({"paths": ["b-*"]}));
    it.delegate("a", "shared", json!({"paths": ["a-*"]}));
    it.delegate("b", "shared", json!({"paths": ["b-*"]}));
    it.target("shared", "a-1").target("shared", "b-1");
    it.keys.get_mut("shared").expect("two keys").truncate(1);
    it.publish();
    let (client, site) = (Client::new(), tuf1::Site::from(&it));
    let mut collection = client.refresh(&it).expect("honest so far");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let a = client::search(&mut collection, &client.cache, Some(&site), "a-1").await;
        assert_eq!(a.expect("signed").expect("found").role.as_str(), "shared");
        let b = client::search(&mut collection, &client.cache, Some(&site), "b-1").await;
        let refused = matches!(b, Err(client::Error::Verify(Error::Threshold { valid: 0, .. })));
        assert!(refused, "{b:?}");
    });
}

#[test]
fn a_delegated_role_that_no_snapshot_lists_is_no_reason_to_ask_the_next() {
    let mut evil = Repository::new();
    evil.delegate("targets", "strict", json!({"paths": ["x"]}));
    evil.delegate("targets", "lax", json!({"paths": ["*"]})).target("lax", "x").publish();
    evil.role("snapshot")["meta"].as_object_mut().expect("listed").remove("strict.json");
    evil.seal("snapshot");
    let refused = Client::new().find(&evil, "x");
    let named = matches!(&refused, Err(client::Error::Verify(Error::NotListed { role, .. })) if role.as_str() == "strict");
    assert!(named, "{refused:?}");
}

fn role(name: &str) -> RoleName {
    RoleName::free(name).expect("a role")
}

/// Whether this signer signs what pulls find.
fn signed_by(repository: &Repository, tag: &str, signer: &str) -> Result<(), Refused> {
    let (client, site) = (Client::new(), tuf1::Site::from(repository));
    let collection = Collection::new(client.policy.clone(), &client.cache, &site);
    let (tag, signer): (_, SignerName) = (tag.parse().expect("a tag"), signer.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let found = runtime.block_on(collection.resolve(&tag, None, Detail::Signers))?;
    found.check_signed_by(&[signer])
}

/// The signers that are shown, those of a tag and all.
fn shown_signers(repository: &Repository) -> [Vec<String>; 3] {
    let (client, site) = (Client::new(), tuf1::Site::from(repository));
    let collection = Collection::new(client.policy.clone(), &client.cache, &site);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let inspection = collection.inspect(None).await.expect("a usable repository");
        let listed = collection.delegations().await.expect("a usable repository");
        let of_tags = inspection.tags.iter().flat_map(|tag| tag.signers.clone()).collect();
        let all = inspection.signers.into_iter().map(|signer| signer.name).collect();
        let listed = listed.iter().filter_map(|it| it.signer().map(str::to_owned)).collect();
        [of_tags, all, listed]
    })
}

#[test]
fn a_signer_is_who_targets_says_and_nobody_else_of_that_name() {
    let everything = || json!({"paths": ["*"]});
    let mut honest = Repository::new();
    for name in ["targets/mallory", "targets/alice", "targets/releases"] {
        honest.delegate("targets", name, everything());
    }
    honest.target("targets/mallory", "v2").target("targets/alice", "v2").publish();
    signed_by(&honest, "v2", "alice").expect("alice signs it");
    let both = || vec!["alice".to_owned(), "mallory".to_owned()];
    assert_eq!(shown_signers(&honest), [both(), both(), both()]);

    // A role of that name by mallory's word, whether there is a true one, that signs nothing, or none.
    let mut alone = Repository::new();
    alone.delegate("targets", "targets/mallory", everything());
    let mut beside = honest.clone();
    beside.role("targets/alice")["targets"] = json!({});
    for (mut evil, there) in [(alone, false), (beside, true)] {
        evil.delegate("targets/mallory", "targets/alice", everything());
        evil.keys.get_mut("targets/alice").expect("keys").reverse();
        evil.keys.get_mut("targets/alice").expect("keys").truncate(1);
        evil.target("targets/alice", "v2").publish();
        let refused = signed_by(&evil, "v2", "alice").expect_err("mallory is not alice");
        assert!(matches!(refused, Refused::NotSignedBy { .. }), "{there}: {refused}");
        let [of_tags, all, listed] = shown_signers(&evil);
        assert!(!of_tags.contains(&"alice".to_owned()), "{there}: {of_tags:?}");
        let expected = if there { both() } else { vec!["mallory".to_owned()] };
        assert_eq!([&all, &listed], [&expected, &expected], "{there}");
    }
}

#[test]
fn what_is_in_a_signer_s_bins_is_the_signer_s() {
    let mut it = Repository::new();
    it.delegate("targets", "targets/alice", json!({"paths": ["*"]}));
    let (low, high) =
        (["0", "1", "2", "3", "4", "5", "6", "7"], ["8", "9", "a", "b", "c", "d", "e", "f"]);
    for (bin, prefixes) in [("targets/alice/bin-00", low), ("targets/alice/bin-01", high)] {
        it.delegate("targets/alice", bin, json!({"path_hash_prefixes": prefixes}));
        it.target(bin, "v2");
    }
    it.publish();
    signed_by(&it, "v2", "alice").expect("alice signs it");
}

#[test]
fn expired_roles_are_refused_each() {
    for role in TOP {
        let error = Client::new().refusal(&with(role, "/expires", json!("2026-11-25T00:00:00Z")));
        let named = matches!(&error, Error::Expired { role: found, .. } if found.as_str() == role);
        assert!(named, "{role}: {error}");
    }
}

#[test]
fn with_a_greatest_age_the_age_must_be_known() {
    let mut client = Client::new();
    client.policy.max_age = Some(SignedDuration::from_hours(36));
    // It is the 25th of November; timestamps are signed for 14 days.
    for (expires, accepted) in [
        ("2026-12-09T00:00:00Z", true),
        ("2026-12-09T00:59:00Z", true),
        ("2026-12-07T12:00:00Z", true),
        ("2026-12-07T11:59:00Z", false),
        ("2026-11-26T00:00:00Z", false),
        ("2026-12-09T01:01:00Z", false),
        ("2027-05-24T00:00:00Z", false),
    ] {
        let it = with("timestamp", "/expires", json!(expires));
        Client::new().refresh(&it).expect("no age is asked for");
        client.cache = MemoryCache::new();
        match client.refresh(&it) {
            Ok(_) => assert!(accepted, "{expires}"),
            Err(client::Error::Verify(Error::UnknownAge { .. })) => {
                assert!(!accepted && expires > "2026-12-09", "{expires}");
            }
            Err(client::Error::Verify(Error::TooOld { .. })) => {
                assert!(!accepted && expires < "2026-12-09", "{expires}");
            }
            Err(error) => panic!("{expires}: {error}"),
        }
    }
}

#[test]
fn a_search_ends_in_a_forest_of_delegations() {
    let mut evil = Repository::new();
    for index in 0..100 {
        evil.delegate("targets", &format!("r{index}"), json!({"paths": ["*"]}));
    }
    evil.publish();
    let refused = Client::new().find(&evil, "x");
    let ended = matches!(refused, Err(client::Error::Verify(Error::TooManyDelegations { .. })));
    assert!(ended, "{refused:?}");
}

/// All of a repository, or what there is room for.
fn whole(repository: &Repository) -> Refreshed {
    let (client, site) = (Client::new(), tuf1::Site::from(repository));
    let collection = Collection::new(client.policy.clone(), &client.cache, &site);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(collection.refresh(Wish::EVERYTHING)).expect("a usable repository")
}

#[test]
fn a_signer_with_a_forest_can_be_removed_and_costs_the_others_nothing() {
    let mut evil = Repository::new();
    for (by, to) in [
        ("targets", "targets/mallory"),
        ("targets", "targets/zoe"),
        ("targets/zoe", "targets/zoe/team"),
    ] {
        evil.delegate(by, to, json!({"paths": ["*"]}));
    }
    evil.publish();
    assert!(whole(&evil).unusable.is_empty(), "the honest twin");
    let names = (0..256).map(|index| format!("targets/mallory/x{index}"));
    let (key, mut listed) = (evil.key(), Vec::new());
    evil.delegate("targets/mallory", "targets/mallory/x", json!({"paths": ["*"]}));
    let template = evil.role("targets/mallory/x").clone();
    for name in names {
        listed.push(json!({"keyids": [key_id(&key)], "name": name, "paths": ["*"], "terminating": false, "threshold": 1}));
        evil.keys.insert(name.clone(), vec![Arc::clone(&key)]);
        evil.roles.insert(name, template.clone());
    }
    let delegations = json!({"keys": {key_id(&key): key_object(&key)}, "roles": listed});
    evil.role("targets/mallory")["delegations"] = delegations;
    evil.target("targets/zoe/team", "v2").publish();

    let known = whole(&evil);
    assert!(known.targets.role(&role("targets/zoe/team")).is_some());
    let too_many = |error: &client::Error| {
        matches!(error, client::Error::Verify(Error::TooManyDelegations { .. }))
    };
    assert!(known.unusable.values().all(too_many), "{:?}", known.unusable);
    assert!(known.unusable.keys().all(|it| it.as_str().starts_with("targets/mallory/x")));
    assert_eq!(known.unusable.len(), 3, "beside targets, mallory, zoe and the team");

    let mut draft = Draft::of(known.targets);
    draft.remove_delegation(&role("targets/mallory")).expect("removed");
    let signers: Signers<'_> =
        evil.keys.values().flatten().map(|key| key.as_ref() as &dyn Signer).collect();
    let now = "2026-11-25T00:00:00Z".parse().expect("a date");
    let update = draft.sign(now, &signers).expect("signed");
    for (role, bytes) in update.files() {
        let name = match role {
            RoleName::Timestamp => "timestamp.json".to_owned(),
            role => format!("2.{}.json", role.quoted()),
        };
        evil.files.insert(name, bytes.clone());
    }
    assert!(whole(&evil).unusable.is_empty());
    assert_eq!(Client::new().role_of(&evil, "v2").as_deref(), Some("targets/zoe/team"));
}

/// A delegation of a role's names to `2^14` bins, in one line.
fn bins_by_the_thousand(it: &mut Repository, role: &str) {
    let key = it.key();
    let bins =
        json!({"bit_length": 14, "keyids": [key_id(&key)], "name_prefix": "p", "threshold": 1});
    it.role(role)["delegations"] =
        json!({"keys": {key_id(&key): key_object(&key)}, "succinct_roles": bins});
}

#[test]
fn what_a_line_stands_for_is_counted() {
    let mut evil = Repository::new();
    for name in ["a", "b", "c"] {
        evil.delegate("targets", name, json!({"paths": ["zz*"]}));
        bins_by_the_thousand(&mut evil, name);
    }
    evil.publish();
    assert!(whole(&evil).unusable.is_empty(), "three are no attack");
    for name in ["d", "e"] {
        evil.delegate("targets", name, json!({"paths": ["zz*"]}));
        bins_by_the_thousand(&mut evil, name);
    }
    evil.publish();
    let known = whole(&evil);
    let refused: Vec<&str> = known.unusable.keys().map(RoleName::as_str).collect();
    assert_eq!(refused, ["d", "e"], "{:?}", known.unusable);
    assert_eq!(Client::new().role_of(&evil, "v1").as_deref(), Some("targets"));
}

#[test]
fn bins_are_bounded() {
    let mut evil = Repository::new();
    let bins = json!({"bit_length": 32, "keyids": [], "name_prefix": "bin", "threshold": 1});
    evil.role("targets")["delegations"] = json!({"keys": {}, "succinct_roles": bins});
    evil.seal("targets");
    assert!(matches!(Client::new().refusal(&evil), Error::Metadata(_)));
}

#[test]
fn hash_prefix_table() {
    let whole = "0123456789abcdef".repeat(4);
    for (how, accepted) in [
        (json!({"path_hash_prefixes": ["3b", "f"]}), true),
        (json!({"path_hash_prefixes": [whole]}), true),
        (json!({"path_hash_prefixes": []}), true),
        (json!({"path_hash_prefixes": [""]}), false),
        (json!({"path_hash_prefixes": ["3B"]}), false),
        (json!({"path_hash_prefixes": ["0x3"]}), false),
        (json!({"path_hash_prefixes": [format!("{whole}0")]}), false),
        (json!({"path_hash_prefixes": ["3"], "paths": ["*"]}), false),
        (json!({}), false),
    ] {
        let mut it = Repository::new();
        it.delegate("targets", "part", how.clone()).publish();
        let read = Client::new().refresh(&it);
        assert_eq!(read.is_ok(), accepted, "{how}: {read:?}");
    }
}

/// `v1` is in the second of two bins, `v2` in the first; each bin has a key of its own here.
fn split() -> Repository {
    let mut it = Repository::new();
    it.role("targets")["targets"] = json!({});
    let halves = [("0 1 2 3 4 5 6 7", "bin-00", "v1"), ("8 9 a b c d e f", "bin-01", "v2")];
    for (prefixes, bin, name) in halves {
        let prefixes: Vec<&str> = prefixes.split(' ').collect();
        it.delegate("targets", bin, json!({"path_hash_prefixes": prefixes})).target(bin, name);
    }
    it.publish();
    it
}

#[test]
fn a_bin_that_is_missing_expired_forged_or_old_is_refused_and_costs_the_others_nothing() {
    let honest = split();
    assert_eq!(Client::new().role_of(&honest, "v1").as_deref(), Some("bin-00"));
    assert_eq!(Client::new().role_of(&honest, "v2").as_deref(), Some("bin-01"));
    assert_eq!(Client::new().role_of(&honest, "absent"), None);
    let attack = |spoil: &dyn Fn(&mut Repository)| {
        let mut evil = honest.clone();
        spoil(&mut evil);
        evil
    };
    let missing = attack(&|it| drop(it.files.remove("1.bin-00.json")));
    let unlisted = attack(&|it| {
        it.role("snapshot")["meta"].as_object_mut().expect("listed").remove("bin-00.json");
        it.seal("snapshot");
    });
    let expired = attack(&|it| {
        it.role("bin-00")["expires"] = json!("2026-11-25T00:00:00Z");
        it.publish();
    });
    let forged = attack(&|it| {
        let thief = it.key();
        it.keys.insert("bin-00".to_owned(), vec![thief]);
        it.target("bin-00", "v1").publish();
    });
    let swapped = attack(&|it| {
        let other = it.files["1.bin-01.json"].clone();
        it.files.insert("1.bin-00.json".to_owned(), other);
    });
    for (what, evil) in [
        ("missing", missing),
        ("unlisted", unlisted),
        ("expired", expired),
        ("forged", forged),
        ("swapped", swapped),
    ] {
        let refused = Client::new().find(&evil, "v1");
        let error = refused.expect_err(what);
        let told = match (what, &error) {
            ("missing", client::Error::Missing { role, .. }) => role.as_str() == "bin-00",
            ("unlisted", client::Error::Verify(Error::NotListed { .. }))
            | ("expired", client::Error::Verify(Error::Expired { .. }))
            | ("forged", client::Error::Verify(Error::Threshold { valid: 0, .. }))
            | ("swapped", client::Error::Verify(_)) => true,
            _ => false,
        };
        assert!(told, "{what}: {error}");
        assert_eq!(Client::new().role_of(&evil, "v2").as_deref(), Some("bin-01"), "{what}");
    }
    let client = Client::new();
    let mut newer = honest.clone();
    newer.touch(&["bin-00", "snapshot", "timestamp"]).publish();
    assert_eq!(client.role_of(&newer, "v1").as_deref(), Some("bin-00"));
    let mut old = newer.clone();
    old.role("bin-00")["version"] = json!(1);
    old.touch(&["snapshot", "timestamp"]).publish();
    let error = client.find(&old, "v1").expect_err("a bin went back");
    assert!(matches!(error, client::Error::Verify(Error::Rollback { .. })), "{error}");
}

#[test]
fn a_name_outside_of_its_bin_is_not_found_there() {
    let mut evil = split();
    evil.target("bin-01", "v1").role("bin-00")["targets"] = json!({});
    evil.publish();
    assert_eq!(Client::new().role_of(&evil, "v1"), None);
}

#[test]
fn mirror_switch_restarts_update() {
    let old = Repository::new();
    let mut new = old.clone();
    new.target("targets", "v2").touch(&["targets", "snapshot", "timestamp"]).publish();
    // One mirror has the new half and not the rest, the other one is whole.
    let mut half = new.clone();
    half.files.remove("2.targets.json");
    let client = Client::warm(&old);
    let error = client.refresh(&half).expect_err("half a tree");
    assert!(matches!(error, client::Error::Missing { .. }), "{error}");
    let asked = client.questions(&new);
    assert_eq!(asked, ["2.root.json", "timestamp.json", "2.targets.json"], "from the beginning");
    assert_eq!(client.role_of(&new, "v2").as_deref(), Some("targets"));
    // The other half is of an older state: what one mirror showed binds the next one.
    let client = Client::warm(&old);
    assert!(client.refresh(&half).is_err());
    let error = client.refresh(&old).expect_err("older than the half that was seen");
    assert!(matches!(error, client::Error::Verify(Error::Rollback { .. })), "{error}");
}
