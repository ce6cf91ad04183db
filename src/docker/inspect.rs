//! Who signs what in a repository (docker/cli `trust inspect`).

use std::collections::BTreeSet;

use super::found::found;
use super::resolve::{other_collection, refuse_unusable, signer_named_by, signers_of};
use super::{Collection, Error};
use crate::client::{Refreshed, Roles, Wish};
use crate::image::{ImageDigest, Tag};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Delegation, Delegations, Key, KeyId, RoleName, SearchOrder, Target};
use crate::verify::Wanted;

/// What docker shows of a repository.
#[derive(Debug)]
pub struct Inspection {
    /// Tags in `targets/releases` and `targets`, of which one with two digests stands there twice;
    /// in TUF 1.0 what a look-up finds.
    pub tags: Vec<SignedTag>,
    /// Delegated roles other than `targets/releases`, by name.
    pub signers: Vec<SignerKeys>,
    /// `Root` and `Repository`.
    pub administrative: Vec<AdministrativeKey>,
    /// The collection as it was read.
    pub collection: Refreshed,
}

/// A signed tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedTag {
    /// The name; collections that are no images may sign what is no tag.
    pub tag: String,
    /// The signed digest, if it is a SHA-256.
    pub digest: Option<ImageDigest>,
    /// The signed size in bytes.
    pub size: u64,
    /// The role that shows it.
    pub role: RoleName,
    /// Delegations that sign the same digest.
    pub signers: Vec<String>,
    /// The collection for which it says it was signed, if that is another one: pulls refuse it.
    pub signed_for: Option<String>,
}

/// What pulls find.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pulled {
    /// Each tag once, as the role signs it that they come to.
    pub tags: Vec<SignedTag>,
    /// Tags of which that role's entry was signed for another collection: a pull is refused.
    pub misplaced: Vec<SignedTag>,
}

/// A delegation and its keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignerKeys {
    /// The role's name without `targets/`.
    pub name: String,
    /// Canonical ids, in the role's order.
    pub keys: Vec<KeyId>,
}

/// The keys of `Root` or `Repository`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdministrativeKey {
    /// `Root` or `Repository`, as docker calls them.
    pub name: &'static str,
    /// Ids as docker shows them: of the certificate for `Root`.
    pub keys: Vec<KeyId>,
    /// Names of the private key files.
    pub canonical: Vec<KeyId>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Who signs what; of one tag, if one is given.
    ///
    /// # Errors
    ///
    /// As [`Collection::refresh`]. Delegations that cannot be used are left out and named in the
    /// collection.
    pub async fn inspect(&self, tag: Option<&Tag>) -> Result<Inspection, Error> {
        let name = tag.map(|tag| [tag.as_str()]);
        let roles = name.as_ref().map_or(Roles::All, |name| Roles::For(name));
        let wish = Wish { roles, wanted: Wanted::Everything };
        let collection = self.refresh(wish).await?;
        let tags = signed_tags(&collection, tag);
        let signers = signers(&collection);
        let administrative = administrative(&collection);
        Ok(Inspection { tags, signers, administrative, collection })
    }
}

impl Inspection {
    /// Tags that say that they were signed for another collection, and which: pulls refuse them.
    pub fn misplaced(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter().filter_map(|signed| Some((&*signed.tag, signed.signed_for.as_deref()?)))
    }

    /// What pulls look up: each tag once, as the role signs it that they come to. To be shown: it
    /// passes over roles that cannot be used, as a pull does not.
    pub fn pulled(&self) -> Vec<SignedTag> {
        pulled(&self.collection)
    }

    /// The same, to be pulled.
    ///
    /// # Errors
    ///
    /// As [`Collection::resolve`]: where a role that decides cannot be used, no other one answers in
    /// its place.
    pub fn into_pulled(mut self) -> Result<Pulled, Error> {
        refuse_unusable(&mut self.collection)?;
        let found = self.pulled().into_iter();
        let (tags, misplaced) = found.partition(|signed| signed.signed_for.is_none());
        Ok(Pulled { tags, misplaced })
    }
}

fn pulled(collection: &Refreshed) -> Vec<SignedTag> {
    let found = found(&collection.targets).into_iter();
    found.map(|(tag, (role, target))| signed_tag(collection, role, tag, target)).collect()
}

fn signed_tag(collection: &Refreshed, role: &RoleName, tag: &str, target: &Target) -> SignedTag {
    SignedTag {
        tag: tag.to_owned(),
        digest: target.hashes.sha256().map(ImageDigest::from),
        size: target.length,
        role: role.clone(),
        signers: signers_of(collection, tag, target),
        signed_for: other_collection(&collection.targets.root().policy().gun, target),
    }
}

/// As docker tells of them: what `targets` and `targets/releases` say differently stands there
/// twice.
fn signed_tags(collection: &Refreshed, only: Option<&Tag>) -> Vec<SignedTag> {
    let mut tags = match collection.targets.root().policy().dialect.search_order() {
        SearchOrder::BreadthFirst => as_docker_tells(collection),
        SearchOrder::DepthFirst => pulled(collection),
    };
    tags.retain(|signed| only.is_none_or(|only| only.as_str() == signed.tag));
    tags
}

fn as_docker_tells(collection: &Refreshed) -> Vec<SignedTag> {
    let mut seen = BTreeSet::new();
    let mut tags = Vec::new();
    for name in [RoleName::Targets, RoleName::releases()] {
        for (tag, target) in collection.targets.signed_by(&name) {
            if seen.insert((tag.to_owned(), target.hashes.sha256())) {
                tags.push(signed_tag(collection, &name, tag, target));
            }
        }
    }
    tags
}

fn signers(collection: &Refreshed) -> Vec<SignerKeys> {
    let targets = &collection.targets;
    let named = |by: &RoleName, all: &Delegations, it: &Delegation| {
        let name = signer_named_by(targets, by, &it.name)?.to_owned();
        Some(SignerKeys { name, keys: all.keys_of(it).map(Key::known_as).collect() })
    };
    let mut signers: Vec<SignerKeys> = targets
        .delegations()
        .filter(|(.., it)| !it.is_bin())
        .filter_map(|(by, all, it)| named(by, all, it))
        .collect();
    signers.sort_by(|left, right| left.name.cmp(&right.name));
    signers
}

fn administrative(collection: &Refreshed) -> Vec<AdministrativeKey> {
    let root = collection.targets.root().content();
    [("Root", &root.root), ("Repository", &root.targets)]
        .into_iter()
        .map(|(name, role)| AdministrativeKey {
            name,
            keys: role.keyids().to_vec(),
            canonical: root.keys_of(role).filter_map(Key::canonical_id).collect(),
        })
        .collect()
}
