//! From a tag to the digest that its publisher signed (docker/cli `getTrustedPullTargets`).

use std::fmt;

use super::found::look_up;
use super::{Collection, Error};
use crate::client::{self, Refreshed, Roles, Wish};
use crate::image::{ImageDigest, Tag};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Custom, Gun, RoleName, SearchOrder, Target};
use crate::verify::{self, TrustedRole, TrustedTargets, Wanted};

/// A name with the digest that its publisher signed for a tag. Nothing else can make one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustedReference {
    name: String,
    tag: Tag,
    digest: ImageDigest,
    size: u64,
    role: RoleName,
}

impl TrustedReference {
    /// What a look-up of a tag found, unless that is none or was signed for another collection.
    pub(super) fn of(
        gun: &Gun,
        tag: &Tag,
        role: &RoleName,
        target: &Target,
    ) -> Result<Self, Error> {
        check_collection(gun, role, tag.as_str(), target)?;
        let digest = digest_of(role, tag, target)?;
        let (name, tag, role) = (gun.to_string(), tag.clone(), role.clone());
        Ok(Self { name, tag, digest, size: target.length, role })
    }

    /// The repository's full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// The signed digest.
    pub fn digest(&self) -> ImageDigest {
        self.digest
    }

    /// The signed size of the manifest in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The role that signs it.
    pub fn role(&self) -> &RoleName {
        &self.role
    }
}

impl fmt::Display for TrustedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.digest)
    }
}

/// A trusted reference and what it rests on.
#[derive(Debug)]
pub struct Resolution {
    /// The answer.
    pub reference: TrustedReference,
    /// Names of the signers that sign the same digest for the tag, as far as their roles were
    /// loaded.
    pub signers: Vec<String>,
    /// The collection as it was read.
    pub collection: Refreshed,
    /// What the user should know.
    pub notes: Vec<Note>,
}

/// What is not wrong but worth a line.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// `targets/releases` is delegated but nothing was ever published in it; `targets` answered.
    ReleasesNeverPublished,
}

/// Which delegated roles a look-up loads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Detail {
    /// Those that decide.
    Answer,
    /// All of them, to name every signer.
    Signers,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// The digest that is signed for a tag; it must be `given`, if a digest is given.
    ///
    /// # Errors
    ///
    /// [`Error`]. An unusable `targets/releases` is an error and not a reason to ask `targets`.
    pub async fn resolve(
        &self,
        tag: &Tag,
        given: Option<ImageDigest>,
        detail: Detail,
    ) -> Result<Resolution, Error> {
        let (releases, names) = ([RoleName::releases()], [tag.as_str()]);
        let roles = match detail {
            Detail::Answer => Roles::These(&releases),
            Detail::Signers => Roles::For(&names),
        };
        let wanted = Wanted::Names(&names);
        let mut collection = self.refresh(Wish { roles, wanted }).await?;
        if let SearchOrder::DepthFirst = self.policy().dialect.search_order() {
            client::search(&mut collection, self.cache(), self.remote(), tag.as_str()).await?;
        }
        resolve_in(self.gun(), collection, tag, given)
    }
}

/// Looks a tag up in a collection whose deciding roles are loaded.
///
/// # Errors
///
/// As [`Collection::resolve`].
pub(super) fn resolve_in(
    gun: &Gun,
    mut collection: Refreshed,
    tag: &Tag,
    given: Option<ImageDigest>,
) -> Result<Resolution, Error> {
    let notes = settle_releases(&mut collection)?;
    let (role, target) =
        look_up(&collection.targets, tag.as_str()).ok_or_else(|| Error::NoSuchTag {
            gun: gun.clone(),
            tag: tag.clone(),
            elsewhere: holders(&collection, tag.as_str()),
        })?;
    let reference = TrustedReference::of(gun, tag, role, target)?;
    let signed = reference.digest();
    if let Some(given) = given.filter(|given| *given != signed) {
        return Err(Error::OtherDigest { tag: tag.clone(), given, signed });
    }
    let signers = signers_of(&collection, tag.as_str(), target);
    Ok(Resolution { reference, signers, collection, notes })
}

