//! What an image reference asks of a collection: what a tag means, or whether a digest is what some
//! tag means (docs/decisions/0056-a-digest-without-a-tag.md).

use super::found::found;
use super::required::check_signed_by;
use super::resolve::{settle_releases, signers_of};
use super::{Collection, Detail, Error, Resolution, SignerName, TrustedReference};
use crate::client::{Refreshed, Roles, Wish};
use crate::image::{ImageDigest, Tag};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Gun, RoleName, SearchOrder};
use crate::verify::Wanted;

/// What an image reference asks of a collection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Query {
    /// What a tag means; this digest, if one is given.
    Tag(Tag, Option<ImageDigest>),
    /// Whether this digest is what some tag means now.
    Digest(ImageDigest),
}

impl Query {
    /// What a reference with these parts asks; one with neither asks for `latest`.
    pub fn of(tag: Option<&Tag>, digest: Option<ImageDigest>) -> Self {
        match (tag, digest) {
            (None, Some(digest)) => Self::Digest(digest),
            (tag, digest) => Self::Tag(tag.cloned().unwrap_or_else(Tag::latest), digest),
        }
    }

    /// The same of content that is at hand: the answer must be this digest. `None` if another one is
    /// asked for.
    pub fn about(self, found: ImageDigest) -> Option<Self> {
        match self {
            Self::Tag(tag, None) => Some(Self::Tag(tag, Some(found))),
            Self::Tag(_, Some(given)) | Self::Digest(given) => (given == found).then_some(self),
        }
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// The signed digest that a reference asks for, if each of these signers signs it, too.
    ///
    /// # Errors
    ///
    /// As [`Collection::resolve`] and [`Resolution::check_signed_by`]; [`Error::NoSuchDigest`] for a
    /// digest that no tag means now.
    pub async fn answer(
        &self,
        query: &Query,
        detail: Detail,
        required: &[SignerName],
    ) -> Result<Resolution, Error> {
        let detail = if required.is_empty() { detail } else { Detail::Signers };
        match query {
            Query::Tag(tag, given) => {
                let resolution = self.resolve(tag, *given, detail).await?;
                resolution.check_signed_by(required)?;
                Ok(resolution)
            }
            Query::Digest(digest) => {
                let releases = [RoleName::releases()];
                let roles = match (detail, self.policy().dialect.search_order()) {
                    (Detail::Answer, SearchOrder::BreadthFirst) => Roles::These(&releases),
                    _ => Roles::All,
                };
                let collection = self.refresh(Wish { roles, wanted: Wanted::Everything }).await?;
                resolve_digest_in(self.gun(), collection, *digest, required)
            }
        }
    }
}

/// Looks for a tag that means a digest, in a collection of which every role is loaded that decides
/// about any tag.
fn resolve_digest_in(
    gun: &Gun,
    mut collection: Refreshed,
    digest: ImageDigest,
    required: &[SignerName],
) -> Result<Resolution, Error> {
    let notes = settle_releases(&mut collection)?;
    match meant_by_some_tag(gun, &collection, digest, required) {
        Some(meant) => {
            let (reference, signers) = meant?;
            Ok(Resolution { reference, signers, collection, notes })
        }
        None => Err(not_meant(gun, collection, digest)),
    }
}

/// The first tag of those that mean a digest that nothing speaks against, and who signs it; else
/// what speaks against the first. `None` if no tag means it.
fn meant_by_some_tag(
    gun: &Gun,
    collection: &Refreshed,
    digest: ImageDigest,
    required: &[SignerName],
) -> Option<Result<(TrustedReference, Vec<String>), Error>> {
    let mut refused = None;
    for (name, (role, target)) in found(&collection.targets) {
        // What no image can be called, no look-up finds.
        let Ok(tag) = name.parse::<Tag>() else { continue };
        if target.hashes.sha256().map(ImageDigest::from) != Some(digest) {
            continue;
        }
        let reference = TrustedReference::of(gun, &tag, role, target);
        let signed = reference
            .and_then(|it| check_signed_by(collection, &tag, digest, required).map(|()| it));
        match signed {
            Ok(reference) => return Some(Ok((reference, signers_of(collection, name, target)))),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    refused.map(Err)
}

/// Where a role that might have said otherwise cannot be read, that is why.
fn not_meant(gun: &Gun, mut collection: Refreshed, digest: ImageDigest) -> Error {
    let asked_in_turn = collection.targets.root().policy().dialect.search_order();
    match collection.unusable.pop_first() {
        Some((_, error)) if asked_in_turn == SearchOrder::DepthFirst => error.into(),
        _ => Error::NoSuchDigest { gun: gun.clone(), digest },
    }
}
