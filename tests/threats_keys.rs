//! Attacks on who signed: counting, key ids, thresholds, algorithms, certificates and pins.
#![cfg(feature = "registry")]

#[path = "support/repository.rs"]
mod repository;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::crypto::{Algorithm, Certificate, PrivateKey, PublicKey, Scheme, Signature};
use countersign::tuf::{Dialect, RoleName};
use countersign::verify::{Anchor, FirstUse, Pin};
use jiff::Timestamp as Instant;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use repository::*;
use serde_json::{Value, json};

const ROLES: [&str; 5] = ["root", "timestamp", "snapshot", "targets", "targets/releases"];

/// A team in which every role has two keys that must both sign.
fn pairs() -> Repository {
    let mut team = Repository::team();
    for role in &ROLES[..4] {
        let key = || if *role == "root" { TestKey::certified(GUN) } else { TestKey::p256() };
        team.grant(role, 2, &[key(), key()]);
    }
    team.delegate("targets/releases", 2, &[TestKey::rsa(), TestKey::p256()], &[""]);
    team.publish();
    team
}

/// A team whose `targets/releases` has these keys and is signed by them.
fn releases_by(threshold: u32, keys: &[Arc<TestKey>]) -> Repository {
    let mut team = Repository::team();
    team.delegate("targets/releases", threshold, keys, &[""]).publish();
    team
}

fn is_trusted(repository: &Repository) -> bool {
    match Client::new().resolve(&repository.server(), "v1") {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(kind(&error), "threshold", "{error}");
            false
        }
    }
}

// ---- counting
// --------------------------------------------------------------------------------------------------

#[test]
fn notary_threshold_two() {
    let team = pairs();
    assert!(is_trusted(&team));
    for role in ROLES {
        for which in [0, 1] {
            let one = [Arc::clone(&team.keys(role)[which])];
            Attack::on(&team, role, "threshold").is_refused(|evil| {
                let one = one.clone();
                evil.spoil(role, move |file| file.sign_with(&one));
            });
        }
    }
}

#[test]
fn duplicate_signature() {
    let team = pairs();
    for role in ROLES {
        let key = Arc::clone(&team.keys(role)[0]);
        for fresh in [false, true] {
            Attack::on(&team, role, "threshold").is_refused(|evil| {
                let key = Arc::clone(&key);
                evil.spoil(role, move |file| {
                    let first = key.sign(&file.message());
                    let second = if fresh { key.sign(&file.message()) } else { first.clone() };
                    assert_eq!(fresh, first["sig"] != second["sig"], "two signatures by one key");
                    file.signatures = vec![first.clone(), second, first];
                });
            });
        }
    }
}

#[test]
fn duplicate_signature_of_a_key_that_stays_in_both_roots() {
    let team = pairs();
    let (stays, new) = (Arc::clone(&team.keys("root")[0]), TestKey::certified(GUN));
    Attack::on(&team, "root", "threshold").is_refused_warm(|evil| {
        let (stays, new) = (Arc::clone(&stays), Arc::clone(&new));
        evil.grant("root", 2, &[Arc::clone(&stays), Arc::clone(&new)]);
        evil.spoil("root", move |file| {
            file.sign_with(&[Arc::clone(&stays), Arc::clone(&stays), Arc::clone(&new)]);
        });
    });
}

#[test]
fn duplicate_keyid_in_role() {
    let team = Repository::team();
    for role in &ROLES[..4] {
        let id = team.keys(role)[0].id();
        Attack::on(&team, "root", "malformed").is_refused(|evil| {
            let twice = json!({"keyids": [id, id], "threshold": 2});
            evil.say("root", |root| root["roles"][role] = twice);
        });
    }
    let id = team.keys("targets/releases")[0].id();
    Attack::on(&team, "targets", "malformed").is_refused(|evil| {
        evil.say("targets", |targets| {
            let delegation = &mut targets["delegations"]["roles"][0];
            assert_eq!(delegation["name"], "targets/releases");
            delegation["keyids"] = json!([id, id]);
            delegation["threshold"] = json!(2);
        });
    });
}

