//! Signers whose word is wanted for a tag besides that of the role that decides.

use super::resolve::{check_collection, signer, signers_for};
use super::{Error, Resolution, SignerName};
use crate::client::Refreshed;
use crate::image::{ImageDigest, Tag};
use crate::tuf::RoleName;

impl Resolution {
    /// Refuses the answer unless each of these signers signs the same digest for the tag. Their
    /// roles must have been looked for ([`Detail::Signers`](super::Detail)).
    ///
    /// # Errors
    ///
    /// [`Error::SignersDiffer`] if one signs another digest, [`Error::OtherCollection`] if one signs it
    /// for another collection, [`Error::NotSignedBy`] if one signs none that counts.
    pub fn check_signed_by(&self, signers: &[SignerName]) -> Result<(), Error> {
        let (tag, digest) = (self.reference.tag(), self.reference.digest());
        check_signed_by(&self.collection, tag, digest, signers)
    }
}

/// The same of what was looked up otherwise.
///
/// # Errors
///
/// As [`Resolution::check_signed_by`].
pub fn check_signed_by(
    collection: &Refreshed,
    tag: &Tag,
    expected: ImageDigest,
    signers: &[SignerName],
) -> Result<(), Error> {
    let signed_by = |wanted: &SignerName| {
        signers_for(collection, tag.as_str(), Some(expected)).any(|it| it == wanted.as_str())
    };
    let missing = signers.iter().find(|wanted| !signed_by(wanted));
    missing.map_or(Ok(()), |wanted| Err(lack_of(collection, tag, expected, wanted)))
}

fn lack_of(collection: &Refreshed, tag: &Tag, expected: ImageDigest, wanted: &SignerName) -> Error {
    let role = match wanted.role() {
        Ok(role) => role,
        Err(error) => return error,
    };
    let (targets, tag) = (&collection.targets, tag.clone());
    let is_theirs = signer(targets, &role) == Some(wanted.as_str());
    let entry = targets.signed_by(&role).find(|(name, _)| *name == tag.as_str());
    if let Some((name, target)) = entry.filter(|_| is_theirs) {
        if let Err(error) = check_collection(&targets.root().policy().gun, &role, name, target) {
            return error;
        }
        let digest = target.hashes.sha256().map(|hash| ImageDigest::from(hash).to_string());
        let found = digest.unwrap_or_else(|| "something without a sha256".to_owned());
        return Error::SignersDiffer { role, tag, expected, found };
    }
    let unusable = collection.unusable.get(&role).map(ToString::to_string);
    let owner = targets.role(&RoleName::Targets).map(|it| &it.content().delegations);
    let reason = unusable.unwrap_or_else(|| match owner.and_then(|it| it.role(&role)) {
        Some(_) if !is_theirs && targets.role(&role).is_some() => {
            "another role that delegates to it was asked first".to_owned()
        }
        Some(_) => "does not sign it".to_owned(),
        None => "is no signer here".to_owned(),
    });
    Error::NotSignedBy { role, tag, reason }
}
