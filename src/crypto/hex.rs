//! Bytes in hexadecimal.

use std::fmt::Write as _;

/// In lower case.
pub(crate) fn write(bytes: &[u8]) -> String {
    // At once as much as is needed: a secret would stay behind wherever it outgrew its place.
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// In either case; `None` for what is no whole number of bytes.
pub(crate) fn read(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let pair = |[high, low]: &[u8; 2]| Some((digit(high)? << 4) | digit(low)?);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = Vec::with_capacity(pairs.len());
    for digits in pairs {
        bytes.push(pair(digits)?);
    }
    rest.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_bytes_are_read_in_either_case_and_written_in_one() {
        assert_eq!(read("00fFa0"), Some(vec![0, 0xff, 0xa0]));
        assert_eq!(read(""), Some(vec![]));
        assert_eq!(write(&[0, 0xff, 0xa0]), "00ffa0");
        for bad in ["0", "0g", "+1", " 1", "0x11", "é", "00f"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
