//! Passphrases, and whoever can be asked for one.

use zeroize::Zeroizing;

use super::Error;
use crate::crypto::SecretBytes;
use crate::tuf::KeyId;

/// A passphrase, wiped when dropped; it cannot be printed, compared or cloned.
pub struct Passphrase(SecretBytes);

impl Passphrase {
    /// Takes over what was entered.
    pub fn new(text: String) -> Passphrase {
        Passphrase::copy_of(&Zeroizing::new(text))
    }

    /// The same text, which lies somewhere else, too.
    pub fn copy_of(text: &str) -> Passphrase {
        Passphrase(SecretBytes::from(text.as_bytes()))
    }

    /// The same once more, for whoever must remember it.
    pub fn again(&self) -> Passphrase {
        Passphrase(SecretBytes::from(&*self.0))
    }

    /// The text, for whatever must hand it on.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("it was made from text")
    }

    /// What keys are derived from.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is none: such a key is kept unencrypted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a passphrase is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Opening a key that has one.
    Unlock,
    /// Protecting a key from now on: a person should be asked twice.
    Create,
    /// Logging in to a token. A PIN is not asked for twice, and nothing else is offered as one:
    /// tokens lock themselves.
    Pin,
}

/// Which passphrase is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PassphraseRequest<'a> {
    /// What it is wanted for.
    pub purpose: Purpose,
    /// The role or signer that the key was made for, or the label of the token; empty if unknown.
    pub role: &'a str,
    /// The collection that the key was made for.
    pub gun: Option<&'a str>,
    /// The canonical id of the key, unless only opening it will tell.
    pub id: Option<&'a KeyId>,
    /// How many passphrases this source has given for this key that did not fit.
    pub attempt: u32,
}

impl PassphraseRequest<'_> {
    /// The label of the token whose PIN is wanted; `None` for a key's passphrase.
    pub fn token(&self) -> Option<&str> {
        Some(self.role).filter(|_| self.purpose == Purpose::Pin)
    }

    /// The answer of a source that has nothing more to offer.
    pub fn refused(&self) -> Error {
        if let Some(token) = self.token() {
            return Error::NoPin { token: token.to_owned() };
        }
        let role = if self.role.is_empty() { "private" } else { self.role };
        Error::NoPassphrase { role: role.to_owned(), id: self.id.copied() }
    }
}

/// Whoever can be asked: a terminal, the environment, a file, a keyring.
pub trait PassphraseSource {
    /// Gives a passphrase, another one each time the last did not fit.
    ///
    /// # Errors
    ///
    /// [`Error::NoPassphrase`] or [`Error::NoPin`] when there is none or no other; anything else
    /// ends the search.
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error>;
}

impl<S: PassphraseSource + ?Sized> PassphraseSource for &mut S {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, Error> {
        (**self).passphrase(request)
    }
}
