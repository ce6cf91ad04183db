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
            Err(other) => Err(refused(other)),
        }
    }

    /// Keeps a passphrase for a key.
    ///
    /// # Errors
    ///
    /// As [`find`](Keyring::find).
    pub fn keep(&self, id: &KeyId, passphrase: &Passphrase) -> Result<(), Error> {
        entry(id)?.set_password(passphrase.as_str()).map_err(refused)
    }

    /// Forgets the passphrase of a key, if there is one.
    ///
    /// # Errors
    ///
    /// As [`find`](Keyring::find).
    pub fn forget(&self, id: &KeyId) -> Result<(), Error> {
        match entry(id)?.delete_credential() {
            Ok(()) | Err(Refusal::NoEntry) => Ok(()),
            Err(other) => Err(refused(other)),
        }
    }
}

impl PassphraseSource for Keyring {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        let Some(id) = request.id else { return Err(request.refused()) };
        if request.purpose != Purpose::Unlock || request.attempt > 0 {
            return Err(request.refused());
        }
        self.find(id)?.ok_or_else(|| request.refused())
    }
}

fn entry(id: &KeyId) -> Result<Entry, Error> {
    Entry::new(SERVICE, &id.to_string()).map_err(refused)
}

/// Some refusals carry what was found, which is a secret all the same.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::BadEncoding(found) | Refusal::BadDataFormat(found, _) => {
            drop(Zeroizing::new(found));
            Error::KeyringContent
        }
        Refusal::NoDefaultStore => Error::NoKeyring,
        source => Error::Keyring { source },
    }
}

const SERVICE: &str = "countersign";
