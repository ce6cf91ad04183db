//! Roles as a whole: signed again as they are, taken over, begun anew (Notary `client/witness.go`).

use super::draft::Sheet;
use super::{Draft, Error};
use crate::tuf::{RoleName, Targets, Version, distinct_keys};
use crate::verify::SuspendedRole;

impl Draft {
    /// Has a role signed again as it is: with new dates, and by the keys that it has now.
    ///
    /// # Errors
    ///
    /// [`Error::Role`]; [`Error::ServersRole`] for a timestamp that the server signs, and for a
    /// snapshot that is not there yet.
    pub fn renew(&mut self, role: &RoleName) -> Result<(), Error> {
        match role {
            RoleName::Root => self.root.touch(),
            RoleName::Snapshot if self.snapshot.is_some() => self.renew_snapshot = true,
            RoleName::Timestamp if self.signs_timestamp() && self.snapshot.is_some() => {
                self.renew_timestamp = true;
            }
            RoleName::Snapshot | RoleName::Timestamp => {
                return Err(Error::ServersRole { role: role.clone() });
            }
            RoleName::Targets | RoleName::Delegation(_) => self.sheet(role)?.touched = true,
        }
        Ok(())
    }

    /// Takes over the content of a delegated role that counts for nothing now, so that it can be
    /// signed again. Whoever signs it vouches for entries that too few others, or none, vouch for.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role that nobody delegates to.
    pub fn take_over(&mut self, role: &RoleName, suspended: SuspendedRole) -> Result<(), Error> {
        self.delegation(role).ok_or_else(|| Error::Role { role: role.clone() })?;
        let content = suspended.into_unverified_content();
        let sheet = Sheet { content, signers: None, published: true, touched: true };
        self.roles.insert(role.clone(), sheet);
        Ok(())
    }

    /// Begins a delegated role anew, without the entries of its file that counts for nothing now.
    ///
    /// # Errors
    ///
    /// As [`Draft::take_over`].
    pub fn start_over(&mut self, role: &RoleName, suspended: SuspendedRole) -> Result<(), Error> {
        self.take_over(role, suspended)?;
        let sheet = self.sheet(role)?;
        let version = sheet.content.version;
        sheet.content = Targets { version, ..Sheet::empty().content };
        Ok(())
    }

    /// The delegated roles that this draft begins, as far as it knows.
    pub fn begun(&self) -> impl Iterator<Item = &RoleName> {
        let begun = |(role, sheet): &(&RoleName, &Sheet)| {
            role.parent().is_some() && sheet.touched && !sheet.published
        };
        self.roles.iter().filter(begun).map(|(role, _)| role)
    }

    /// Has a role that this draft begins follow a version that no snapshot lists any more: of a
    /// role of that name which was removed.
    ///
    /// # Errors
    ///
    /// [`Error::Role`].
    pub fn follow(&mut self, role: &RoleName, version: Version) -> Result<(), Error> {
        let sheet = self.sheet(role)?;
        (sheet.content.version, sheet.published) = (version, true);
        Ok(())
    }

    /// Published roles that this draft does not sign again, and which their published signatures do
    /// not carry any more, because keys were taken from them or a threshold was raised. Also those
    /// whose bins such keys could still sign.
    pub fn weakened(&self) -> Vec<RoleName> {
        let weak = |(name, sheet): (&RoleName, &Sheet)| {
            let signers = sheet.signers.as_ref().filter(|_| !sheet.touched)?;
            let (role, keys) = self.keys_of(name).ok()?;
            let signed = keys.into_iter().filter(|key| signers.contains(&key.id()));
            let is_weak = distinct_keys(signed) < role.threshold().count();
            (is_weak || self.bins_are_looser(name)).then(|| name.clone())
        };
        self.roles.iter().filter_map(weak).collect()
    }
}
