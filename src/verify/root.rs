//! The root chain.

use std::sync::Arc;

use super::anchor::speaks_at;
use super::baseline::{Baseline, Governance, Seen};
use super::threshold::{self, Count};
use super::timestamp::TrustedTimestamp;
use super::{Error, Policy};
use crate::crypto::Sha256;
use crate::tuf::{Envelope, FileMeta, Key, KeyId, Role, RoleName, Root, Version, distinct_keys};

/// A root whose chain of signatures is whole, though it may not be the newest, nor current.
#[derive(Clone, Debug)]
pub struct TrustedRoot {
    policy: Arc<Policy>,
    root: Arc<Root>,
    file: FileMeta,
    signers: Vec<KeyId>,
}

impl TrustedRoot {
    /// Believes the root of a collection that was never seen here.
    ///
    /// # Errors
    ///
    /// [`Error::FirstUse`] if the policy wants a pin; else as [`Self::restore`].
    pub fn establish(policy: Arc<Policy>, bytes: &[u8]) -> Result<Self, Error> {
        policy.check_first_use()?;
        Self::restore(policy, bytes)
    }

    /// Takes up a root that was trusted before. Dates and pins wait for [`Self::current`], because
    /// a newer root may mend them.
    ///
    /// # Errors
    ///
    /// [`Error`] unless enough of its own keys, with certificates for this collection, signed it.
    pub fn restore(policy: Arc<Policy>, bytes: &[u8]) -> Result<Self, Error> {
        let envelope = policy.dialect.open_root(bytes, &policy.limits)?;
        Self::self_signed(policy, bytes, envelope)
    }

    /// Follows to the next root: signed by the keys of this one *and* by its own.
    ///
    /// # Errors
    ///
    /// [`Error::RootGap`] unless its version is the next, [`Error::RootChain`] without this root's
    /// signatures, else as [`Self::restore`]. This root stays what it was.
    pub fn advance(&self, bytes: &[u8]) -> Result<Self, Error> {
        let policy = &self.policy;
        let envelope = policy.dialect.open_root(bytes, &policy.limits)?;
        let found = envelope.unverified_content().version;
        match self.root.version.next() {
            Some(expected) if expected == found => {}
            expected => {
                return Err(Error::RootGap {
                    found,
                    expected: expected.unwrap_or(self.root.version),
                });
            }
        }
        let needed = self.root.root.threshold();
        let speakers = policy.anchor.speakers(policy.dialect.root_keys(), &policy.gun, &self.root);
        let count = Count::of(&envelope, speakers);
        if !count.reaches(needed) {
            let (trusted, valid) = (self.root.version, count.valid());
            return Err(Error::RootChain { found, trusted, valid, needed });
        }
        Self::self_signed(Arc::clone(policy), bytes, envelope)
    }

    /// Ends the chain: this root is not older than what was seen, not expired, and signed by enough
    /// keys whose certificates are valid now and satisfy the pins.
    ///
    /// # Errors
    ///
    /// [`Error::Rollback`], [`Error::Expired`], [`Error::Certificate`] or [`Error::Pin`].
    pub fn current(&self, baseline: &Baseline) -> Result<CurrentRoot, Error> {
        let root = &self.root;
        if let Some(expected) = baseline.root().filter(|floor| *floor > root.version) {
            return Err(Error::Rollback { role: RoleName::Root, found: root.version, expected });
        }
        self.policy.check_expiry(&RoleName::Root, root.expires)?;
        self.check_certificates()?;
        self.check_pins()?;
        Ok(CurrentRoot { trusted: self.clone() })
    }

    /// Refuses a root unless enough of its signers satisfy the pins, whatever the dates say: for one
    /// that another root may follow, which mends them.
    ///
    /// # Errors
    ///
    /// [`Error::Pin`].
    pub fn check_signers(&self) -> Result<(), Error> {
        self.policy.check_pins(&self.root, self.signing_keys())
    }

    /// This root whatever the time: only to see what it vouched for when it was current.
    pub(super) fn regardless_of_dates(&self) -> CurrentRoot {
        CurrentRoot { trusted: self.clone() }
    }

    /// What the root says.
    pub fn content(&self) -> &Root {
        &self.root
    }

    /// What it is measured against.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The root as a snapshot would list it.
    pub fn file(&self) -> &FileMeta {
        &self.file
    }

    /// The keys that signed it.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// The version to ask for next; `None` when there can be none.
    pub fn next_version(&self) -> Option<Version> {
        self.root.version.next()
    }

    fn self_signed(
        policy: Arc<Policy>,
        bytes: &[u8],
        envelope: Envelope<Root>,
    ) -> Result<Self, Error> {
        let root = envelope.unverified_content();
        let (version, needed) = (root.version, root.root.threshold());
        let speakers = policy.anchor.speakers(policy.dialect.root_keys(), &policy.gun, root);
        if speakers.is_empty() {
            let reason = "no root key has a certificate for this collection".to_owned();
            return Err(Error::Certificate { gun: policy.gun.clone(), version, reason });
        }
        let count = Count::of(&envelope, speakers);
        if !count.reaches(needed) {
            return Err(Error::Threshold { role: RoleName::Root, valid: count.valid(), needed });
        }
        let signers = count.into_signers();
        let root = Arc::new(envelope.into_unverified_content());
        Ok(Self { policy, root, file: FileMeta::of(bytes), signers })
    }

