//! Private keys at rest: in the files that docker and notary share, on tokens, behind programs of
//! the user's, in the secret of a pipeline.
//!
//! - A key is named by its canonical id, and is used only if its content has that id.
//! - What is written is what Notary 0.7 writes; what is read is also what others write.
//! - A wrong passphrase and a damaged file give the same error.
//! - Files appear whole or not at all, with the mode they keep, and no link is followed to one.
//! - Whatever keeps keys elsewhere is a [`KeySource`]; what it signs is checked before it is used.
//! - Passphrases and PINs come from a [`PassphraseSource`]; nothing here looks at a terminal, at
//!   the environment, or, unless asked, at the desktop's keyring.
//!
//! Notary 0.7.0 is the reference: `tuf/utils/x509.go`, `tuf/utils/pkcs8.go`, `trustmanager/`.

mod directory;
mod error;
mod exchange;
mod files;
mod format;
mod inventory;
#[cfg(feature = "server")]
mod jwe;
#[cfg(feature = "keyring")]
mod keyring;
mod layout;
mod legacy;
mod memory;
mod ownership;
mod passphrase;
mod pbes2;
mod plugin;
mod recovery;
mod source;
mod sources;
#[cfg(test)]
mod tests;
#[cfg(feature = "pkcs11")]
mod token;
mod variable;

pub use directory::KeyDirectory;
pub use error::Error;
pub use exchange::ImportDefaults;
pub use format::KeyFile;
pub use inventory::{Lock, StoredKey};
#[cfg(feature = "server")]
pub use jwe::{open_from_signer, seal_for_signer};
#[cfg(feature = "keyring")]
pub use keyring::Keyring;
pub use memory::MemoryKeys;
pub use ownership::trusted_file;
pub use passphrase::{Passphrase, PassphraseRequest, PassphraseSource, Purpose};
pub use plugin::{Plugin, PluginCommand};
pub use recovery::{Joined, Sheet};
pub use source::{Holding, Kept, KeySet, KeySource};
pub use sources::{Chain, Environment, PassphraseFile};
#[cfg(feature = "pkcs11")]
pub use token::{Token, TokenSetting};
pub use variable::VariableKeys;

use crate::crypto::{PrivateKey, Signer};
use crate::tuf::{Gun, KeyId};

/// A key that a store holds, as far as can be seen without a passphrase.
///
/// Role and GUN are notes that nothing protects; they choose prompts and tables, never trust.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyEntry {
    /// The canonical key id.
    pub id: KeyId,
    /// The role or the signer's name it was made for.
    pub role: Option<String>,
    /// The collection it was made for, with targets, snapshot and timestamp keys.
    pub gun: Option<String>,
    /// Whether its file cannot be read as a key file; role and GUN are then what its place says.
    pub is_unreadable: bool,
}

/// A place where private keys are kept.
pub trait KeyStore {
    /// What is there, ordered by id.
    ///
    /// # Errors
    ///
    /// If the place cannot be read. A single damaged key is listed without role and GUN.
    fn list(&self) -> Result<Vec<KeyEntry>, Error>;

    /// The ids alone of what is there, for which nothing needs to be opened.
    ///
    /// # Errors
    ///
    /// As [`KeyStore::list`].
    fn ids(&self) -> Result<Vec<KeyId>, Error> {
        Ok(self.list()?.into_iter().map(|entry| entry.id).collect())
    }

    /// Makes a key ready to sign, asking for its passphrase or PIN if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`]; [`Error::Locked`] when no passphrase fits; [`Error::Elsewhere`] when
    /// whoever keeps the key does not give it.
    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, Error>;

    /// Puts a key in under a new passphrase; an empty one leaves it unencrypted.
    /// A key that is already there is replaced with its role and GUN.
    ///
    /// # Errors
    ///
    /// If no passphrase is given, or the place cannot be written.
    fn store(
        &self,
        key: &PrivateKey,
        role: &str,
        gun: Option<&Gun>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<KeyId, Error>;

    /// Destroys a key.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`]; or if the place cannot be written.
    fn remove(&self, id: &KeyId) -> Result<(), Error>;
}

/// Variables with our keys, passphrases and passwords, or the way to them, which no program that we
/// start may inherit.
pub const SECRET_VARIABLES: [&str; 10] = [
    "COUNTERSIGN_KEY",
    "COUNTERSIGN_PASSPHRASE_FILE",
    "COUNTERSIGN_TOKEN_PIN",
    "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
    "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
    "NOTARY_AUTH",
    "NOTARY_DELEGATION_PASSPHRASE",
    "NOTARY_ROOT_PASSPHRASE",
    "NOTARY_SNAPSHOT_PASSPHRASE",
    "NOTARY_TARGETS_PASSPHRASE",
];
