//! The keys at hand.

use crate::crypto::{Signature, Signer};
use crate::edit::Error;
use crate::tuf::{Dialect, Key, KeyId, Message, Role, RoleName, distinct_keys};

/// Unlocked keys, found by the public key that they belong to, whatever certificate or id it goes
/// by.
#[derive(Clone, Default)]
pub struct Signers<'s> {
    signers: Vec<&'s dyn Signer>,
}

impl<'s> Signers<'s> {
    /// No key.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a key.
    pub fn add(&mut self, signer: &'s dyn Signer) {
        self.signers.push(signer);
    }

    /// The key at hand for this public key.
    pub fn of(&self, key: &Key) -> Option<&'s dyn Signer> {
        let fingerprint = key.public()?.fingerprint();
        self.signers.iter().copied().find(|signer| signer.public().fingerprint() == fingerprint)
    }

    /// Signs with every key of the role that is at hand, and seals the file.
    pub(super) fn seal(
        &self,
        name: &RoleName,
        role: &Role,
        keys: &[&Key],
        dialect: Dialect,
        message: &Message,
    ) -> Result<Vec<u8>, Error> {
        self.check_reach(name, role, keys)?;
        Ok(dialect.seal(message, &self.sign(name, keys, message)?))
    }

    /// Refuses a role of whose keys too few are at hand.
    pub(super) fn check_reach(
        &self,
        name: &RoleName,
        role: &Role,
        keys: &[&Key],
    ) -> Result<(), Error> {
        let here = keys.iter().copied().filter(|key| self.of(key).is_some());
        let (found, needed) = (distinct_keys(here), role.threshold());
        if found >= needed.count() {
            return Ok(());
        }
        // As key stores name them; a root is signed by the one before as well.
        let own = keys.iter().filter(|key| role.keyids().contains(&key.id()));
        let possible = own.map(|key| key.known_as()).collect();
        Err(Error::Keys { role: name.clone(), found, needed, possible })
    }

    /// The signatures of those of these keys that are at hand, each under its id.
    pub(super) fn sign(
        &self,
        name: &RoleName,
        keys: &[&Key],
        message: &Message,
    ) -> Result<Vec<(KeyId, Signature)>, Error> {
        let failed = |source| Error::Signing { role: name.clone(), source };
        let signed = |key: &&Key| {
            let signer = self.of(key)?;
            Some(signer.sign(message.as_bytes()).map(|signature| (key.id(), signature)))
        };
        keys.iter().filter_map(signed).collect::<Result<_, _>>().map_err(failed)
    }
}

impl<'s> FromIterator<&'s dyn Signer> for Signers<'s> {
    fn from_iter<I: IntoIterator<Item = &'s dyn Signer>>(signers: I) -> Self {
        Self { signers: signers.into_iter().collect() }
    }
}
