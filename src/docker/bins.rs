//! Splitting what a collection signs into hashed bins by hand. Roles that grow large are split by
//! themselves when they are signed.

use super::{Amended, Collection, Error, IfAbsent, Workbench};
use crate::edit::{self, Edited};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Bins, RoleName};

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Splits every role that signs names and whose keys are here, or `targets` while none does,
    /// into so many bins; founds the collection first if that is wanted. Returns the roles that
    /// were split, or split otherwise than before.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] where trust data has no bins, or without the keys; any other [`Error`].
    pub async fn split(
        &self,
        bins: Bins,
        if_absent: IfAbsent,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<Vec<RoleName>>, Error> {
        if !self.policy().dialect.has_bins() {
            return Err(edit::Error::NoBins { role: RoleName::Targets }.into());
        }
        let mut done = Vec::new();
        let split = |bench: &mut Workbench<'_>| {
            let now = split(bench, bins)?;
            if !now.is_empty() {
                done = now;
            }
            // Nothing to do the second time: nobody told us that it had been taken.
            Ok(done.clone())
        };
        self.amend(if_absent, store, passphrases, split).await
    }
}

fn split(bench: &mut Workbench<'_>, bins: Bins) -> Result<Vec<RoleName>, Error> {
    let mut changed = Vec::new();
    for role in to_split(bench)? {
        if bench.draft.split(&role, bins)? != Edited::Unchanged {
            changed.push(role);
        }
    }
    Ok(changed)
}

fn to_split(bench: &Workbench<'_>) -> Result<Vec<RoleName>, Error> {
    let signing = bench.draft.roles().filter(|(_, targets)| !targets.targets.is_empty());
    let mut owners: Vec<RoleName> = Vec::new();
    for owner in signing.map(|(role, _)| bench.draft.owner(role)) {
        if !owners.contains(&owner) && bench.can_sign(&owner)? {
            owners.push(owner);
        }
    }
    if owners.is_empty() {
        owners.push(RoleName::Targets);
    }
    Ok(owners)
}
