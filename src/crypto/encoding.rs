//! Private keys as DER: SEC 1, PKCS#1, PKCS#8 and what Notary made of it.

use super::private::Secret;
use super::spki::{self, AlgorithmIdentifier};
use super::{Algorithm, Error, PrivateKey, PublicKey, SecretBytes, Signer, asn1};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged};

/// SEC 1, RFC 5915: the curve comes from inside, from outside, or from both alike.
pub(super) fn read_sec1(der: &[u8], outer: Option<ObjectIdentifier>) -> Result<PrivateKey, Error> {
    let what = "EC private key";
    let key = EcPrivateKey::from_der(der).map_err(|source| Error::Der { what, source })?;
    let curve = match (outer, key.curve) {
        (Some(outer), Some(inner)) if outer != inner => {
            return Err(Error::Unacceptable { what, problem: "two different curves" });
        }
        (Some(curve), _) | (None, Some(curve)) => spki::curve(curve)?,
        (None, None) => return Err(Error::Unacceptable { what, problem: "no curve" }),
    };
    if key.version != 1 {
        return Err(Error::Unacceptable { what, problem: "unknown version" });
    }
    let scalar = key.scalar.as_bytes();
    match key.public {
        Some(public) => PrivateKey::from_halves(curve, scalar, public.raw_bytes()),
        None => PrivateKey::from_scalar(curve, scalar),
    }
}

/// PKCS#1, RFC 8017 §A.1.2.
pub(super) fn read_pkcs1(der: &[u8]) -> Result<PrivateKey, Error> {
    let what = "RSA private key";
    let key = RsaPrivateKey::from_der(der).map_err(|source| Error::Der { what, source })?;
    if key.version != 0 {
        return Err(Error::Unacceptable { what, problem: "more than two primes" });
    }
    let public = asn1::sequence(&[
        &asn1::unsigned(key.modulus.as_bytes()),
        &asn1::unsigned(key.exponent.as_bytes()),
    ]);
    PrivateKey::from_rsa(PublicKey::new(spki::rsa(&public)?), der)
}

/// PKCS#8, RFC 5958 and Notary's `tuf/utils/pkcs8.go`.
pub(super) fn read_pkcs8(der: &[u8]) -> Result<PrivateKey, Error> {
    let what = "PKCS#8 private key";
    let info = Pkcs8::read(der).map_err(|source| Error::Der { what, source })?;
    if info.version > 1 {
        return Err(Error::Unacceptable { what, problem: "unknown version" });
    }
    let private = match (info.algorithm.oid, info.algorithm.parameters) {
        (spki::EC, Some(curve)) => {
            let curve = curve
                .decode_as::<ObjectIdentifier>()
                .map_err(|_| Error::Unacceptable { what, problem: "the curve is not named" })?;
            read_sec1(info.key, Some(curve))?
        }
        (spki::RSA, parameters) if parameters.is_none_or(|it| it.is_null()) => {
            read_pkcs1(info.key)?
        }
        (spki::ED25519, None) => read_ed25519(info.key)?,
        (GNU_ED25519, _) => read_notary_ed25519(info.key)?,
        (spki::EC | spki::RSA | spki::ED25519, _) => {
            let problem = "wrong parameters for its algorithm";
            return Err(Error::Unacceptable { what, problem });
        }
        (oid, _) => return Err(Error::UnknownAlgorithm { oid }),
    };
    check_public(&private, info.public)?;
    Ok(private)
}

/// 32 bytes public half, then Go's private key: 32 bytes seed, 32 bytes public half.
pub(super) fn read_notary_ed25519(bytes: &[u8]) -> Result<PrivateKey, Error> {
    let bad = Error::BadPrivateKey { algorithm: Algorithm::Ed25519 };
    let ([public, seed, again], []) = bytes.as_chunks::<32>() else { return Err(bad) };
    let private = PrivateKey::from_ed25519_seed(seed)?;
    check_public(&private, Some(public))?;
    check_public(&private, Some(again))?;
    Ok(private)
}

