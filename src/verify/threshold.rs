//! Counting signatures.

use std::collections::BTreeSet;

use crate::crypto::PublicKey;
use crate::tuf::{Envelope, Key, KeyId, Threshold};

/// The keys that validly signed, at most one for each distinct public key.
pub(super) struct Count {
    signers: Vec<KeyId>,
}

impl Count {
    /// Counts who of these keys signed the envelope. The *key* decides how its signature is checked; a signature
    /// by another key, of another method or simply wrong counts for nothing and harms nobody.
    ///
    /// Two ids over one public key (two certificates, say) are one key (TUF 1.0.34 §5.3.4: each key contributes
    /// one signature).
    pub(super) fn of<'k, T>(
        envelope: &Envelope<T>,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> Self {
        let mut counted = BTreeSet::new();
        let mut signers = Vec::new();
        for key in keys {
            let Some(public) = key.public() else { continue };
            if counted.contains(&public.fingerprint()) {
                continue;
            }
            if signed_by(envelope, key.id(), public) {
                counted.insert(public.fingerprint());
                signers.push(key.id());
            }
        }
        Self { signers }
    }

    /// Distinct keys that signed.
    pub(super) fn valid(&self) -> usize {
        self.signers.len()
    }

    pub(super) fn reaches(&self, needed: Threshold) -> bool {
        self.valid() >= needed.count()
    }

    /// The ids under which they signed.
    pub(super) fn into_signers(self) -> Vec<KeyId> {
        self.signers
    }
}

fn signed_by<T>(envelope: &Envelope<T>, id: KeyId, public: &PublicKey) -> bool {
    envelope
        .signatures()
        .iter()
        .filter(|entry| entry.keyid == Some(id))
        .filter_map(|entry| entry.signature.as_ref())
        .any(|signature| public.verify(envelope.message(), signature).is_ok())
}
