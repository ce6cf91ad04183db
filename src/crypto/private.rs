//! Private keys in memory: they sign, and say nothing else.

use std::fmt;
use std::sync::Arc;

use p256::elliptic_curve::sec1::ToSec1Point;
use p384::ecdsa::signature::hazmat::PrehashSigner;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaKeyPair,
};

use super::signer::accepted;
use super::{
    Algorithm, Error, PublicKey, Scheme, SecretBytes, Sha256, Signature, Signer, asn1, encoding,
    spki,
};

/// A private key, wiped when dropped.
///
/// It can be neither cloned nor printed; `Debug` names the public half. The library that signs
/// is handed the secret for each signature and keeps nothing of it in between.
pub struct PrivateKey {
    public: PublicKey,
    secret: Secret,
}

impl PrivateKey {
    /// Makes a new key.
    ///
    /// # Errors
    ///
    /// [`Error::NotGenerated`] for RSA; [`Error::NoRandom`].
    pub fn generate(algorithm: Algorithm) -> Result<PrivateKey, Error> {
        match algorithm {
            Algorithm::Rsa => Err(Error::NotGenerated { algorithm }),
            Algorithm::Ed25519 => {
                let mut seed = SecretBytes::zeroed(SEED);
                fill_random(&mut seed)?;
                PrivateKey::from_seed(seed)
            }
            curve => PrivateKey::generate_on(curve),
        }
    }

    /// Reads a SEC 1 `ECPrivateKey` (RFC 5915) that names its curve.
    ///
    /// # Errors
    ///
    /// If it is not one, if it names no supported curve, or holds another key's public half.
    pub fn from_sec1(der: &[u8]) -> Result<PrivateKey, Error> {
        encoding::read_sec1(der, None)
    }

    /// Reads a PKCS#1 `RSAPrivateKey` (RFC 8017 §A.1.2) of two primes, 2048 to 4096 bits.
    ///
    /// # Errors
    ///
    /// If it is not one, or its parts do not belong together.
    pub fn from_pkcs1(der: &[u8]) -> Result<PrivateKey, Error> {
        encoding::read_pkcs1(der)
    }

    /// Reads a `PrivateKeyInfo` (RFC 5958) as Notary, OpenSSL and others write it.
    ///
    /// Notary's deviations are understood: version 1 without a public half, RSA without `NULL`
    /// parameters, and Ed25519 as 96 bytes under the GNU identifier.
    ///
    /// # Errors
    ///
    /// If it is not one, of an unsupported algorithm, or holds another key's public half.
    pub fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, Error> {
        encoding::read_pkcs8(der)
    }

    /// Reads the 96 bytes in which Notary keeps an Ed25519 key: public half, seed, public half.
    ///
    /// # Errors
    ///
    /// If there are not 96 bytes, or the public halves do not belong to the seed.
    pub fn from_notary_ed25519(bytes: &[u8]) -> Result<PrivateKey, Error> {
        encoding::read_notary_ed25519(bytes)
    }

    /// The Ed25519 key of a seed (RFC 8032 §5.1.5).
    ///
    /// # Errors
    ///
    /// If the seed gives no sound public key, which no seed is known to do.
    pub fn from_ed25519_seed(seed: &[u8; 32]) -> Result<PrivateKey, Error> {
        PrivateKey::from_seed(SecretBytes::from(seed.as_slice()))
    }

