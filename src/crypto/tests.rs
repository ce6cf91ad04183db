//! What one sound key is, which signatures it accepts, and what never leaves it.

use jiff::Timestamp;

use super::*;

mod certificates;
mod keys;
mod private_keys;
mod signatures;

/// A text of hexadecimal digits as bytes.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).collect::<Vec<_>>();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// A text of standard base64 as bytes.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    use ::base64::Engine;
    let text = text.split_whitespace().collect::<String>();
    ::base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Rows of a table of tests, their cells parted by tabs.
fn table(text: &str) -> impl Iterator<Item = Vec<&str>> {
    assert!(text.lines().count() > 1);
    text.lines().map(|line| line.split('\t').collect())
}

/// Fresh keys, and the RSA key of the tests.
pub(crate) fn one_key_of_each_kind() -> Vec<PrivateKey> {
    let fresh =
        [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::EcdsaP521, Algorithm::Ed25519];
    let mut keys =
        fresh.map(|it| PrivateKey::generate(it).unwrap()).into_iter().collect::<Vec<_>>();
    keys.push(rsa_key());
    keys
}

/// A throw-away RSA key of 2048 bits.
pub(crate) fn rsa_key() -> PrivateKey {
    let row = table(PRIVATE).find(|row| row[0] == "RSA" && row[1] == "pkcs1").unwrap();
    PrivateKey::from_pkcs1(&hex(row[3])).unwrap()
}

const PRIVATE: &str = include_str!("../../tests/vectors/crypto/private.tsv");