/// Refuses a `targets/releases` that is delegated, was published, and cannot be used.
pub(super) fn settle_releases(collection: &mut Refreshed) -> Result<Vec<Note>, Error> {
    let releases = RoleName::releases();
    if let Some(error) = collection.unusable.remove(&releases) {
        return Err(error.into());
    }
    let targets = &collection.targets;
    if targets.delegation_to(&releases).is_none() || targets.role(&releases).is_some() {
        return Ok(Vec::new());
    }
    if collection.before.knows(&releases) {
        return Err(client::Error::Verify(verify::Error::Vanished { role: releases }).into());
    }
    Ok(vec![Note::ReleasesNeverPublished])
}

/// Refuses a collection in which a role that decides cannot be used; one that pulls never ask is
/// left out. In TUF 1.0 every role may decide.
pub(super) fn refuse_unusable(collection: &mut Refreshed) -> Result<(), Error> {
    settle_releases(collection)?;
    match collection.targets.root().policy().dialect.search_order() {
        SearchOrder::BreadthFirst => Ok(()),
        SearchOrder::DepthFirst => match collection.unusable.pop_first() {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        },
    }
}

/// The roles that sign a tag at all.
pub(super) fn holders(collection: &Refreshed, tag: &str) -> Vec<RoleName> {
    let targets = &collection.targets;
    let holding = targets.roles().filter(|(_, role)| role.target(tag).is_some());
    holding.map(|(name, _)| targets.owner(name).clone()).collect()
}

/// The signers that sign the same digest.
pub(super) fn signers_of(collection: &Refreshed, tag: &str, target: &Target) -> Vec<String> {
    let digest = target.hashes.sha256().map(ImageDigest::from);
    signers_for(collection, tag, digest).map(str::to_owned).collect()
}

/// The signers that sign this digest for the tag. What was signed for another collection is nobody's word
/// for this one.
pub(super) fn signers_for<'c>(
    collection: &'c Refreshed,
    tag: &str,
    digest: Option<ImageDigest>,
) -> impl Iterator<Item = &'c str> {
    let targets = &collection.targets;
    let gun = &targets.root().policy().gun;
    let vouches = move |found: &Target| {
        found.hashes.sha256().map(ImageDigest::from) == digest
            && other_collection(gun, found).is_none()
    };
    let roles = targets.roles().filter(move |(_, role)| role.target(tag).is_some_and(vouches));
    roles.filter_map(|(name, _)| signer(targets, name))
}

/// The signer in whose name a loaded role signs.
pub(super) fn signer<'t>(targets: &'t TrustedTargets, role: &'t RoleName) -> Option<&'t str> {
    let owner = targets.owner(role);
    signer_named_by(targets, targets.role(owner)?.delegator()?, owner)
}

/// The signer whose role it is, if this role delegates to it.
pub(super) fn signer_named_by<'r>(
    targets: &TrustedTargets,
    delegator: &RoleName,
    role: &'r RoleName,
) -> Option<&'r str> {
    let named = *role != RoleName::releases() && may_name(targets, delegator, role);
    role.signer_name().filter(|_| named)
}

/// Whether a role's name counts if this role delegates to it: `targets` says who signers are, and
/// each of them who those below are. In TUF 1.0 everybody may delegate to a role of any name.
fn may_name(targets: &TrustedTargets, delegator: &RoleName, role: &RoleName) -> bool {
    let above = || targets.role(delegator).and_then(TrustedRole::delegator);
    *delegator == RoleName::Targets
        || role.parent().as_ref() == Some(delegator)
            && above().is_some_and(|above| may_name(targets, above, delegator))
}

/// The collection for which an entry says that it was signed, if it is another one than this.
pub(super) fn other_collection(gun: &Gun, target: &Target) -> Option<String> {
    target.custom.as_ref().and_then(Custom::gun).filter(|named| named != gun.as_str())
}

/// An entry that says for which collection it was signed must say this one: a signer's key may
/// serve several, and nothing else in a delegation's file tells them apart.
pub(super) fn check_collection(
    gun: &Gun,
    role: &RoleName,
    name: &str,
    target: &Target,
) -> Result<(), Error> {
    let Some(found) = other_collection(gun, target) else { return Ok(()) };
    let (role, name, expected) = (role.clone(), name.to_owned(), gun.clone());
    Err(Error::OtherCollection { role, name, expected, found })
}

fn digest_of(role: &RoleName, tag: &Tag, target: &Target) -> Result<ImageDigest, Error> {
    let missing = || Error::NoDigest { role: role.clone(), tag: tag.clone() };
    target.hashes.sha256().map(ImageDigest::from).ok_or_else(missing)
}
