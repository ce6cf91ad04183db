//! What can be wrong with keys at rest.

use std::io;
use std::path::PathBuf;

use crate::crypto;
use crate::tuf::KeyId;

/// Why a private key could not be listed, read, written or unlocked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No key of this id is kept here.
    #[error("no private key {id}")]
    NoSuchKey {
        /// The canonical key id.
        id: KeyId,
    },
    /// The passphrase does not open the key, or the key is damaged; nothing tells which.
    #[error("wrong passphrase, or a damaged private key")]
    Locked,
    /// A key that is kept here cannot be opened.
    #[error("key {}", .id.short())]
    Unopened {
        /// The canonical key id, which is the name of its file.
        id: KeyId,
        /// Why: [`Error::Locked`], or what is wrong with the content.
        source: Box<Error>,
    },
    /// The file of a key cannot be read, so that nobody knows what it is for.
    #[error(
        "the file of key {id} is damaged or not readable: it may be the key that is looked for"
    )]
    Unreadable {
        /// The canonical key id, which is the name of its file.
        id: KeyId,
    },
    /// Nothing gave a passphrase.
    #[error("no passphrase for the {role} key{}", short(.id))]
    NoPassphrase {
        /// The role it is for, or `private` if unknown.
        role: String,
        /// The canonical key id, if known before unlocking.
        id: Option<KeyId>,
    },
    /// Nothing gave the PIN of a token.
    #[error("no PIN for token {token}")]
    NoPin {
        /// Its label.
        token: String,
    },
    /// The passphrase was refused or interrupted by whoever was asked.
    #[error("asking for a passphrase failed")]
    Asking {
        /// What went wrong.
        source: io::Error,
    },
    /// A file of passphrases that cannot be understood.
    #[error("passphrase file: {problem}")]
    PassphraseFile {
        /// What is wrong with it.
        problem: String,
    },
    /// The text is no private key file.
    #[error("not a private key file: {problem}")]
    Format {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The PEM around a key is broken.
    #[error("not a private key file")]
    Pem {
        /// What the reader met.
        source: crypto::Error,
    },
    /// Encrypted in a way that is not supported, or would take too long to open.
    #[error("private key encryption not supported: {problem}")]
    Encryption {
        /// Which part of it.
        problem: &'static str,
    },
    /// The content is no usable key.
    #[error("unusable private key")]
    Key {
        /// What is wrong with it.
        source: crypto::Error,
    },
    /// The key in a file is not the one that the file is named for.
    #[error("the file of key {expected} holds key {found}")]
    OtherKey {
        /// The id that the name of the file promises.
        expected: KeyId,
        /// The id of the content.
        found: KeyId,
    },
    /// Others than the owner can get at a private key.
    #[error("{path}: mode {mode:04o} lets others in; run: chmod {fix:o} '{path}'", path = .path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The permission bits it should have.
        fix: u32,
    },
    /// A link, directory or device where a private key or its directory should be.
    #[error("{path}: {problem}", path = .path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
        /// What it is instead.
        problem: &'static str,
    },
    /// A role or GUN that cannot be noted in a key file.
    #[error("'{value}' cannot be written in a key file")]
    Header {
        /// The role or GUN.
        value: String,
    },
    /// A key of this role is kept for one collection, and none is named.
    #[error("a {role} key belongs to a collection, and none is named")]
    NoGun {
        /// The role.
        role: String,
    },
    /// A key that comes in is here already, for something else.
    #[error("key {id} is here already, as {role}, and would become {new}")]
    AlreadyHere {
        /// The canonical key id.
        id: KeyId,
        /// What it is for.
        role: String,
        /// What it would be for.
        new: String,
    },
    /// A key to load is somebody else's, as its file says.
    #[error("the file says that its key is one of {noted}, not of {name}")]
    Noted {
        /// The role that is noted.
        noted: String,
        /// The signer whose key was meant.
        name: String,
    },
    /// A file to import holds no private key.
    #[error("no private key to import")]
    NothingToImport,
    /// No random bytes, or no encryption.
    #[error("encrypting a private key failed")]
    Sealing,
    /// The file system said no.
    #[error("{action} {path}", path = .path.display())]
    Disk {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// Whoever keeps keys elsewhere did not do what was asked.
    #[error("{place}: {problem}")]
    Elsewhere {
        /// Who: a token, a signer program.
        place: String,
        /// What went wrong there.
        problem: String,
    },
    /// A key has no file here: a variable alone holds it.
    #[error("key {} is in the variable {name}, and not in the key directory", .id.short())]
    InVariable {
        /// The canonical key id.
        id: KeyId,
        /// The variable's name.
        name: &'static str,
    },
    /// The token refused the PIN, which was tried once.
    #[error("{place}: wrong PIN; it was tried once and not again")]
    Pin {
        /// The token.
        place: String,
    },
    /// A variable that should hold private keys does not.
    #[error("variable {name}: {problem}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What is wrong with its value, which is not repeated.
        problem: String,
    },
    /// A recovery sheet, or several, from which no key comes back.
    #[error("{problem}")]
    Sheet {
        /// What is wrong.
        problem: String,
    },
    /// A program or module that others could have put there.
    #[error("{path}: {problem}", path = .path.display())]
    Untrusted {
        /// What was to be used.
        path: PathBuf,
        /// What is wrong with its place.
        problem: String,
    },
    /// What the desktop's keyring holds for a key is no passphrase of ours.
    #[cfg(feature = "keyring")]
    #[error("the desktop keyring holds something else than a passphrase")]
    KeyringContent,
    /// Nobody keeps a keyring for this user: no desktop, or no session.
    #[cfg(feature = "keyring")]
    #[error("no desktop keyring answers here")]
    NoKeyring,
    /// The desktop's keyring said no.
    #[cfg(feature = "keyring")]
    #[error("desktop keyring")]
    Keyring {
        /// The answer.
        source: ::keyring::v1::Error,
    },
}

impl Error {
    /// The same, with the name of the key if it is about what is in the key's file.
    pub(super) fn of_key(self, id: &KeyId) -> Error {
        match self {
            Self::Locked
            | Self::Format { .. }
            | Self::Pem { .. }
            | Self::Encryption { .. }
            | Self::Key { .. } => Self::Unopened { id: *id, source: Box::new(self) },
            other => other,
        }
    }
}

fn short(id: &Option<KeyId>) -> String {
    id.as_ref().map(|id| format!(" {}", id.short())).unwrap_or_default()
}
