//! A reader's walk over a repository before any of it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use super::published::Published;
use crate::client::{self, Refreshed, Wish};
use crate::crypto::Sha256;
use crate::docker::Error;
use crate::docker::found::{found, means};
use crate::net::{self, Pace, Remote, RemoteFile, StaticRepository};
use crate::tuf::{Gun, RoleName, Version};
use crate::verify::{Policy, TrustedTargets};

/// Has somebody who knows what is published read what would be, and compares what each name means.
/// Returns how many names mean something.
///
/// # Errors
///
/// [`Error::Unreadable`] if he would refuse it, [`Error::NoForm`] if a name would mean something
/// else.
pub(super) async fn check(
    gun: &Gun,
    collection: &Refreshed,
    published: &Published,
    files: StaticRepository,
    new: &[(RoleName, Version, Vec<u8>)],
    now: jiff::Timestamp,
) -> Result<usize, Error> {
    let proposed = Proposed::of(files, new);
    let policy = Arc::new(Policy { now, ..published.policy().clone() });
    let read = client::refresh(policy, &published.cache, Some(&proposed), Wish::EVERYTHING).await;
    let unreadable = |source| Error::Unreadable { gun: gun.clone(), source: Box::new(source) };
    let mut read = read.map_err(unreadable)?;
    if let Some((_, source)) = read.unusable.pop_first() {
        return Err(unreadable(source));
    }
    let (expected, found) = (meanings(&collection.targets), meanings(&read.targets));
    let names: BTreeSet<&str> = expected.keys().chain(found.keys()).copied().collect();
    let differs = |name: &&&str| expected.get(**name) != found.get(**name);
    match names.iter().find(differs) {
        None => Ok(expected.len()),
        Some(name) => {
            let what = format!("{name:?} would not mean what it means now");
            Err(Error::NoForm { gun: gun.clone(), what })
        }
    }
}

/// What each name means to who looks it up: docker's way, or the way of TUF 1.0.
fn meanings(targets: &TrustedTargets) -> BTreeMap<&str, (Option<Sha256>, u64)> {
    found(targets).into_iter().map(|(name, (_, target))| (name, means(target))).collect()
}

/// The folder as it would be.
struct Proposed {
    new: BTreeMap<String, Vec<u8>>,
    files: StaticRepository,
}

impl Proposed {
    fn of(files: StaticRepository, new: &[(RoleName, Version, Vec<u8>)]) -> Self {
        let named = |(role, version, bytes): &(RoleName, Version, Vec<u8>)| {
            let file = match role {
                RoleName::Timestamp => RemoteFile::Current(role.clone()),
                role => RemoteFile::ByVersion(role.clone(), *version),
            };
            (file.quoted_name(), bytes.clone())
        };
        Self { new: new.iter().map(named).collect(), files }
    }
}

impl Remote for Proposed {
    fn name(&self) -> String {
        self.files.name()
    }

    fn pace(&self) -> Pace {
        self.files.pace()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, net::Error> {
        match self.new.get(&file.quoted_name()) {
            Some(bytes) if bytes.len() as u64 > limit => {
                Err(net::Error::TooLarge { host: self.name(), limit })
            }
            Some(bytes) => Ok(Some(bytes.clone())),
            None => self.files.fetch(file, limit).await,
        }
    }

    fn public_key(
        &self,
        role: &RoleName,
    ) -> impl Future<Output = Result<Vec<u8>, net::Error>> + Send {
        self.files.public_key(role)
    }

    fn rotate_key(
        &self,
        role: &RoleName,
    ) -> impl Future<Output = Result<Vec<u8>, net::Error>> + Send {
        self.files.rotate_key(role)
    }

    fn publish(
        &self,
        files: &[(RoleName, Vec<u8>)],
    ) -> impl Future<Output = Result<(), net::Error>> + Send {
        self.files.publish(files)
    }

    fn delete(&self) -> impl Future<Output = Result<(), net::Error>> + Send {
        self.files.delete()
    }
}
