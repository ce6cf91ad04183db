//! The written forms of TUF metadata.
//!
//! The form is chosen once, in the policy, and matched on only in this folder: opening an envelope,
//! reading a role, writing a role, identifying a key. Readers turn every form into the one model of
//! [`crate::tuf`]. Rules: a reader refuses a file that lacks what *its* form requires; the signed
//! bytes are computed from the very tree that the model is read from; writing yields a fixed point
//! of the original's decode and encode.

mod canonical;
mod fields;
mod json;
mod landmarks;
mod members;
pub(crate) mod notary;
mod skim;
mod time;
mod tuf1;

pub use landmarks::{Landmark, Landmarks};

use super::{
    Custom, Envelope, Error, FileMeta, Gun, Key, Limits, Naming, Paths, RoleName, Root, Snapshot,
    Targets, Timestamp, Version,
};
use crate::crypto::{Certificate, CertificateBundle, PublicKey, Sha256, Signature};
use crate::tuf::KeyId;

/// A written form of TUF metadata.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// Notary v1: what docker, notary and notary-server read and write.
    Notary,
    /// TUF 1.0, any 1.x of its specification.
    Tuf1,
}

/// What the keys of a root are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RootKeys {
    /// Certificates that name the collection: only those speak for it.
    Certified,
    /// Keys, all of which speak.
    Bare,
}

/// Who signs the files that say what is current.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnlineRoles {
    /// A server signs timestamp, and snapshot if it has that key.
    Server,
    /// Publishers sign both: the place of the files is no program.
    Publisher,
}

/// In which order a look-up visits delegated roles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SearchOrder {
    /// All delegations of one role before those of the next.
    BreadthFirst,
    /// Each delegation with all below it before the next.
    DepthFirst,
}

impl Dialect {
    /// What the keys of a root are.
    pub fn root_keys(self) -> RootKeys {
        match self {
            Self::Notary => RootKeys::Certified,
            Self::Tuf1 => RootKeys::Bare,
        }
    }

    /// In which order a look-up visits delegated roles (Notary `tuf/tuf.go`, `WalkTargets`; TUF
    /// 1.0.34 §5.6.7).
    pub fn search_order(self) -> SearchOrder {
        match self {
            Self::Notary => SearchOrder::BreadthFirst,
            Self::Tuf1 => SearchOrder::DepthFirst,
        }
    }

    /// Whether a snapshot lists every delegated role (TUF 1.0.34 §4.4), or only those that were
    /// published.
    pub fn lists_every_role(self) -> bool {
        match self {
            Self::Notary => false,
            Self::Tuf1 => true,
        }
    }

    /// Who signs timestamp and snapshot.
    pub fn online_roles(self) -> OnlineRoles {
        match self {
            Self::Notary => OnlineRoles::Server,
            Self::Tuf1 => OnlineRoles::Publisher,
        }
    }

    /// How the files of a collection are named that is founded now.
    pub fn naming(self) -> Naming {
        match self {
            Self::Notary => Naming::ByHash,
            Self::Tuf1 => Naming::ByVersion,
        }
    }

    /// What a snapshot or a timestamp says of these very bytes, which are of that version.
    pub fn listing(self, bytes: &[u8], version: Version) -> FileMeta {
        match self {
            Self::Notary => FileMeta::of(bytes),
            Self::Tuf1 => FileMeta {
                length: Some(bytes.len() as u64),
                hashes: Some(Sha256::of(bytes).into()),
                version: Some(version),
            },
        }
    }

    /// Whether delegations can share names out by their hashes.
    pub fn has_bins(self) -> bool {
        match self {
            Self::Notary => false,
            Self::Tuf1 => true,
        }
    }

    /// How a delegation writes every name that begins with `prefix`.
    pub fn path(self, prefix: &str) -> String {
        match self {
            Self::Notary => prefix.to_owned(),
            Self::Tuf1 => format!("{prefix}*"),
        }
    }

    /// Paths as a delegation writes them.
    pub fn paths(self, written: Vec<String>) -> Paths {
        match self {
            Self::Notary => Paths::Prefixes(written.into()),
            Self::Tuf1 => Paths::Globs(written.into()),
        }
    }

