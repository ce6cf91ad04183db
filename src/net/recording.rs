//! A place that is listened to.

use std::sync::{Mutex, PoisonError};

use super::{Error, Pace, Remote, RemoteFile};
use crate::tuf::RoleName;

/// A place, and every file that it gave.
pub struct Recording<'r, R> {
    remote: &'r R,
    given: Mutex<Vec<(RemoteFile, Vec<u8>)>>,
}

impl<'r, R: Remote> Recording<'r, R> {
    /// Nothing was asked yet.
    pub fn of(remote: &'r R) -> Self {
        Self { remote, given: Mutex::default() }
    }

    /// What was given, in this order; what was asked for twice stands there twice.
    pub fn into_given(self) -> Vec<(RemoteFile, Vec<u8>)> {
        self.given.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Remote> Remote for Recording<'_, R> {
    fn name(&self) -> String {
        self.remote.name()
    }

    fn pace(&self) -> Pace {
        self.remote.pace()
    }

    fn takes_changes(&self) -> Result<(), Error> {
        self.remote.takes_changes()
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let given = self.remote.fetch(file, limit).await?;
        if let Some(bytes) = &given {
            let mut all = self.given.lock().unwrap_or_else(PoisonError::into_inner);
            all.push((file.clone(), bytes.clone()));
        }
        Ok(given)
    }

    fn believed(&self) {
        self.remote.believed();
    }

    async fn public_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.remote.public_key(role).await
    }

    async fn rotate_key(&self, role: &RoleName) -> Result<Vec<u8>, Error> {
        self.remote.rotate_key(role).await
    }

    async fn publish(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        self.remote.publish(files).await
    }

    async fn delete(&self) -> Result<(), Error> {
        self.remote.delete().await
    }
}
