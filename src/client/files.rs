//! The files of one collection: those stored when the update began, and those that a trusted file
//! lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Error;
use super::refresh::Roles;
use crate::crypto::Hashed;
use crate::net::{self, Remote, RemoteFile};
use crate::storage::Cache;
use crate::tuf::{Bin, FileMeta, Naming, RoleName};
use crate::verify::{self, Policy, TrustedSnapshot};

/// Where files come from. Nothing here is trusted, and nothing is written.
pub(super) struct Files<'f, R> {
    policy: &'f Policy,
    remote: Option<&'f R>,
    stored: BTreeMap<RoleName, Arc<Hashed<'static>>>,
}

/// A listed file.
pub(super) struct Loaded<'f> {
    pub(super) file: Hashed<'f>,
    /// Whether it came from the server.
    pub(super) new: bool,
}

impl<'f, R: Remote> Files<'f, R> {
    /// Looks at what is stored before anything is asked. What another process stores from then on
    /// is none of this update's business: it may be newer than the answers that we get.
    pub(super) fn picture(
        policy: &'f Policy,
        cache: &impl Cache,
        remote: Option<&'f R>,
        roles: Roles<'_>,
    ) -> Result<Self, Error> {
        let mut files = Self { policy, remote, stored: BTreeMap::new() };
        for role in [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
            files.look(cache, role)?;
        }
        for role in files.delegations(roles) {
            files.look(cache, role)?;
        }
        Ok(files)
    }

    /// Looks at the stored file of one role alone.
    pub(super) fn of_role(
        policy: &'f Policy,
        cache: &impl Cache,
        remote: Option<&'f R>,
        role: &RoleName,
    ) -> Result<Self, Error> {
        let mut files = Self { policy, remote, stored: BTreeMap::new() };
        files.look(cache, role.clone())?;
        Ok(files)
    }

    /// The server; `None` when it is not to be asked.
    pub(super) fn remote(&self) -> Option<&'f R> {
        self.remote
    }

    /// The stored file of a role, as it was when the update began.
    pub(super) fn stored(&self, role: &RoleName) -> Option<&[u8]> {
        self.stored.get(role).map(|file| file.as_bytes())
    }

    /// The listed file of a role: the stored one if that is it, else the server's.
    pub(super) async fn load(
        &self,
        role: &RoleName,
        snapshot: &TrustedSnapshot,
    ) -> Result<Loaded<'_>, Error> {
        let reason = "the snapshot does not list it";
        let missing = || verify::Error::NotListed { role: role.clone(), reason };
        let listed = snapshot.listed(role).ok_or_else(missing)?;
        let stored = self.stored.get(role).map(|file| Hashed::from(&**file));
        if let Some(file) = stored.filter(|file| self.policy.is_listed(role, listed, file)) {
            return Ok(Loaded { file, new: false });
        }
        let fetched = self.fetch(role, listed, snapshot.root().content().naming).await?;
        Ok(Loaded { file: Hashed::of(fetched), new: true })
    }

    /// The server's file that a trusted file lists.
    pub(super) async fn fetch(
        &self,
        role: &RoleName,
        listed: &FileMeta,
        naming: Naming,
    ) -> Result<Vec<u8>, Error> {
        let Some(remote) = self.remote else { return Err(self.not_stored(role.clone())) };
        let missing = |what: String| Error::Missing { role: role.clone(), what };
        let (file, what) = match (naming, listed.sha256(), listed.version) {
            (Naming::ByHash, Some(sha256), _) => {
                (RemoteFile::ByHash(role.clone(), sha256), format!("sha256 {sha256}"))
            }
            (Naming::ByVersion, _, Some(version)) => {
                (RemoteFile::ByVersion(role.clone(), version), format!("version {version}"))
            }
            (Naming::Current, ..) => {
                (RemoteFile::Current(role.clone()), "the current one".to_owned())
            }
            (Naming::ByHash, ..) => return Err(missing("no sha256 to ask by".to_owned())),
            (Naming::ByVersion, ..) => return Err(missing("no version to ask by".to_owned())),
        };
        let ours = self.policy.limits.bytes(role);
        let limit = listed.length.map_or(ours, |length| ours.min(length));
        match remote.fetch(&file, limit).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(missing(what)),
            Err(net::Error::TooLarge { .. }) if limit < ours => {
                Err(longer_than_listed(role, limit).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn not_stored(&self, role: RoleName) -> Error {
        Error::NotStored { gun: self.policy.gun.clone(), role }
    }

    fn look(&mut self, cache: &impl Cache, role: RoleName) -> Result<(), Error> {
        if let Some(bytes) = cache.read(&role, self.policy.limits.bytes(&role))? {
            let file = Arc::new(Hashed::of(bytes));
            if self.remote.is_some() {
                hash_meanwhile(&file);
            }
            self.stored.insert(role, file);
        }
        Ok(())
    }

    /// The delegated roles that may be stored: by the word of the stored snapshot, which need not
    /// be true for this.
    fn delegations(&self, roles: Roles<'_>) -> Vec<RoleName> {
        let listed = || self.policy.unverified_listing(self.stored(&RoleName::Snapshot)?);
        let delegated = || {
            let roles = listed().into_iter().flat_map(BTreeMap::into_keys);
            roles.filter(|role| matches!(role, RoleName::Delegation(_)))
        };
        match roles {
            Roles::These(these) => these.to_vec(),
            Roles::For(names) => {
                let has_bins = self.policy.dialect.has_bins();
                let held = |role: &RoleName| {
                    !has_bins || names.iter().any(|name| Bin::may_hold(role, name))
                };
                delegated().filter(held).collect()
            }
            Roles::All => delegated().collect(),
        }
    }
}

/// Has a large file hashed while the server is asked: its hash is what an unchanged collection costs
/// most. Where there is no runtime to do so, it is hashed when it is needed.
fn hash_meanwhile(file: &Arc<Hashed<'static>>) {
    if file.as_bytes().len() >= LARGE
        && let Ok(runtime) = tokio::runtime::Handle::try_current()
    {
        let file = Arc::clone(file);
        runtime.spawn_blocking(move || file.sha256());
    }
}

fn longer_than_listed(role: &RoleName, limit: u64) -> verify::Error {
    verify::Error::Mismatch {
        role: role.clone(),
        what: "length",
        expected: limit.to_string(),
        found: format!("more than {limit}"),
    }
}

/// Bytes from which on another thread is worth its while.
const LARGE: usize = 256 * 1024;