    /// The key whose secret these 32 bytes are: the seed of an Ed25519 key, or the scalar of a
    /// P-256 key.
    ///
    /// # Errors
    ///
    /// [`Error::BadPrivateKey`] if they are no scalar of the curve; [`Error::NotGenerated`] for
    /// other algorithms.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8; 32]) -> Result<PrivateKey, Error> {
        match algorithm {
            Algorithm::Ed25519 => PrivateKey::from_ed25519_seed(secret),
            Algorithm::EcdsaP256 => PrivateKey::from_scalar(algorithm, secret),
            _ => Err(Error::NotGenerated { algorithm }),
        }
    }

    /// The `PrivateKeyInfo` that Notary 0.7 writes for this key (`tuf/utils/pkcs8.go`), which
    /// older docker and notary clients read.
    pub fn to_notary_pkcs8(&self) -> SecretBytes {
        encoding::write_notary_pkcs8(self)
    }

    /// What that holds, which is how notary-signer keeps it: SEC 1 with its curve, PKCS#1, or the
    /// 96 bytes of an Ed25519 key.
    pub fn to_notary_raw(&self) -> SecretBytes {
        encoding::write_notary_raw(self)
    }

    /// The scalar of an ECDSA key, big-endian and as wide as the curve.
    #[cfg_attr(not(feature = "pkcs11"), expect(dead_code, reason = "tokens take keys in"))]
    pub(crate) fn scalar(&self) -> Option<&[u8]> {
        match &self.secret {
            Secret::Scalar(scalar) => Some(scalar),
            Secret::Rsa(_) | Secret::Ed25519(_) => None,
        }
    }

    fn from_seed(seed: SecretBytes) -> Result<PrivateKey, Error> {
        let bad = |_| Error::BadPrivateKey { algorithm: Algorithm::Ed25519 };
        let key = ed25519_dalek::SigningKey::try_from(&*seed).map_err(bad)?;
        let public = PublicKey::from_ed25519(key.verifying_key().as_bytes())?;
        Ok(PrivateKey { public, secret: Secret::Ed25519(seed) })
    }

    /// From a scalar on a curve; leading zeros may be missing or too many.
    pub(super) fn from_scalar(algorithm: Algorithm, bytes: &[u8]) -> Result<PrivateKey, Error> {
        let scalar = scalar(algorithm, bytes)?;
        let point = public_point(algorithm, &scalar).ok_or(Error::BadPrivateKey { algorithm })?;
        let public = PublicKey::new(spki::point(algorithm, &point)?);
        Ok(PrivateKey { public, secret: Secret::Scalar(scalar) })
    }

    /// From a scalar on a curve and the point that is said to belong to it, uncompressed or compressed
    /// (SEC 1 §2.3.3).
    pub(super) fn from_halves(
        algorithm: Algorithm,
        bytes: &[u8],
        point: &[u8],
    ) -> Result<PrivateKey, Error> {
        let differ = Error::HalvesDiffer { algorithm };
        if algorithm == Algorithm::EcdsaP256 && point.len() == UNCOMPRESSED_P256 {
            let scalar = scalar(algorithm, bytes)?;
            // It makes the point anew and compares, in a tenth of the time that `p256` takes for
            // the first point that it makes. Nor does a damaged key take longer than a good one.
            p256_pair(&scalar, point).ok_or(differ)?;
            let public = PublicKey::new(spki::point(algorithm, point)?);
            return Ok(PrivateKey { public, secret: Secret::Scalar(scalar) });
        }
        let key = PrivateKey::from_scalar(algorithm, bytes)?;
        match key.public.is_written_as(point) {
            true => Ok(key),
            false => Err(differ),
        }
    }

    /// From a PKCS#1 key whose public half was taken from it.
    pub(super) fn from_rsa(public: PublicKey, pkcs1: &[u8]) -> Result<PrivateKey, Error> {
        let secret = Secret::Rsa(SecretBytes::from(pkcs1));
        let key = PrivateKey { public, secret };
        // Only a signature shows whether every part belongs to the others.
        key.sign_with(Scheme::RsaPkcs1, b"")
            .map_err(|_| Error::BadPrivateKey { algorithm: Algorithm::Rsa })?;
        Ok(key)
    }

    /// A key whose halves do not belong together, as a fault would leave it.
    #[cfg(test)]
    pub(super) fn with_foreign_public(seed: &[u8; 32], other: &[u8; 32]) -> PrivateKey {
        let public = PrivateKey::from_ed25519_seed(other).unwrap().public;
        PrivateKey { public, secret: Secret::Ed25519(SecretBytes::from(seed.as_slice())) }
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    fn generate_on(algorithm: Algorithm) -> Result<PrivateKey, Error> {
        let width = algorithm.curve_width().ok_or(Error::NotGenerated { algorithm })?;
        let mut scalar = SecretBytes::zeroed(width);
        for _ in 0..GENERATE_TRIES {
            fill_random(&mut scalar)?;
            if algorithm == Algorithm::EcdsaP521 {
                // 521 bits in 66 bytes: one bit of the first.
                scalar.first_mut().into_iter().for_each(|first| *first &= 1);
            }
            if let Ok(key) = PrivateKey::from_scalar(algorithm, &scalar) {
                return Ok(key);
            }
        }
        Err(Error::NoRandom)
    }

    fn make_signature(&self, scheme: Scheme, message: &[u8]) -> Option<Vec<u8>> {
        match (&self.secret, scheme) {
            (Secret::Scalar(scalar), Scheme::EcdsaFixed) => match self.public.algorithm() {
                Algorithm::EcdsaP256 => sign_p256(scalar, &self.public, message),
                Algorithm::EcdsaP384 => sign_p384(scalar, message),
                Algorithm::EcdsaP521 => sign_p521(scalar, message),
                Algorithm::Rsa | Algorithm::Ed25519 => None,
            },
            (Secret::Rsa(pkcs1), Scheme::RsaPss) => sign_rsa(pkcs1, &RSA_PSS_SHA256, message),
            (Secret::Rsa(pkcs1), Scheme::RsaPkcs1) => sign_rsa(pkcs1, &RSA_PKCS1_SHA256, message),
            (Secret::Ed25519(seed), Scheme::Ed25519) => sign_ed25519(seed, message),
            _ => None,
        }
    }

    fn unjudged_signature(&self, scheme: Scheme, message: &[u8]) -> Result<Signature, Error> {
        let algorithm = self.public.algorithm();
        if !algorithm.allows(scheme) {
            return Err(Error::WrongScheme { algorithm, scheme });
        }
        let made = self.make_signature(scheme, message);
        made.map(|bytes| Signature::new(scheme, bytes)).ok_or(Error::SigningFailed { algorithm })
    }
}

