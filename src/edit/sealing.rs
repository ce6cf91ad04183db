//! Signing what changed.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::{Draft, Error, PartContent, Proposal, Signers, expiry};
use crate::tuf::{
    Key, Limits, RoleName, Snapshot, Targets, Timestamp, Unknown, Version, distinct_keys,
};

/// Signed files, ready to be published together. Only [`Draft::sign`] makes one,
/// or [`Draft::seal`] with the signatures of several people.
#[derive(Clone, Debug)]
pub struct Update {
    files: Vec<(RoleName, Vec<u8>)>,
    versions: BTreeMap<RoleName, Version>,
}

impl Update {
    /// The files, root first, in an order in which each may rely on those before it.
    pub fn files(&self) -> &[(RoleName, Vec<u8>)] {
        &self.files
    }

    /// The version of each file.
    pub fn versions(&self) -> &BTreeMap<RoleName, Version> {
        &self.versions
    }

    fn version(&self, role: &RoleName) -> Version {
        self.versions.get(role).copied().unwrap_or(Version::ONE)
    }

    fn add(&mut self, role: RoleName, version: Version, sealed: Vec<u8>) -> Result<(), Error> {
        let (size, limit) = (sealed.len() as u64, Limits::default().bytes(&role));
        if size > limit {
            return Err(Error::Size { role, size, limit });
        }
        self.versions.insert(role.clone(), version);
        self.files.push((role, sealed));
        Ok(())
    }
}

impl Draft {
    /// Signs what changed. The snapshot is signed too if its keys are at hand; if none of them is,
    /// that is left to the server. Where there is no server, snapshot and timestamp must be signed.
    ///
    /// # Errors
    ///
    /// [`Error::Keys`] when a role's keys are not at hand, [`Error::Size`], [`Error::Signing`].
    pub fn sign(mut self, now: Instant, signers: &Signers<'_>) -> Result<Update, Error> {
        let mut update = Update { files: Vec::new(), versions: BTreeMap::new() };
        if let Some((version, sealed)) = self.root.seal(self.dialect, now, signers)? {
            update.add(RoleName::Root, version, sealed)?;
        }
        let touched: Vec<RoleName> =
            self.touched().filter(|role| role.lists_targets()).cloned().collect();
        for role in touched {
            let version = self.settle(&role, now)?;
            let sealed = self.sealed_targets(&role, signers)?;
            update.add(role, version, sealed)?;
        }
        self.conclude(update, now, signers)
    }

