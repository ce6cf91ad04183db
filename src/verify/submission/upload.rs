//! An upload, from bytes to what may be stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::history::Base;
use super::{Holdings, NextSnapshot, Publication, PublishedFile, Refusal};
use crate::tuf::{FileMeta, RoleName, Snapshot, Unknown, Version};
use crate::verify::{
    Baseline, CurrentRoot, Error, Policy, TrustedRole, TrustedRoot, TrustedSnapshot,
    TrustedTargets, Wanted, listing,
};

/// Files that a publisher wants to be current together.
#[derive(Clone, Debug)]
pub struct Submission {
    policy: Arc<Policy>,
    files: BTreeMap<RoleName, Vec<u8>>,
}

/// A submission that has its place in the history of the collection, and lacks only what the server
/// signs.
#[derive(Clone, Debug)]
pub struct Proposal {
    submission: Submission,
    held: Holdings,
    base: Option<Base>,
    root: CurrentRoot,
    versions: BTreeMap<RoleName, Version>,
    snapshot: Option<Snapshot>,
    timestamp: Version,
}

impl Submission {
    /// Takes in files, one for each role. A timestamp is read and then ignored, as Notary does: the
    /// server makes it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Json`] or another for a timestamp that is none.
    pub fn new(
        policy: Arc<Policy>,
        mut files: BTreeMap<RoleName, Vec<u8>>,
    ) -> Result<Self, Refusal> {
        if let Some(bytes) = files.remove(&RoleName::Timestamp) {
            let opened = policy.dialect.open_timestamp(&bytes, &policy.limits);
            opened.map_err(|error| Refusal::of(&RoleName::Timestamp, error.into()))?;
        }
        Ok(Self { policy, files })
    }

    /// The roles that were sent.
    pub fn roles(&self) -> impl Iterator<Item = &RoleName> {
        self.files.keys()
    }

    /// The stored files, apart from root, timestamp and snapshot, without which the submission
    /// cannot be judged, given the stored snapshot.
    pub fn needs(&self, snapshot: Option<&[u8]>) -> BTreeSet<RoleName> {
        let mut needs = BTreeSet::from([RoleName::Targets]);
        for role in self.files.keys() {
            needs.extend(std::iter::successors(role.parent(), RoleName::parent));
        }
        if let Some(sent) = self.files.get(&RoleName::Snapshot) {
            let stored = snapshot.and_then(|bytes| self.policy.unverified_listing(bytes));
            let (sent, stored) = (
                self.policy.unverified_listing(sent).unwrap_or_default(),
                stored.unwrap_or_default(),
            );
            let unsure = |(role, file): &(RoleName, FileMeta)| {
                stored.get(role).is_none_or(|known| !promises(known, file))
            };
            needs.extend(sent.into_iter().filter(unsure).map(|(role, _)| role));
        }
        needs.retain(|role| !self.files.contains_key(role));
        needs
    }

    /// Finds the submission's place in the history of the collection.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: a root that does not follow, is not signed or not current; a version that is
    /// stored already or jumps; a new collection without targets.
    pub fn onto(self, held: Holdings) -> Result<Proposal, Refusal> {
        let base = held.base(&self.policy)?;
        let root = self.next_root(base.as_ref())?;
        let mut versions = self.versions(&held)?;
        if self.files.contains_key(&RoleName::Root) {
            versions.insert(RoleName::Root, root.content().version);
        }
        let snapshot = match versions.contains_key(&RoleName::Snapshot) {
            true => None,
            false => Some(self.next_snapshot(base.as_ref(), &held, &root)?),
        };
        let timestamp = held.next(&RoleName::Timestamp)?;
        Ok(Proposal { submission: self, held, base, root, versions, snapshot, timestamp })
    }

    /// The root that governs the result: the one that was sent, if it follows the stored one, or
    /// else the stored one.
    fn next_root(&self, base: Option<&Base>) -> Result<CurrentRoot, Refusal> {
        let Some(bytes) = self.files.get(&RoleName::Root) else {
            let nothing = "no pre-existing root and no root provided in update.";
            return base.ok_or(Refusal::Validation(nothing))?.current_root();
        };
        let refused = |error: Error| Refusal::of(&RoleName::Root, error);
        let trusted = match base {
            None => self.first_root(bytes)?,
            Some(base) => match base.root.advance(bytes) {
                Err(Error::RootGap { found, .. }) => {
                    return Err(out_of_turn(base.root.content().version, found));
                }
                advanced => advanced.map_err(refused)?,
            },
        };
        trusted.current(&Baseline::default()).map_err(refused)
    }

