//! Private keys at rest, in the files that docker and notary share.
//!
//! - A key is named by its canonical id, and is used only if its content has that id.
//! - What is written is what Notary 0.7 writes; what is read is also what others write.
//! - A wrong passphrase and a damaged file give the same error.
//! - Files appear whole or not at all, with the mode they keep, and no link is followed to one.
//! - Passphrases come from a [`PassphraseSource`]; nothing here looks at a terminal, at the
//!   environment, or, unless asked, at the desktop's keyring.
//!
//! Notary 0.7.0 is the reference: `tuf/utils/x509.go`, `tuf/utils/pkcs8.go`, `trustmanager/`.

mod directory;
mod error;
mod exchange;
mod files;
mod format;
#[cfg(feature = "server")]
mod jwe;
#[cfg(feature = "keyring")]
mod keyring;
mod layout;
mod legacy;
mod memory;
mod passphrase;
mod pbes2;
mod sources;
#[cfg(test)]
mod tests;

pub use directory::KeyDirectory;
pub use error::Error;
pub use exchange::ImportDefaults;
pub use format::KeyFile;
#[cfg(feature = "server")]
pub use jwe::{open_from_signer, seal_for_signer};
#[cfg(feature = "keyring")]
pub use keyring::Keyring;
pub use memory::MemoryKeys;
pub use passphrase::{Passphrase, PassphraseRequest, PassphraseSource, Purpose};
pub use sources::{Chain, Environment, PassphraseFile};

use crate::crypto::PrivateKey;
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

    /// Takes a key out, asking for its passphrase if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`]; [`Error::Locked`] when no passphrase fits.
    fn unlock(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<PrivateKey, Error>;

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
