//! A whole collection with its history, as another server kept it.
//!
//! Nobody signs anything for it: each byte stays what it was. So that clients who knew the other
//! server see no difference, the chain of roots and the current state must pass a client's walk as
//! of the time when they were fetched. What is older must be signed by keys that a root of the
//! chain names, or be listed by a snapshot that is. What nothing vouches for is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::history::HIGHEST_VERSION;
use super::{Holdings, Publication, PublishedFile, Refusal};
use crate::crypto::Sha256;
use crate::tuf::{FileMeta, RoleName, Version};
use crate::verify::{
    Baseline, CurrentRoot, Error, Policy, TrustedRoot, TrustedSnapshot, TrustedTargets, Wanted,
    listing, signed_role, timestamp::TrustedTimestamp,
};

/// What another server kept of a collection, in no order.
#[derive(Clone, Debug)]
pub struct Import {
    policy: Arc<Policy>,
    files: BTreeMap<RoleName, BTreeMap<Version, File>>,
    left_out: usize,
}

#[derive(Clone, Debug)]
struct File {
    sha256: Sha256,
    bytes: Vec<u8>,
}

/// A collection that may be taken over as it is.
#[derive(Clone, Debug)]
pub struct Imported {
    policy: Arc<Policy>,
    files: Vec<PublishedFile>,
    /// When the last timestamp ends.
    pub expires: Instant,
    /// How many files nothing vouches for.
    pub left_out: usize,
}

impl Import {
    /// Takes in files. The policy's time is that of fetching: all that is current must have been so
    /// then.
    ///
    /// # Errors
    ///
    /// [`Refusal::Validation`] if two files claim to be the same version of a role;
    /// [`Refusal::Jump`] for a version that no store can hold.
    pub fn new(
        policy: Arc<Policy>,
        files: impl IntoIterator<Item = (RoleName, Vec<u8>)>,
    ) -> Result<Self, Refusal> {
        let mut import = Self { policy, files: BTreeMap::new(), left_out: 0 };
        for (role, bytes) in files {
            import.take(role, bytes)?;
        }
        Ok(import)
    }

    fn take(&mut self, role: RoleName, bytes: Vec<u8>) -> Result<(), Refusal> {
        let readable = bytes.len() as u64 <= self.policy.limits.bytes(&role);
        let version = readable.then(|| self.policy.unverified_version(&role, &bytes)).flatten();
        let Some(version) = version else {
            self.left_out = self.left_out.saturating_add(1);
            return Ok(());
        };
        if version.number() > HIGHEST_VERSION {
            return Err(Refusal::Jump { role, found: version, stored: 0 });
        }
        let file = File { sha256: Sha256::of(&bytes), bytes };
        let sha256 = file.sha256;
        let known = self.files.entry(role).or_default().entry(version).or_insert(file);
        match known.sha256 == sha256 {
            true => Ok(()),
            false => Err(Refusal::Validation("two files claim to be one version of a role")),
        }
    }

    /// Judges the whole: the current state as a client would, the history by who signed it.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if a client would have refused the current state when it was fetched, or a part
    /// of it is missing.
    pub fn judge(mut self) -> Result<Imported, Refusal> {
        let roots = self.roots()?;
        let root = roots.last().ok_or(Refusal::Validation("there is no root"))?;
        let root = root.current(&Baseline::default()).map_err(Refusal::Root)?;
        let (timestamp, current) = self.current(&root)?;
        let vouched = self.vouched(&roots);
        let fits = |role: &RoleName, version: &Version, file: &File| {
            vouched.contains(&(role.clone(), file.sha256))
                && current.get(role).is_none_or(|newest| version <= newest)
        };
        let mut files = Vec::new();
        // In the order of a publication: the timestamps, which say what counts, come last.
        let timestamps = self.files.remove_entry(&RoleName::Timestamp);
        for (role, versions) in self.files.into_iter().chain(timestamps) {
            for (version, file) in versions {
                match fits(&role, &version, &file) {
                    true => files.push(PublishedFile::new(role.clone(), version, file.bytes)),
                    false => self.left_out = self.left_out.saturating_add(1),
                }
            }
        }
        let expires = timestamp.content().expires;
        Ok(Imported { policy: self.policy, files, expires, left_out: self.left_out })
    }

