//! Signing tags (docker/cli `trust sign`, and the signing half of `docker push`).

use std::collections::BTreeMap;

use super::resolve::is_asked_by_pulls;
use super::signers::{RoleChoice, signable};
use super::{Amended, Collection, Error, IfAbsent, Workbench};
use crate::client::{self, Roles};
use crate::edit::Change;
use crate::image::{Descriptor, ImageDigest, Tag};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Custom, Gun, Hashes, KeyId, OnlineRoles, RoleName, Target, Version};
use crate::verify;

/// What to sign, and how.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// Tags and what they stand for; all of them are published at once. Empty to found a collection
    /// only.
    pub tags: Vec<(Tag, Descriptor)>,
    /// Which roles.
    pub roles: RoleChoice,
    /// The publisher's own JSON for each entry.
    pub custom: Option<Custom>,
    /// The root key for a new collection; else the first one here, else a new one.
    pub root_key: Option<KeyId>,
    /// Whether the snapshot key of a new collection is kept here instead of at the server.
    pub local_snapshot: bool,
}

/// What signing did.
#[derive(Debug)]
pub struct Signing {
    /// Each tag, in the order of the request.
    pub tags: Vec<TagSigned>,
    /// The root key with which the collection was founded just now.
    pub founded: Option<KeyId>,
    /// Versions that were published; empty when everything was signed already.
    pub versions: BTreeMap<RoleName, Version>,
    /// How often it was made anew because others were faster.
    pub attempts: u32,
}

/// What became of one tag.
#[derive(Clone, Debug)]
pub struct TagSigned {
    /// The tag.
    pub tag: Tag,
    /// What it stands for now.
    pub digest: ImageDigest,
    /// The roles that sign it so now, with what they said before.
    pub roles: Vec<(RoleName, Change)>,
}

impl TagSigned {
    /// Whether a pull will find this digest: it stands in a role that counts.
    pub fn counts_for_pulls(&self) -> bool {
        self.roles.iter().any(|(role, _)| is_asked_by_pulls(role))
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Signs tags, founding the collection if there is none, as docker's push does.
    ///
    /// # Errors
    ///
    /// [`Error`]; nothing is published then, unless the journey failed on the way back and the
    /// state could not be read again.
    pub async fn sign(
        &self,
        request: &SignRequest,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Signing, Error> {
        let SignRequest { root_key, local_snapshot, .. } = *request;
        let if_absent = IfAbsent::Found { root_key, local_snapshot };
        let sign = |bench: &mut Workbench<'_>| put_all(bench, self.gun(), request);
        let names: Vec<&str> = request.tags.iter().map(|(tag, _)| tag.as_str()).collect();
        let Amended { value: tags, founded, versions, attempts } =
            self.amend_roles(Roles::For(&names), if_absent, store, passphrases, sign).await?;
        Ok(Signing { tags, founded, versions, attempts })
    }
}

/// Puts tags into the roles that the user can sign.
pub(super) fn put_all(
    bench: &mut Workbench<'_>,
    gun: &Gun,
    request: &SignRequest,
) -> Result<Vec<TagSigned>, Error> {
    let one = |(tag, descriptor): &(Tag, Descriptor)| put(bench, gun, request, tag, descriptor);
    request.tags.iter().map(one).collect()
}

/// Puts a tag into the roles that the user can sign.
fn put(
    bench: &mut Workbench<'_>,
    gun: &Gun,
    request: &SignRequest,
    tag: &Tag,
    descriptor: &Descriptor,
) -> Result<TagSigned, Error> {
    let roles = signable(&bench.draft, gun, tag, &request.roles, bench.held())?;
    let mut signed = Vec::with_capacity(roles.len());
    for role in roles {
        make_usable(bench, &role)?;
        // Where publishers sign the snapshot, nobody else can put a role's file into another
        // collection; and there the collection may be copied, with its images, under other names.
        let named = (bench.draft.online_roles() == OnlineRoles::Server).then_some(gun);
        let target = target(named, request, &role, descriptor);
        let change = bench.draft.set_target(&role, tag.as_str(), target)?;
        signed.push((role, change));
    }
    Ok(TagSigned { tag: tag.clone(), digest: descriptor.digest, roles: signed })
}

/// Makes sure that a role can be signed on top of what is published of it. Where nobody who may
/// sign it now has signed it, as after a signer of that name was removed and another was added, it
/// begins anew. What pulls look at does not: losing its entries is for a person to decide.
fn make_usable(bench: &mut Workbench<'_>, role: &RoleName) -> Result<(), Error> {
    let is_orphaned = |reason: &client::Error| {
        matches!(reason, client::Error::Verify(verify::Error::Threshold { valid: 0, .. }))
    };
    match bench.suspended.get(role) {
        Some(suspended)
            if *role != RoleName::releases()
                && bench.draft.targets(role).is_none()
                && bench.unusable.get(role).is_some_and(is_orphaned) =>
        {
            Ok(bench.draft.start_over(role, suspended.clone())?)
        }
        _ => bench.check_usable(role),
    }
}

/// An entry as docker writes it; in a delegated role it also says which collection it is for, if
/// that is to be told.
pub(super) fn target(
    gun: Option<&Gun>,
    request: &SignRequest,
    role: &RoleName,
    descriptor: &Descriptor,
) -> Target {
    let own = request.custom.clone();
    let custom = match (role, gun) {
        (RoleName::Delegation(_), Some(gun)) => Some(Custom::naming(own, gun)),
        _ => own,
    };
    let hashes = Hashes::from(*descriptor.digest.sha256());
    Target { length: descriptor.size, hashes, custom }
}
