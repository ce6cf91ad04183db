//! Public keys: one sound key, in one encoding, that checks signatures strictly.

use std::fmt;
use std::hash::{Hash, Hasher};

use p521::ecdsa::signature::hazmat::PrehashVerifier;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::spki::{self, Material};
use super::{Error, Scheme, Sha256, Signature, asn1};

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// ECDSA on NIST P-384.
    EcdsaP384,
    /// ECDSA on NIST P-521.
    EcdsaP521,
    /// RSA, 2048 to 8192 bits.
    Rsa,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// The scheme in which keys of this kind sign unless told otherwise.
    pub fn default_scheme(self) -> Scheme {
        match self {
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => {
                Scheme::EcdsaFixed
            }
            Algorithm::Rsa => Scheme::RsaPss,
            Algorithm::Ed25519 => Scheme::Ed25519,
        }
    }

    /// Whether keys of this kind make signatures of that kind.
    pub(super) fn allows(self, scheme: Scheme) -> bool {
        scheme == self.default_scheme() || (self == Algorithm::Rsa && scheme == Scheme::RsaPkcs1)
    }

    /// Bytes of an uncompressed point on the curve, for ECDSA.
    fn point_width(self) -> usize {
        self.curve_width().map_or(0, |width| 2_usize.saturating_mul(width).saturating_add(1))
    }

    /// Bytes of a coordinate on the curve, for ECDSA.
    pub(super) fn curve_width(self) -> Option<usize> {
        match self {
            Algorithm::EcdsaP256 => Some(32),
            Algorithm::EcdsaP384 => Some(P384_WIDTH),
            Algorithm::EcdsaP521 => Some(66),
            Algorithm::Rsa | Algorithm::Ed25519 => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::EcdsaP256 => "ecdsa-p256",
            Algorithm::EcdsaP384 => "ecdsa-p384",
            Algorithm::EcdsaP521 => "ecdsa-p521",
            Algorithm::Rsa => "rsa",
            Algorithm::Ed25519 => "ed25519",
        })
    }
}