    fn signing_keys(&self) -> impl Iterator<Item = &Key> {
        self.signers.iter().filter_map(|id| self.root.keys.get(id))
    }

    /// The keys that signed and may speak now.
    fn valid_signers(&self) -> impl Iterator<Item = &Key> {
        let kind = self.policy.dialect.root_keys();
        self.signing_keys().filter(move |key| speaks_at(kind, key, self.policy.now))
    }

    fn check_certificates(&self) -> Result<(), Error> {
        let (found, needed) = (distinct_keys(self.valid_signers()), self.root.root.threshold());
        if found >= needed.count() {
            return Ok(());
        }
        let leaves = self.signing_keys().filter_map(|key| Some(key.certificates()?.leaf()));
        let spans = leaves.map(|leaf| format!("{} to {}", leaf.not_before(), leaf.not_after()));
        let reason = format!(
            "{found} of {needed} required signers have a certificate that is valid now (valid: {})",
            spans.collect::<Vec<_>>().join(", ")
        );
        Err(Error::Certificate { gun: self.policy.gun.clone(), version: self.root.version, reason })
    }

    fn check_pins(&self) -> Result<(), Error> {
        self.policy.check_pins(&self.root, self.valid_signers())
    }
}

/// The newest root that we know of, unexpired and pinned as the policy wants.
#[derive(Clone, Debug)]
pub struct CurrentRoot {
    trusted: TrustedRoot,
}

impl CurrentRoot {
    /// Believes a timestamp.
    ///
    /// # Errors
    ///
    /// [`Error`]: malformed, under threshold, older than what was seen, expired, or older than
    /// allowed.
    pub fn timestamp(&self, bytes: &[u8], baseline: &Baseline) -> Result<TrustedTimestamp, Error> {
        TrustedTimestamp::verify(self, bytes, baseline)
    }

    /// Raises the baseline by a timestamp that lies in the cache, if it is truly signed and not
    /// known already. Its date does not matter: an expired file still says what was seen.
    pub fn observe_timestamp(&self, bytes: &[u8], baseline: &mut Baseline) {
        if !baseline.remembers(&RoleName::Timestamp, Sha256::of(bytes))
            && let Ok(seen) = TrustedTimestamp::observe(self, bytes)
        {
            baseline.remember(RoleName::Timestamp, seen);
        }
    }

    /// Raises the baseline by a snapshot that lies in the cache, if it is truly signed and not known
    /// already.
    pub fn observe_snapshot(&self, bytes: &[u8], baseline: &mut Baseline) {
        if !baseline.remembers(&RoleName::Snapshot, Sha256::of(bytes))
            && let Ok(seen) = super::TrustedSnapshot::observe(self, bytes, baseline)
        {
            baseline.remember(RoleName::Snapshot, seen);
        }
    }

    /// Raises the baseline by a top-level targets file that lies in the cache, if it is truly
    /// signed. A file that the baseline knows already is not looked at again.
    pub fn observe_targets(&self, bytes: &[u8], baseline: &mut Baseline) {
        if let Some(seen) = super::TrustedTargets::observe(self, bytes, baseline) {
            baseline.remember(RoleName::Targets, seen);
        }
    }

    /// What the root says.
    pub fn content(&self) -> &Root {
        self.trusted.content()
    }

    /// The root with its chain.
    pub fn trusted(&self) -> &TrustedRoot {
        &self.trusted
    }

    /// What the update is measured against.
    pub fn policy(&self) -> &Policy {
        self.trusted.policy()
    }

    /// Who governs a role that this root names. The versions of timestamp and snapshot, and of what
    /// a snapshot lists, could be driven up with either of these two online keys.
    pub(super) fn governance(&self, own: &Role) -> Governance {
        self.governance_by(own, self.content().keys_of(own))
    }

    /// The same for a role that somebody else names, with these keys.
    pub(super) fn governance_by<'k>(
        &self,
        own: &Role,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> Governance {
        let root = self.content();
        Governance::of(own, keys, &[&root.timestamp, &root.snapshot])
    }

    /// Opens the file of a role that this root names, if enough of its keys signed it; says which
    /// did.
    pub(super) fn open<T>(
        &self,
        name: &RoleName,
        role: &Role,
        envelope: Envelope<T>,
    ) -> Result<(T, Vec<KeyId>), Error> {
        threshold::open(name, role, self.content().keys_of(role), envelope)
    }
}

/// Refuses a version below what was seen of that role under the same keys.
pub(super) fn check_floor(
    role: &RoleName,
    found: Version,
    floor: Option<&Seen>,
) -> Result<(), Error> {
    match floor {
        Some(seen) if seen.version > found => {
            Err(Error::Rollback { role: role.clone(), found, expected: seen.version })
        }
        _ => Ok(()),
    }
}

/// Refuses a listing that gives a role a lower version than what was seen of it (TUF 1.0.34
/// §5.4.3.2, §5.5.5). Notary's listings give none.
pub(super) fn check_listed_floor(
    role: &RoleName,
    listed: &FileMeta,
    floor: Option<Version>,
) -> Result<(), Error> {
    match (listed.version, floor) {
        (Some(found), Some(expected)) if found < expected => {
            Err(Error::Rollback { role: role.clone(), found, expected })
        }
        _ => Ok(()),
    }
}
