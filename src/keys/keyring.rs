//! Passphrases in the desktop's keyring; used only by whoever makes a [`Keyring`].

use keyring::v1::{Entry, Error as Refusal};
use zeroize::Zeroizing;

use super::{Error, Passphrase, PassphraseRequest, PassphraseSource, Purpose};
use crate::tuf::KeyId;

/// Passphrases by key id, in the Secret Service on Linux.
#[derive(Debug, Default)]
pub struct Keyring(());

impl Keyring {
    /// The keyring of whoever is logged in; it is not asked yet.
    pub fn new() -> Keyring {
        Keyring(())
    }

    /// The passphrase kept for a key.
    ///
    /// # Errors
    ///
    /// [`Error::Keyring`] if there is no keyring, or it is locked or refuses.
    pub fn find(&self, id: &KeyId) -> Result<Option<Passphrase>, Error> {
        match entry(id)?.get_password() {
            Ok(text) => Ok(Some(Passphrase::new(text))),
            Err(Refusal::NoEntry) => Ok(None),
            Err(source) => Err(Error::Keyring { source }),
        }
    }

    /// Keeps a passphrase for a key.
    ///
    /// # Errors
    ///
    /// As [`find`](Keyring::find).
    pub fn keep(&self, id: &KeyId, passphrase: &Passphrase) -> Result<(), Error> {
        let text = Zeroizing::new(String::from_utf8_lossy(passphrase.as_bytes()).into_owned());
        entry(id)?.set_password(&text).map_err(|source| Error::Keyring { source })
    }

    /// Forgets the passphrase of a key, if there is one.
    ///
    /// # Errors
    ///
    /// As [`find`](Keyring::find).
    pub fn forget(&self, id: &KeyId) -> Result<(), Error> {
        match entry(id)?.delete_credential() {
            Ok(()) | Err(Refusal::NoEntry) => Ok(()),
            Err(source) => Err(Error::Keyring { source }),
        }
    }
}

impl PassphraseSource for Keyring {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let Some(id) = request.id else { return Err(request.refused()) };
        if request.purpose == Purpose::Create || request.attempt > 0 {
            return Err(request.refused());
        }
        self.find(id)?.ok_or_else(|| request.refused())
    }
}

fn entry(id: &KeyId) -> Result<Entry, Error> {
    Entry::new(SERVICE, &id.to_string()).map_err(|source| Error::Keyring { source })
}

const SERVICE: &str = "countersign";