#[test]
fn same_key_two_ids() {
    let key = TestKey::p256();
    let authority = String::from_utf8(authority("an authority").pem().into_bytes()).expect("text");
    let certified = key.in_certificate(GUN);
    let with_issuer = [certified.written.clone(), authority.into_bytes()].concat();
    let with_issuer = certified.written_as("ecdsa-x509", with_issuer);
    for (kind, other) in [
        ("two certificates", key.in_certificate(GUN)),
        ("with and without an issuer", with_issuer),
        ("bare and certified", Arc::clone(&key)),
    ] {
        let mallory = [Arc::clone(&certified), other];
        assert_ne!(mallory[0].id(), mallory[1].id(), "{kind}");
        for role in ["targets", "snapshot", "timestamp"] {
            let mut team = Repository::team();
            team.grant(role, 2, &mallory).publish();
            assert!(!is_trusted(&team), "{kind} for {role}");
            team.grant(role, 1, &mallory).publish();
            assert!(is_trusted(&team), "{kind} for {role}");
        }
        assert!(!is_trusted(&releases_by(2, &mallory)), "{kind}");
        assert!(is_trusted(&releases_by(1, &mallory)), "{kind}");
        let mut team = Repository::team();
        let client = Client::warm(&team.server());
        team.grant("root", 2, &mallory).publish();
        let error = client.resolve(&team.server(), "v1").expect_err("one key is no two");
        assert_eq!(repository::kind(&error), "threshold", "{kind}");
    }
}

#[test]
fn one_root_key_in_two_certificates_signs_once_and_is_enough_once() {
    let mut team = Repository::team();
    let key = TestKey::p256();
    team.grant("root", 1, &[key.in_certificate(GUN), key.in_certificate(GUN)]).publish();
    assert!(is_trusted(&team));
}

// ---- ids and thresholds
// ----------------------------------------------------------------------------------------

#[test]
fn keyid_mismatch() {
    let team = Repository::team();
    let mallory = TestKey::p256();
    for role in &ROLES[..4] {
        let id = team.keys(role)[0].id();
        Attack::on(&team, "root", "key-id").is_refused(|evil| {
            let (id, object) = (id.clone(), mallory.object());
            evil.say("root", |root| root["keys"][id] = object);
        });
    }
    let id = team.keys("targets/releases")[0].id();
    Attack::on(&team, "targets", "key-id").is_refused(|evil| {
        evil.say("targets", |it| it["delegations"]["keys"][&id] = mallory.object());
    });
    for id in [id.to_uppercase(), id[..63].to_owned(), format!("{id}0"), String::new()] {
        Attack::on(&team, "targets", "key-id").is_refused(|evil| {
            evil.say("targets", |it| it["delegations"]["keys"][&id] = mallory.object());
        });
    }
}

#[test]
fn threshold_table() {
    let team = Repository::team();
    for bad in [
        json!(0),
        json!(-1),
        json!("1"),
        Value::Null,
        json!(1_u64 << 32),
        json!(u64::MAX),
        json!(1.0),
        json!([1]),
        json!(true),
    ] {
        for role in &ROLES[..4] {
            Attack::on(&team, "root", "malformed").is_refused(|evil| {
                evil.say("root", |root| root["roles"][role]["threshold"] = bad.clone());
            });
        }
        Attack::on(&team, "targets", "malformed").is_refused(|evil| {
            evil.say("targets", |it| it["delegations"]["roles"][0]["threshold"] = bad.clone());
        });
    }
    for role in &ROLES[..4] {
        for more in [json!(2), json!(1_u64 << 31)] {
            Attack::on(&team, "root", "malformed").is_refused(|evil| {
                evil.say("root", |root| root["roles"][role]["threshold"] = more.clone());
            });
        }
        Attack::on(&team, "root", "malformed").is_refused(|evil| {
            evil.say("root", |root| {
                drop(root["roles"].as_object_mut().expect("roles").remove(*role))
            });
        });
    }
    Attack::on(&team, "targets/releases", "threshold").is_refused(|evil| {
        evil.say("targets", |it| it["delegations"]["roles"][0]["threshold"] = json!(2));
    });
}

