//! Our client before such a repository, and what it asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use countersign::client::{self, Found, Refreshed, Roles, Wish};
use countersign::net::{self, Pace, Remote, RemoteFile};
use countersign::storage::MemoryCache;
use countersign::tuf::{Dialect, Gun, Limits, RoleName, Target};
use countersign::verify::{self, Anchor, FirstUse, Policy, Wanted};

use super::Repository;

/// What a web server would show, and what it was asked for.
pub struct Site {
    files: BTreeMap<String, Vec<u8>>,
    pub asked: Mutex<Vec<String>>,
}

impl From<&Repository> for Site {
    fn from(repository: &Repository) -> Self {
        Self { files: repository.files.clone(), asked: Mutex::default() }
    }
}

impl Remote for Site {
    fn name(&self) -> String {
        "site".to_owned()
    }

    fn pace(&self) -> Pace {
        Pace::InTurn
    }

    async fn fetch(&self, file: &RemoteFile, limit: u64) -> Result<Option<Vec<u8>>, net::Error> {
        let name = match file {
            RemoteFile::Current(role) => format!("{}.json", role.quoted()),
            RemoteFile::ByVersion(role, version) => format!("{version}.{}.json", role.quoted()),
            RemoteFile::ByHash(..) => panic!("TUF 1.0 metadata is not asked for by hash"),
        };
        self.asked.lock().expect("no panic").push(name.clone());
        let found = self.files.get(&name).cloned();
        match found {
            Some(bytes) if bytes.len() as u64 > limit => {
                Err(net::Error::TooLarge { host: self.name(), limit })
            }
            found => Ok(found),
        }
    }

    async fn public_key(&self, _: &RoleName) -> Result<Vec<u8>, net::Error> {
        panic!("nobody asks a site for keys")
    }

    async fn rotate_key(&self, _: &RoleName) -> Result<Vec<u8>, net::Error> {
        panic!("nobody asks a site for keys")
    }

    async fn publish(&self, _: &[(RoleName, Vec<u8>)]) -> Result<(), net::Error> {
        panic!("nobody publishes here")
    }

    async fn delete(&self) -> Result<(), net::Error> {
        panic!("nobody deletes here")
    }
}

/// A host that verifies.
pub struct Client {
    pub cache: MemoryCache,
    pub policy: Policy,
}

impl Client {
    pub fn new() -> Self {
        let policy = Policy {
            dialect: Dialect::Tuf1,
            gun: Gun::raw("registry.test/team/web").expect("a name"),
            anchor: Anchor::unpinned(FirstUse::Allow),
            now: "2026-11-25T00:00:00Z".parse().expect("a date"),
            limits: Limits::default(),
            max_age: None,
        };
        Self { cache: MemoryCache::new(), policy }
    }

    /// One that has seen a repository.
    pub fn warm(repository: &Repository) -> Self {
        let client = Self::new();
        client.refresh(repository).expect("an honest repository");
        client
    }

    pub fn refresh(&self, repository: &Repository) -> Result<Refreshed, client::Error> {
        self.refresh_from(&Site::from(repository))
    }

    /// The files that a refresh asks for.
    pub fn questions(&self, repository: &Repository) -> Vec<String> {
        let site = Site::from(repository);
        self.refresh_from(&site).expect("an honest repository");
        site.asked.into_inner().expect("no panic")
    }

    fn refresh_from(&self, site: &Site) -> Result<Refreshed, client::Error> {
        self.refresh_for(site, Wish::TARGETS)
    }

    fn refresh_for(&self, site: &Site, wish: Wish<'_>) -> Result<Refreshed, client::Error> {
        let policy = Arc::new(self.policy.clone());
        block_on(client::refresh(policy, &self.cache, Some(site), wish))
    }

    /// What `targets/releases` signs under a name, or else `targets`, read as a pull reads them: of
    /// a file that is known to be good this name alone.
    pub fn pull(&self, repository: &Repository, name: &str) -> Result<Target, client::Error> {
        let (site, releases) = (Site::from(repository), RoleName::releases());
        let wanted = Wanted::Names(&[name]);
        let wish = Wish { roles: Roles::These(std::slice::from_ref(&releases)), wanted };
        let mut collection = self.refresh_for(&site, wish)?;
        if let Some(error) = collection.unusable.remove(&releases) {
            return Err(error);
        }
        let roles = [releases, RoleName::Targets];
        let mut found = roles.iter().filter_map(|role| collection.targets.role(role)?.target(name));
        Ok(found.next().expect("it is signed").clone())
    }

    /// Refreshes and looks a name up.
    pub fn find(
        &self,
        repository: &Repository,
        name: &str,
    ) -> Result<Option<Found>, client::Error> {
        let site = Site::from(repository);
        let mut collection = self.refresh(repository)?;
        block_on(client::search(&mut collection, &self.cache, Some(&site), name))
    }

    /// The role that signs a name.
    pub fn role_of(&self, repository: &Repository, name: &str) -> Option<String> {
        let found = self.find(repository, name).expect("a usable repository")?;
        Some(found.role.to_string())
    }

    /// Why a repository is refused.
    pub fn refusal(&self, repository: &Repository) -> verify::Error {
        match self.refresh(repository) {
            Err(client::Error::Verify(error)) => error,
            other => panic!("not refused: {other:?}"),
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
