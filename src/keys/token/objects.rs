//! What lies on a token: public keys, and the private key that belongs to one.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::Decode;
use der::asn1::OctetStringRef;

use super::problem::Problem;
use crate::crypto::{Algorithm, PublicKey, hex};
use crate::keys::KeyEntry;
use crate::tuf::canonical_key_id;

/// A key pair, by its public half.
#[derive(Clone, Debug)]
pub(super) struct TokenKey {
    pub(super) public: PublicKey,
    /// What ties the halves together (`CKA_ID`).
    pub(super) id: Vec<u8>,
    /// `CKA_LABEL`: the role, as `key generate` writes it; anything, as others do.
    pub(super) label: String,
}

impl TokenKey {
    /// The note in a label decides nothing but what is shown.
    pub(super) fn entry(&self) -> KeyEntry {
        let role = Some(self.label.clone()).filter(|label| !label.is_empty());
        KeyEntry { id: canonical_key_id(&self.public), role, gun: None, is_unreadable: false }
    }
}

/// Every public key that we could use; others are passed over.
pub(super) fn public_keys(session: &Session) -> Result<Vec<TokenKey>, Problem> {
    let wanted = [Attribute::Class(ObjectClass::PUBLIC_KEY)];
    let mut keys = Vec::new();
    for handle in session.find_objects(&wanted)?.into_iter().take(KEYS_MAX) {
        keys.extend(read(session, handle)?);
    }
    Ok(keys)
}

/// One public key; `None` if it is of a kind that we do not use.
pub(super) fn read(session: &Session, handle: ObjectHandle) -> Result<Option<TokenKey>, Problem> {
    let attributes = session.get_attributes(handle, &READ)?;
    let mut parts = PublicParts::default();
    let (mut id, mut label) = (Vec::new(), String::new());
    for attribute in attributes {
        match attribute {
            Attribute::KeyType(kind) => parts.kind = Some(kind),
            Attribute::Id(bytes) => id = bytes,
            Attribute::Label(bytes) => label = String::from_utf8_lossy(&bytes).into_owned(),
            Attribute::EcParams(bytes) => parts.curve = bytes,
            Attribute::EcPoint(bytes) => parts.point = bytes,
            Attribute::Modulus(bytes) => parts.modulus = bytes,
            Attribute::PublicExponent(bytes) => parts.exponent = bytes,
            _ => {}
        }
    }
    Ok(parts.public().map(|public| TokenKey { public, id, label }))
}

/// The private half: the one with the same `CKA_ID`, of which there must be one.
pub(super) fn private_key(session: &Session, key: &TokenKey) -> Result<ObjectHandle, Problem> {
    let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(key.id.clone())];
    let found = session.find_objects(&wanted)?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("has no private key with the id {}", shown(&key.id)).into()),
        _ => Err(format!("has several private keys with the id {}", shown(&key.id)).into()),
    }
}

/// Whether the key wants the PIN before each signature (`CKA_ALWAYS_AUTHENTICATE`).
pub(super) fn wants_pin_each_time(session: &Session, key: ObjectHandle) -> bool {
    let asked = [AttributeType::AlwaysAuthenticate];
    // A token that does not know the attribute does not have the rule.
    let attributes = session.get_attributes(key, &asked).unwrap_or_default();
    attributes.contains(&Attribute::AlwaysAuthenticate(true))
}

/// The name of a curve, as `CKA_EC_PARAMS` has it.
pub(super) fn curve_name(algorithm: Algorithm) -> Option<&'static [u8]> {
    CURVES.iter().find(|(named, _)| *named == algorithm).map(|(_, name)| *name)
}

#[derive(Default)]
struct PublicParts {
    kind: Option<KeyType>,
    curve: Vec<u8>,
    point: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicParts {
    fn public(&self) -> Option<PublicKey> {
        match self.kind? {
            KeyType::RSA => PublicKey::from_rsa_parts(&self.modulus, &self.exponent).ok(),
            KeyType::EC => {
                let named = CURVES.iter().find(|(_, name)| *name == self.curve)?;
                PublicKey::from_point(named.0, self.point()).ok()
            }
            KeyType::EC_EDWARDS => PublicKey::from_ed25519(self.point()).ok(),
            _ => None,
        }
    }

    /// The standard wants an OCTET STRING; some modules leave it out.
    fn point(&self) -> &[u8] {
        <&OctetStringRef>::from_der(&self.point).map_or(&self.point, |inside| inside.as_bytes())
    }
}

/// The beginning of an id, which may be as long as the token likes.
fn shown(id: &[u8]) -> String {
    hex::write(&id[..id.len().min(32)])
}

const READ: [AttributeType; 7] = [
    AttributeType::KeyType,
    AttributeType::Id,
    AttributeType::Label,
    AttributeType::EcParams,
    AttributeType::EcPoint,
    AttributeType::Modulus,
    AttributeType::PublicExponent,
];
const CURVES: [(Algorithm, &[u8]); 3] = [
    (Algorithm::EcdsaP256, &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
    (Algorithm::EcdsaP384, &[6, 5, 0x2b, 0x81, 4, 0, 0x22]),
    (Algorithm::EcdsaP521, &[6, 5, 0x2b, 0x81, 4, 0, 0x23]),
];
const KEYS_MAX: usize = 1000;