/// A public key that can count.
///
/// Two values are equal if they are the same key, whatever they came wrapped in.
#[derive(Clone)]
pub struct PublicKey {
    material: Material,
    spki: Vec<u8>,
    fingerprint: Sha256,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1): ECDSA on a named curve with an
    /// uncompressed point, RSA, or Ed25519 (RFC 8410).
    ///
    /// # Errors
    ///
    /// If it is not DER, of another algorithm or curve, or not a sound key of its kind.
    pub fn from_spki(der: &[u8]) -> Result<PublicKey, Error> {
        Ok(PublicKey::new(spki::read(der)?))
    }

    /// Reads the 32 bytes of an Ed25519 key (RFC 8032 §5.1.5).
    ///
    /// # Errors
    ///
    /// If there are not 32 bytes, or they are no canonical point, or a point of small order,
    /// for which anyone can make signatures.
    pub fn from_ed25519(raw: &[u8]) -> Result<PublicKey, Error> {
        Ok(PublicKey::new(spki::ed25519(raw)?))
    }

    /// From an uncompressed point (SEC 1 §2.3.3) on the curve of an ECDSA algorithm.
    ///
    /// # Errors
    ///
    /// If it is in another form, or not on the curve.
    pub fn from_point(algorithm: Algorithm, point: &[u8]) -> Result<PublicKey, Error> {
        Ok(PublicKey::new(spki::point(algorithm, point)?))
    }

    /// From an RSA modulus and its public exponent, big-endian.
    ///
    /// # Errors
    ///
    /// If they make no acceptable key.
    pub fn from_rsa_parts(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, Error> {
        let der = asn1::sequence(&[&asn1::unsigned(modulus), &asn1::unsigned(exponent)]);
        Ok(PublicKey::new(spki::rsa(&der)?))
    }

    /// The DER `SubjectPublicKeyInfo`: the same bytes for the same key, always.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The 32 bytes of an Ed25519 key.
    pub fn ed25519(&self) -> Option<&[u8; 32]> {
        match &self.material {
            Material::Ed25519(key) => Some(key.as_bytes()),
            _ => None,
        }
    }

    /// What kind of key it is.
    pub fn algorithm(&self) -> Algorithm {
        self.material.algorithm()
    }

    /// SHA-256 of [`spki`](PublicKey::spki): what makes two keys the same key.
    pub fn fingerprint(&self) -> Sha256 {
        self.fingerprint
    }

    /// Checks a signature over `message`.
    ///
    /// # Errors
    ///
    /// If the scheme does not belong to this key's algorithm, or the signature is not exactly
    /// one of this key over this message.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), Error> {
        let algorithm = self.algorithm();
        let bytes = signature.as_bytes();
        let good = match (&self.material, signature.scheme()) {
            (Material::P256(point), Scheme::EcdsaFixed) => {
                ring_accepts(&ECDSA_P256_SHA256_FIXED, point, message, bytes)
            }
            (Material::P256(point), Scheme::OfKey) => {
                ring_accepts(&ECDSA_P256_SHA256_ASN1, point, message, bytes)
            }
            (Material::P384(point), Scheme::OfKey) => {
                ring_accepts(&ECDSA_P384_SHA384_ASN1, point.as_slice(), message, bytes)
            }
            (Material::P384(point), Scheme::EcdsaFixed) => {
                // Only in DER does ring take SHA-256 on this curve.
                bytes.len() == 2 * P384_WIDTH
                    && ring_accepts(
                        &ECDSA_P384_SHA256_ASN1,
                        point.as_slice(),
                        message,
                        &signature.to_der(),
                    )
            }
            (Material::P521(key), Scheme::EcdsaFixed) => p521::ecdsa::Signature::from_slice(bytes)
                .and_then(|it| key.verify_prehash(Sha256::of(message).as_bytes(), &it))
                .is_ok(),
            (Material::Rsa(key), Scheme::RsaPss | Scheme::OfKey) => {
                ring_accepts(&RSA_PSS_2048_8192_SHA256, key, message, bytes)
            }
            (Material::Rsa(key), Scheme::RsaPkcs1) => {
                ring_accepts(&RSA_PKCS1_2048_8192_SHA256, key, message, bytes)
            }
            (Material::Ed25519(key), Scheme::Ed25519 | Scheme::OfKey) => {
                ed25519_dalek::Signature::from_slice(bytes)
                    .and_then(|it| key.verify_strict(message, &it))
                    .is_ok()
            }
            (_, scheme) => return Err(Error::WrongScheme { algorithm, scheme }),
        };
        if good { Ok(()) } else { Err(Error::BadSignature { algorithm }) }
    }

    /// The content of the BIT STRING in [`spki`](PublicKey::spki).
    pub(super) fn key_bits(&self) -> &[u8] {
        let width = match self.algorithm() {
            Algorithm::Ed25519 => 32,
            Algorithm::Rsa => match &self.material {
                Material::Rsa(key) => key.len(),
                _ => 0,
            },
            curve => curve.point_width(),
        };
        self.spki.split_at_checked(self.spki.len().saturating_sub(width)).map_or(&[], |it| it.1)
    }

    /// Whether these are those bits; a point may also be compressed (SEC 1 §2.3.3), as OpenSSL writes it
    /// on request beside a private key.
    pub(super) fn is_written_as(&self, bits: &[u8]) -> bool {
        self.key_bits() == bits || self.compressed_point().is_some_and(|point| point == bits)
    }

    fn compressed_point(&self) -> Option<Vec<u8>> {
        let width = self.algorithm().curve_width()?;
        let (_, coordinates) = self.key_bits().split_first()?;
        let (x, y) = coordinates.split_at_checked(width)?;
        let sign = if y.last()? % 2 == 0 { 2 } else { 3 };
        Some(std::iter::once(sign).chain(x.iter().copied()).collect())
    }

    pub(super) fn new(material: Material) -> PublicKey {
        let spki = spki::write(&material);
        let fingerprint = Sha256::of(&spki);
        PublicKey { material, spki, fingerprint }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fingerprint.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.fingerprint.as_bytes();
        write!(f, "{}:{a:02x}{b:02x}{c:02x}{d:02x}…", self.algorithm())
    }
}

fn ring_accepts(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
}

const P384_WIDTH: usize = 48;
