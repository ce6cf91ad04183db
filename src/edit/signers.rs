//! The keys at hand.

use crate::crypto::{Signature, Signer};
use crate::edit::Error;
use crate::tuf::{Dialect, Key, KeyId, Message, Role, RoleName};

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
        let failed = |source| Error::Signing { role: name.clone(), source };
        let mut signatures: Vec<(KeyId, Signature)> = Vec::new();
        let mut used = Vec::new();
        for key in keys {
            let Some(signer) = self.of(key) else { continue };
            signatures.push((key.id(), signer.sign(message.as_bytes()).map_err(failed)?));
            if !used.contains(&signer.public().fingerprint()) {
                used.push(signer.public().fingerprint());
            }
        }
        if used.len() < role.threshold().count() {
            return Err(Error::Keys {
                role: name.clone(),
                found: used.len(),
                needed: role.threshold(),
                possible: role.keyids().to_vec(),
            });
        }
        Ok(dialect.seal(message, &signatures))
    }
}

impl<'s> FromIterator<&'s dyn Signer> for Signers<'s> {
    fn from_iter<I: IntoIterator<Item = &'s dyn Signer>>(signers: I) -> Self {
        Self { signers: signers.into_iter().collect() }
    }
}
