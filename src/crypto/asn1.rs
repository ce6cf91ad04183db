//! Writing DER: the few structures that are made here are put together from parts.

use super::SecretBytes;

/// One element: tag, length in its shortest form, and the parts one after the other.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [header(tag, parts), parts.concat()].concat()
}

/// The same of parts that are secret.
pub(super) fn secret_element(tag: u8, parts: &[&[u8]]) -> SecretBytes {
    SecretBytes::concat(&[&[&header(tag, parts)[..]], parts].concat())
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// A non-negative INTEGER from its big-endian bytes.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let digits = digits(bytes);
    let sign: &[u8] = if digits.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, digits])
}

/// A BIT STRING of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// A big-endian number without the zeros before it.
pub(super) fn digits(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn header(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>().to_be_bytes();
    match digits(&length) {
        [] => vec![tag, 0],
        [short] if *short < 0x80 => vec![tag, *short],
        digits => [&[tag, 0x80 | digits.len() as u8], digits].concat(),
    }
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: &[u8] = &[0x05, 0x00];
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `[n]`, constructed, context-specific: explicit tagging of one element.
pub(super) const fn explicit(n: u8) -> u8 {
    0xa0 | n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_their_shortest_form() {
        assert_eq!(element(4, &[]).as_slice(), [4, 0]);
        assert_eq!(element(4, &[&[7; 127]])[..2], [4, 127]);
        assert_eq!(element(4, &[&[7; 128]])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[&[7; 200], &[7; 100]])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn integers_have_one_sign_bit_and_no_padding() {
        assert_eq!(unsigned(&[]).as_slice(), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0]).as_slice(), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0x7f]).as_slice(), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0x80, 0]).as_slice(), [2, 3, 0, 0x80, 0]);
    }
}
