//! The written forms of TUF metadata.
//!
//! The form is chosen once, in the policy, and matched on only in this folder: opening an envelope,
//! reading a role, writing a role, identifying a key. Readers turn every form into the one model of
//! [`crate::tuf`]. Rules: a reader refuses a file that lacks what *its* form requires; the signed
//! bytes are computed from the very tree that the model is read from; writing yields a fixed point
//! of the original's decode and encode.

mod canonical;
mod json;
pub(crate) mod notary;

use super::{
    Custom, Envelope, Error, Gun, Key, Limits, RoleName, Root, Snapshot, Targets, Timestamp,
};
use crate::crypto::{Certificate, CertificateBundle, PublicKey, Signature};
use crate::tuf::KeyId;

/// A written form of TUF metadata.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// Notary v1: what docker, notary and notary-server read and write.
    Notary,
}

impl Dialect {
    /// Opens a root file.
    ///
    /// # Errors
    ///
    /// [`Error`] when the bytes are not a root file of this dialect.
    pub fn open_root(self, bytes: &[u8], limits: &Limits) -> Result<Envelope<Root>, Error> {
        match self {
            Self::Notary => notary::read::root(bytes, limits),
        }
    }

    /// Opens a timestamp file.
    ///
    /// # Errors
    ///
    /// [`Error`] when the bytes are not a timestamp file of this dialect.
    pub fn open_timestamp(
        self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Envelope<Timestamp>, Error> {
        match self {
            Self::Notary => notary::read::timestamp(bytes, limits),
        }
    }

    /// Opens a snapshot file.
    ///
    /// # Errors
    ///
    /// [`Error`] when the bytes are not a snapshot file of this dialect.
    pub fn open_snapshot(self, bytes: &[u8], limits: &Limits) -> Result<Envelope<Snapshot>, Error> {
        match self {
            Self::Notary => notary::read::snapshot(bytes, limits),
        }
    }

    /// Opens a targets or delegation file of that role.
    ///
    /// # Errors
    ///
    /// [`Error`] when the bytes are not a file of that role in this dialect.
    pub fn open_targets(
        self,
        role: &RoleName,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Envelope<Targets>, Error> {
        match self {
            Self::Notary => notary::read::targets(role, bytes, limits),
        }
    }

    /// Reads from a targets file, whose bytes the caller knows to have been accepted in full
    /// before, everything but its targets, and of those only the named ones: the cost is a look at
    /// each byte, not a tree of them.
    ///
    /// # Errors
    ///
    /// [`Error`] when the bytes are not such a file after all.
    pub fn glance_at_targets(
        self,
        role: &RoleName,
        bytes: &[u8],
        names: &[&str],
        limits: &Limits,
    ) -> Result<Targets, Error> {
        match self {
            Self::Notary => notary::glance::targets(role, bytes, names, limits),
        }
    }

    /// The bytes to sign for a root.
    pub fn root_message(self, root: &Root) -> Message {
        match self {
            Self::Notary => Message(notary::write::root(root)),
        }
    }

    /// The bytes to sign for a timestamp.
    pub fn timestamp_message(self, timestamp: &Timestamp) -> Message {
        match self {
            Self::Notary => Message(notary::write::timestamp(timestamp)),
        }
    }

    /// The bytes to sign for a snapshot.
    pub fn snapshot_message(self, snapshot: &Snapshot) -> Message {
        match self {
            Self::Notary => Message(notary::write::snapshot(snapshot)),
        }
    }

    /// The bytes to sign for a targets role.
    pub fn targets_message(self, targets: &Targets) -> Message {
        match self {
            Self::Notary => Message(notary::write::targets(targets)),
        }
    }

    /// The file to store and send: the signed bytes in their wire form, and the signatures.
    pub fn seal(self, message: &Message, signatures: &[(KeyId, Signature)]) -> Vec<u8> {
        match self {
            Self::Notary => notary::write::seal(&message.0, signatures),
        }
    }

    /// The key as this dialect writes it.
    pub fn key(self, public: &PublicKey) -> Key {
        match self {
            Self::Notary => notary::key::bare(public),
        }
    }

    /// The key inside a certificate, written as the certificate; `None` when its key cannot be
    /// used.
    pub fn certified_key(self, bundle: &CertificateBundle) -> Option<Key> {
        match self {
            Self::Notary => notary::key::certified(bundle),
        }
    }

    /// The key of a certificate, written as that certificate alone; `None` when its key cannot be
    /// used. For delegations, which take any certificate for a key in a wrapping.
    pub fn certificate_key(self, certificate: &Certificate) -> Option<Key> {
        match self {
            Self::Notary => notary::key::of_certificate(certificate),
        }
    }

    /// A lone key object, as the trust server's key endpoint answers.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] when the bytes are not a key that can be used; `role` is named in it.
    pub fn read_key(self, role: &RoleName, bytes: &[u8]) -> Result<Key, Error> {
        match self {
            Self::Notary => notary::read::lone_key(role, bytes),
        }
    }

    /// A lone key object, as [`Self::read_key`] reads it: what a trust server answers who asks for
    /// its key.
    pub fn write_key(self, key: &Key) -> Vec<u8> {
        match self {
            Self::Notary => notary::key::lone(key),
        }
    }
}

/// Canonical bytes ready to be signed.
#[derive(Clone, Eq, PartialEq)]
pub struct Message(Vec<u8>);

impl Message {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Custom {
    /// Canonicalises JSON so that every signature over it can be verified.
    ///
    /// # Errors
    ///
    /// [`Error::Unsignable`] for what is not JSON or has no unambiguous signed form: fractions and
    /// exponents, integers above 2^53 - 1, repeated members, control characters, and `<`, `>`, `&`,
    /// U+2028, U+2029, which Notary would escape when signing but not when verifying.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        notary::write::custom(text)
    }

    /// The collection that the entry says it was signed for, if it says so in our way.
    pub fn gun(&self) -> Option<String> {
        notary::custom::gun(self)
    }

    /// The publisher's own JSON with the collection added that the entry is signed for. JSON that
    /// is no object is left alone.
    pub fn naming(own: Option<Self>, gun: &Gun) -> Self {
        notary::custom::naming(own, gun)
    }
}
