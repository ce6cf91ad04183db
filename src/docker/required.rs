//! Signers whose word is wanted for a tag besides that of the role that decides.

use super::resolve::signer;
use super::{Error, Resolution, SignerName};
use crate::image::ImageDigest;
use crate::tuf::RoleName;

impl Resolution {
    /// Refuses the answer unless each of these signers signs the same digest for the tag. Their
    /// roles must have been loaded: [`Detail::Signers`](super::Detail::Signers).
    ///
    /// # Errors
    ///
    /// [`Error::SignersDiffer`] if one signs another digest, [`Error::NotSignedBy`] if one signs
    /// none that counts.
    pub fn check_signed_by(&self, signers: &[SignerName]) -> Result<(), Error> {
        let missing = signers.iter().find(|signer| !self.is_signed_by(signer));
        missing.map_or(Ok(()), |signer| Err(self.lack_of(signer)))
    }

    fn is_signed_by(&self, signer: &SignerName) -> bool {
        self.signers.iter().any(|name| name == signer.as_str())
    }

    fn lack_of(&self, wanted: &SignerName) -> Error {
        let role = match wanted.role() {
            Ok(role) => role,
            Err(error) => return error,
        };
        let (tag, expected) = (self.reference.tag().clone(), self.reference.digest());
        let targets = &self.collection.targets;
        let is_theirs = signer(targets, &role) == Some(wanted.as_str());
        let entry = targets.signed_by(&role).find(|(name, _)| *name == tag.as_str());
        if let Some((_, target)) = entry.filter(|_| is_theirs) {
            let digest = target.hashes.sha256().map(|hash| ImageDigest::from(hash).to_string());
            let found = digest.unwrap_or_else(|| "something without a sha256".to_owned());
            return Error::SignersDiffer { role, tag, expected, found };
        }
        let unusable = self.collection.unusable.get(&role).map(ToString::to_string);
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
}