#[test]
fn a_role_names_only_keys_that_are_there() {
    let team = Repository::team();
    Attack::on(&team, "root", "malformed").is_refused(|evil| {
        evil.say("root", |root| root["roles"]["targets"]["keyids"] = json!(["00".repeat(32)]));
    });
    Attack::on(&team, "root", "malformed").is_refused(|evil| {
        evil.say("root", |root| root["roles"]["targets"]["keyids"] = json!([]));
    });
    Attack::on(&team, "targets/releases", "threshold").is_refused(|evil| {
        evil.say("targets", |it| it["delegations"]["roles"][0]["keyids"] = json!([]));
    });
}

// ---- algorithms
// ------------------------------------------------------------------------------------------------

#[test]
fn keytype_method_matrix() {
    let (ecdsa, rsa) = (TestKey::p256(), TestKey::rsa());
    let keys = [
        (Arc::clone(&ecdsa), "ecdsa"),
        (Arc::clone(&rsa), "rsapss"),
        (TestKey::ed25519(), "eddsa"),
        (ecdsa.in_certificate("anyone"), "ecdsa"),
        (rsa.in_certificate("anyone"), "rsapss"),
    ];
    let methods =
        ["ecdsa", "rsapss", "rsapkcs1v15", "eddsa", "pycrypto-pkcs#1 pss", "", "ecdsa-sha2"];
    for (key, right) in keys {
        for method in methods {
            let mut team = releases_by(1, &[Arc::clone(&key)]);
            team.spoil("targets/releases", move |file| {
                file.signatures[0]["method"] = json!(method);
            });
            team.publish();
            assert_eq!(is_trusted(&team), method == right, "{} by {method:?}", key.keytype);
        }
    }
    let mut team = releases_by(1, &[Arc::clone(&rsa)]);
    team.spoil("targets/releases", move |file| {
        file.signatures = vec![rsa.sign_with(Scheme::RsaPkcs1, &file.message())];
    });
    assert!(is_trusted(team.publish()), "RSA has two methods");
    let mut team = releases_by(1, &[ecdsa]);
    team.spoil("targets/releases", |file| file.signatures[0]["method"] = json!("ECDSA"));
    assert!(is_trusted(team.publish()), "Notary folds the case of methods");
}

#[test]
fn key_content_mismatch() {
    let (ecdsa, rsa, ed25519) = (TestKey::p256(), TestKey::rsa(), TestKey::ed25519());
    let p384 = TestKey::bare(PrivateKey::generate(Algorithm::EcdsaP384).expect("a key"));
    let certificate = ecdsa.in_certificate(GUN);
    for (keytype, key) in [
        ("ecdsa", &rsa),
        ("ecdsa", &ed25519),
        ("rsa", &ecdsa),
        ("ed25519", &ecdsa),
        ("ecdsa-x509", &ecdsa),
        ("rsa-x509", &certificate),
        ("ecdsa-x509", &rsa.in_certificate(GUN)),
        ("ecdsa", &certificate),
        ("ECDSA", &ecdsa),
        ("tpm", &p384),
        ("", &ecdsa),
    ] {
        let wrong = key.written_as(keytype, key.written.clone());
        assert!(!is_trusted(&releases_by(1, &[wrong])), "{keytype} holding {}", key.keytype);
    }
    let cut = ed25519.written_as("ed25519", rsa.written[40..72].to_vec());
    assert!(!is_trusted(&releases_by(1, &[cut])));
    assert!(is_trusted(&releases_by(1, &[p384])));
}

#[test]
fn a_server_key_that_cannot_be_used_founds_nothing() {
    let key = TestKey::p256();
    let read = |key: &TestKey| {
        let bytes = key.object().to_string();
        Dialect::Notary.read_key(&RoleName::Timestamp, bytes.as_bytes())
    };
    assert!(read(&key).is_ok());
    assert!(read(&TestKey::ed25519()).is_ok());
    assert!(read(&key.written_as("post-quantum", key.written.clone())).is_err());
    assert!(read(&key.written_as("rsa", key.written.clone())).is_err());
    assert!(read(&key.written_as("ed25519", vec![0; 32])).is_err());
}