/// The inner form of the key files that Notary 0.7 writes.
pub(super) fn write_notary_pkcs8(key: &PrivateKey) -> SecretBytes {
    let raw = write_notary_raw(key);
    match key.secret() {
        Secret::Scalar(_) => {
            let curve = spki::curve_oid(key.public().algorithm());
            pkcs8(1, &spki::ec_algorithm(curve), &raw)
        }
        Secret::Rsa(_) => pkcs8(0, &asn1::sequence(&[&spki::oid(spki::RSA)]), &raw),
        Secret::Ed25519(_) => pkcs8(0, &asn1::sequence(&[&spki::oid(GNU_ED25519)]), &raw),
    }
}

/// What stands in it, which is how Notary holds a key in memory.
pub(super) fn write_notary_raw(key: &PrivateKey) -> SecretBytes {
    let public = key.public().key_bits();
    match key.secret() {
        Secret::Scalar(scalar) => {
            let curve = spki::curve_oid(key.public().algorithm());
            sec1(scalar, &spki::oid(curve), public)
        }
        Secret::Rsa(pkcs1) => SecretBytes::from(&**pkcs1),
        Secret::Ed25519(seed) => SecretBytes::concat(&[public, seed, public]),
    }
}

fn pkcs8(version: u8, algorithm: &[u8], key: &[u8]) -> SecretBytes {
    let key = asn1::secret_element(asn1::OCTET_STRING, &[key]);
    asn1::secret_element(asn1::SEQUENCE, &[&asn1::unsigned(&[version]), algorithm, &key])
}

fn sec1(scalar: &[u8], curve: &[u8], public: &[u8]) -> SecretBytes {
    let parts: [&[u8]; 4] = [
        &asn1::unsigned(&[1]),
        &asn1::secret_element(asn1::OCTET_STRING, &[scalar]),
        &asn1::element(asn1::explicit(0), &[curve]),
        &asn1::element(asn1::explicit(1), &[&asn1::bits(public)]),
    ];
    asn1::secret_element(asn1::SEQUENCE, &parts)
}

/// RFC 8410 §7: the seed, once more wrapped.
fn read_ed25519(der: &[u8]) -> Result<PrivateKey, Error> {
    let bad = Error::BadPrivateKey { algorithm: Algorithm::Ed25519 };
    let seed = <&OctetStringRef>::from_der(der)
        .ok()
        .and_then(|seed| <&[u8; 32]>::try_from(seed.as_bytes()).ok());
    PrivateKey::from_ed25519_seed(seed.ok_or(bad)?)
}

fn check_public(key: &PrivateKey, stored: Option<&[u8]>) -> Result<(), Error> {
    match stored {
        Some(stored) if !key.public().is_written_as(stored) => {
            Err(Error::HalvesDiffer { algorithm: key.public().algorithm() })
        }
        _ => Ok(()),
    }
}

#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    scalar: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    curve: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public: Option<BitStringRef<'a>>,
}

#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

/// `PrivateKeyInfo` or `OneAsymmetricKey`, whichever version it claims; attributes are ignored.
struct Pkcs8<'a> {
    version: u8,
    algorithm: AlgorithmIdentifier<'a>,
    key: &'a [u8],
    public: Option<&'a [u8]>,
}

impl<'a> Pkcs8<'a> {
    fn read(der: &'a [u8]) -> der::Result<Pkcs8<'a>> {
        let mut outer = SliceReader::new(der)?;
        let info = outer.sequence(|reader| {
            let version = u8::decode(reader)?;
            let algorithm = AlgorithmIdentifier::decode(reader)?;
            let key = <&OctetStringRef>::decode(reader)?.as_bytes();
            let mut public = None;
            while !reader.is_finished() {
                let rest = AnyRef::decode(reader)?;
                public = read_tail(rest)?.or(public);
            }
            der::Result::Ok(Pkcs8 { version, algorithm, key, public })
        })?;
        outer.finish()?;
        Ok(info)
    }
}

/// `attributes [0]` says nothing, `publicKey [1]` is a BIT STRING under another tag.
fn read_tail(element: AnyRef<'_>) -> der::Result<Option<&[u8]>> {
    match (element.tag(), element.value()) {
        (Tag::ContextSpecific { number: TagNumber(0), .. }, _) => Ok(None),
        (Tag::ContextSpecific { number: TagNumber(1), .. }, [0, public @ ..]) => Ok(Some(public)),
        (tag, _) => Err(der::ErrorKind::TagUnexpected { expected: None, actual: tag }.into()),
    }
}

const GNU_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.15.1");
