//! Keys as objects of type, scheme and value (TUF 1.0.34 §4.2).
//!
//! A key is kept as the canonical object that it was read from, with whatever members it has beside
//! ours, because its id is a hash over all of them. Ids are taken as they are given (TAP 12):
//! thresholds count keys, not ids, so a wrong id gains nobody anything.

use super::super::canonical;
use super::super::fields::Fields;
use super::super::json::Value;
use crate::crypto::{Algorithm, PublicKey, Sha256, hex, pem};
use crate::tuf::{Error, Key, KeyId};

/// A key object that stands under an id.
pub(super) fn read(id: KeyId, value: &Value<'_>, fields: &Fields<'_, '_>) -> Result<Key, Error> {
    let (keytype, scheme) = (fields.string("keytype")?, fields.string("scheme")?);
    let mut object = Vec::new();
    canonical::write(value, &mut object);
    let public = match fields.required("keyval")? {
        Value::Object(_) => fields.inside("keyval", &["public"])?.string("public")?,
        _ => return Err(fields.malformed("has a \"keyval\" that is no object".to_owned())),
    };
    let keytype_owned = keytype.to_owned();
    Ok(match usable(keytype, scheme, public) {
        Some(key) => Key::bare(id, keytype_owned, object, key),
        None => Key::unusable(id, keytype_owned, object),
    })
}

/// The id that a key object has by its content.
pub(super) fn id(object: &[u8]) -> KeyId {
    KeyId::of(Sha256::of(object))
}

/// A public key as TUF 1.0 writes it. P-521 has no scheme there; and on P-384 our keys sign over
/// SHA-256, which is not its scheme: such keys keep a form, but count for nothing.
pub(in crate::tuf::dialect) fn bare(public: &PublicKey) -> Key {
    let (keytype, scheme) = match public.algorithm() {
        Algorithm::Ed25519 => ("ed25519", "ed25519"),
        Algorithm::Rsa => ("rsa", "rsassa-pss-sha256"),
        Algorithm::EcdsaP256 => ("ecdsa", "ecdsa-sha2-nistp256"),
        Algorithm::EcdsaP384 => ("ecdsa", "ecdsa-sha2-nistp384"),
        Algorithm::EcdsaP521 => ("ecdsa", "ecdsa-sha2-nistp521"),
    };
    let value = match public.ed25519() {
        Some(raw) => hex::write(raw),
        None => pem::encode("PUBLIC KEY", &[], public.spki()).to_string(),
    };
    let mut object = b"{\"keytype\":".to_vec();
    canonical::string(keytype, &mut object);
    object.extend_from_slice(b",\"keyval\":{\"public\":");
    canonical::string(&value, &mut object);
    object.extend_from_slice(b"},\"scheme\":");
    canonical::string(scheme, &mut object);
    object.push(b'}');
    let (id, keytype) = (id(&object), keytype.to_owned());
    match public.algorithm() {
        Algorithm::EcdsaP384 | Algorithm::EcdsaP521 => Key::unusable(id, keytype, object),
        _ => Key::bare(id, keytype, object, public.clone()),
    }
}

/// The key, if its type and scheme are ones that we check and its value is a key of that kind.
fn usable(keytype: &str, scheme: &str, public: &str) -> Option<PublicKey> {
    let expected = match (keytype, scheme) {
        ("ed25519", "ed25519") => Algorithm::Ed25519,
        ("rsa", "rsassa-pss-sha256") => Algorithm::Rsa,
        ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => Algorithm::EcdsaP256,
        ("ecdsa" | "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => Algorithm::EcdsaP384,
        _ => return None,
    };
    let key = match expected {
        Algorithm::Ed25519 => PublicKey::from_ed25519(&hex::read(public)?).ok()?,
        _ => match pem::decode(public.as_bytes()).ok()?.as_slice() {
            [block] if block.label == "PUBLIC KEY" => PublicKey::from_spki(&block.contents).ok()?,
            _ => return None,
        },
    };
    (key.algorithm() == expected).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::super::super::json::parse;
    use super::*;
    use crate::crypto::{PrivateKey, Signer};
    use crate::tuf::RoleName;

    fn read_back(object: &[u8]) -> Key {
        let mut document = Vec::new();
        canonical::escape_controls(object, &mut document);
        let value = parse(&document).expect("JSON");
        let fields = Fields::map(&RoleName::Root, "a key", &value).expect("an object");
        read(id(object), &value, &fields).expect("a key")
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_key() {
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let key = PrivateKey::generate(algorithm).expect("a key");
            let written = bare(key.public());
            assert_eq!(read_back(written.written()), written);
            assert_eq!(written.public(), Some(key.public()));
        }
        let rsa = bare(crate::crypto::tests::rsa_key().public());
        assert_eq!(read_back(rsa.written()), rsa);
    }

    #[test]
    fn a_key_of_another_type_or_scheme_counts_for_nothing() {
        let raw = "4c".repeat(32);
        for (keytype, scheme) in [
            ("ed25519", "ecdsa-sha2-nistp256"),
            ("rsa", "ed25519"),
            ("ed25519", "Ed25519"),
            ("sphincs", "shake-256"),
            ("", ""),
        ] {
            assert!(usable(keytype, scheme, &raw).is_none(), "{keytype} {scheme}");
        }
        assert!(usable("ed25519", "ed25519", &"00".repeat(31)).is_none());
        assert!(usable("rsa", "rsassa-pss-sha256", "no PEM").is_none());
    }
}
