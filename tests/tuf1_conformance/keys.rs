//! Whose signatures count, how often, and how keys are replaced.

use std::sync::Arc;

use countersign::crypto::{Algorithm, PrivateKey, Signer as _};
use serde_json::json;

use crate::stage::{ALL, DAILY, Stage};
use crate::tuf1::rsa::rsa_key;
use crate::tuf1::{key_id, sign};

/// A version of a role: the keys that it has from then on, how many must sign, and which did.
struct Next(&'static [usize], u64, &'static [usize]);

fn ten_keys(stage: &mut Stage) -> Vec<Arc<PrivateKey>> {
    (0..10).map(|_| stage.repository.key()).collect()
}

fn some(keys: &[Arc<PrivateKey>], numbers: &[usize]) -> Vec<Arc<PrivateKey>> {
    numbers.iter().map(|number| Arc::clone(&keys[*number])).collect()
}

/// Has these keys speak for a role; whoever signed it before does not any more.
fn appoint(stage: &mut Stage, role: &str, keys: Vec<Arc<PrivateKey>>, threshold: u64) {
    stage.repository.keys.insert(role.to_owned(), keys);
    stage.repository.name_keys();
    stage.repository.role("root")["roles"][role]["threshold"] = json!(threshold);
}

#[test]
fn fewer_signatures_than_needed_are_refused() {
    let mut stage = Stage::new();
    let keys = ten_keys(&mut stage);
    appoint(&mut stage, "snapshot", some(&keys, &[0, 1, 2]), 3);
    stage.publish(&ALL);
    assert!(stage.refreshes());
    stage.repository.touch(&DAILY).publish();
    let signed = &stage.repository.roles["snapshot"];
    let two = keys[..2].iter().map(|key| sign(key, signed)).collect();
    stage.repository.put("snapshot", two);
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.version("snapshot"), 2);
}

#[test]
fn a_threshold_that_nobody_can_reach_is_never_reached() {
    let mut stage = Stage::new();
    let keys = ten_keys(&mut stage);
    appoint(&mut stage, "snapshot", some(&keys, &[0, 1, 2, 3, 4]), 6);
    stage.publish(&["root", "snapshot", "timestamp"]);
    assert!(!stage.refreshes());
    assert_eq!(stage.versions(), [2, 2, 0, 0]);
}

#[test]
fn a_key_that_is_named_nine_times_signs_once() {
    let mut stage = Stage::new();
    let key = stage.repository.key();
    appoint(&mut stage, "snapshot", vec![key; 9], 6);
    stage.publish(&["root", "snapshot", "timestamp"]);
    assert!(!stage.refreshes());
    assert_eq!(stage.version("snapshot"), 0);
}

#[test]
fn a_signature_that_is_there_twice_is_refused() {
    let mut stage = Stage::new();
    let (key, signed) =
        (&stage.repository.keys["snapshot"][0], &stage.repository.roles["snapshot"]);
    let one = sign(key, signed);
    stage.repository.put("snapshot", vec![one.clone(), one]);
    stage.show();
    assert!(!stage.refreshes());
    assert_eq!(stage.version("snapshot"), 0);
}

#[test]
fn keys_of_every_kind_that_the_specification_names_sign_and_cannot_be_done_without() {
    let made = |algorithm| PrivateKey::generate(algorithm).expect("a key");
    for another in [rsa_key(), made(Algorithm::EcdsaP256), made(Algorithm::Ed25519)] {
        let (mut stage, another) = (Stage::new(), Arc::new(another));
        let algorithm = another.public().algorithm();
        let keys = vec![Arc::clone(&stage.repository.keys["root"][0]), Arc::clone(&another)];
        appoint(&mut stage, "root", keys.clone(), 2);
        stage.publish(&["root"]);
        assert!(stage.refreshes(), "{algorithm:?}");
        assert_eq!(stage.version("root"), 2);

        // Of the same kind and well-formed, over something else.
        stage.repository.touch(&["root"]);
        let signed = stage.repository.roles["root"].clone();
        let elsewhere = sign(&another, &json!("something else"));
        stage.repository.put("root", vec![sign(&keys[0], &signed), elsewhere]);
        stage.show();
        assert!(!stage.refreshes(), "{algorithm:?}");
        assert_eq!(stage.version("root"), 2);
    }
}

#[test]
fn a_wrong_signature_beside_enough_right_ones_does_no_harm() {
    for wrong in ["plausible", ""] {
        let mut stage = Stage::new();
        let (first, second) =
            (Arc::clone(&stage.repository.keys["timestamp"][0]), stage.repository.key());
        appoint(&mut stage, "timestamp", vec![Arc::clone(&first), Arc::clone(&second)], 1);
        stage.repository.touch(&["root", "timestamp"]).publish();
        let signed = stage.repository.roles["timestamp"].clone();
        let mut spoiled = sign(&first, &json!("something else"));
        if wrong.is_empty() {
            spoiled["sig"] = json!("");
        }
        stage.repository.put("timestamp", vec![spoiled, sign(&second, &signed)]);
        stage.show();
        assert!(stage.refreshes(), "{wrong:?}");
        assert_eq!(stage.version("timestamp"), 2);
    }
}

