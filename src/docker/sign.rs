//! Signing tags (docker/cli `trust sign`, and the signing half of `docker push`).

use std::collections::BTreeMap;

use super::found::look_up_in;
use super::signers::{RoleChoice, signable};
use super::{Amended, Collection, Error, IfAbsent, Workbench};
use crate::client::{self, Roles};
use crate::edit::Change;
use crate::image::{Descriptor, ImageDigest, Tag};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Custom, Gun, Hashes, KeyId, OnlineRoles, RoleName, SearchOrder, Target, Version};
use crate::{edit, verify};

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
    /// The roles that it was taken out of because look-ups ask them before those, with what they
    /// said.
    pub withdrawn: Vec<(RoleName, Target)>,
    /// What pulls find for the tag now, and where; `None` if nothing.
    pub found: Option<(RoleName, Target)>,
}

impl TagSigned {
    /// Whether a pull will find this digest.
    pub fn counts_for_pulls(&self) -> bool {
        self.found.as_ref().is_some_and(|(_, found)| says(found, self.digest))
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
pub(super) fn put(
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
    let digest = descriptor.digest;
    let (withdrawn, found) = match request.roles {
        RoleChoice::These(_) => (Vec::new(), look_up_in(&bench.draft, tag.as_str()).ok().flatten()),
        _ => (make_found(bench, tag, digest)?, look_up_in(&bench.draft, tag.as_str())?),
    };
    let found = found.map(|(role, target)| (role, target.clone()));
    Ok(TagSigned { tag: tag.clone(), digest, roles: signed, withdrawn, found })
}

/// Has pulls find what was signed for them, where they ask other roles before: what those still say
/// of the tag is taken out. docker asks nobody before `targets/releases`.
///
/// # Errors
///
/// [`Error::Outranked`] if such a role cannot be signed here; [`Error::Unusable`] if it cannot be
/// read.
fn make_found(
    bench: &mut Workbench<'_>,
    tag: &Tag,
    digest: ImageDigest,
) -> Result<Vec<(RoleName, Target)>, Error> {
    let mut withdrawn = Vec::new();
    while let Some(role) = outranking(bench, tag, digest)? {
        let missing = edit::Error::Role { role: role.clone() };
        let target = bench.draft.remove_target(&role, tag.as_str())?.ok_or(missing)?;
        withdrawn.push((role, target));
    }
    Ok(withdrawn)
}

/// The role in which a look-up in turn finds another digest.
fn outranking(
    bench: &Workbench<'_>,
    tag: &Tag,
    digest: ImageDigest,
) -> Result<Option<RoleName>, Error> {
    let in_turn = bench.draft.search_order() == SearchOrder::DepthFirst;
    let found = look_up_in(&bench.draft, tag.as_str())?;
    match found.filter(|(_, found)| in_turn && !says(found, digest)) {
        Some((role, _)) if !bench.can_sign(&role)? => {
            let keys = bench.possible_keys(&role)?;
            Err(Error::Outranked { role, tag: tag.clone(), keys })
        }
        found => Ok(found.map(|(role, _)| role)),
    }
}

fn says(target: &Target, digest: ImageDigest) -> bool {
    target.hashes.sha256().map(ImageDigest::from) == Some(digest)
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
