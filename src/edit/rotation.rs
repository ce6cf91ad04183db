//! Other keys for the top-level roles (Notary `client/client.go`, `RotateKey`; TUF 1.0.34 §6.1).

use super::root::check_key;
use super::{Draft, Error};
use crate::tuf::{Key, KeyId, Role, RoleName, Threshold, distinct_keys};

impl Draft {
    /// Puts other keys in place of those of a top-level role, in the next root. Returns the keys
    /// that were replaced. The role itself is then signed with the new keys, as far as it is ours
    /// to sign.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a delegation, [`Error::Starved`] for fewer keys than the threshold,
    /// [`Error::UnusableKey`] for a key that can't speak for the role: a root key needs a
    /// certificate of the collection where root keys are certified.
    pub fn rotate(
        &mut self,
        role: &RoleName,
        keys: Vec<Key>,
        threshold: Threshold,
    ) -> Result<Vec<Key>, Error> {
        keys.iter().try_for_each(|key| check_key(self.dialect, role, key))?;
        let found = distinct_keys(&keys);
        if found < threshold.count() {
            return Err(Error::Starved { role: role.clone(), found, needed: threshold });
        }
        let ids: Vec<KeyId> = keys.iter().map(Key::id).collect();
        let next = Role::new(ids, threshold)?;
        let current = self.root.content().role(role).ok_or(Error::Role { role: role.clone() })?;
        if *current == next {
            return Ok(Vec::new());
        }
        let replaced = self.root.replace(role, next, keys);
        if *role == RoleName::Targets {
            self.renew(role)?;
            self.settle_bins()?;
        }
        Ok(replaced)
    }

    /// Has the next root signed also by these retired root keys, those that are at hand, so that
    /// clients which know only an old root, and do not walk from root to root, can follow.
    pub fn cross_sign(&mut self, retired: impl IntoIterator<Item = Key>) {
        self.root.sign_also(retired);
    }

    /// Whether any role of the draft is signed by this key: one that is retired from one role may
    /// still serve in another.
    pub fn uses(&self, key: &Key) -> bool {
        let same = |other: &Key| match (other.public(), key.public()) {
            (Some(other), Some(key)) => other.fingerprint() == key.fingerprint(),
            _ => other.id() == key.id(),
        };
        let root = self.root.content();
        let top = [&root.root, &root.targets, &root.snapshot, &root.timestamp];
        top.into_iter().flat_map(|role| root.keys_of(role)).any(same)
            || self.roles().flat_map(|(_, targets)| targets.delegations.keys.values()).any(same)
    }
}
