//! `SubjectPublicKeyInfo`: the one encoding in which keys are compared.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Sequence};

use super::{Algorithm, Error, asn1};

/// A sound public key in the form that its verifier takes.
#[derive(Clone)]
pub(super) enum Material {
    /// The uncompressed point.
    P256([u8; 65]),
    /// The uncompressed point.
    P384(Box<[u8; 97]>),
    P521(Box<p521::ecdsa::VerifyingKey>),
    /// PKCS#1 `RSAPublicKey`.
    Rsa(Vec<u8>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

impl Material {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Material::P256(_) => Algorithm::EcdsaP256,
            Material::P384(_) => Algorithm::EcdsaP384,
            Material::P521(_) => Algorithm::EcdsaP521,
            Material::Rsa(_) => Algorithm::Rsa,
            Material::Ed25519(_) => Algorithm::Ed25519,
        }
    }
}

/// Reads a `SubjectPublicKeyInfo`, of which there is only one per key.
pub(super) fn read(der: &[u8]) -> Result<Material, Error> {
    let info = Info::from_der(der).map_err(|source| Error::Der { what: "public key", source })?;
    let bytes = info.key.as_bytes().ok_or(unacceptable("the key is not whole bytes"))?;
    match (info.algorithm.oid, info.algorithm.parameters) {
        (EC, Some(curve)) => point(named(curve)?, bytes),
        (RSA, Some(parameters)) if parameters.is_null() => rsa(bytes),
        (ED25519, None) => ed25519(bytes),
        (EC | RSA | ED25519, _) => Err(unacceptable("wrong parameters for its algorithm")),
        (oid, _) => Err(Error::UnknownAlgorithm { oid }),
    }
}

/// Writes the `SubjectPublicKeyInfo`.
pub(super) fn write(material: &Material) -> Vec<u8> {
    let info = |algorithm: &[u8], key: &[u8]| asn1::sequence(&[algorithm, &asn1::bits(key)]);
    let der = match material {
        Material::P256(point) => info(&ec_algorithm(P256), point),
        Material::P384(point) => info(&ec_algorithm(P384), point.as_slice()),
        Material::P521(key) => info(&ec_algorithm(P521), key.to_sec1_point(false).as_bytes()),
        Material::Rsa(key) => info(&asn1::sequence(&[&oid(RSA), asn1::NULL]), key),
        Material::Ed25519(key) => info(&asn1::sequence(&[&oid(ED25519)]), key.as_bytes()),
    };
    der.to_vec()
}

/// An uncompressed point on a named curve; infinity and other forms are refused.
pub(super) fn point(algorithm: Algorithm, bytes: &[u8]) -> Result<Material, Error> {
    let bad = Error::BadPoint { algorithm };
    if bytes.first() != Some(&UNCOMPRESSED) {
        return Err(bad);
    }
    match algorithm {
        Algorithm::EcdsaP256 => p256::PublicKey::from_sec1_bytes(bytes)
            .ok()
            .and_then(|_| bytes.try_into().ok())
            .map(Material::P256),
        Algorithm::EcdsaP384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes)
            .ok()
            .and_then(|_| bytes.try_into().ok())
            .map(Box::new)
            .map(Material::P384),
        Algorithm::EcdsaP521 => {
            p521::ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(Box::new).map(Material::P521)
        }
        Algorithm::Rsa | Algorithm::Ed25519 => None,
    }
    .ok_or(bad)
}

/// A PKCS#1 `RSAPublicKey` of an acceptable size.
pub(super) fn rsa(der: &[u8]) -> Result<Material, Error> {
    let key = RsaPublicKey::from_der(der)
        .map_err(|source| Error::Der { what: "RSA public key", source })?;
    let modulus = key.modulus.as_bytes();
    let unused = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len().saturating_mul(8).saturating_sub(unused);
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(Error::RsaSize { bits });
    }
    if is_even(modulus) {
        return Err(unacceptable("an even RSA modulus"));
    }
    let exponent = key.exponent.as_bytes();
    if exponent.len() > RSA_EXPONENT_BYTES || is_even(exponent) || exponent == [1] {
        return Err(Error::RsaExponent);
    }
    Ok(Material::Rsa(der.to_vec()))
}

/// The 32 bytes of a canonical Ed25519 point of large order.
pub(super) fn ed25519(raw: &[u8]) -> Result<Material, Error> {
    let bad = || Error::BadPoint { algorithm: Algorithm::Ed25519 };
    let key = ed25519_dalek::VerifyingKey::try_from(raw).map_err(|_| bad())?;
    if key.is_weak() || key.to_edwards().compress().as_bytes() != raw {
        return Err(bad());
    }
    Ok(Material::Ed25519(Box::new(key)))
}

/// The algorithm of a curve's name.
pub(super) fn curve(oid: ObjectIdentifier) -> Result<Algorithm, Error> {
    match oid {
        P256 => Ok(Algorithm::EcdsaP256),
        P384 => Ok(Algorithm::EcdsaP384),
        P521 => Ok(Algorithm::EcdsaP521),
        oid => Err(Error::UnknownAlgorithm { oid }),
    }
}

/// The name of an algorithm's curve.
pub(super) fn curve_oid(algorithm: Algorithm) -> ObjectIdentifier {
    match algorithm {
        Algorithm::EcdsaP384 => P384,
        Algorithm::EcdsaP521 => P521,
        _ => P256,
    }
}

/// DER of an object identifier.
pub(super) fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    asn1::element(asn1::OBJECT_IDENTIFIER, &[oid.as_bytes()]).to_vec()
}

/// DER of `{id-ecPublicKey, curve}`.
pub(super) fn ec_algorithm(curve: ObjectIdentifier) -> Vec<u8> {
    asn1::sequence(&[&oid(EC), &oid(curve)]).to_vec()
}

fn named(parameters: AnyRef<'_>) -> Result<Algorithm, Error> {
    let name = parameters
        .decode_as::<ObjectIdentifier>()
        .map_err(|_| unacceptable("the curve is not named"))?;
    curve(name)
}

fn is_even(big_endian: &[u8]) -> bool {
    big_endian.last().is_none_or(|byte| byte % 2 == 0)
}

fn unacceptable(problem: &'static str) -> Error {
    Error::Unacceptable { what: "public key", problem }
}

#[derive(Sequence)]
struct Info<'a> {
    algorithm: AlgorithmIdentifier<'a>,
    key: BitStringRef<'a>,
}

/// An algorithm with whatever parameters it has.
#[derive(Sequence)]
pub(super) struct AlgorithmIdentifier<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) parameters: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

const UNCOMPRESSED: u8 = 4;
const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 8192;
/// As large as Go, and so Notary, accepts.
const RSA_EXPONENT_BYTES: usize = 4;

pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(super) const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
