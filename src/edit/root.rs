//! The root of a draft, and the keys that may stand in one (Notary `tuf/tuf.go`, `SignRoot`;
//! TUF 1.0.34 §6.1).

use jiff::Timestamp as Instant;

use super::sealing::next;
use super::{Error, Signers, expiry};
use crate::crypto::{Certificate, CertificateBundle, Signer};
use crate::tuf::{Dialect, Gun, Key, KeyId, Role, RoleName, Root, RootKeys, Version};

/// The root of a draft.
#[derive(Clone, Debug)]
pub(super) struct RootSheet {
    content: Root,
    /// The published root that the next one follows; `None` when the collection is being founded.
    before: Option<Root>,
    /// The first root, signed already.
    sealed: Option<Vec<u8>>,
    /// Retired root keys that sign the next root as well, if they are at hand.
    also: Vec<Key>,
    touched: bool,
}

impl RootSheet {
    pub(super) fn published(root: Root) -> Self {
        let before = Some(root.clone());
        Self { content: root, before, sealed: None, also: Vec::new(), touched: false }
    }

    pub(super) fn first(root: Root, sealed: Vec<u8>) -> Self {
        let sealed = Some(sealed);
        Self { content: root, before: None, sealed, also: Vec::new(), touched: false }
    }

    /// A first root that is signed and was not published yet. What changes it makes a second one,
    /// so that whoever has the first can follow.
    pub(super) fn prepared(root: Root, sealed: Vec<u8>) -> Self {
        Self { before: Some(root.clone()), ..Self::first(root, sealed) }
    }

    pub(super) fn content(&self) -> &Root {
        &self.content
    }

    pub(super) fn sealed(&self) -> Option<&[u8]> {
        self.sealed.as_deref()
    }

    pub(super) fn is_touched(&self) -> bool {
        self.touched
    }

    pub(super) fn touch(&mut self) {
        self.touched = true;
    }

    /// Has the next root signed also by these keys, those that are at hand.
    pub(super) fn sign_also(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.also.extend(keys);
        self.touched = true;
    }

    /// The predecessor's keys, then its own, then those that sign besides; each once.
    pub(super) fn signing_keys(&self) -> Vec<&Key> {
        let before = self.before.iter().flat_map(|root| root.keys_of(&root.root));
        let own = self.content.keys_of(&self.content.root);
        let mut keys: Vec<&Key> = Vec::new();
        for key in before.chain(own).chain(&self.also) {
            if keys.iter().all(|known| known.id() != key.id()) {
                keys.push(key);
            }
        }
        keys
    }

    /// The next root, signed by enough keys of the one before it and by enough of its own; `None`
    /// if nothing changed. A first root that did not change is there already.
    pub(super) fn seal(
        &mut self,
        dialect: Dialect,
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<Option<(Version, Vec<u8>)>, Error> {
        if !self.settle(now)? {
            return Ok(self.sealed.take().map(|sealed| (self.content.version, sealed)));
        }
        for root in self.before.iter().chain([&self.content]) {
            let keys: Vec<&Key> = root.keys_of(&root.root).collect();
            signers.check_reach(&RoleName::Root, &root.root, &keys)?;
        }
        let message = dialect.root_message(&self.content);
        let signatures = signers.sign(&RoleName::Root, &self.signing_keys(), &message)?;
        Ok(Some((self.content.version, dialect.seal(&message, &signatures))))
    }

    /// Gives a root that changed its version and dates; `false` if nothing changed.
    pub(super) fn settle(&mut self, now: Instant) -> Result<bool, Error> {
        if !self.touched {
            return Ok(false);
        }
        if let Some(before) = &self.before {
            self.content.version = next(&RoleName::Root, before.version)?;
        }
        self.content.expires = expiry(&RoleName::Root, now);
        Ok(true)
    }

    /// The published root that the next one follows.
    pub(super) fn before(&self) -> Option<&Root> {
        self.before.as_ref()
    }

    /// Puts a root that was signed elsewhere in this one's place.
    pub(super) fn adopt(&mut self, root: Root) {
        self.content = root;
    }

    /// Puts a role and its keys in place of another, and drops the keys that no role names any
    /// more. Root keys stay listed, as Notary lets them: they are what cross-signatures are by.
    pub(super) fn replace(&mut self, name: &RoleName, role: Role, keys: Vec<Key>) -> Vec<Key> {
        let retired: Vec<KeyId> = {
            let before = self.content.role(name).map(Role::keyids).unwrap_or_default();
            before.iter().filter(|id| !role.keyids().contains(id)).copied().collect()
        };
        *place(&mut self.content, name) = role;
        self.content.keys.extend(keys.into_iter().map(|key| (key.id(), key)));
        self.touched = true;
        let replaced = retired.iter().filter_map(|id| self.content.keys.get(id).cloned()).collect();
        if *name != RoleName::Root {
            for id in retired.iter().filter(|id| !is_named(&self.content, id)).collect::<Vec<_>>() {
                self.content.keys.remove(id);
            }
        }
        replaced
    }
}

/// A root key as metadata carries it: where root keys are certified, with a certificate for the
/// collection that is valid for ten years from now.
///
/// # Errors
///
/// [`Error::Signing`] when the key cannot sign, [`Error::Role`] when it is of a kind that no
/// certificate carries.
pub fn root_key(
    dialect: Dialect,
    gun: &Gun,
    signer: &dyn Signer,
    now: Instant,
) -> Result<Key, Error> {
    if dialect.root_keys() == RootKeys::Bare {
        return Ok(dialect.key(signer.public()));
    }
    let failed = |source| Error::Signing { role: RoleName::Root, source };
    let until = expiry(&RoleName::Root, now);
    let leaf = Certificate::self_signed(gun.as_str(), signer, now, until).map_err(failed)?;
    let bundle = CertificateBundle::of_leaf(leaf).map_err(failed)?;
    dialect.certified_key(&bundle).ok_or(Error::Role { role: RoleName::Root })
}

/// Refuses a key that cannot speak for a role: of a kind that nobody knows, or, for a root that
/// certificates speak for, without one.
pub(super) fn check_key(dialect: Dialect, role: &RoleName, key: &Key) -> Result<(), Error> {
    let is_certified = match (role, dialect.root_keys()) {
        (RoleName::Root, RootKeys::Certified) => key.certificates().is_some(),
        _ => true,
    };
    match key.public().is_some() && is_certified {
        true => Ok(()),
        false => Err(Error::UnusableKey { role: role.clone(), id: key.id() }),
    }
}

fn place<'r>(root: &'r mut Root, name: &RoleName) -> &'r mut Role {
    match name {
        RoleName::Targets => &mut root.targets,
        RoleName::Snapshot => &mut root.snapshot,
        RoleName::Timestamp => &mut root.timestamp,
        RoleName::Root | RoleName::Delegation(_) => &mut root.root,
    }
}

fn is_named(root: &Root, id: &KeyId) -> bool {
    let roles = [&root.root, &root.targets, &root.snapshot, &root.timestamp];
    roles.into_iter().any(|role| role.keyids().contains(id))
}