    /// A collection begins with root 1, or 2 if its key was changed before anything was published.
    fn first_root(&self, bytes: &[u8]) -> Result<TrustedRoot, Refusal> {
        let root = TrustedRoot::restore(Arc::clone(&self.policy), bytes)
            .map_err(|error| Refusal::of(&RoleName::Root, error))?;
        match root.content().version {
            version if version.number() <= 2 => Ok(root),
            found => Err(Refusal::RootVersion { current: Version::ONE, found }),
        }
    }

    /// The versions of what was sent, root apart, each above what is stored.
    fn versions(&self, held: &Holdings) -> Result<BTreeMap<RoleName, Version>, Refusal> {
        let mut versions = BTreeMap::new();
        for (role, bytes) in self.files.iter().filter(|(role, _)| **role != RoleName::Root) {
            let version = self.version(role, bytes)?;
            held.check_version(role, version)?;
            versions.insert(role.clone(), version);
        }
        Ok(versions)
    }

    fn version(&self, role: &RoleName, bytes: &[u8]) -> Result<Version, Refusal> {
        let Policy { dialect, limits, .. } = &*self.policy;
        let size = bytes.len() as u64;
        let version = match limits.bytes(role) {
            limit if size > limit => {
                Err(crate::tuf::Error::TooLarge { role: role.clone(), limit, found: size })
            }
            _ if role.lists_targets() => {
                dialect.glance_at_targets(role, bytes, &[], limits).map(|targets| targets.version)
            }
            _ => dialect
                .open_snapshot(bytes, limits)
                .map(|envelope| envelope.unverified_content().version),
        };
        version.map_err(|error| Refusal::of(role, error.into()))
    }

    /// The stored listing with what was sent in its place. An entry whose delegation is gone stays,
    /// because a publisher who delegates to that name again goes on from that file.
    fn next_snapshot(
        &self,
        base: Option<&Base>,
        held: &Holdings,
        root: &CurrentRoot,
    ) -> Result<Snapshot, Refusal> {
        let mut meta = base.map(|base| base.snapshot.meta.clone()).unwrap_or_default();
        meta.extend(self.files.iter().map(|(role, bytes)| (role.clone(), FileMeta::of(bytes))));
        if !meta.contains_key(&RoleName::Targets) {
            return Err(Refusal::Validation("targets must be loaded first"));
        }
        let expires = root.content().expires;
        let (version, unknown) = (held.next(&RoleName::Snapshot)?, Unknown::default());
        Ok(Snapshot { version, expires, meta, unknown })
    }
}

impl Proposal {
    /// The root whose online keys must sign.
    pub fn root(&self) -> &CurrentRoot {
        &self.root
    }

