//! Other keys for a top-level role (Notary `client/client.go`, `RotateKey`).
//!
//! The private keys that were replaced are destroyed last, after the server took the new root:
//! whatever fails before, the collection can still be signed.

use super::founding::IfAbsent;
use super::signers::KeyRing;
use super::{Amended, Collection, Error, Workbench};
use crate::client::{self, Roles, Wish};
use crate::edit;
use crate::keys::{self, KeyStore, PassphraseSource};
use crate::net::{Remote, RemoteFile};
use crate::storage::Cache;
use crate::tuf::{Key, KeyId, OnlineRoles, RoleName, Root, Threshold, Version, canonical_key_id};
use crate::verify::Wanted;

/// Which role gets other keys, and which.
#[derive(Clone, Debug)]
pub struct RotateRequest {
    /// A top-level role.
    pub role: RoleName,
    /// Where its keys come from.
    pub keys: NewKeys,
    /// How many of them must sign; as before, if nothing is said.
    pub threshold: Option<Threshold>,
    /// Which retired root keys sign the new root as well.
    pub legacy: Legacy,
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
    /// The keys that speak for the role now, as the root names them.
    pub keys: Vec<KeyId>,
    /// The keys that did before.
    pub replaced: Vec<Key>,
    /// Private keys that were destroyed here, by their canonical ids.
    pub destroyed: Vec<KeyId>,
    /// Versions that were published, and how often the rotation was made anew.
    pub amended: Amended<()>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Puts other keys in place of those of a role, in a new root.
    ///
    /// Timestamp keys are the server's, where there is one; a targets key never is. Replaced keys
    /// are destroyed here once the new root is published; root keys, which serve other collections
    /// too, are kept.
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
        check_place(request, self.policy().dialect.online_roles())?;
        let mut keys = KeyRing::new(store, passphrases)?;
        if request.keys == NewKeys::Made {
            self.ask_first().await?;
        }
        let legacy = self.retired_root_keys(request.legacy).await?;
        let (next, made) = self.next_keys(request, &mut keys).await?;
        let mut replaced = Vec::new();
        let rotate = |bench: &mut Workbench<'_>| {
            let threshold = request.threshold.map_or_else(
                || Ok::<_, Error>(bench.draft.keys_of(&request.role)?.0.threshold()),
                Ok,
            )?;
            let retired = bench.draft.rotate(&request.role, next.clone(), threshold)?;
            if bench.draft.touched().next().is_none() {
                // It is published already: nobody told us that the server had taken it.
                return Ok(());
            }
            replaced = retired;
            if !legacy.is_empty() {
                bench.draft.cross_sign(legacy.iter().cloned());
            }
            replaced.retain(|key| !bench.draft.uses(key));
            Ok(())
        };
        match self.amend_with(IfAbsent::Refuse, &mut keys, rotate).await {
            Ok(amended) => {
                let destroyed = self.destroy(&request.role, &replaced, store)?;
                let keys = next.iter().map(Key::id).collect();
                Ok(Rotation { keys, replaced, destroyed, amended })
            }
            Err(failure) => {
                for id in made.iter().filter(|_| failure.in_vain) {
                    keys.discard(id)?;
                }
                Err(failure.error)
            }
        }
    }

    /// Asks the server before a key is made and stored, which takes longer than a journey: without
    /// an answer none is made. What is prepared here alone has nobody to ask.
    async fn ask_first(&self) -> Result<(), Error> {
        let wish = Wish { roles: Roles::These(&[]), wanted: Wanted::Everything };
        match self.refresh(wish).await {
            Ok(_) | Err(client::Error::NoTrustData { seen_before: false, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The keys to put in place, and the canonical ids of those that were made here for it.
    async fn next_keys(
        &self,
        request: &RotateRequest,
        keys: &mut KeyRing<'_>,
    ) -> Result<(Vec<Key>, Vec<KeyId>), Error> {
        let role = &request.role;
        let (ids, made) = match &request.keys {
            NewKeys::Server => {
                let bytes = self.server()?.rotate_key(role).await.map_err(client::Error::Net)?;
                let key = self.policy().dialect.read_key(role, &bytes);
                return Ok((vec![key.map_err(client::Error::ServerKey)?], Vec::new()));
            }
            NewKeys::Stored(ids) => (ids.clone(), Vec::new()),
            NewKeys::Made => {
                let gun = Some(self.gun()).filter(|_| *role != RoleName::Root);
                let id = keys.generate(role.as_str(), gun)?;
                (vec![id], vec![id])
            }
        };
        let mut next = Vec::with_capacity(ids.len());
        for id in &ids {
            let private = keys.unlock_one(id)?;
            let policy = self.policy();
            next.push(match role {
                RoleName::Root => edit::root_key(policy.dialect, &policy.gun, private, policy.now)?,
                _ => policy.dialect.key(private.public()),
            });
        }
        Ok((next, made))
    }

    /// Retired root keys, as far as the trusted root vouches for them by listing them still.
    async fn retired_root_keys(&self, legacy: Legacy) -> Result<Vec<Key>, Error> {
        if legacy == Legacy::No {
            return Ok(Vec::new());
        }
        let wish = Wish { roles: Roles::These(&[]), wanted: Wanted::Everything };
        let collection = self.refresh(wish).await?;
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

    /// Destroys replaced private keys that were made for this role of this collection.
    fn destroy(
        &self,
        role: &RoleName,
        replaced: &[Key],
        store: &dyn KeyStore,
    ) -> Result<Vec<KeyId>, keys::Error> {
        if *role == RoleName::Root {
            return Ok(Vec::new());
        }
        let retired: Vec<KeyId> =
            replaced.iter().filter_map(|key| key.public().map(canonical_key_id)).collect();
        let mut destroyed = Vec::new();
        for entry in store.list()? {
            let ours = entry.role.as_deref() == Some(role.as_str())
                && entry.gun.as_deref() == Some(self.gun().as_str());
            if ours && retired.contains(&entry.id) {
                match store.remove(&entry.id) {
                    // Who keeps keys elsewhere also destroys them there.
                    Err(keys::Error::Elsewhere { .. }) => {}
                    other => {
                        other?;
                        destroyed.push(entry.id);
                    }
                }
            }
        }
        Ok(destroyed)
    }
}

/// Which keys can be where (Notary `client/client.go`, `checkRotationInput`).
fn check_place(request: &RotateRequest, online: OnlineRoles) -> Result<(), Error> {
    let served = online == OnlineRoles::Server;
    let reason = match (&request.role, &request.keys) {
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
    Err(Error::Role { role: request.role.clone(), reason: reason.to_owned() })
}
