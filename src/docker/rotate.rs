//! Other keys for top-level roles (Notary `client/client.go`, `RotateKey`).
//!
//! The private keys that were replaced are destroyed last, after the server took the new root:
//! whatever fails before, the collection can still be signed.

use std::collections::BTreeSet;

use super::amend::Failure;
use super::signers::KeyRing;
use super::{Amended, Collection, Error, Workbench};
use crate::client::{self, Wish};
use crate::edit::{self, Draft};
use crate::keys::{self, KeyEntry, KeyStore, PassphraseSource};
use crate::net::{Remote, RemoteFile};
use crate::storage::Cache;
use crate::tuf::{Key, KeyId, OnlineRoles, RoleName, Root, Threshold, Version};
use crate::verify;

/// Which roles get other keys, and which.
#[derive(Clone, Debug)]
pub struct RotateRequest {
    /// Top-level roles; all of them change in one root.
    pub roles: Vec<RoleName>,
    /// Where the keys of each come from.
    pub keys: NewKeys,
    /// How many of them must sign; as before, if nothing is said.
    pub threshold: Option<Threshold>,
    /// Which retired root keys sign the new root as well.
    pub legacy: Legacy,
    /// Private keys that other collections need, by their canonical ids: none of them is destroyed.
    pub needed: BTreeSet<KeyId>,
}

impl RotateRequest {
    /// Whether a root with other keys of the server's is what helps against this.
    fn brings_back(&self, error: &client::Error) -> bool {
        let role = match error {
            client::Error::Verify(verify::Error::Threshold { role, .. }) => role,
            _ => &RoleName::Snapshot,
        };
        error.is_of_another_root() && self.keys == NewKeys::Server && self.roles.contains(role)
    }
}

/// Where the keys of a role come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NewKeys {
    /// One is made here.
    Made,
    /// These, which are in the store.
    Stored(Vec<KeyId>),
    /// The server makes one and keeps it.
    Server,
}

/// Which retired root keys sign a new root as well, those that are here: for clients that know an
/// old root and do not walk from root to root (notary before 0.6).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Legacy {
    /// None.
    #[default]
    No,
    /// The keys of the last few roots.
    Last(u32),
    /// All that the root still lists.
    All,
}

/// What a rotation did.
#[derive(Debug)]
pub struct Rotation {
    /// The keys that speak for each role now, as the root names them.
    pub keys: Vec<(RoleName, Vec<KeyId>)>,
    /// The keys that did before.
    pub replaced: Vec<Key>,
    /// Private keys that were destroyed here, by their canonical ids.
    pub destroyed: Vec<KeyId>,
    /// Replaced ones that would have been, had not others needed them.
    pub spared: Vec<KeyId>,
    /// Replaced ones that would have been, had the store let go of them, with the reason.
    pub left: Vec<(KeyId, keys::Error)>,
    /// Versions that were published, and how often the rotation was made anew.
    pub amended: Amended<()>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Puts other keys in place of those of roles, in a new root.
    ///
    /// Timestamp keys are the server's, where there is one; a targets key never is. Replaced keys
    /// are destroyed here once the new root is published, unless other collections need them; root
    /// keys, which serve many, are kept.
    ///
    /// Where the timestamp key changes, a collection of which something expired is read as it was a
    /// moment before: a server that does not have that key cannot renew the timestamp, and no other
    /// root can help it.
    ///
    /// Where the server's own files do not follow from the newest root, and what changes is the
    /// server's keys alone, the root is all that is read: Notary's server can sign a snapshot with a
    /// key that was just replaced, and makes another one only for another update.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role whose keys cannot be there; [`Error::Edit`] without the keys that
    /// must sign the new root. Nothing changed then: keys that were made in vain are removed again,
    /// unless the server may have taken the root unheard.
    pub async fn rotate(
        &self,
        request: &RotateRequest,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Rotation, Error> {
        for role in &request.roles {
            check_place(role, &request.keys, self.policy().dialect.online_roles())?;
        }
        let mut keys = KeyRing::new(store, passphrases)?;
        if request.keys == NewKeys::Made {
            self.ask_first().await?;
        }
        let legacy = self.retired_root_keys(request.legacy).await?;
        let mut made = Vec::new();
        let next = match self.next_keys(request, &mut keys, &mut made).await {
            Ok(next) => next,
            Err(error) => {
                made.iter().try_for_each(|id| keys.discard(id))?;
                return Err(error);
            }
        };
        let mut replaced = Vec::new();
        let mut rotate = |bench: &mut Workbench<'_>| {
            let retired = replace(&mut bench.draft, request, &next, &legacy)?;
            // Otherwise it is published already: nobody told us that the server had taken it.
            if bench.draft.touched().next().is_some() {
                replaced = retired;
            }
            Ok(())
        };
        let mends = |_: &RoleName| request.roles.contains(&RoleName::Timestamp);
        let amended = match self.amend_past(mends, &mut keys, &mut rotate).await {
            Ok(amended) => amended,
            Err(Failure { error: Error::Client(error), .. }) if request.brings_back(&error) => {
                self.amend_root(&mut keys, rotate).await?
            }
            Err(failure) => {
                let in_vain = made.iter().filter(|_| failure.in_vain);
                in_vain.into_iter().try_for_each(|id| keys.discard(id))?;
                return Err(failure.error);
            }
        };
        let (spared, doomed) = self.retired(request, &replaced, store)?;
        let (destroyed, left) = destroy(doomed, store);
        let ids = |(role, keys): (RoleName, Vec<Key>)| (role, keys.iter().map(Key::id).collect());
        let keys = next.into_iter().map(ids).collect();
        Ok(Rotation { keys, replaced, destroyed, spared, left, amended })
    }

