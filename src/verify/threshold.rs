//! Counting signatures.

use super::Error;
use crate::crypto::PublicKey;
use crate::tuf::{Envelope, Key, KeyId, Role, RoleName, Threshold, distinct_keys};

/// The keys that validly signed.
pub(super) struct Count<'k> {
    signers: Vec<&'k Key>,
}

impl<'k> Count<'k> {
    /// Finds who of these keys signed the envelope. The *key* decides how its signature is checked;
    /// a signature by another key, of another method or simply wrong counts for nothing and harms
    /// nobody.
    pub(super) fn of<T>(envelope: &Envelope<T>, keys: impl IntoIterator<Item = &'k Key>) -> Self {
        let signed =
            |key: &&Key| key.public().is_some_and(|public| signed_by(envelope, key.id(), public));
        Self { signers: keys.into_iter().filter(signed).collect() }
    }

    /// How many of them signed.
    pub(super) fn valid(&self) -> usize {
        distinct_keys(self.signers.iter().copied())
    }

    pub(super) fn reaches(&self, needed: Threshold) -> bool {
        self.valid() >= needed.count()
    }

    /// The ids under which they signed.
    pub(super) fn into_signers(self) -> Vec<KeyId> {
        self.signers.into_iter().map(Key::id).collect()
    }
}

/// Opens a role's file if enough of its keys signed it; says which did.
pub(super) fn open<'k, T>(
    name: &RoleName,
    role: &Role,
    keys: impl IntoIterator<Item = &'k Key>,
    envelope: Envelope<T>,
) -> Result<(T, Vec<KeyId>), Error> {
    let (count, needed) = (Count::of(&envelope, keys), role.threshold());
    if !count.reaches(needed) {
        return Err(Error::Threshold { role: name.clone(), valid: count.valid(), needed });
    }
    Ok((envelope.into_unverified_content(), count.into_signers()))
}

fn signed_by<T>(envelope: &Envelope<T>, id: KeyId, public: &PublicKey) -> bool {
    envelope
        .signatures()
        .iter()
        .filter(|entry| entry.keyid == Some(id))
        .filter_map(|entry| entry.signature.as_ref())
        .any(|signature| public.verify(envelope.message(), signature).is_ok())
}
