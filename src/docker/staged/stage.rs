//! Staging what `sign` and `revoke` would publish.

use crate::client::{self, Refreshed, Wish};
use crate::docker::revoke::{RevokeRequest, nowhere, occurrences};
use crate::docker::sign::{SignRequest, TagSigned, put, target};
use crate::docker::signers::{KeyRing, signable};
use crate::docker::staged::StagedEdit;
use crate::docker::{Collection, Error, Workbench};
use crate::edit::{Draft, check_target};
use crate::image::{Descriptor, Tag};
use crate::keys::{Chain, KeyStore};
use crate::net::Remote;
use crate::storage::{Cache, Change};
use crate::tuf::{Gun, RoleName, SearchOrder};

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
        let known = self.known().await?;
        let mut bench = known.as_ref().map(|known| {
            let draft = Draft::of(known.targets.clone());
            Workbench::new(draft, &known.unusable, &known.suspended, keys.held())
        });
        let gun = self.gun();
        let mut changes = Vec::new();
        for (tag, descriptor) in &request.tags {
            let roles = match (&mut bench, &request.roles) {
                (Some(bench), choice) => {
                    changes.extend(withdrawals(bench, gun, request, tag, descriptor)?);
                    signable(&bench.draft, gun, tag, choice, keys.held())?
                }
                (None, choice) => choice.named().unwrap_or_else(|| vec![RoleName::Targets]),
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
            return Err(nowhere(self.gun(), &draft, tag));
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

/// The changes without which pulls that ask in turn would find something else than what is signed
/// for them.
fn withdrawals(
    bench: &mut Workbench<'_>,
    gun: &Gun,
    request: &SignRequest,
    tag: &Tag,
    descriptor: &Descriptor,
) -> Result<Vec<Change>, Error> {
    if bench.draft.search_order() == SearchOrder::BreadthFirst {
        return Ok(Vec::new());
    }
    let TagSigned { withdrawn, .. } = put(bench, gun, request, tag, descriptor)?;
    let name = tag.as_str();
    let remove = |(role, _)| StagedEdit::RemoveTarget { role, name: name.to_owned() }.to_change();
    Ok(withdrawn.into_iter().map(remove).collect())
}