    /// Takes up a proposal that has all its signatures, on the collection as it is now.
    ///
    /// # Errors
    ///
    /// [`Error::Overtaken`] if somebody published meanwhile what the proposal changes,
    /// [`Error::Expired`] if it is too late, [`Error::Unsigned`] if signatures are missing.
    pub fn seal(
        mut self,
        proposal: &Proposal,
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<Update, Error> {
        if *self.root.content() != proposal.before {
            return Err(Error::Overtaken { role: RoleName::Root });
        }
        if let Some(need) = proposal.needs()?.iter().find(|need| !need.is_met()) {
            let (signed, missing): (Vec<&Key>, Vec<&Key>) =
                need.keys.iter().partition(|key| need.signed.contains(&key.id()));
            return Err(Error::Unsigned {
                role: need.role.clone(),
                found: distinct_keys(signed),
                needed: need.threshold,
                missing: missing.into_iter().map(Key::id).collect(),
            });
        }
        proposal.check_expiry(now)?;
        let mut update = Update { files: Vec::new(), versions: BTreeMap::new() };
        for ((role, part), (_, sealed)) in proposal.parts().zip(proposal.files()) {
            match part.content() {
                PartContent::Root(root) => self.root.adopt(root.clone()),
                PartContent::Targets(targets) => self.adopt(role, targets)?,
            }
            update.add(role.clone(), part.version(), sealed)?;
        }
        self.conclude(update, now, signers)
    }

    /// Adds the files that say what is current: snapshot, and timestamp where publishers sign it.
    fn conclude(
        &self,
        mut update: Update,
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<Update, Error> {
        if let Some((version, sealed)) = self.sealed_snapshot(&update, now, signers)? {
            update.add(RoleName::Snapshot, version, sealed)?;
        }
        if self.signs_timestamp() && (self.renew_timestamp || !update.files.is_empty()) {
            let (version, sealed) = self.sealed_timestamp(&update, now, signers)?;
            update.add(RoleName::Timestamp, version, sealed)?;
        }
        Ok(update)
    }

    /// Puts the proposed version of a role in the place of the one before it.
    fn adopt(&mut self, role: &RoleName, targets: &Targets) -> Result<(), Error> {
        let sheet = self.sheet(role)?;
        let expected = match sheet.published {
            true => next(role, sheet.content.version)?,
            false => Version::ONE,
        };
        if targets.version != expected {
            return Err(Error::Overtaken { role: role.clone() });
        }
        sheet.content = targets.clone();
        Ok(())
    }

    /// Gives a role that changed its next version, and new dates.
    pub(super) fn settle(&mut self, role: &RoleName, now: Instant) -> Result<Version, Error> {
        let sheet = self.sheet(role)?;
        if sheet.published {
            sheet.content.version = next(role, sheet.content.version)?;
        }
        sheet.content.expires = expiry(role, now);
        Ok(sheet.content.version)
    }

    fn sealed_targets(&self, role: &RoleName, signers: &Signers<'_>) -> Result<Vec<u8>, Error> {
        let content = self.targets(role).ok_or_else(|| Error::Role { role: role.clone() })?;
        let (keys, possible) = self.keys_of(role)?;
        signers.seal(role, keys, &possible, self.dialect, &self.dialect.targets_message(content))
    }

    /// The next snapshot, listing the very bytes of the changed files; `None` if nothing changed,
    /// or if its keys are not here and it is not asked for by itself.
    fn sealed_snapshot(
        &self,
        update: &Update,
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<Option<(Version, Vec<u8>)>, Error> {
        let (keys, possible) = self.keys_of(&RoleName::Snapshot)?;
        let due = !update.files.is_empty();
        let ours = self.signs_timestamp() || possible.iter().any(|key| signers.of(key).is_some());
        if !(self.renew_snapshot || due && ours) {
            return Ok(None);
        }
        let (version, mut meta, unknown) = match &self.snapshot {
            Some(known) => {
                let version = next(&RoleName::Snapshot, known.version)?;
                (version, known.meta.clone(), known.unknown.clone())
            }
            None => (Version::ONE, BTreeMap::new(), Unknown::default()),
        };
        // Where every role is listed, one that was may not vanish (TUF 1.0.34 §5.5.5).
        let stays = self.dialect.lists_every_role();
        meta.retain(|role, _| stays || !self.removed.contains_key(role));
        meta.extend(update.files.iter().map(|(role, bytes)| {
            (role.clone(), self.dialect.listing(bytes, update.version(role)))
        }));
        let snapshot =
            Snapshot { version, expires: expiry(&RoleName::Snapshot, now), meta, unknown };
        let message = self.dialect.snapshot_message(&snapshot);
        let sealed = signers.seal(&RoleName::Snapshot, keys, &possible, self.dialect, &message)?;
        Ok(Some((version, sealed)))
    }

    /// The next timestamp, over the snapshot of this update or else the published one.
    fn sealed_timestamp(
        &self,
        update: &Update,
        now: Instant,
        signers: &Signers<'_>,
    ) -> Result<(Version, Vec<u8>), Error> {
        let role = RoleName::Timestamp;
        let version = match &self.timestamp {
            Some(known) => next(&role, known.version)?,
            None => Version::ONE,
        };
        let signed = update.files.iter().find(|(role, _)| *role == RoleName::Snapshot);
        let snapshot = match (signed, &self.timestamp) {
            (Some((role, bytes)), _) => self.dialect.listing(bytes, update.version(role)),
            (None, Some(known)) => known.snapshot.clone(),
            (None, None) => return Err(Error::ServersRole { role }),
        };
        let unknown =
            self.timestamp.as_ref().map(|known| known.unknown.clone()).unwrap_or_default();
        let timestamp = Timestamp { version, expires: expiry(&role, now), snapshot, unknown };
        let message = self.dialect.timestamp_message(&timestamp);
        let (keys, possible) = self.keys_of(&role)?;
        Ok((version, signers.seal(&role, keys, &possible, self.dialect, &message)?))
    }
}

/// The version after this one.
pub(super) fn next(role: &RoleName, version: Version) -> Result<Version, Error> {
    version.next().ok_or_else(|| Error::Version { role: role.clone() })
}
