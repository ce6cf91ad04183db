//! The files of one collection: those stored when the update began, and those that a trusted file
//! lists.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::Error;
use super::refresh::{Roles, Wish};
use crate::crypto::Hashed;
use crate::net::{self, Remote, RemoteFile};
use crate::storage::{self, Cache, Unread};
use crate::tuf::{Bin, FileMeta, Landmarks, Naming, RoleName};
use crate::verify::{self, Baseline, Glance, Policy, TrustedSnapshot, Wanted};

/// Where files come from. Nothing here is trusted, and nothing is written.
pub(super) struct Files<'f, R> {
    policy: &'f Arc<Policy>,
    remote: Option<&'f R>,
    stored: BTreeMap<RoleName, Arc<Stored>>,
}

/// A stored file. A large one is read when its bytes are first needed, and one that turns out to be
/// unreadable then is as good as lost: it is fetched again.
struct Stored {
    unread: Mutex<Option<Unread>>,
    file: OnceLock<Option<Hashed<'static>>>,
    /// What will be looked for in it, if that can be found without reading all of it.
    sight: Option<Sight>,
    glance: OnceLock<Option<Glance>>,
}

/// A few names of a role, and how to find them in the file that was accepted last.
struct Sight {
    policy: Arc<Policy>,
    role: RoleName,
    names: Vec<String>,
    landmarks: Arc<Landmarks>,
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
        policy: &'f Arc<Policy>,
        cache: &impl Cache,
        remote: Option<&'f R>,
        wish: Wish<'_>,
        known: &Baseline,
    ) -> Result<Self, Error> {
        let mut files = Self { policy, remote, stored: BTreeMap::new() };
        for role in [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
            files.look(cache, role, wish.wanted, known)?;
        }
        for role in files.delegations(wish.roles) {
            files.look(cache, role, wish.wanted, known)?;
        }
        Ok(files)
    }

    /// Looks at the stored file of one role alone.
    pub(super) fn of_role(
        policy: &'f Arc<Policy>,
        cache: &impl Cache,
        remote: Option<&'f R>,
        role: &RoleName,
    ) -> Result<Self, Error> {
        let mut files = Self { policy, remote, stored: BTreeMap::new() };
        files.look(cache, role.clone(), Wanted::Everything, &Baseline::default())?;
        Ok(files)
    }

    /// The server; `None` when it is not to be asked.
    pub(super) fn remote(&self) -> Option<&'f R> {
        self.remote
    }

    /// The stored file of a role, as it was when the update began.
    pub(super) fn stored(&self, role: &RoleName) -> Option<&[u8]> {
        self.file(role).map(Hashed::as_bytes)
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
        let stored = self.file(role).map(Hashed::from);
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

    /// Why the cache alone does not do: it has no such file, or one that cannot be used.
    pub(super) fn not_stored(&self, role: RoleName) -> Error {
        let (gun, dialect) = (self.policy.gun.clone(), self.policy.dialect);
        match self.stored.contains_key(&role) {
            true => Error::StoredDamaged { gun, dialect, role },
            false => Error::NotStored { gun, role },
        }
    }

    /// What a glance saw of the stored file of a role, if that is the listed one.
    pub(super) fn glance(&self, role: &RoleName, snapshot: &TrustedSnapshot) -> Option<&Glance> {
        let glance = self.stored.get(role)?.glance()?;
        (snapshot.listed(role)?.sha256() == Some(glance.sha256())).then_some(glance)
    }

    fn file(&self, role: &RoleName) -> Option<&Hashed<'static>> {
        self.stored.get(role)?.file()
    }

    fn look(
        &mut self,
        cache: &impl Cache,
        role: RoleName,
        wanted: Wanted<'_>,
        known: &Baseline,
    ) -> Result<(), Error> {
        let Some(unread) = cache.look(&role, self.policy.limits.bytes(&role))? else {
            return Ok(());
        };
        let stored = match self.remote {
            Some(_) if unread.size() >= LARGE => {
                Stored::unread(unread, Sight::of(self.policy, &role, wanted, known)).meanwhile()
            }
            _ => Stored::read(unread)?,
        };
        self.stored.insert(role, stored);
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

impl Stored {
    fn read(unread: Unread) -> Result<Arc<Self>, storage::Error> {
        let file = unread.read()?.map(Hashed::of).into();
        Ok(Arc::new(Self { unread: Mutex::default(), file, sight: None, glance: OnceLock::new() }))
    }

    fn unread(unread: Unread, sight: Option<Sight>) -> Arc<Self> {
        let (unread, file, glance) = (Mutex::new(Some(unread)), OnceLock::new(), OnceLock::new());
        Arc::new(Self { unread, file, sight, glance })
    }

    /// Has the file looked at, or else read, and hashed while the server is asked: that is what an
    /// unchanged collection costs most. Whatever is not done when it is needed is done then.
    fn meanwhile(self: Arc<Self>) -> Arc<Self> {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let stored = Arc::clone(&self);
            runtime.spawn_blocking(move || match stored.sight {
                Some(_) => drop(stored.glance()),
                None => drop(stored.file().map(Hashed::sha256)),
            });
        }
        self
    }

    fn glance(&self) -> Option<&Glance> {
        let sight = self.sight.as_ref()?;
        let glance = || sight.glance_at(self.unread.lock().ok()?.as_ref()?);
        self.glance.get_or_init(glance).as_ref()
    }

    fn file(&self) -> Option<&Hashed<'static>> {
        let take = || self.unread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let read = || take()?.read().ok().flatten().map(Hashed::of);
        self.file.get_or_init(read).as_ref()
    }
}

impl Sight {
    /// None where all is wanted, and where nothing is known of the role's entries.
    fn of(
        policy: &Arc<Policy>,
        role: &RoleName,
        wanted: Wanted<'_>,
        known: &Baseline,
    ) -> Option<Self> {
        let Wanted::Names(names) = wanted else { return None };
        let landmarks = known.seen().get(role)?.landmarks.clone()?;
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Some(Self { policy: Arc::clone(policy), role: role.clone(), names, landmarks })
    }

    fn glance_at(&self, file: &Unread) -> Option<Glance> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let seen = file.skim(&self.landmarks.parts(&names))?;
        self.policy.unverified_glance(&self.role, (seen.length, seen.sha256), &seen.parts, &names)
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
const LARGE: u64 = 256 * 1024;