    /// Asks the server before a key is made and stored, which takes longer than a journey: without
    /// an answer none is made. What is prepared here alone has nobody to ask.
    async fn ask_first(&self) -> Result<(), Error> {
        match self.refresh(Wish::TARGETS).await {
            Ok(_) | Err(client::Error::NoTrustData { seen_before: false, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The keys to put in place. The canonical ids of those that are made here for it are noted, also
    /// if another cannot be had.
    async fn next_keys(
        &self,
        request: &RotateRequest,
        keys: &mut KeyRing<'_>,
        made: &mut Vec<KeyId>,
    ) -> Result<NextKeys, Error> {
        let mut next = Vec::new();
        for role in &request.roles {
            let theirs = match &request.keys {
                NewKeys::Server => vec![self.server_key(role).await?],
                NewKeys::Stored(ids) => self.own_keys(role, ids, keys)?,
                NewKeys::Made => {
                    let gun = Some(self.gun()).filter(|_| *role != RoleName::Root);
                    let id = keys.generate(role.as_str(), gun)?;
                    made.push(id);
                    self.own_keys(role, &[id], keys)?
                }
            };
            next.push((role.clone(), theirs));
        }
        Ok(next)
    }

    /// The key that the trust server offers for a role that it signs; the next root may name it.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role that it does not sign; the server's.
    pub async fn server_key(&self, role: &RoleName) -> Result<Key, Error> {
        check_place(role, &NewKeys::Server, self.policy().dialect.online_roles())?;
        let bytes = self.server()?.rotate_key(role).await.map_err(client::Error::Net)?;
        let key = self.policy().dialect.read_key(role, &bytes);
        Ok(key.map_err(client::Error::ServerKey)?)
    }

    fn own_keys(
        &self,
        role: &RoleName,
        ids: &[KeyId],
        keys: &mut KeyRing<'_>,
    ) -> Result<Vec<Key>, Error> {
        let mut own = Vec::with_capacity(ids.len());
        for id in ids {
            let private = keys.unlock_one(id)?;
            let policy = self.policy();
            own.push(match role {
                RoleName::Root => edit::root_key(policy.dialect, &policy.gun, private, policy.now)?,
                _ => policy.dialect.key(private.public()),
            });
        }
        Ok(own)
    }

    /// Retired root keys, as far as the trusted root vouches for them by listing them still.
    async fn retired_root_keys(&self, legacy: Legacy) -> Result<Vec<Key>, Error> {
        if legacy == Legacy::No {
            return Ok(Vec::new());
        }
        let collection = self.refresh(Wish::TARGETS).await?;
        let root = collection.targets.root().content();
        let mut retired = root.keys.clone();
        retired.retain(|id, key| !root.root.keyids().contains(id) && key.certificates().is_some());
        if let Legacy::Last(count) = legacy {
            let named = self.root_keys_of_last(root, count).await?;
            retired.retain(|id, _| named.contains(id));
        }
        Ok(retired.into_values().collect())
    }

    /// The ids of the root keys of the last few roots before this one; one that the server does not
    /// have is passed over.
    async fn root_keys_of_last(&self, root: &Root, count: u32) -> Result<Vec<KeyId>, Error> {
        let (policy, mut ids) = (self.policy(), Vec::new());
        let newest = root.version.number();
        let oldest = newest.saturating_sub(u64::from(count)).max(1);
        for version in (oldest..newest).filter_map(Version::new) {
            let file = RemoteFile::ByVersion(RoleName::Root, version);
            let fetched = self.server()?.fetch(&file, policy.limits.root_bytes).await;
            let Some(bytes) = fetched.map_err(client::Error::Net)? else { continue };
            let opened = policy.dialect.open_root(&bytes, &policy.limits);
            let opened = opened.map_err(|error| client::Error::Verify(error.into()))?;
            ids.extend_from_slice(opened.unverified_content().root.keyids());
        }
        Ok(ids)
    }

    /// Replaced private keys that were made for these roles of this collection: those that others
    /// need, and those that nobody does.
    fn retired(
        &self,
        request: &RotateRequest,
        replaced: &[Key],
        store: &dyn KeyStore,
    ) -> Result<(Vec<KeyId>, Vec<KeyId>), keys::Error> {
        let own: Vec<&str> = request.roles.iter().map(RoleName::as_str).collect();
        let retired: Vec<KeyId> = replaced.iter().filter_map(Key::canonical_id).collect();
        let is_ours = |entry: &KeyEntry| {
            let role = entry.role.as_deref().filter(|role| *role != RoleName::Root.as_str());
            role.is_some_and(|role| own.contains(&role))
                && entry.gun.as_deref() == Some(self.gun().as_str())
        };
        let entries = store.list()?.into_iter();
        let goes = entries.filter(|entry| is_ours(entry) && retired.contains(&entry.id));
        Ok(goes.map(|entry| entry.id).partition(|id| request.needed.contains(id)))
    }
}

/// Destroys private keys; which, and which could not be. The new root is published: one that stays
/// takes nothing of that back.
fn destroy(doomed: Vec<KeyId>, store: &dyn KeyStore) -> (Vec<KeyId>, Vec<(KeyId, keys::Error)>) {
    let (mut destroyed, mut left) = (Vec::new(), Vec::new());
    for id in doomed {
        match store.remove(&id) {
            Ok(()) => destroyed.push(id),
            // Who keeps keys elsewhere also destroys them there.
            Err(keys::Error::Elsewhere { .. }) => {}
            Err(error) => left.push((id, error)),
        }
    }
    (destroyed, left)
}

/// The keys that each role is to have.
type NextKeys = Vec<(RoleName, Vec<Key>)>;

/// Puts the next keys in place; returns those that serve no more.
fn replace(
    draft: &mut Draft,
    request: &RotateRequest,
    next: &NextKeys,
    legacy: &[Key],
) -> Result<Vec<Key>, Error> {
    let mut replaced = Vec::new();
    for (role, keys) in next {
        let threshold = request
            .threshold
            .map_or_else(|| Ok::<_, Error>(draft.keys_of(role)?.0.threshold()), Ok)?;
        replaced.extend(draft.rotate(role, keys.clone(), threshold)?);
    }
    if draft.touched().next().is_some() && !legacy.is_empty() {
        draft.cross_sign(legacy.iter().cloned());
    }
    replaced.retain(|key| !draft.uses(key));
    Ok(replaced)
}

/// Which keys can be where (Notary `client/client.go`, `checkRotationInput`).
fn check_place(role: &RoleName, keys: &NewKeys, online: OnlineRoles) -> Result<(), Error> {
    let served = online == OnlineRoles::Server;
    let reason = match (role, keys) {
        (RoleName::Snapshot | RoleName::Timestamp, keys) if !served => match keys {
            NewKeys::Server => "no server keeps keys for it",
            _ => return Ok(()),
        },
        (RoleName::Delegation(_), _) => "a delegation's keys are changed where it is delegated",
        (RoleName::Timestamp, NewKeys::Server) | (RoleName::Snapshot, _) => return Ok(()),
        (RoleName::Timestamp, _) => "its key is always the server's",
        (_, NewKeys::Server) => "its key is never the server's",
        (RoleName::Root | RoleName::Targets, _) => return Ok(()),
    };
    Err(Error::Role { role: role.clone(), reason: reason.to_owned() })
}
