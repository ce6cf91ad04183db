//! Signatures as bytes with the scheme that made them.

use std::{fmt, iter};

use der::asn1::UintRef;
use der::{Decode, Sequence};

use super::{Algorithm, Error, asn1};

/// How a signature is made; always over the message itself, hashed with SHA-256 where the
/// scheme hashes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// ECDSA with SHA-256 on every curve; r and s side by side, each as wide as the curve.
    EcdsaFixed,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256, and 32 bytes of salt.
    RsaPss,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1,
    /// Pure Ed25519 (RFC 8032 §5.1).
    Ed25519,
    /// Stated by the key alone, as in TUF 1.0: ECDSA in DER with the hash of its curve, RSA-PSS,
    /// Ed25519. Only for checking.
    OfKey,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::EcdsaFixed => "ECDSA",
            Scheme::RsaPss => "RSA-PSS",
            Scheme::RsaPkcs1 => "RSA PKCS#1 v1.5",
            Scheme::Ed25519 => "Ed25519",
            Scheme::OfKey => "the key's own scheme",
        })
    }
}

/// A signature that nobody has checked.
///
/// Equal bytes mean nothing: one message has many valid signatures by one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    scheme: Scheme,
    bytes: Vec<u8>,
}

impl Signature {
    /// A signature as it was received.
    pub fn new(scheme: Scheme, bytes: Vec<u8>) -> Signature {
        Signature { scheme, bytes }
    }

    /// An ECDSA signature that was written as DER, for a key of `algorithm`.
    ///
    /// # Errors
    ///
    /// If it is not strict DER, or a part is wider than the curve.
    pub fn ecdsa_from_der(algorithm: Algorithm, der: &[u8]) -> Result<Signature, Error> {
        let bad = || Error::BadSignature { algorithm };
        let width = algorithm.curve_width().ok_or_else(bad)?;
        let parts = EcdsaParts::from_der(der).map_err(|_| bad())?;
        let mut bytes = Vec::new();
        for part in [parts.r, parts.s] {
            let padding = width.checked_sub(part.as_bytes().len()).ok_or_else(bad)?;
            bytes.extend(iter::repeat_n(0, padding));
            bytes.extend_from_slice(part.as_bytes());
        }
        Ok(Signature::new(Scheme::EcdsaFixed, bytes))
    }

    /// An ECDSA signature as DER, which certificates and TUF 1.0 want; others as they are.
    pub fn to_der(&self) -> Vec<u8> {
        if self.scheme != Scheme::EcdsaFixed {
            return self.bytes.clone();
        }
        let (r, s) = self.bytes.split_at(self.bytes.len() / 2);
        asn1::sequence(&[&asn1::unsigned(r), &asn1::unsigned(s)]).to_vec()
    }

    /// How it claims to have been made.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bytes, in the form that the scheme defines.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Sequence)]
struct EcdsaParts<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}
