//! A targets file that the snapshot lists, and how much of it is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::TrustedRole;
use crate::crypto::{Hashed, Sha256};
use crate::tuf::{
    FileMeta, Hashes, Key, KeyId, Landmarks, Role, RoleName, Scope, Targets, Version,
};
use crate::verify::root::check_floor;
use crate::verify::{
    Baseline, Error, Governance, Policy, Seen, TrustedSnapshot, listing, threshold,
};

/// How much of a targets file to read.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'n> {
    /// All of it.
    Everything,
    /// These names. If the file was accepted in full before, the other entries are skipped; else
    /// this is [`Wanted::Everything`].
    Names(&'n [&'n str]),
}

/// What a glance at parts of a large file saw that nobody has verified
/// ([`Policy::unverified_glance`]). It counts only if a file with the same hash was accepted in full
/// before, under the same authority.
///
/// [`Policy::unverified_glance`]: crate::verify::Policy::unverified_glance
#[derive(Clone, Debug)]
pub struct Glance {
    sha256: Sha256,
    length: u64,
    content: Targets,
}

impl Glance {
    pub(in crate::verify) fn new(sha256: Sha256, length: u64, content: Targets) -> Self {
        Self { sha256, length, content }
    }

    /// SHA-256 of the whole file.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// Bytes of the whole file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What is known of the file without having it.
    fn known(&self) -> FileMeta {
        let hashes = Some(Hashes::from(self.sha256));
        FileMeta { length: Some(self.length), hashes, version: None }
    }
}

/// A targets role, and whose signatures its file needs.
pub(super) struct Mandate<'a> {
    pub(super) name: &'a RoleName,
    pub(super) role: &'a Role,
    pub(super) keys: Vec<&'a Key>,
    pub(super) governance: Governance,
}

impl Mandate<'_> {
    /// Loads the file that the snapshot lists; the scope is the caller's to set.
    pub(super) fn load(
        &self,
        file: &Hashed<'_>,
        snapshot: &TrustedSnapshot,
        baseline: &Baseline,
        wanted: Wanted<'_>,
    ) -> Result<TrustedRole, Error> {
        let listed = self.listed(snapshot)?;
        let attested = baseline.attested(self.name, &self.governance);
        listing::compare(self.name, file, listed, attested.map(|seen| seen.sha256))?;
        let attested = attested.filter(|seen| seen.sha256 == file.sha256());
        let known = attested.and_then(|seen| seen.landmarks.clone());
        let policy = snapshot.root().policy();
        // A part is enough of a file that was accepted in full before, and of no other.
        let (content, signers) = match (attested, wanted) {
            (Some(_), Wanted::Names(names)) => {
                (self.glance(file.as_bytes(), policy, names, known.as_deref())?, Vec::new())
            }
            _ => self.read(file.as_bytes(), policy)?,
        };
        let landmarks = known.or_else(|| Landmarks::of(file.as_bytes()).map(Arc::new));
        let seen = Seen { landmarks, ..self.seen(content.version, file.sha256()) };
        self.admit(content, signers, seen, snapshot, baseline)
    }

    /// The same for a file of which a glance saw what is wanted. `None` if that does not count, or
    /// if anything is wrong: what it is, shows when the file is loaded.
    pub(super) fn glimpse(
        &self,
        glance: &Glance,
        snapshot: &TrustedSnapshot,
        baseline: &Baseline,
    ) -> Option<TrustedRole> {
        let listed = self.listed(snapshot).ok()?;
        let attested = baseline.attested(self.name, &self.governance)?;
        if attested.sha256 != glance.sha256 || listed.sha256() != Some(glance.sha256) {
            return None;
        }
        listing::compare_known(self.name, &glance.known(), listed).ok()?;
        let (content, landmarks) = (glance.content.clone(), attested.landmarks.clone());
        let seen = Seen { landmarks, ..self.seen(content.version, glance.sha256) };
        self.admit(content, Vec::new(), seen, snapshot, baseline).ok()
    }

    fn listed<'s>(&self, snapshot: &'s TrustedSnapshot) -> Result<&'s FileMeta, Error> {
        let missing = || {
            let reason = "the snapshot does not list it";
            Error::NotListed { role: self.name.clone(), reason }
        };
        snapshot.listed(self.name).ok_or_else(missing)
    }

    /// What is checked of the content of the listed file, its signatures aside.
    fn admit(
        &self,
        content: Targets,
        signers: Vec<KeyId>,
        seen: Seen,
        snapshot: &TrustedSnapshot,
        baseline: &Baseline,
    ) -> Result<TrustedRole, Error> {
        listing::compare_version(self.name, content.version, self.listed(snapshot)?)?;
        let floor = baseline.floor(self.name, &self.governance);
        check_floor(self.name, content.version, floor)?;
        snapshot.root().policy().check_expiry(self.name, content.expires)?;
        Ok(TrustedRole { content, scope: Scope::everything(), seen, signers, delegator: None })
    }

    /// What to remember of a file that lies in the cache, if it is truly signed; nothing of one
    /// that is remembered already.
    pub(super) fn observe(
        &self,
        bytes: &[u8],
        policy: &Policy,
        baseline: &Baseline,
    ) -> Option<Seen> {
        let file = Hashed::from(bytes);
        if baseline.remembers(self.name, file.sha256()) {
            return None;
        }
        let (targets, _) = self.read(file.as_bytes(), policy).ok()?;
        Some(self.seen(targets.version, file.sha256()))
    }

    /// What the file says, and who signed it.
    fn read(&self, file: &[u8], policy: &Policy) -> Result<(Targets, Vec<KeyId>), Error> {
        let envelope = policy.dialect.open_targets(self.name, file, &policy.limits)?;
        threshold::open(self.name, self.role, self.keys.iter().copied(), envelope)
    }

    /// What the file says of a few names: nobody counts its signatures again.
    fn glance(
        &self,
        file: &[u8],
        policy: &Policy,
        names: &[&str],
        landmarks: Option<&Landmarks>,
    ) -> Result<Targets, Error> {
        let glance =
            |file: &[u8]| policy.dialect.glance_at_targets(self.name, file, names, &policy.limits);
        let short = landmarks.and_then(|landmarks| glance(&landmarks.excerpt(file, names)).ok());
        Ok(short.map_or_else(|| glance(file), Ok)?)
    }

    fn seen(&self, version: Version, sha256: Sha256) -> Seen {
        let (governance, listed) = (self.governance, BTreeMap::new());
        Seen { version, sha256, governance, listed, landmarks: None }
    }
}