impl Signer for PrivateKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign_with(&self, scheme: Scheme, message: &[u8]) -> Result<Signature, Error> {
        accepted(&self.public, message, self.unjudged_signature(scheme, message)?)
    }
}

/// A key whose signatures nobody has looked at when they are made: for those alone who have each
/// file that it signs verified before it is shown or stored, as a server has its own.
#[derive(Clone, Debug)]
pub struct Unjudged(Arc<PrivateKey>);

impl Unjudged {
    /// Wraps a key.
    pub fn new(key: Arc<PrivateKey>) -> Self {
        Self(key)
    }
}

impl Signer for Unjudged {
    fn public(&self) -> &PublicKey {
        &self.0.public
    }

    fn sign_with(&self, scheme: Scheme, message: &[u8]) -> Result<Signature, Error> {
        self.0.unjudged_signature(scheme, message)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.public)
    }
}

/// The secret part alone, in the form that is written to files.
pub(super) enum Secret {
    /// As wide as the curve.
    Scalar(SecretBytes),
    /// PKCS#1 `RSAPrivateKey`.
    Rsa(SecretBytes),
    /// RFC 8032's private key.
    Ed25519(SecretBytes),
}

fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::NoRandom)
}

fn public_point(algorithm: Algorithm, scalar: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        Algorithm::EcdsaP256 => {
            let key = p256::SecretKey::from_slice(scalar).ok()?;
            Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
        }
        Algorithm::EcdsaP384 => {
            let key = p384::ecdsa::SigningKey::from_slice(scalar).ok()?;
            Some(key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        }
        Algorithm::EcdsaP521 => {
            let key = p521::ecdsa::SigningKey::from_slice(scalar).ok()?;
            Some(key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        }
        Algorithm::Rsa | Algorithm::Ed25519 => None,
    }
}

/// As wide as the curve.
fn scalar(algorithm: Algorithm, bytes: &[u8]) -> Result<SecretBytes, Error> {
    let bad = || Error::BadPrivateKey { algorithm };
    let width = algorithm.curve_width().ok_or_else(bad)?;
    let digits = asn1::digits(bytes);
    let padding = width.checked_sub(digits.len()).filter(|_| !digits.is_empty()).ok_or_else(bad)?;
    let mut scalar = SecretBytes::zeroed(width);
    scalar.iter_mut().skip(padding).zip(digits).for_each(|(place, digit)| *place = *digit);
    Ok(scalar)
}

/// A pair for one signature; `None` if its halves do not belong together.
fn p256_pair(scalar: &[u8], point: &[u8]) -> Option<EcdsaKeyPair> {
    let form = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let random = SystemRandom::new();
    EcdsaKeyPair::from_private_key_and_public_key(form, scalar, point, &random).ok()
}

fn sign_p256(scalar: &[u8], public: &PublicKey, message: &[u8]) -> Option<Vec<u8>> {
    let pair = p256_pair(scalar, public.key_bits())?;
    Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
}

fn sign_p384(scalar: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = p384::ecdsa::SigningKey::from_slice(scalar).ok()?;
    let made: p384::ecdsa::Signature = key.sign_prehash(Sha256::of(message).as_bytes()).ok()?;
    Some(made.to_bytes().to_vec())
}

fn sign_p521(scalar: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = p521::ecdsa::SigningKey::from_slice(scalar).ok()?;
    let made: p521::ecdsa::Signature = key.sign_prehash(Sha256::of(message).as_bytes()).ok()?;
    Some(made.to_bytes().to_vec())
}

fn sign_rsa(pkcs1: &[u8], form: &'static dyn RsaEncoding, message: &[u8]) -> Option<Vec<u8>> {
    let pair = RsaKeyPair::from_der(pkcs1).ok()?;
    let mut bytes = vec![0; pair.public().modulus_len()];
    pair.sign(form, &SystemRandom::new(), message, &mut bytes).ok()?;
    Some(bytes)
}

fn sign_ed25519(seed: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    use ed25519_dalek::Signer as _;
    Some(ed25519_dalek::SigningKey::try_from(seed).ok()?.sign(message).to_vec())
}

/// Bytes of an Ed25519 private key.
const SEED: usize = 32;
/// A mark and two coordinates, in bytes.
const UNCOMPRESSED_P256: usize = 65;
/// A random scalar is out of range with probability below 2^-32 at worst.
const GENERATE_TRIES: usize = 8;