    /// The roots that follow each other to the newest one, oldest first. Nobody can walk from what
    /// lies before a gap.
    fn roots(&self) -> Result<Vec<TrustedRoot>, Refusal> {
        let mut chain: Vec<TrustedRoot> = Vec::new();
        for file in self.files.get(&RoleName::Root).into_iter().flat_map(BTreeMap::values) {
            let next = chain.last().map(|last| last.advance(&file.bytes));
            match next {
                Some(Ok(next)) => chain.push(next),
                Some(Err(_)) | None => {
                    let first = TrustedRoot::restore(Arc::clone(&self.policy), &file.bytes);
                    chain = vec![first.map_err(Refusal::Root)?];
                }
            }
        }
        Ok(chain)
    }

    /// A client's walk over the newest state, and the versions that are current in it.
    fn current(
        &self,
        root: &CurrentRoot,
    ) -> Result<(TrustedTimestamp, BTreeMap<RoleName, Version>), Refusal> {
        let none = Baseline::default();
        let timestamps = self.files.get(&RoleName::Timestamp);
        let newest = timestamps.and_then(|files| files.values().next_back());
        let newest = newest.ok_or(Refusal::Validation("there is no timestamp"))?;
        let timestamp = root.timestamp(&newest.bytes, &none).map_err(Refusal::Root)?;
        let (version, bytes) = self
            .listed(&RoleName::Snapshot, &timestamp.content().snapshot)
            .map_err(Refusal::Snapshot)?;
        let snapshot = timestamp.snapshot(bytes, &none).map_err(Refusal::Snapshot)?;
        let mut current = BTreeMap::from([(RoleName::Snapshot, version)]);
        for (role, listed) in &snapshot.content().meta {
            let (version, bytes) = self.listed(role, listed).map_err(Refusal::Snapshot)?;
            listing::compare(role, &bytes.into(), listed, None).map_err(Refusal::Snapshot)?;
            current.insert(role.clone(), version);
        }
        self.targets(&snapshot).map_err(Refusal::Targets)?;
        Ok((timestamp, current))
    }

    fn targets(&self, snapshot: &TrustedSnapshot) -> Result<TrustedTargets, Error> {
        let none = Baseline::default();
        let missing = || Error::NotListed { role: RoleName::Targets, reason: "it is missing" };
        let listed = snapshot.listed(&RoleName::Targets).ok_or_else(missing)?;
        let (_, bytes) = self.listed(&RoleName::Targets, listed)?;
        let mut targets = snapshot.targets(bytes, &none, Wanted::Everything)?;
        for role in by_depth(snapshot.content().meta.keys()) {
            let listed = snapshot.listed(role).ok_or_else(missing)?;
            let (_, bytes) = self.listed(role, listed)?;
            // Clients live with a delegated role that is unusable: it is listed, and so it stays.
            let _ = targets.delegation(role, bytes, &none, Wanted::Everything);
        }
        Ok(targets)
    }

    /// The file of a role that has the listed hash.
    fn listed(&self, role: &RoleName, listed: &FileMeta) -> Result<(Version, &[u8]), Error> {
        let missing =
            || Error::NotListed { role: role.clone(), reason: "it is listed and missing" };
        let sha256 = listed.sha256().ok_or_else(missing)?;
        let mut files = self.files.get(role).into_iter().flatten();
        let found = files.find(|(_, file)| file.sha256 == sha256).ok_or_else(missing)?;
        Ok((*found.0, &found.1.bytes))
    }

