//! Staging what `sign` and `revoke` would publish.

use crate::client::{self, Refreshed, Wish};
use crate::docker::revoke::{RevokeRequest, occurrences};
use crate::docker::sign::{SignRequest, target};
use crate::docker::signers::{KeyRing, RoleChoice, signable};
use crate::docker::staged::StagedEdit;
use crate::docker::{Collection, Error};
use crate::edit::{Draft, check_target};
use crate::keys::{Chain, KeyStore};
use crate::net::Remote;
use crate::storage::{Cache, Change};
use crate::tuf::RoleName;

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// The changes that sign tags in the roles in which [`Collection::sign`] would; no key is
    /// opened.
    ///
    /// # Errors
    ///
    /// [`Error`], as for signing.
    pub async fn stage_signing(
        &self,
        request: &SignRequest,
        store: &dyn KeyStore,
    ) -> Result<Vec<Change>, Error> {
        let mut nobody = Chain::new();
        let keys = KeyRing::new(store, &mut nobody)?;
        let draft = self.known().await?.map(|known| Draft::of(known.targets));
        let gun = self.gun();
        let mut changes = Vec::new();
        for (tag, descriptor) in &request.tags {
            let roles = match (&draft, &request.roles) {
                (Some(draft), choice) => signable(draft, gun, tag, choice, keys.held())?,
                (None, RoleChoice::These(roles)) => roles.clone(),
                (None, RoleChoice::AsDocker) => vec![RoleName::Targets],
            };
            for role in roles {
                let target = target(Some(gun), request, &role, descriptor);
                let name = tag.as_str().to_owned();
                check_target(&name, &target)?;
                changes.push(StagedEdit::SetTarget { role, name, target }.to_change());
            }
        }
        Ok(changes)
    }

    /// The changes that take a tag, or all, out of every role of which a key is here.
    ///
    /// # Errors
    ///
    /// [`Error`], as for revoking.
    pub async fn stage_revocation(
        &self,
        request: &RevokeRequest,
        store: &dyn KeyStore,
    ) -> Result<Vec<Change>, Error> {
        let mut nobody = Chain::new();
        let keys = KeyRing::new(store, &mut nobody)?;
        let draft = Draft::of(self.refresh(Wish::EVERYTHING).await?.targets);
        let found = occurrences(&draft, request);
        if let (RevokeRequest::Tag(tag), true) = (request, found.is_empty()) {
            let (gun, tag) = (self.gun().clone(), tag.clone());
            return Err(Error::NoSuchTag { gun, tag, elsewhere: Vec::new() });
        }
        let mut changes = Vec::new();
        for (name, role) in found {
            let (_, possible) = draft.keys_of(&role)?;
            if possible.into_iter().any(|key| keys.held().holds(key)) {
                changes.push(StagedEdit::RemoveTarget { role, name }.to_change());
            }
        }
        Ok(changes)
    }

    /// The collection as it is; `None` if there is none yet.
    async fn known(&self) -> Result<Option<Refreshed>, Error> {
        match self.refresh(Wish::EVERYTHING).await {
            Err(client::Error::NoTrustData { seen_before: false, .. }) => Ok(None),
            other => Ok(Some(other?)),
        }
    }
}
