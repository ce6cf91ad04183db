//! The files of one collection: stored ones, and those that a trusted file lists.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::Error;
use crate::crypto::Hashed;
use crate::net::{self, Remote, RemoteFile};
use crate::storage::Cache;
use crate::tuf::{FileMeta, RoleName};
use crate::verify::{self, Policy, TrustedSnapshot};

/// Where files come from. Nothing here is trusted, and nothing is stored.
pub(super) struct Files<'f, C, R> {
    pub(super) policy: &'f Policy,
    pub(super) cache: &'f C,
    pub(super) remote: Option<&'f R>,
}

/// A listed file.
pub(super) struct Loaded {
    pub(super) file: Hashed<'static>,
    /// Whether it came from the server.
    pub(super) new: bool,
    /// What is stored in its place.
    pub(super) replaced: Option<Vec<u8>>,
}

impl<C: Cache, R: Remote> Files<'_, C, R> {
    /// The listed files of these roles, from the cache or else the server, side by side.
    pub(super) async fn load(
        &self,
        snapshot: &TrustedSnapshot,
        roles: &[RoleName],
    ) -> Result<BTreeMap<RoleName, Result<Loaded, Error>>, Error> {
        let one = async |role: &RoleName| -> Result<(RoleName, Result<Loaded, Error>), Error> {
            let missing = || verify::Error::NotListed {
                role: role.clone(),
                reason: "the snapshot does not list it",
            };
            let file = snapshot.listed(role).ok_or_else(missing)?;
            let stored = self.stored(role)?.map(Hashed::of);
            let loaded = match stored {
                Some(stored) if names(file, &stored) => {
                    Ok(Loaded { file: stored, new: false, replaced: None })
                }
                replaced => self.fetch_listed(role, file).await.map(|bytes| Loaded {
                    file: Hashed::of(bytes),
                    new: true,
                    replaced: replaced.map(Hashed::into_bytes),
                }),
            };
            Ok((role.clone(), loaded))
        };
        join_all(roles.iter().map(one)).await.into_iter().collect()
    }

    pub(super) async fn fetch_listed(
        &self,
        role: &RoleName,
        file: &FileMeta,
    ) -> Result<Vec<u8>, Error> {
        let Some(remote) = self.remote else { return Err(self.not_stored(role.clone())) };
        let limit = self.policy.limits.bytes(role);
        let limit = file.length.map_or(limit, |length| limit.min(length));
        let missing = |what: String| Error::Missing { role: role.clone(), what };
        let Some(sha256) = file.sha256() else {
            return Err(missing("no sha256 to ask by".to_owned()));
        };
        match remote.fetch(&RemoteFile::ByHash(role.clone(), sha256), limit).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(missing(format!("sha256 {sha256}"))),
            Err(net::Error::TooLarge { .. }) => Err(longer_than_listed(role, limit).into()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn stored(&self, role: &RoleName) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.cache.read(role, self.policy.limits.bytes(role))?)
    }

    pub(super) fn stored_as(
        &self,
        role: &RoleName,
        file: &FileMeta,
    ) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.stored(role)?.filter(|bytes| is_listed(bytes, file)))
    }

    pub(super) fn not_stored(&self, role: RoleName) -> Error {
        Error::NotStored { gun: self.policy.gun.clone(), role }
    }
}

/// Whether a file is the listed one, by the hash that names it; the verifier checks the rest.
fn names(listed: &FileMeta, file: &Hashed<'_>) -> bool {
    listed.sha256() == Some(file.sha256())
}

/// The same for bytes that were not hashed yet, and need not be if their length is another one.
pub(super) fn is_listed(bytes: &[u8], listed: &FileMeta) -> bool {
    listed.length.is_none_or(|length| length == bytes.len() as u64) && names(listed, &bytes.into())
}

fn longer_than_listed(role: &RoleName, limit: u64) -> verify::Error {
    verify::Error::Mismatch {
        role: role.clone(),
        what: "length",
        expected: limit.to_string(),
        found: format!("more than {limit}"),
    }
}