#[test]
fn a_root_is_followed_if_enough_keys_of_it_and_of_the_one_before_signed_it() {
    const FIVE: &[usize] = &[0, 1, 2, 3, 4];
    const ONE_OTHER: &[usize] = &[0, 1, 3, 4, 5];
    const OTHERS: &[usize] = &[5, 6, 7, 8, 9];
    let one: &[usize] = &[1];
    for (what, versions, followed) in [
        ("one key", vec![Next(one, 1, one), Next(&[2], 1, &[2, 1]), Next(&[2], 1, &[2])], true),
        (
            "signatures that nobody asked for",
            vec![Next(one, 1, &[3, 1, 4]), Next(&[2], 1, &[3, 2, 1, 4]), Next(&[2], 1, &[3, 2, 4])],
            true,
        ),
        (
            "other ones of five each time",
            vec![
                Next(FIVE, 3, &[0, 2, 4]),
                Next(FIVE, 3, &[0, 4, 1]),
                Next(FIVE, 3, &[0, 1, 3]),
                Next(FIVE, 3, &[0, 1, 3]),
            ],
            true,
        ),
        ("one of five", vec![Next(FIVE, 3, &[0, 2, 4]), Next(ONE_OTHER, 3, &[0, 4, 1])], true),
        (
            "one of five, by way of four signatures",
            vec![
                Next(FIVE, 3, &[0, 2, 4]),
                Next(ONE_OTHER, 3, &[0, 2, 4, 5]),
                Next(ONE_OTHER, 3, &[0, 4, 5]),
            ],
            true,
        ),
        (
            "all of five, by way of six signatures",
            vec![
                Next(FIVE, 3, &[0, 2, 4]),
                Next(OTHERS, 3, &[0, 2, 4, 5, 6, 7]),
                Next(OTHERS, 3, &[5, 6, 7]),
            ],
            true,
        ),
        ("more needed", vec![Next(&[1, 2, 3], 1, one), Next(&[1, 2, 3], 2, &[1, 2])], true),
        (
            "fewer needed",
            vec![
                Next(&[1, 2, 3], 2, &[1, 2]),
                Next(&[1, 2, 3], 1, &[1, 2]),
                Next(&[1, 2, 3], 1, one),
            ],
            true,
        ),
        ("a second key, and both needed", vec![Next(one, 1, one), Next(&[1, 2], 2, &[1, 2])], true),
        ("not the old key", vec![Next(one, 1, one), Next(&[2], 1, &[2, 3, 4])], false),
        ("not the new key", vec![Next(one, 1, one), Next(&[2], 1, &[1, 3, 4])], false),
        ("too few new", vec![Next(FIVE, 3, &[0, 2, 4]), Next(ONE_OTHER, 3, &[0, 2, 4])], false),
        ("too few old", vec![Next(FIVE, 3, &[0, 2, 4]), Next(ONE_OTHER, 3, &[0, 4, 5])], false),
        ("not yet two", vec![Next(&[1, 2, 3], 1, one), Next(&[1, 2, 3], 2, &[2])], false),
        ("no longer two", vec![Next(&[1, 2, 3], 2, &[1, 2]), Next(&[1, 2, 3], 1, one)], false),
    ] {
        let mut stage = Stage::before_init();
        let keys = ten_keys(&mut stage);
        for (number, Next(named, threshold, signing)) in versions.iter().enumerate() {
            appoint(&mut stage, "root", some(&keys, named), *threshold);
            stage.repository.role("root")["version"] = json!(number + 1);
            let signed = &stage.repository.roles["root"];
            let signatures = signing.iter().map(|key| sign(&keys[*key], signed)).collect();
            stage.repository.put("root", signatures);
        }
        stage.show();
        assert!(stage.init(&stage.repository.files["1.root.json"]), "{what}");
        assert_eq!(stage.refreshes(), followed, "{what}");
        let newest = versions.len() - usize::from(!followed);
        let kept = &stage.repository.files[&format!("{newest}.root.json")];
        assert_eq!(stage.kept("root").as_ref(), Some(kept), "{what}");
    }
}

#[test]
fn a_role_below_root_is_believed_if_enough_of_its_keys_signed_it() {
    const FIVE: &[usize] = &[0, 1, 2, 3, 4];
    const ONE_OTHER: &[usize] = &[0, 1, 3, 4, 5];
    for (Next(named, threshold, signing), believed) in [
        (Next(&[2], 1, &[2]), true),
        (Next(&[1], 1, &[3, 1, 4]), true),
        (Next(&[2], 1, &[1, 3, 4]), false),
        (Next(ONE_OTHER, 3, &[0, 2, 4]), false),
        (Next(ONE_OTHER, 3, &[0, 4]), false),
        (Next(FIVE, 3, &[0, 2, 4]), true),
        (Next(FIVE, 3, &[0, 4, 1]), true),
        (Next(FIVE, 3, &[0, 1, 3]), true),
        (Next(FIVE, 3, &[1, 2, 3]), true),
        (Next(FIVE, 3, &[2, 3, 4]), true),
    ] {
        for role in ["timestamp", "snapshot", "targets"] {
            let mut stage = Stage::new();
            let keys = ten_keys(&mut stage);
            appoint(&mut stage, role, some(&keys, named), threshold);
            stage.repository.touch(&ALL).publish();
            let signed = &stage.repository.roles[role];
            let signatures = signing.iter().map(|key| sign(&keys[*key], signed)).collect();
            stage.repository.put(role, signatures);
            stage.show();
            let what = format!("{role}: {threshold} of {named:?}, signed by {signing:?}");
            assert_eq!(stage.refreshes(), believed, "{what}");
            assert_eq!(stage.keeps_what_is_shown(&[role]), believed, "{what}");
        }
    }
}

#[test]
fn ten_keys_are_ten() {
    let mut stage = Stage::new();
    let ids = ten_keys(&mut stage)
        .iter()
        .map(|key| key_id(key))
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(ids.len(), 10);
}
