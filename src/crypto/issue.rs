//! Writing the self-signed certificate of a root key, in exactly Notary's profile
//! (`tuf/utils/x509.go`, `cryptoservice/certificate.go`).

use der::asn1::ObjectIdentifier;
use jiff::Timestamp;
use jiff::tz::Offset;
use ring::rand::{SecureRandom, SystemRandom};

use super::certificate::COMMON_NAME;
use super::{Algorithm, Certificate, Error, Scheme, Signer, asn1, spki};

impl Certificate {
    /// Makes the certificate that names `common_name` as the collection of a root key.
    ///
    /// Fractions of seconds are dropped.
    ///
    /// # Errors
    ///
    /// If the name is empty or holds control characters, if the dates cannot be written,
    /// if the key is Ed25519, which older clients cannot read here, or if signing fails.
    pub fn self_signed(
        common_name: &str,
        signer: &dyn Signer,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Certificate, Error> {
        let mut serial = [0; 16];
        SystemRandom::new().fill(&mut serial).map_err(|_| Error::NoRandom)?;
        // A serial number is positive (RFC 5280 §4.1.2.2).
        serial[0] |= 1;
        let (scheme, algorithm) = signature_algorithm(signer.public().algorithm())?;
        let tbs = Body {
            serial: &serial,
            algorithm: &algorithm,
            common_name,
            not_before,
            not_after,
            spki: signer.public().spki(),
        }
        .to_der()?;
        let signature = signer.sign_with(scheme, &tbs)?.to_der();
        Certificate::parse(&asn1::sequence(&[&tbs, &algorithm, &asn1::bits(&signature)]))
    }
}

/// What is signed.
struct Body<'a> {
    serial: &'a [u8],
    algorithm: &'a [u8],
    common_name: &'a str,
    not_before: Timestamp,
    not_after: Timestamp,
    spki: &'a [u8],
}

impl Body<'_> {
    fn to_der(&self) -> Result<Vec<u8>, Error> {
        let name = name(self.common_name)?;
        let validity = asn1::sequence(&[&time(self.not_before)?, &time(self.not_after)?]);
        let tbs = asn1::sequence(&[
            &asn1::element(asn1::explicit(0), &[&asn1::unsigned(&[VERSION_3])]),
            &asn1::unsigned(self.serial),
            self.algorithm,
            &name,
            &validity,
            &name,
            self.spki,
            &asn1::element(asn1::explicit(3), &[EXTENSIONS]),
        ]);
        Ok(tbs.to_vec())
    }
}

fn signature_algorithm(key: Algorithm) -> Result<(Scheme, Vec<u8>), Error> {
    match key {
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => {
            let algorithm = asn1::sequence(&[&spki::oid(ECDSA_WITH_SHA256)]);
            Ok((Scheme::EcdsaFixed, algorithm.to_vec()))
        }
        Algorithm::Rsa => {
            let algorithm = asn1::sequence(&[&spki::oid(RSA_WITH_SHA256), asn1::NULL]);
            Ok((Scheme::RsaPkcs1, algorithm.to_vec()))
        }
        Algorithm::Ed25519 => {
            Err(Error::NotCertifiable { problem: "a root key must be ECDSA or RSA" })
        }
    }
}

fn name(common_name: &str) -> Result<Vec<u8>, Error> {
    if common_name.is_empty() || common_name.chars().any(char::is_control) {
        return Err(Error::NotCertifiable { problem: "the name cannot stand in a certificate" });
    }
    let tag = if common_name.bytes().all(is_printable) { PRINTABLE_STRING } else { UTF8_STRING };
    let value = asn1::element(tag, &[common_name.as_bytes()]);
    let attribute = asn1::sequence(&[&spki::oid(COMMON_NAME), &value]);
    Ok(asn1::sequence(&[&asn1::element(asn1::SET, &[&attribute])]).to_vec())
}

/// The characters of a `PrintableString`.
fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// Two digits of the year until 2049, four from then on (RFC 5280 §4.1.2.5).
fn time(at: Timestamp) -> Result<Vec<u8>, Error> {
    let at = Offset::UTC.to_datetime(at);
    let (year, rest) = (
        at.year(),
        format!(
            "{:02}{:02}{:02}{:02}{:02}Z",
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ),
    );
    let (tag, text) = match year {
        1970..=2049 => (UTC_TIME, format!("{:02}{rest}", year % 100)),
        2050..=9999 => (GENERALIZED_TIME, format!("{year:04}{rest}")),
        _ => return Err(Error::NotCertifiable { problem: "a date before 1970" }),
    };
    Ok(asn1::element(tag, &[text.as_bytes()]).to_vec())
}

const VERSION_3: u8 = 2;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const RSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// keyUsage, critical: digitalSignature and keyEncipherment; extKeyUsage: codeSigning;
/// basicConstraints, critical: no authority.
#[rustfmt::skip]
const EXTENSIONS: &[u8] = &[
    0x30, 0x33,
    0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff,
        0x04, 0x04, 0x03, 0x02, 0x05, 0xa0,
    0x30, 0x13, 0x06, 0x03, 0x55, 0x1d, 0x25,
        0x04, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03,
    0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff,
        0x04, 0x02, 0x30, 0x00,
];

/// What would have been signed for a certificate that exists.
#[cfg(test)]
pub(super) fn body_of(certificate: &Certificate, serial: &[u8]) -> Vec<u8> {
    let key = certificate.public_key().unwrap();
    Body {
        serial,
        algorithm: &signature_algorithm(key.algorithm()).unwrap().1,
        common_name: certificate.common_name().unwrap(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        spki: key.spki(),
    }
    .to_der()
    .unwrap()
}
