//! Public keys as metadata carries them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{Error, canonical_key_id};
use crate::crypto::{Certificate, CertificateBundle, PublicKey, Sha256};

/// The id of a key as its dialect computes it.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(Sha256);

impl KeyId {
    pub(crate) fn of(digest: Sha256) -> Self {
        Self(digest)
    }

    /// The SHA-256 that it is.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The first seven hexadecimal digits, as prompts and tables show them.
    pub fn short(&self) -> String {
        self.to_string().chars().take(7).collect()
    }
}

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || Error::KeyIdText { text: text.chars().take(80).collect() };
        text.parse().map(Self).map_err(|_| refuse())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A public key in metadata: what was written, and the key it stands for if we can use it.
///
/// A key of a type that we do not know, or whose bytes are not a key of its type, keeps its place
/// and its id but counts for nothing (threshold counting asks [`Key::public`]).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    id: KeyId,
    keytype: String,
    written: Vec<u8>,
    usable: Usable,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Usable {
    No,
    Bare(PublicKey),
    Certified(Box<Certified>),
}

/// A key that stands for itself inside a certificate. Delegations take the first certificate as it
/// is; only a root key must come as a whole bundle of leaf and authorities.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Certified {
    pub(crate) public: PublicKey,
    pub(crate) certificate: Certificate,
    pub(crate) bundle: Option<CertificateBundle>,
}

impl Key {
    /// `written` is the public part as metadata holds it, before base64.
    pub(crate) fn bare(id: KeyId, keytype: String, written: Vec<u8>, public: PublicKey) -> Self {
        Self { id, keytype, written, usable: Usable::Bare(public) }
    }

    pub(crate) fn certified(id: KeyId, keytype: String, written: Vec<u8>, key: Certified) -> Self {
        Self { id, keytype, written, usable: Usable::Certified(Box::new(key)) }
    }

    pub(crate) fn unusable(id: KeyId, keytype: String, written: Vec<u8>) -> Self {
        Self { id, keytype, written, usable: Usable::No }
    }

    /// The id under which roles and signatures name this key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The canonical id of the bare key; `None` when it cannot be used.
    pub fn canonical_id(&self) -> Option<KeyId> {
        self.public().map(canonical_key_id)
    }

    /// The id by which people know this key: the canonical one, and where it cannot be used its own.
    pub fn known_as(&self) -> KeyId {
        self.canonical_id().unwrap_or(self.id)
    }

    /// The key type as written: `ecdsa`, `ecdsa-x509`, `rsa`, …
    pub fn keytype(&self) -> &str {
        &self.keytype
    }

    /// The public part as written, before base64.
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// The key to check signatures with; `None` when it cannot be used.
    pub fn public(&self) -> Option<&PublicKey> {
        match &self.usable {
            Usable::No => None,
            Usable::Bare(public) => Some(public),
            Usable::Certified(key) => Some(&key.public),
        }
    }

    /// The certificate that carries this key, if one does.
    pub fn certificate(&self) -> Option<&Certificate> {
        match &self.usable {
            Usable::Certified(key) => Some(&key.certificate),
            _ => None,
        }
    }

    /// The leaf and authorities that carry this key, if it is written as exactly that: what a root
    /// key must be.
    pub fn certificates(&self) -> Option<&CertificateBundle> {
        match &self.usable {
            Usable::Certified(key) => key.bundle.as_ref(),
            _ => None,
        }
    }
}

/// How many keys these are. Two ids over one public key (two certificates, say) are one key (TUF
/// 1.0.34 §5.3.4: each key contributes one signature); a key that cannot be used is none.
pub fn distinct_keys<'k>(keys: impl IntoIterator<Item = &'k Key>) -> usize {
    let fingerprints = keys.into_iter().filter_map(|key| Some(key.public()?.fingerprint()));
    fingerprints.collect::<BTreeSet<_>>().len()
}