#[test]
fn unknown_keytype_is_ignored() {
    let good = TestKey::p256();
    let unknown = good.written_as("post-quantum", vec![7; 1000]);
    assert!(is_trusted(&releases_by(1, &[Arc::clone(&unknown), Arc::clone(&good)])));
    assert!(!is_trusted(&releases_by(2, &[Arc::clone(&unknown), good])));
    assert!(!is_trusted(&releases_by(1, &[unknown])));
}

/// A signature by the only key of `targets/releases`, rewritten.
fn rewritten_signature(change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Repository {
    let mut team = Repository::team();
    team.spoil("targets/releases", move |file| {
        let sig = file.signatures[0]["sig"].as_str().expect("base64");
        let bytes = change(STANDARD.decode(sig).expect("base64"));
        file.signatures[0]["sig"] = json!(STANDARD.encode(bytes));
    });
    team.publish();
    team
}

#[test]
fn ecdsa_encoding_table() {
    assert!(is_trusted(&rewritten_signature(|raw| raw)));
    let changes: [fn(Vec<u8>) -> Vec<u8>; 11] = [
        |raw| raw[..63].to_vec(),
        |raw| [raw, vec![0]].concat(),
        |raw| [vec![0], raw].concat(),
        |_| Vec::new(),
        |raw| [&[0; 32], &raw[32..]].concat(),
        |raw| [&raw[..32], &[0; 32]].concat(),
        |raw| [&ORDER, &raw[32..]].concat(),
        |raw| [&raw[..32], &ORDER].concat(),
        |raw| [&raw[32..], &raw[..32]].concat(),
        |raw| countersign::crypto::Signature::new(Scheme::EcdsaFixed, raw).to_der(),
        |raw| raw.repeat(2),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert!(!is_trusted(&rewritten_signature(change)), "change {number}");
    }
}

#[test]
fn high_s_verifies_but_counts_once() {
    let other_half = |raw: Vec<u8>| [&raw[..32], &negated(&raw[32..])].concat();
    assert!(is_trusted(&rewritten_signature(other_half)));
    let (key, second) = (TestKey::p256(), TestKey::p256());
    let mut team = releases_by(2, &[Arc::clone(&key), second]);
    assert!(is_trusted(&team));
    team.spoil("targets/releases", move |file| {
        let one = key.sign(&file.message());
        let raw = STANDARD.decode(one["sig"].as_str().expect("base64")).expect("base64");
        let mut other = one.clone();
        other["sig"] = json!(STANDARD.encode([&raw[..32], &negated(&raw[32..])].concat()));
        file.signatures = vec![one, other];
    });
    assert!(!is_trusted(team.publish()));
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn negated(s: &[u8]) -> [u8; 32] {
    let (mut out, mut borrow) = ([0; 32], 0);
    for at in (0..32).rev() {
        let digit = i16::from(ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(digit < 0);
        out[at] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
    }
    out
}

#[test]
fn ec_point_table() {
    let key = TestKey::p256();
    let (head, point) = key.written.split_at(key.written.len() - 64);
    let changes: [(&str, Vec<u8>); 4] = [
        ("off the curve", [head, &point[..63], &[point[63] ^ 1]].concat()),
        ("hybrid", [&head[..head.len() - 1], &[6 | (point[63] & 1)], point].concat()),
        ("a byte more", [head, point, &[0]].concat()),
        ("a byte short", [head, &point[..63]].concat()),
    ];
    for (what, written) in changes {
        assert!(!is_trusted(&releases_by(1, &[key.written_as("ecdsa", written)])), "{what}");
    }
}

/// Which moduli and exponents are a key, which bytes are a signature, and that the name of the
/// method must be that of the scheme.
#[test]
fn rsa_table() {
    const KEYS: &str = include_str!("vectors/crypto/keys.tsv");
    const SIGNATURES: &str = include_str!("vectors/crypto/signatures.tsv");
    let rsa = TestKey::rsa();
    for [what, verdict, spki] in rows(KEYS, "RSA") {
        let written = serde_json::to_vec(&rsa.written_as("rsa", hex(spki)).object());
        let read = Dialect::Notary.read_key(&RoleName::Timestamp, &written.expect("JSON"));
        assert_eq!(read.is_ok(), verdict == "accept", "{what}: {read:?}");
    }
    for [what, verdict, scheme, spki, message, signature] in rows(SIGNATURES, "rsap") {
        let scheme = if scheme == "rsapss" { Scheme::RsaPss } else { Scheme::RsaPkcs1 };
        let key = PublicKey::from_spki(&hex(spki)).expect("a key");
        let answer = key.verify(&hex(message), &Signature::new(scheme, hex(signature)));
        assert_eq!(answer.is_ok(), verdict == "accept", "{what}: {answer:?}");
    }
    for (method, scheme, is_good) in [
        ("rsapss", Scheme::RsaPss, true),
        ("rsapkcs1v15", Scheme::RsaPkcs1, true),
        ("rsapss", Scheme::RsaPkcs1, false),
        ("rsapkcs1v15", Scheme::RsaPss, false),
        ("pycrypto-pkcs#1 pss", Scheme::RsaPss, false),
    ] {
        let (key, mut team) = (Arc::clone(&rsa), releases_by(1, &[Arc::clone(&rsa)]));
        team.spoil("targets/releases", move |file| {
            let mut signature = key.sign_with(scheme, &file.message());
            signature["method"] = json!(method);
            file.signatures = vec![signature];
        });
        assert_eq!(is_trusted(team.publish()), is_good, "{method} over {scheme:?}");
    }
}

/// The rows of a table of vectors whose first column begins so; some there must be.
fn rows<const N: usize>(table: &'static str, start: &str) -> Vec<[&'static str; N]> {
    let wanted = table.lines().filter(|line| line.starts_with(start));
    let rows = wanted.map(|line| line.split('\t').collect::<Vec<_>>().try_into().expect("columns"));
    let rows: Vec<[&str; N]> = rows.collect();
    assert!(rows.len() > 10, "{start}: {} rows", rows.len());
    rows
}

fn hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn ed25519_strict_table() {
    let key = TestKey::ed25519();
    for (what, written) in [
        ("all zero", vec![0; 32]),
        ("the identity", [vec![1], vec![0; 31]].concat()),
        ("31 bytes", key.written[..31].to_vec()),
        ("33 bytes", [key.written.clone(), vec![0]].concat()),
    ] {
        let mallory = key.written_as("ed25519", written);
        let mut team = releases_by(1, &[mallory]);
        team.spoil("targets/releases", |file| {
            file.signatures[0]["sig"] = json!(STANDARD.encode([0; 64]));
        });
        assert!(!is_trusted(team.publish()), "{what}");
    }
    let changes: [fn(&mut Vec<u8>); 3] =
        [|raw| raw[63] |= 0xe0, |raw| raw[0] ^= 1, |raw| raw.push(0)];
    for change in changes {
        let mut team = releases_by(1, &[TestKey::ed25519()]);
        team.spoil("targets/releases", move |file| {
            let sig = file.signatures[0]["sig"].as_str().expect("base64");
            let mut raw = STANDARD.decode(sig).expect("base64");
            change(&mut raw);
            file.signatures[0]["sig"] = json!(STANDARD.encode(raw));
        });
        assert!(!is_trusted(team.publish()));
    }
}

#[test]
fn private_in_metadata_refused_and_not_logged() {
    let team = Repository::team();
    let id = team.keys("targets")[0].id();
    for private in [json!("c2VjcmV0"), json!(""), json!(0)] {
        let secret = private.clone();
        Attack::on(&team, "root", "bad-key").is_refused(|evil| {
            evil.say("root", |root| root["keys"][&id]["keyval"]["private"] = secret.clone());
        });
        let id = team.keys("targets/releases")[0].id();
        Attack::on(&team, "targets", "bad-key").is_refused(|evil| {
            let keyval = |it: &mut Value| {
                it["delegations"]["keys"][&id]["keyval"]["private"] = private.clone();
            };
            evil.say("targets", keyval);
        });
    }
    let mut evil = team.clone();
    let secret = json!("c2VjcmV0");
    evil.say("root", |root| root["keys"][&id]["keyval"]["private"] = secret).publish();
    let error = Client::new().resolve(&evil.server(), "v1").expect_err("a private key");
    assert!(!format!("{error} {error:?}").contains("c2VjcmV0"));
}

#[test]
fn signature_text_variants() {
    let team = Repository::team();
    let changes: [fn(String) -> String; 6] = [
        |sig| format!("{sig}\n"),
        |sig| format!(" {sig}"),
        |sig| sig.trim_end_matches('=').to_owned(),
        |sig| format!("-_{}", &sig[2..]),
        |sig| sig.replace('=', "") + "A",
        |sig| stray_bits(&sig),
    ];
    for change in changes {
        Attack::on(&team, "targets/releases", "malformed").is_refused(|evil| {
            evil.spoil("targets/releases", move |file| {
                let sig = file.signatures[0]["sig"].as_str().expect("base64").to_owned();
                file.signatures[0]["sig"] = json!(change(sig));
            });
        });
    }
}

/// The same bytes with bits set that padding leaves over.
fn stray_bits(sig: &str) -> String {
    let (body, padding) = sig.split_at(sig.find('=').expect("64 bytes are padded"));
    let (body, last) = body.split_at(body.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let at = alphabet.find(last).expect("base64");
    format!("{body}{}{padding}", &alphabet[at | 1..=at | 1])
}

#[test]
fn extra_bad_signature_ok() {
    let team = Repository::team();
    for role in ROLES {
        let mut team = team.clone();
        let stranger = TestKey::p256();
        team.spoil(role, move |file| {
            let good = file.signatures.clone();
            let mut invalid = good[0].clone();
            invalid["sig"] = json!(STANDARD.encode([7; 64]));
            let unknown = stranger.sign(&file.message());
            let nameless = json!({"keyid": "nobody", "method": "magic", "sig": ""});
            file.signatures = [vec![invalid, unknown, nameless], good].concat();
        });
        assert!(is_trusted(team.publish()), "{role}");
    }
}

// ---- certificates and pins
// -------------------------------------------------------------------------------------

/// A collection of which the root has this key, and signs itself with it.
fn rooted(key: &Arc<TestKey>) -> Repository {
    let mut team = Repository::bare(GUN);
    team.grant("root", 1, &[Arc::clone(key)]).tag("targets", "v1", "v1").publish();
    team
}

fn verdict(repository: &Repository, anchor: Anchor) -> &'static str {
    let mut client = Client::new();
    client.with(|policy| policy.anchor = anchor);
    match client.resolve(&repository.server(), "v1") {
        Ok(_) => "trusted",
        Err(error) => kind(&error),
    }
}

fn on_first_use() -> Anchor {
    Anchor::unpinned(FirstUse::Allow)
}

fn pinned_to(key: &TestKey) -> Anchor {
    Anchor::pinned(Pin::Keys(vec![key.id().parse().expect("an id")]))
}

#[test]
fn root_cert_time_table() {
    let key = TestKey::p256();
    let between =
        |from, until| key.in_certificate_between(GUN, after_hours(from), after_hours(until));
    for (from, until, expected) in [
        (-48, 48, "trusted"),
        (0, 48, "trusted"),
        (23, 48, "trusted"),
        (25, 48, "pin"),
        (-48, 0, "trusted"),
        (-48, -1, "pin"),
    ] {
        assert_eq!(
            verdict(&rooted(&between(from, until)), on_first_use()),
            expected,
            "{from} {until}"
        );
    }
    let mut client = Client::new();
    client.at(after_hours(-2));
    let old = rooted(&between(-48, -1));
    client.resolve(&old.server(), "v1").expect("valid then");
    let mut renewed = old.clone();
    renewed.rotate("root").publish();
    client.at(now()).resolve(&renewed.server(), "v1").expect("an expired one may hand over");
}

#[test]
fn cn_match_table() {
    for (name, expected) in [
        (GUN, "trusted"),
        ("registry.test/team/*", "trusted"),
        ("registry.test/*", "trusted"),
        ("registry.test/team/ap*", "pin"),
        ("registry.test/team/app*", "pin"),
        ("registry.test/team/app/*", "pin"),
        ("registry.test/team", "pin"),
        ("Registry.test/team/app", "pin"),
        ("*", "pin"),
        ("registry.test/team/app2", "pin"),
    ] {
        let key = TestKey::p256().in_certificate(name);
        assert_eq!(verdict(&rooted(&key), on_first_use()), expected, "{name}");
    }
}

#[test]
fn pin_applies_to_cached_root() {
    let (mallory, honest) = (Repository::team(), Repository::team());
    let mut client = Client::warm(&mallory.server());
    client.with(|policy| policy.anchor = pinned_to(&honest.keys("root")[0]));
    for server in [mallory.server(), honest.server()] {
        let error = client.resolve(&server, "v1").expect_err("the cached root is not pinned");
        assert!(matches!(kind(&error), "pin" | "threshold"), "{error}");
    }
    assert_eq!(kind(&client.resolve_offline("v1").expect_err("nor offline")), "pin");
    let mut client = Client::warm(&honest.server());
    client.with(|policy| policy.anchor = pinned_to(&honest.keys("root")[0]));
    client.resolve(&honest.server(), "v1").expect("this one is");
}

#[test]
fn a_pin_names_a_root_key_by_its_certificate_or_by_itself() {
    let bare = TestKey::p256();
    let certified = bare.in_certificate(GUN);
    for key in [&certified, &bare] {
        assert_eq!(verdict(&rooted(&certified), pinned_to(key)), "trusted");
        assert_eq!(verdict(&rooted(&TestKey::certified(GUN)), pinned_to(key)), "pin");
    }
}

#[test]
fn pinned_cert_listed_but_not_signing() {
    let (pinned, other) = (TestKey::certified(GUN), TestKey::certified(GUN));
    let mut team = Repository::bare(GUN);
    team.grant("root", 1, &[Arc::clone(&pinned), Arc::clone(&other)]).tag("targets", "v1", "v1");
    team.spoil("root", move |file| file.sign_with(&[Arc::clone(&other)])).publish();
    assert_eq!(verdict(&team, on_first_use()), "trusted");
    assert_eq!(verdict(&team, pinned_to(&pinned)), "pin");
    let mut both = team.clone();
    both.touch("root").publish();
    assert_eq!(verdict(&both, pinned_to(&pinned)), "trusted");
}

#[test]
fn first_use_is_announced() {
    let team = Repository::team();
    let client = Client::new();
    assert!(client.resolve(&team.server(), "v1").expect("honest").collection.first_use);
    assert!(!client.resolve(&team.server(), "v1").expect("honest").collection.first_use);
    assert_eq!(verdict(&team, Anchor::unpinned(FirstUse::Refuse)), "first-use");
    let pinned = pinned_to(&team.keys("root")[0]);
    assert_eq!(verdict(&team, pinned), "trusted");
    assert_eq!(verdict(&team, pinned_to(&TestKey::certified(GUN))), "pin");
}

#[test]
fn expired_delegation_cert_warns() {
    let old = TestKey::p256().in_certificate_between("alice", after_hours(-48), after_hours(-1));
    assert!(is_trusted(&releases_by(1, &[old])), "the role's own date decides");
}

/// A certificate authority.
struct Issuer(CertifiedIssuer<'static, KeyPair>);

impl Issuer {
    fn pem(&self) -> String {
        self.0.pem().replace('\r', "")
    }

    fn certificate(&self) -> Certificate {
        Certificate::parse(self.0.der()).expect("a certificate")
    }
}

fn params(name: &str, from: Instant, until: Instant) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let at = |at: Instant| {
        let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day_of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        rcgen::date_time_ymd(i32::from(day.year()), month, day_of_month)
    };
    (params.not_before, params.not_after) = (at(from), at(until));
    params
}

fn authority_between(name: &str, from: Instant, until: Instant, by: Option<&Issuer>) -> Issuer {
    let mut params = params(name, from, until);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    Issuer(match by {
        None => CertifiedIssuer::self_signed(params, key).expect("a certificate"),
        Some(by) => CertifiedIssuer::signed_by(params, key, &by.0).expect("a certificate"),
    })
}

fn authority(name: &str) -> Issuer {
    authority_between(name, after_hours(-48), after_hours(24 * 365), None)
}

/// A root key whose certificate an authority issued, with the certificates between.
fn issued(by: &Issuer, between: &[&Issuer]) -> Arc<TestKey> {
    let key = KeyPair::generate().expect("a key");
    let mut params = params(GUN, after_hours(-48), after_hours(24 * 300));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    let leaf = params.signed_by(&key, &by.0).expect("a certificate").pem().replace('\r', "");
    let signer = PrivateKey::from_pkcs8(&key.serialize_der()).expect("a key");
    let chain: String = std::iter::once(leaf).chain(between.iter().map(|it| it.pem())).collect();
    TestKey::bare(signer).written_as("ecdsa-x509", chain.into_bytes())
}

fn issued_by(anchor: &Issuer) -> Anchor {
    Anchor::pinned(Pin::Authorities(vec![anchor.certificate()]))
}

#[test]
fn ca_pin_decides() {
    let (top, other) = (authority("top"), authority("other"));
    let middle = authority_between("middle", after_hours(-48), after_hours(240), Some(&top));
    let direct = rooted(&issued(&top, &[]));
    let chained = rooted(&issued(&middle, &[&middle]));
    assert_eq!(verdict(&direct, issued_by(&top)), "trusted");
    assert_eq!(verdict(&chained, issued_by(&top)), "trusted");
    assert_eq!(verdict(&direct, issued_by(&other)), "pin");
    assert_eq!(verdict(&rooted(&issued(&middle, &[])), issued_by(&top)), "pin", "no link between");
    assert_eq!(verdict(&rooted(&TestKey::certified(GUN)), issued_by(&top)), "pin", "self-signed");
}

#[test]
fn ca_pin_expired_intermediate() {
    let top = authority("top");
    let middle = authority_between("middle", after_hours(-480), after_hours(-48), Some(&top));
    let team = rooted(&issued(&middle, &[&middle]));
    assert_eq!(verdict(&team, issued_by(&top)), "pin");
    assert_eq!(verdict(&team, on_first_use()), "trusted", "without a pin the leaf decides");
}

#[test]
fn ca_pin_expired_ca() {
    let top = authority_between("top", after_hours(-480), after_hours(-48), None);
    assert_eq!(verdict(&rooted(&issued(&top, &[])), issued_by(&top)), "pin");
}

#[test]
fn cert_bundle_table() {
    let top = authority("top");
    let good = issued(&top, &[&top]);
    assert_eq!(verdict(&rooted(&good), issued_by(&top)), "trusted");
    let leaf = String::from_utf8(issued(&top, &[]).written.clone()).expect("text");
    let text = String::from_utf8(good.written.clone()).expect("text");
    let headers = text.replacen("-----\n", "-----\nGun: x\n\n", 1);
    for (what, written) in [
        ("two leaves", format!("{text}{leaf}")),
        ("the authority first", format!("{}{leaf}", top.pem())),
        ("no leaf", top.pem()),
        ("headers", headers),
        ("text between", text.replace("-----BEGIN", "hello\n-----BEGIN")),
        ("text after", format!("{text}bye\n")),
        ("no last line feed", text.trim_end().to_owned()),
        ("carriage returns", text.replace('\n', "\r\n")),
        ("cut", text[..text.len() / 3].to_owned()),
        ("nothing", String::new()),
    ] {
        let key = good.written_as("ecdsa-x509", written.into_bytes());
        for anchor in [on_first_use(), issued_by(&top)] {
            assert_eq!(verdict(&rooted(&key), anchor), "pin", "{what}");
        }
    }
    let bare = TestKey::p256();
    assert_eq!(verdict(&rooted(&bare), on_first_use()), "pin", "a root key has a certificate");
}