    /// The snapshot that the timestamp will name.
    pub fn snapshot(&self) -> NextSnapshot<'_> {
        match &self.snapshot {
            Some(content) => NextSnapshot::Due(content),
            None => NextSnapshot::Stands(self.file(&RoleName::Snapshot).unwrap_or_default()),
        }
    }

    /// The version of the timestamp to sign.
    pub fn timestamp(&self) -> Version {
        self.timestamp
    }

    /// Judges the whole as a client would: every file that was sent, and `targets` and what leads
    /// to them.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if a client would refuse the result.
    pub fn complete(
        mut self,
        snapshot: Option<Vec<u8>>,
        timestamp: Vec<u8>,
    ) -> Result<Publication, Refusal> {
        if let (Some(bytes), Some(content)) = (snapshot, &self.snapshot) {
            self.versions.insert(RoleName::Snapshot, content.version);
            self.submission.files.insert(RoleName::Snapshot, bytes);
        }
        let walked = self.walk(&timestamp)?;
        let Self { submission, base, root, versions, timestamp: version, .. } = self;
        let published = |(role, bytes): (RoleName, Vec<u8>)| {
            let version = versions.get(&role).copied()?;
            let signers = match &role {
                RoleName::Root => root.trusted().signers(),
                role => walked.role(role).map(TrustedRole::signers).unwrap_or_default(),
            };
            let signers = signers.to_vec();
            Some(PublishedFile { signers, ..PublishedFile::new(role, version, bytes) })
        };
        let mut files: Vec<PublishedFile> =
            submission.files.into_iter().filter_map(published).collect();
        files.push(PublishedFile::new(RoleName::Timestamp, version, timestamp));
        let on = base.map(|base| base.timestamp);
        Ok(Publication { gun: root.policy().gun.clone(), on, files })
    }

    fn walk(&self, timestamp: &[u8]) -> Result<TrustedTargets, Refusal> {
        let none = Baseline::default();
        let baseline = self.base.as_ref().map_or(&none, |base| &base.baseline);
        let refused = |role: &RoleName| {
            let role = role.clone();
            move |error| Refusal::of(&role, error)
        };
        let trusted = self.root.timestamp(timestamp, baseline);
        let trusted = trusted.map_err(refused(&RoleName::Timestamp))?;
        let snapshot = self.submission.files.get(&RoleName::Snapshot);
        let trusted = trusted.snapshot(snapshot.map(Vec::as_slice).unwrap_or_default(), baseline);
        let snapshot = trusted.map_err(refused(&RoleName::Snapshot))?;
        self.check_listing(&snapshot).map_err(Refusal::Snapshot)?;
        let missing = || Error::NotListed { role: RoleName::Targets, reason: "it is not stored" };
        let targets =
            self.file(&RoleName::Targets).ok_or_else(missing).map_err(Refusal::Targets)?;
        let mut targets = snapshot
            .targets(targets, baseline, Wanted::Everything)
            .map_err(refused(&RoleName::Targets))?;
        for role in self.delegations() {
            self.load(&mut targets, &role, baseline).map_err(refused(&role))?;
        }
        Ok(targets)
    }

    fn load(
        &self,
        targets: &mut TrustedTargets,
        role: &RoleName,
        baseline: &Baseline,
    ) -> Result<(), Error> {
        match self.file(role) {
            Some(bytes) => targets.delegation(role, bytes, baseline, Wanted::Everything),
            None => Err(Error::NotListed { role: role.clone(), reason: "it is not stored" }),
        }
    }

    /// The delegated roles that were sent, and those between them and `targets`, parents first.
    fn delegations(&self) -> Vec<RoleName> {
        let sent = self.submission.files.keys();
        let chain =
            sent.flat_map(|role| std::iter::successors(Some(role.clone()), RoleName::parent));
        let delegated: BTreeSet<RoleName> =
            chain.filter(|role| matches!(role, RoleName::Delegation(_))).collect();
        let mut delegated: Vec<RoleName> = delegated.into_iter().collect();
        delegated.sort_by_key(|role| role.as_str().matches('/').count());
        delegated
    }

    /// Whether every file that the snapshot lists is here, sent or stored, and is the listed one;
    /// and whether everything that was sent is listed.
    fn check_listing(&self, snapshot: &TrustedSnapshot) -> Result<(), Error> {
        let stored = self.base.as_ref().map(|base| &base.snapshot.meta);
        for (role, listed) in &snapshot.content().meta {
            let known = stored.and_then(|meta| meta.get(role));
            let sent = self.submission.files.get(role);
            match sent.or_else(|| self.held.files.get(role)) {
                None if known.is_some_and(|known| promises(known, listed)) => {}
                None => {
                    let reason = "the snapshot lists it, but it was neither sent nor is it stored";
                    return Err(Error::NotListed { role: role.clone(), reason });
                }
                Some(bytes) => listing::compare(role, &bytes.as_slice().into(), listed, None)?,
            }
        }
        let online = [RoleName::Snapshot, RoleName::Timestamp];
        let mut sent = self.submission.files.keys().filter(|role| !online.contains(role));
        match sent.find(|role| snapshot.listed(role).is_none()) {
            None => Ok(()),
            Some(role) => {
                let reason = "it was sent, but the snapshot does not list it";
                Err(Error::NotListed { role: role.clone(), reason })
            }
        }
    }

    /// The file that will be current.
    fn file(&self, role: &RoleName) -> Option<&[u8]> {
        let sent = self.submission.files.get(role);
        sent.or_else(|| self.held.files.get(role)).map(Vec::as_slice)
    }
}

/// Whether a file that is as `known` says is also as `listed` says.
fn promises(known: &FileMeta, listed: &FileMeta) -> bool {
    let hashes = |file: &FileMeta| file.hashes.map(|hashes| (hashes.sha256(), hashes.sha512()));
    let same = match (hashes(known), hashes(listed)) {
        (Some(known), Some(listed)) => {
            known.0 == listed.0 && (listed.1.is_none() || listed.1 == known.1)
        }
        _ => false,
    };
    same && known.length == listed.length
}

/// A root that does not follow the stored one.
fn out_of_turn(current: Version, found: Version) -> Refusal {
    if current == found {
        return Refusal::Version { role: RoleName::Root, found, stored: current };
    }
    Refusal::RootVersion { current, found }
}
