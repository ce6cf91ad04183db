//! Keys and their ids (Notary `tuf/data/keys.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::canonical;
use crate::crypto::{
    Algorithm, Certificate, CertificateBundle, PublicKey, Sha256, certificates_from_pem,
};
use crate::tuf::key::Certified;
use crate::tuf::{Key, KeyId};

/// A public key as Notary writes it without a certificate.
pub(in crate::tuf::dialect) fn bare(public: &PublicKey) -> Key {
    let (keytype, written) = match public.ed25519() {
        Some(raw) => ("ed25519", raw.to_vec()),
        None if public.algorithm() == Algorithm::Rsa => ("rsa", public.spki().to_vec()),
        None => ("ecdsa", public.spki().to_vec()),
    };
    Key::bare(id(keytype, &written), keytype.to_owned(), written, public.clone())
}

/// A key as its certificate; `None` when the certificate's key cannot be used.
pub(in crate::tuf::dialect) fn certified(bundle: &CertificateBundle) -> Option<Key> {
    let keytype = certified_type(bundle.leaf().public_key().ok()?)?;
    let key = written(keytype, bundle.to_pem());
    key.public().is_some().then_some(key)
}

/// A key as one certificate, of whatever kind; `None` when its key cannot be used.
pub(in crate::tuf::dialect) fn of_certificate(certificate: &Certificate) -> Option<Key> {
    let keytype = certified_type(certificate.public_key().ok()?)?;
    let key = written(keytype, certificate.to_pem());
    key.public().is_some().then_some(key)
}

/// A key object on its own.
pub(in crate::tuf::dialect) fn lone(key: &Key) -> Vec<u8> {
    let mut out = Vec::new();
    write(key.keytype(), key.written(), &mut out);
    out
}

/// Reads a key of that type. A type that we do not know, or bytes that are not a key of that type,
/// give a key that counts for nothing.
pub(super) fn written(keytype: &str, public: Vec<u8>) -> Key {
    let id = id(keytype, &public);
    let keytype = keytype.to_owned();
    let usable = match keytype.as_str() {
        "ecdsa" | "rsa" => PublicKey::from_spki(&public).ok().filter(|key| family(key) == keytype),
        "ed25519" => PublicKey::from_ed25519(&public).ok(),
        "ecdsa-x509" | "rsa-x509" => match first_certificate(&keytype, &public) {
            Some(certified) => return Key::certified(id, keytype, public, certified),
            None => None,
        },
        _ => None,
    };
    match usable {
        Some(key) => Key::bare(id, keytype, public, key),
        None => Key::unusable(id, keytype, public),
    }
}

/// Appends a key object in canonical form: `keyval` has `private` first, always null.
pub(super) fn write(keytype: &str, public: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"keytype\":");
    canonical::string(keytype, out);
    out.extend_from_slice(b",\"keyval\":{\"private\":null,\"public\":");
    canonical::string(&STANDARD.encode(public), out);
    out.extend_from_slice(b"}}");
}

/// SHA-256 of the canonical key object.
fn id(keytype: &str, public: &[u8]) -> KeyId {
    let mut object = Vec::new();
    write(keytype, public, &mut object);
    KeyId::of(Sha256::of(&object))
}

/// The first certificate's key (Notary `tuf/utils/x509.go`, `X509PublicKeyID`).
fn first_certificate(keytype: &str, pem: &[u8]) -> Option<Certified> {
    let certificate = certificates_from_pem(pem).ok()?.into_iter().next()?;
    let public = certificate.public_key().ok()?.clone();
    let bundle = CertificateBundle::from_pem(pem).ok();
    (certified_type(&public)? == keytype).then_some(Certified { public, certificate, bundle })
}

fn certified_type(public: &PublicKey) -> Option<&'static str> {
    match family(public) {
        "ecdsa" => Some("ecdsa-x509"),
        "rsa" => Some("rsa-x509"),
        _ => None,
    }
}

fn family(public: &PublicKey) -> &'static str {
    match public.algorithm() {
        Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => "ecdsa",
        Algorithm::Rsa => "rsa",
        Algorithm::Ed25519 => "ed25519",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Signer;

    #[test]
    fn key_ids_are_those_of_notary() {
        let public =
            STANDARD.decode("M/E8URXzon0iFE8oMMG6uR0p6yilfpShJ5MK4JBzB5g=").expect("base64");
        let key = written("ed25519", public.clone());
        let expected = "849a1c96be7a87718bdcd6808f6c3864a2cb51991a09f5629b2405f91106cddb";
        assert_eq!(key.id().to_string(), expected);
        assert_eq!(bare(key.public().expect("usable")).id(), key.id());
        assert_eq!(key.written(), public);
    }

    #[test]
    fn a_lone_key_reads_back() {
        let key = bare(crate::crypto::tests::rsa_key().public());
        let read = super::super::read::lone_key(&crate::tuf::RoleName::Timestamp, &lone(&key));
        assert_eq!(read.expect("a key"), key);
    }

    #[test]
    fn a_key_of_another_type_counts_for_nothing() {
        let p256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkcoPUwx23B1zQM0LM4GMDGRb2354yH8mfsbDYBH45cmoZKxJ8LRd/5bRWKN0GutQfr7mNYDCEtRD8XRN84wmbg==";
        let der = STANDARD.decode(p256).expect("base64");
        assert!(written("ecdsa", der.clone()).public().is_some());
        for keytype in ["rsa", "ed25519", "ecdsa-x509", "rsa-x509", "ECDSA", "sm2", ""] {
            assert!(written(keytype, der.clone()).public().is_none(), "{keytype}");
        }
        assert!(written("ed25519", vec![0; 31]).public().is_none());
    }
}
