//! The throw-away keys of `keys-example/`: every one opens with its passphrase and is the key that
//! it says.
#![cfg(feature = "client")]

use std::fs;
use std::path::Path;

use countersign::crypto::Signer;
use countersign::keys::{KeyFile, Passphrase};
use countersign::tuf::canonical_key_id;
use serde_json::Value;

#[test]
fn every_example_opens_with_its_passphrase_and_signs() {
    let mut opened = 0;
    for (file, entry) in examples() {
        let key = KeyFile::parse(&file).and_then(|block| match entry["passphrase"].as_str() {
            Some(passphrase) => block.open(&Passphrase::new(passphrase.to_owned())),
            None => block.open_plain(),
        });
        match key {
            Ok(key) => {
                assert_eq!(canonical_key_id(key.public()).to_string(), entry["keyid"], "{entry}");
                key.sign(b"message").unwrap_or_else(|error| panic!("{entry}: {error}"));
                opened += 1;
            }
            Err(error) => {
                let name = entry["file"].as_str().expect("a name");
                assert!(NOT_FOR_US.iter().any(|known| name.ends_with(known)), "{name}: {error}");
            }
        }
    }
    assert!(opened >= 25, "{opened} keys opened");
}

#[test]
fn no_example_opens_with_another_passphrase() {
    for (file, entry) in examples().filter(|(_, entry)| entry["passphrase"].is_string()) {
        let block = KeyFile::parse(&file);
        let opened =
            block.and_then(|block| block.open(&Passphrase::new("not this one".to_owned())));
        assert!(opened.is_err(), "{entry}");
    }
}

fn examples() -> impl Iterator<Item = (Vec<u8>, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys-example");
    let index = fs::read(folder.join("index.json")).expect("the index");
    let entries: Vec<Value> = serde_json::from_slice(&index).expect("JSON");
    entries.into_iter().map(move |entry| {
        let file = folder.join(entry["file"].as_str().expect("a name"));
        (fs::read(file).expect("an example"), entry)
    })
}

/// Forms that are refused, with words that say so.
const NOT_FOR_US: &[&str] = &[
    "p256-pkcs8-scrypt.pem",
    "p256-sec1-des-ede3-cbc.pem",
    "rsa1024-too-short-pkcs1.pem",
    "secp256k1-unsupported-sec1.pem",
];