    /// Everything that a root of the chain vouches for: by its keys, or through a snapshot.
    fn vouched(&self, roots: &[TrustedRoot]) -> BTreeSet<(RoleName, Sha256)> {
        let known = roots.iter().filter_map(|root| root.file().sha256());
        let mut vouched: BTreeSet<(RoleName, Sha256)> =
            known.map(|sha256| (RoleName::Root, sha256)).collect();
        let roots: Vec<CurrentRoot> =
            roots.iter().rev().map(TrustedRoot::regardless_of_dates).collect();
        for file in self.of(&RoleName::Timestamp) {
            if roots.iter().any(|root| TrustedTimestamp::signed(root, &file.bytes).is_ok()) {
                vouched.insert((RoleName::Timestamp, file.sha256));
            }
        }
        for file in self.of(&RoleName::Snapshot) {
            let signed = |root| TrustedSnapshot::signed(root, &file.bytes).ok();
            let Some((snapshot, _)) = roots.iter().find_map(signed) else { continue };
            vouched.insert((RoleName::Snapshot, file.sha256));
            let delegated = snapshot.meta.iter().filter(|(role, _)| role.parent().is_some());
            vouched.extend(delegated.filter_map(|(role, it)| Some((role.clone(), it.sha256()?))));
        }
        for file in self.of(&RoleName::Targets) {
            let (role, nobody, nothing) = (RoleName::Targets, BTreeMap::new(), Baseline::default());
            let signed = |root: &CurrentRoot| {
                signed_role(root.trusted(), &nobody, &role, &file.bytes, &nothing)
            };
            if roots.iter().any(|root| signed(root).is_ok()) {
                vouched.insert((role, file.sha256));
            }
        }
        vouched
    }

    fn of(&self, role: &RoleName) -> impl Iterator<Item = &File> {
        self.files.get(role).into_iter().flat_map(BTreeMap::values)
    }
}

impl Imported {
    /// The newest timestamp: its version, and of its bytes.
    pub fn timestamp(&self) -> Option<(Version, Sha256)> {
        self.files.last().map(|file| (file.version, file.sha256))
    }

    /// How many files it has.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// What is to be stored where this is stored: everything, or what follows. `None` if all of it
    /// is there. `held` has the stored timestamp; `namesake` is the hash of the stored timestamp
    /// that has the version of the newest one here.
    ///
    /// # Errors
    ///
    /// [`Refusal::Apart`] if what is stored is no part of this, nor this of it.
    pub fn onto(
        self,
        held: &Holdings,
        namesake: Option<Sha256>,
    ) -> Result<Option<Publication>, Refusal> {
        let Some((newest, sha256)) = self.timestamp() else { return Ok(None) };
        let on = held.versions.get(&RoleName::Timestamp).copied();
        let apart = |stored| Err(Refusal::Apart { stored, found: newest });
        match (held.files.get(&RoleName::Timestamp), on) {
            _ if namesake == Some(sha256) => return Ok(None),
            (Some(bytes), Some(stored)) if !self.has_timestamp(&Sha256::of(bytes)) => {
                return apart(stored);
            }
            (Some(_), Some(_)) => {}
            _ => match held.buried.get(&RoleName::Timestamp) {
                Some(buried) if *buried > newest => return apart(*buried),
                _ => {}
            },
        }
        let follows = |file: &PublishedFile| {
            held.versions.get(&file.role).is_none_or(|stored| *stored < file.version)
        };
        let files = self.files.into_iter().filter(follows).collect();
        Ok(Some(Publication { gun: self.policy.gun.clone(), on, files }))
    }

    fn has_timestamp(&self, sha256: &Sha256) -> bool {
        let mut timestamps = self.files.iter().rev();
        timestamps.any(|file| file.role == RoleName::Timestamp && file.sha256 == *sha256)
    }
}

/// Delegated roles, those nearer to `targets` first.
fn by_depth<'r>(roles: impl Iterator<Item = &'r RoleName>) -> Vec<&'r RoleName> {
    let mut delegated: Vec<&RoleName> = roles.filter(|role| role.parent().is_some()).collect();
    delegated.sort_by_key(|role| role.as_str().matches('/').count());
    delegated
}
