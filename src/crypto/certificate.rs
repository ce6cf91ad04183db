//! X.509 certificates: how Notary binds a root key to the name of a collection.

use std::fmt;

use der::asn1::{ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use der::{Any, Decode, Encode, Tag, Tagged};
use jiff::Timestamp;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::{Error, PublicKey, Sha256};

/// A certificate that was read; nothing about it has been verified.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    subject: Name,
    issuer: Name,
    key: Result<PublicKey, Error>,
    common_name: Option<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    authority: Option<Authority>,
    signed_with_sha1: bool,
}

impl Certificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    ///
    /// If it is not strict DER of a certificate. A key that is not acceptable is reported by
    /// [`public_key`](Certificate::public_key), so that others beside it stay readable.
    pub fn parse(der: &[u8]) -> Result<Certificate, Error> {
        let damaged = |source| Error::Der { what: "certificate", source };
        let read = x509_cert::Certificate::from_der(der).map_err(damaged)?;
        let tbs = read.tbs_certificate();
        if tbs.signature() != read.signature_algorithm() {
            let problem = "it names two signature algorithms";
            return Err(Error::Unacceptable { what: "certificate", problem });
        }
        let constraints = tbs.get_extension::<BasicConstraints>().map_err(damaged)?;
        let spki = tbs.subject_public_key_info().to_der().map_err(damaged)?;
        Ok(Certificate {
            der: der.to_vec(),
            subject: tbs.subject().clone(),
            issuer: tbs.issuer().clone(),
            key: PublicKey::from_spki(&spki),
            common_name: common_name(tbs.subject()),
            not_before: timestamp(&tbs.validity().not_before),
            not_after: timestamp(&tbs.validity().not_after),
            authority: constraints.and_then(|(_, it)| authority(&it)),
            signed_with_sha1: WEAK_SIGNATURES.contains(&read.signature_algorithm().oid),
        })
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.der)
    }

    /// The common name of its subject, if there is exactly one and it is ordinary text.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The key that it certifies.
    ///
    /// # Errors
    ///
    /// If that key is none that may count: of another algorithm, too short, or unsound.
    pub fn public_key(&self) -> Result<&PublicKey, Error> {
        self.key.as_ref().map_err(Clone::clone)
    }

    /// The first second of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether `now` lies within its validity, both ends included.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now.as_second() <= self.not_after.as_second()
    }

    /// Whether it may issue others (RFC 5280 §4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.authority.is_some()
    }

    /// Whether its signature rests on SHA-1 or something older still.
    pub fn signed_with_sha1(&self) -> bool {
        self.signed_with_sha1
    }

    /// Whether so many intermediates may stand between it and a leaf.
    pub(super) fn allows_below(&self, intermediates: usize) -> bool {
        self.authority.is_some_and(|it| it.path_length.is_none_or(|most| intermediates <= most))
    }

    /// Whether it names the subject of `other` as its issuer; signatures are not looked at.
    pub(super) fn is_issued_by(&self, other: &Certificate) -> bool {
        self.issuer == other.subject
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({:?}, {})", self.common_name, self.fingerprint())
    }
}

/// What a certificate of an authority allows.
#[derive(Clone, Copy)]
struct Authority {
    path_length: Option<usize>,
}

fn authority(constraints: &BasicConstraints) -> Option<Authority> {
    let path_length = constraints.path_len_constraint.map(usize::from);
    constraints.ca.then_some(Authority { path_length })
}

fn common_name(subject: &Name) -> Option<String> {
    let mut names = subject.iter().filter(|attribute| attribute.oid == COMMON_NAME);
    match (names.next(), names.next()) {
        (Some(name), None) => text(&name.value),
        _ => None,
    }
}

fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => Some(value.decode_as::<Utf8StringRef<'_>>().ok()?.to_string()),
        Tag::PrintableString => Some(value.decode_as::<PrintableStringRef<'_>>().ok()?.to_string()),
        _ => None,
    }
}

/// X.509 reaches further than our calendar by a day.
fn timestamp(time: &Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

pub(super) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// RSA, DSA and ECDSA with MD2, MD5 or SHA-1.
const WEAK_SIGNATURES: [ObjectIdentifier; 6] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"),
    ObjectIdentifier::new_unwrap("1.3.14.3.2.29"),
    ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"),
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"),
];
