//! Which bytes are meant: digest, size and type of a manifest or blob.

use std::{fmt, str::FromStr};

use super::error::{Error, excerpt};
use crate::crypto::Sha256;

/// The digest of a manifest or blob. Only SHA-256: it is what trust data binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageDigest(Sha256);

impl ImageDigest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::of(bytes))
    }

    /// The hash itself.
    pub fn sha256(&self) -> &Sha256 {
        &self.0
    }
}

impl From<Sha256> for ImageDigest {
    fn from(hash: Sha256) -> Self {
        Self(hash)
    }
}

impl FromStr for ImageDigest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let hash = text.strip_prefix(PREFIX).and_then(|hex| hex.parse().ok());
        hash.map(Self).ok_or_else(|| Error::Digest { text: excerpt(text) })
    }
}

impl fmt::Display for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl fmt::Debug for ImageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A manifest or blob as a registry lists it (OCI image specification 1.1, `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What the bytes hash to.
    pub digest: ImageDigest,
    /// How many bytes there are.
    pub size: u64,
    /// What the registry says they are.
    pub media_type: Option<String>,
}

const PREFIX: &str = "sha256:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_algorithm_table() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest: ImageDigest = format!("sha256:{hex}").parse().expect("valid");
        assert_eq!(digest, ImageDigest::of(b""));
        assert_eq!(format!("{digest} {digest:?}"), format!("sha256:{hex} sha256:{hex}"));
        for text in [
            hex.to_owned(),
            format!("SHA256:{hex}"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha512:{hex}{hex}"),
            format!("md5:{}", &hex[..32]),
            format!("sha256: {}", &hex[1..]),
            format!("sha256:+{}", &hex[1..]),
        ] {
            assert!(text.parse::<ImageDigest>().is_err(), "{text:?} was accepted");
        }
    }
}
