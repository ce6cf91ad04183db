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

const ALL: [Algorithm; 4] =
    [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::EcdsaP521, Algorithm::Ed25519];
