//! A targets file that the snapshot lists, and how much of it is read.

use std::collections::BTreeMap;

use super::TrustedRole;
use crate::crypto::{Hashed, Sha256};
use crate::tuf::{Key, KeyId, Role, RoleName, Scope, Targets, Version};
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
    /// The same for the names of a glance, if that was at this file.
    Glimpsed(&'n Glance),
}

/// What a glance at a file saw that nobody has verified yet ([`Policy::unverified_glance`]). It
/// counts only once a file with the same hash turns out to have been accepted in full before.
///
/// [`Policy::unverified_glance`]: crate::verify::Policy::unverified_glance
#[derive(Clone, Debug)]
pub struct Glance {
    sha256: Sha256,
    content: Targets,
}

impl Glance {
    pub(in crate::verify) fn new(file: &Hashed<'_>, content: Targets) -> Self {
        Self { sha256: file.sha256(), content }
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
        let (name, policy) = (self.name, snapshot.root().policy());
        let reason = "the snapshot does not list it";
        let missing = || Error::NotListed { role: name.clone(), reason };
        let listed = snapshot.listed(name).ok_or_else(missing)?;
        let attested = baseline.attested(name, &self.governance);
        listing::compare(name, file, listed, attested)?;
        // A part is enough of a file that was accepted in full before, and of no other.
        let wanted = match attested == Some(file.sha256()) {
            true => wanted,
            false => Wanted::Everything,
        };
        let (content, signers) = self.read(file, policy, wanted)?;
        listing::compare_version(name, content.version, listed)?;
        check_floor(name, content.version, baseline.floor(name, &self.governance))?;
        policy.check_expiry(name, content.expires)?;
        let seen = self.seen(content.version, file.sha256());
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
        let (targets, _) = self.read(&file, policy, Wanted::Everything).ok()?;
        Some(self.seen(targets.version, file.sha256()))
    }

    /// What the file says, and who signed it: of a part nobody counts the signatures again.
    fn read(
        &self,
        file: &Hashed<'_>,
        policy: &Policy,
        wanted: Wanted<'_>,
    ) -> Result<(Targets, Vec<KeyId>), Error> {
        let (bytes, dialect, limits) = (file.as_bytes(), policy.dialect, &policy.limits);
        match wanted {
            Wanted::Names(names) => {
                Ok((dialect.glance_at_targets(self.name, bytes, names, limits)?, Vec::new()))
            }
            Wanted::Glimpsed(glance) if glance.sha256 == file.sha256() => {
                Ok((glance.content.clone(), Vec::new()))
            }
            Wanted::Everything | Wanted::Glimpsed(_) => {
                let envelope = dialect.open_targets(self.name, bytes, limits)?;
                threshold::open(self.name, self.role, self.keys.iter().copied(), envelope)
            }
        }
    }

    fn seen(&self, version: Version, sha256: Sha256) -> Seen {
        Seen { version, sha256, governance: self.governance, listed: BTreeMap::new() }
    }
}