    /// Opens a root file.
    ///
    /// # Errors
    ///
    /// [`Error`] when the bytes are not a root file of this dialect.
    pub fn open_root(self, bytes: &[u8], limits: &Limits) -> Result<Envelope<Root>, Error> {
        match self {
            Self::Notary => notary::read::root(bytes, limits),
            Self::Tuf1 => tuf1::read::root(bytes, limits),
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
            Self::Tuf1 => tuf1::read::timestamp(bytes, limits),
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
            Self::Tuf1 => tuf1::read::snapshot(bytes, limits),
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
            Self::Tuf1 => tuf1::read::targets(role, bytes, limits),
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
            Self::Tuf1 => Ok(tuf1::read::targets(role, bytes, limits)?.into_unverified_content()),
        }
    }

    /// The bytes to sign for a root.
    pub fn root_message(self, root: &Root) -> Message {
        match self {
            Self::Notary => Message(notary::write::root(root)),
            Self::Tuf1 => Message(tuf1::write::root(root)),
        }
    }

    /// The bytes to sign for a timestamp.
    pub fn timestamp_message(self, timestamp: &Timestamp) -> Message {
        match self {
            Self::Notary => Message(notary::write::timestamp(timestamp)),
            Self::Tuf1 => Message(tuf1::write::timestamp(timestamp)),
        }
    }

    /// The bytes to sign for a snapshot.
    pub fn snapshot_message(self, snapshot: &Snapshot) -> Message {
        match self {
            Self::Notary => Message(notary::write::snapshot(snapshot)),
            Self::Tuf1 => Message(tuf1::write::snapshot(snapshot)),
        }
    }

    /// The bytes to sign for a targets role.
    pub fn targets_message(self, targets: &Targets) -> Message {
        match self {
            Self::Notary => Message(notary::write::targets(targets)),
            Self::Tuf1 => Message(tuf1::write::targets(targets)),
        }
    }

    /// The file to store and send: the signed bytes in their wire form, and the signatures.
    pub fn seal(self, message: &Message, signatures: &[(KeyId, Signature)]) -> Vec<u8> {
        match self {
            Self::Notary => notary::write::seal(&message.0, signatures),
            Self::Tuf1 => tuf1::write::seal(&message.0, signatures),
        }
    }

    /// The key as this dialect writes it.
    pub fn key(self, public: &PublicKey) -> Key {
        match self {
            Self::Notary => notary::key::bare(public),
            Self::Tuf1 => tuf1::key::bare(public),
        }
    }

    /// The same key as this dialect writes it, whatever form it was read in. Where keys are bare it
    /// leaves its certificate behind.
    pub fn form_of(self, key: &Key) -> Key {
        match (self.root_keys(), key.public()) {
            (RootKeys::Bare, Some(public)) => self.key(public),
            _ => key.clone(),
        }
    }

    /// The key inside a certificate, written as the certificate; `None` when its key cannot be
    /// used.
    pub fn certified_key(self, bundle: &CertificateBundle) -> Option<Key> {
        match self {
            Self::Notary => notary::key::certified(bundle),
            Self::Tuf1 => None,
        }
    }

    /// The key of a certificate, written as that certificate alone; `None` when its key cannot be
    /// used. For delegations, which take any certificate for a key in a wrapping.
    pub fn certificate_key(self, certificate: &Certificate) -> Option<Key> {
        match self {
            Self::Notary => notary::key::of_certificate(certificate),
            Self::Tuf1 => None,
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
            Self::Tuf1 => tuf1::read::lone_key(role, bytes),
        }
    }

    /// A lone key object, as [`Self::read_key`] reads it: what a trust server answers who asks for
    /// its key.
    pub fn write_key(self, key: &Key) -> Vec<u8> {
        match self {
            Self::Notary => notary::key::lone(key),
            Self::Tuf1 => tuf1::write::lone_key(key),
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

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} bytes)", self.0.len())
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

    /// The canonical text of JSON that was read.
    fn of_value(value: &json::Value<'_>) -> Self {
        let mut out = Vec::new();
        canonical::write(value, &mut out);
        Self::from_canonical(String::from_utf8_lossy(&out).into_owned())
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

    /// The publisher's own JSON, without the collection that was added; `None` if there is nothing
    /// else.
    pub fn unnamed(self) -> Option<Self> {
        notary::custom::unnamed(self)
    }

    /// The JSON as an object, which readers of TUF 1.0 expect (TUF 1.0.34 §4.5): what is none
    /// becomes its member of that name, of plain letters.
    pub fn into_object(self, member: &str) -> Self {
        match self.as_str().starts_with('{') {
            true => self,
            false => Self::from_canonical(format!("{{\"{member}\":{}}}", self.as_str())),
        }
    }
}
