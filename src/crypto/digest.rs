//! SHA-256 and SHA-512 values, and how they are written.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use ring::digest;

use super::Error;

/// A SHA-256 value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// A SHA-512 value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha512([u8; 64]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Sha256 {
        Sha256(exactly(digest::digest(&digest::SHA256, bytes)))
    }

    /// The value whose 32 bytes are already known.
    pub fn from_bytes(bytes: [u8; 32]) -> Sha256 {
        Sha256(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Sha512 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Sha512 {
        Sha512(exactly(digest::digest(&digest::SHA512, bytes)))
    }

    /// The value whose 64 bytes are already known.
    pub fn from_bytes(bytes: [u8; 64]) -> Sha512 {
        Sha512(bytes)
    }

    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

/// SHA-256 of bytes that arrive in pieces.
#[derive(Clone)]
pub struct Sha256Stream(digest::Context);

impl Sha256Stream {
    /// Nothing read yet.
    pub fn new() -> Sha256Stream {
        Sha256Stream(digest::Context::new(&digest::SHA256))
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Sha256 {
        Sha256(exactly(self.0.finish()))
    }
}

impl Default for Sha256Stream {
    fn default() -> Sha256Stream {
        Sha256Stream::new()
    }
}

impl fmt::Debug for Sha256Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256Stream")
    }
}

macro_rules! written_as_hex {
    ($digest:ident) => {
        impl fmt::Display for $digest {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $digest {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        /// Reads exactly the lower-case hexadecimal digits that `Display` writes.
        impl FromStr for $digest {
            type Err = Error;

            fn from_str(text: &str) -> Result<$digest, Error> {
                read_hex(text).map($digest)
            }
        }
    };
}

written_as_hex!(Sha256);
written_as_hex!(Sha512);

#[expect(clippy::expect_used, reason = "the algorithm fixes the length of its digest")]
fn exactly<const N: usize>(digest: digest::Digest) -> [u8; N] {
    digest.as_ref().try_into().expect("a digest of its length")
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn read_hex<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let wrong = || Error::NotHex { digits: N.saturating_mul(2) };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(wrong());
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high).ok_or_else(wrong)? << 4 | nibble(*low).ok_or_else(wrong)?;
    }
    Ok(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'a'..=b'f' => digit.checked_sub(b'a' - 10),
        _ => None,
    }
}

/// Bytes with their SHA-256, computed once: what a large file is compared by, again and again.
#[derive(Clone, Debug)]
pub struct Hashed<'b> {
    bytes: Cow<'b, [u8]>,
    sha256: OnceLock<Sha256>,
}

impl<'b> Hashed<'b> {
    /// These bytes, to be hashed once: when their hash is first asked for.
    pub fn of(bytes: impl Into<Cow<'b, [u8]>>) -> Self {
        Self { bytes: bytes.into(), sha256: OnceLock::new() }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256. Who asks while another thread is at it waits for that one.
    pub fn sha256(&self) -> Sha256 {
        *self.sha256.get_or_init(|| Sha256::of(&self.bytes))
    }

    /// The bytes again, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_owned()
    }
}

impl<'b> From<&'b [u8]> for Hashed<'b> {
    fn from(bytes: &'b [u8]) -> Self {
        Self::of(bytes)
    }
}

impl<'b> From<&'b Vec<u8>> for Hashed<'b> {
    fn from(bytes: &'b Vec<u8>) -> Self {
        Self::of(bytes.as_slice())
    }
}

impl<'b> From<&'b Hashed<'_>> for Hashed<'b> {
    fn from(hashed: &'b Hashed<'_>) -> Self {
        Self { bytes: Cow::Borrowed(&hashed.bytes), sha256: hashed.sha256().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digest_of_nothing_is_the_published_one() {
        assert_eq!(Sha256::of(b"").to_string(), EMPTY);
        assert!(Sha512::of(b"").to_string().starts_with("cf83e1357eefb8bdf1542850d66d8007"));
    }

    #[test]
    fn stream_gives_what_the_whole_gives() {
        let mut stream = Sha256Stream::new();
        stream.update(b"hel");
        stream.update(b"lo\n");
        assert_eq!(stream.finish(), Sha256::of(b"hello\n"));
    }

    #[test]
    fn written_digest_reads_back() {
        let digest = Sha512::of(b"x");
        assert_eq!(digest.to_string().parse::<Sha512>().unwrap(), digest);
        assert_eq!(format!("{digest:?}"), digest.to_string());
    }

    #[test]
    fn other_spellings_of_a_digest_are_refused() {
        let long = format!("{EMPTY}00");
        let wide = format!("{}\u{e9}", &EMPTY[2..]);
        for text in
            ["", &EMPTY[1..], &EMPTY.to_uppercase(), &long, &wide, &format!(" {}", &EMPTY[1..])]
        {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }
}
