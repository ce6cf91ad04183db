//! Signing roles again as they are (Notary `client/witness.go`).

use super::{Amended, Collection, Error, Workbench};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::RoleName;

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Signs roles again as they are, with new dates and the keys that they have now; also what
    /// expired, and a delegation that lost the keys that had signed it.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] for a role that is damaged; [`Error::Unpublished`] for one that nobody
    /// delegates to, or has signed yet; [`Error::Edit`] for one of which too few keys are here.
    pub async fn witness(
        &self,
        roles: &[RoleName],
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<()>, Error> {
        let witness = |bench: &mut Workbench<'_>| roles.iter().try_for_each(|it| bench.witness(it));
        self.amend_expired(store, passphrases, witness).await
    }
}

impl Workbench<'_> {
    /// Has a role signed again as it is, if it can be.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`] for a damaged role, [`Error::Unpublished`] for one that nobody delegates
    /// to or has signed yet.
    pub fn witness(&mut self, role: &RoleName) -> Result<(), Error> {
        if let Some(suspended) = self.suspended.get(role)
            && self.draft.targets(role).is_none()
        {
            return Ok(self.draft.take_over(role, suspended.clone())?);
        }
        self.check_usable(role)?;
        if role.lists_targets() && self.draft.targets(role).is_none() {
            return Err(Error::Unpublished { role: role.clone() });
        }
        Ok(self.draft.renew(role)?)
    }
}
