//! Which roles a user can sign, and unlocking the keys for it (docker/cli `GetSignableRoles`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Error;
use crate::crypto::{PrivateKey, Signer};
use crate::edit::{Draft, Signers};
use crate::keys::{self, KeyEntry, KeyStore, PassphraseSource};
use crate::tuf::{Gun, Key, KeyId, RoleName};

/// Which roles to sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RoleChoice {
    /// As docker does: `targets` while there are no delegations, afterwards every direct delegation
    /// that may sign the tag and of which a key is here.
    AsDocker,
    /// The role of a signer, and `targets/releases`.
    AsSigner(RoleName),
    /// These and no others, whatever pulls find then.
    These(Vec<RoleName>),
}

impl RoleChoice {
    /// The roles, if they were named.
    pub(super) fn named(&self) -> Option<Vec<RoleName>> {
        match self {
            Self::AsDocker => None,
            Self::AsSigner(role) => Some(vec![role.clone(), RoleName::releases()]),
            Self::These(roles) => Some(roles.clone()),
        }
    }
}

/// Which private keys are here, by their canonical ids.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldKeys(BTreeSet<KeyId>);

impl HeldKeys {
    /// Whether the private key of this public key is here.
    pub(super) fn holds(&self, key: &Key) -> bool {
        key.canonical_id().is_some_and(|id| self.0.contains(&id))
    }
}

/// The user's keys: the store, whom to ask for passphrases, and what was unlocked already.
pub(super) struct KeyRing<'k> {
    store: &'k dyn KeyStore,
    passphrases: &'k mut dyn PassphraseSource,
    held: HeldKeys,
    unlocked: BTreeMap<KeyId, Arc<dyn Signer>>,
}

impl<'k> KeyRing<'k> {
    pub(super) fn new(
        store: &'k dyn KeyStore,
        passphrases: &'k mut dyn PassphraseSource,
    ) -> Result<Self, Error> {
        let (held, unlocked) = (HeldKeys::default(), BTreeMap::new());
        let mut ring = Self { store, passphrases, held, unlocked };
        ring.look_again()?;
        Ok(ring)
    }

    /// Notices keys that another process stored meanwhile, as one that founds the same collection
    /// does.
    pub(super) fn look_again(&mut self) -> Result<(), Error> {
        let stored = self.store.ids()?.into_iter();
        self.held = HeldKeys(stored.chain(self.unlocked.keys().copied()).collect());
        Ok(())
    }

    /// Which keys are here.
    pub(super) fn held(&self) -> &HeldKeys {
        &self.held
    }

    /// Unlocks every key here of these roles, each once.
    pub(super) fn unlock(&mut self, draft: &Draft, roles: &[RoleName]) -> Result<(), Error> {
        for role in roles {
            let ids: Vec<KeyId> = draft
                .signing_keys(role)?
                .into_iter()
                .filter(|key| self.held.holds(key))
                .filter_map(Key::canonical_id)
                .collect();
            for id in ids {
                self.unlock_one(&id)?;
            }
        }
        Ok(())
    }

    /// The key of that id, unlocked.
    pub(super) fn unlock_one(&mut self, id: &KeyId) -> Result<&dyn Signer, Error> {
        if !self.unlocked.contains_key(id) {
            let key = self.store.signer(id, self.passphrases)?;
            self.unlocked.insert(*id, Arc::from(key));
        }
        self.signer(id).ok_or(Error::Keys(crate::keys::Error::NoSuchKey { id: *id }))
    }

    /// The same, to be used elsewhere.
    #[cfg(feature = "export")]
    pub(super) fn shared(&mut self, id: &KeyId) -> Result<Arc<dyn Signer>, Error> {
        self.unlock_one(id)?;
        let key = self.unlocked.get(id).map(Arc::clone);
        key.ok_or(Error::Keys(crate::keys::Error::NoSuchKey { id: *id }))
    }

    /// The root key to found collections with: the given one, else the first by id, else a new one.
    pub(super) fn root_key(&mut self, wanted: Option<KeyId>) -> Result<KeyId, Error> {
        let listed = self.store.list()?;
        let first = listed.iter().find(|entry| entry.role.as_deref() == Some("root"));
        match wanted.or(first.map(|entry| entry.id)) {
            Some(id) => self.unlock_one(&id).map(|_| id),
            // Else a damaged root key would be replaced unseen.
            None => match listed.iter().find(|entry| entry.is_unreadable) {
                Some(KeyEntry { id, .. }) => Err(keys::Error::Unreadable { id: *id }.into()),
                None => self.generate("root", None),
            },
        }
    }

    /// Makes and keeps a key.
    pub(super) fn generate(&mut self, role: &str, gun: Option<&Gun>) -> Result<KeyId, Error> {
        let key = PrivateKey::generate(crate::crypto::Algorithm::EcdsaP256)
            .map_err(Error::KeyGeneration)?;
        let id = self.store.store(&key, role, gun, self.passphrases)?;
        self.held.0.insert(id);
        self.unlocked.insert(id, Arc::new(key));
        Ok(id)
    }

    /// Takes back a key that turned out not to be needed.
    pub(super) fn discard(&mut self, id: &KeyId) -> Result<(), Error> {
        self.unlocked.remove(id);
        self.held.0.remove(id);
        Ok(self.store.remove(id)?)
    }

    /// An unlocked key.
    pub(super) fn signer(&self, id: &KeyId) -> Option<&dyn Signer> {
        self.unlocked.get(id).map(AsRef::as_ref)
    }

    /// All unlocked keys.
    pub(super) fn signers(&self) -> Signers<'_> {
        self.unlocked.values().map(AsRef::as_ref).collect()
    }
}

/// The roles of a draft in which this user signs a tag.
pub(super) fn signable(
    draft: &Draft,
    gun: &Gun,
    tag: &crate::image::Tag,
    choice: &RoleChoice,
    keys: &HeldKeys,
) -> Result<Vec<RoleName>, Error> {
    if let Some(roles) = choice.named() {
        return Ok(roles);
    }
    let delegated = draft.delegations_for(tag.as_str());
    let candidates = match delegated {
        None => vec![RoleName::Targets],
        Some(roles) => roles,
    };
    let mut missing = Vec::new();
    let mut signable = Vec::new();
    for role in candidates {
        let (_, possible) = draft.keys_of(&role)?;
        if possible.iter().any(|key| keys.holds(key)) {
            signable.push(role);
        } else {
            let ids = possible.iter().filter_map(|key| key.canonical_id()).collect();
            missing.push((role, ids));
        }
    }
    if signable.is_empty() {
        return Err(Error::NoSigningKey { gun: gun.clone(), tag: tag.clone(), roles: missing });
    }
    Ok(signable)
}
