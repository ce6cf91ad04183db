//! A change whose content is fixed while its signatures are still being collected: k of n people,
//! on machines that need not know each other, in any order.
//!
//! A proposal is made of metadata files with too few signatures, or none. Each signature that is
//! added is checked at once, so that nothing false is ever collected.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp as Instant;

use super::{Draft, Error, Signers};
use crate::crypto::{Sha256, Signature};
use crate::tuf::{
    Dialect, Envelope, Key, KeyId, Limits, Message, Role, RoleName, Root, Targets, Threshold,
    Version, distinct_keys,
};

/// What the files of a collection will be, once enough people have signed.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub(super) dialect: Dialect,
    pub(super) before: Root,
    /// Roles as they are published: those that change, and those that delegate to them.
    pub(super) known: BTreeMap<RoleName, Targets>,
    pub(super) parts: BTreeMap<RoleName, Part>,
}

/// One file of a proposal.
#[derive(Clone, Debug)]
pub struct Part {
    content: PartContent,
    message: Message,
    signatures: BTreeMap<KeyId, Signature>,
}

/// What a file will say.
#[derive(Clone, Debug)]
pub enum PartContent {
    /// The next root.
    Root(Root),
    /// The next version of a targets role.
    Targets(Targets),
}

/// Whose signatures a file needs: so many of these keys.
#[derive(Clone, Debug)]
pub struct Need {
    /// The file.
    pub role: RoleName,
    /// How many of the keys must sign.
    pub threshold: Threshold,
    /// The keys.
    pub keys: Vec<Key>,
    /// Those of them that have signed.
    pub signed: BTreeSet<KeyId>,
}

impl Part {
    /// What the file will say.
    pub fn content(&self) -> &PartContent {
        &self.content
    }

    /// The digest of what is signed.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.message.as_bytes())
    }

    /// Its version.
    pub fn version(&self) -> Version {
        match &self.content {
            PartContent::Root(root) => root.version,
            PartContent::Targets(targets) => targets.version,
        }
    }

    /// Until when it will be valid, UTC.
    pub fn expires(&self) -> Instant {
        match &self.content {
            PartContent::Root(root) => root.expires,
            PartContent::Targets(targets) => targets.expires,
        }
    }
}

impl Need {
    /// Whether enough have signed.
    pub fn is_met(&self) -> bool {
        let signed = self.keys.iter().filter(|key| self.signed.contains(&key.id()));
        distinct_keys(signed) >= self.threshold.count()
    }
}

impl Draft {
    /// Fixes what changed, with new versions and dates, for others to sign. The snapshot, which
    /// lists the signed bytes, is left to whoever publishes.
    ///
    /// # Errors
    ///
    /// [`Error::Unfounded`] for the first root of a collection, [`Error::Version`].
    pub fn propose(mut self, now: Instant) -> Result<Proposal, Error> {
        let before = self.root.before().cloned().ok_or(Error::Unfounded)?;
        let touched: Vec<RoleName> =
            self.touched().filter(|role| role.lists_targets()).cloned().collect();
        // What changed was published differently: only those that delegate to it are known here.
        let parents = touched.iter().filter_map(RoleName::parent);
        let parents = parents.filter(|parent| !touched.contains(parent));
        let known = parents
            .filter_map(|parent| Some((parent.clone(), self.targets(&parent)?.clone())))
            .collect();
        let mut proposal =
            Proposal { dialect: self.dialect, before, known, parts: BTreeMap::new() };
        if self.root.settle(now)? {
            let root = self.root.content().clone();
            proposal.put(RoleName::Root, PartContent::Root(root));
        }
        for role in touched {
            self.settle(&role, now)?;
            let targets = self.targets(&role).cloned().ok_or(Error::Role { role: role.clone() })?;
            proposal.put(role, PartContent::Targets(targets));
        }
        Ok(proposal)
    }
}

impl Proposal {
    /// Takes up a proposal that was made elsewhere. `before` is the root that it follows, and
    /// `known` what the roles said until now: both verified by the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`] for what is no file of its role, [`Error::Ambiguous`] for a file that
    /// says more than we read in it, [`Error::Role`] for a role that cannot be proposed.
    pub fn read(
        dialect: Dialect,
        before: Root,
        known: BTreeMap<RoleName, Targets>,
        files: &[(RoleName, Vec<u8>)],
    ) -> Result<Proposal, Error> {
        let mut proposal = Proposal { dialect, before, known, parts: BTreeMap::new() };
        for (role, bytes) in files {
            let (content, message, _) = open(dialect, role, bytes)?;
            proposal.put(role.clone(), content);
            let written = &proposal.part(role)?.message;
            if written.as_bytes() != message {
                return Err(Error::Ambiguous { role: role.clone() });
            }
        }
        for (role, bytes) in files {
            proposal.collect(role, bytes)?;
        }
        Ok(proposal)
    }

    /// The root that it follows.
    pub fn before(&self) -> &Root {
        &self.before
    }

    /// What a role says until now.
    pub fn known(&self, role: &RoleName) -> Option<&Targets> {
        self.known.get(role)
    }

    /// The roles whose published files a reader of this proposal must see.
    pub fn known_roles(&self) -> BTreeSet<RoleName> {
        let roles = self.parts.keys().filter(|role| role.lists_targets());
        roles.flat_map(|role| [Some(role.clone()), role.parent()]).flatten().collect()
    }

    /// Its files, root first.
    pub fn parts(&self) -> impl Iterator<Item = (&RoleName, &Part)> {
        self.parts.iter()
    }

    /// The files as they are now: with the signatures that were collected.
    pub fn files(&self) -> Vec<(RoleName, Vec<u8>)> {
        let seal = |(role, part): (&RoleName, &Part)| {
            let signatures: Vec<_> =
                part.signatures.iter().map(|(id, it)| (*id, it.clone())).collect();
            (role.clone(), self.dialect.seal(&part.message, &signatures))
        };
        self.parts.iter().map(seal).collect()
    }

    /// Whose signatures it needs, and whose it has. A root needs those of the root before it and
    /// its own.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a role that nobody delegates to.
    pub fn needs(&self) -> Result<Vec<Need>, Error> {
        let mut needs = Vec::new();
        for (name, part) in &self.parts {
            for (role, keys) in self.rulers(name)? {
                let signed = keys.iter().map(Key::id);
                let signed = signed.filter(|id| part.signatures.contains_key(id)).collect();
                let threshold = role.threshold();
                needs.push(Need { role: name.clone(), threshold, keys, signed });
            }
        }
        Ok(needs)
    }

    /// Whether what expired of the published collection is no hindrance: this proposal signs the
    /// role anew, or it is the snapshot, which every publication signs anew; or the timestamp key
    /// changes, without which a server that does not have it can take nothing.
    pub fn mends(&self, expired: &RoleName) -> bool {
        let rekeyed = match self.parts.get(&RoleName::Root).map(Part::content) {
            Some(PartContent::Root(next)) => next.timestamp != self.before.timestamp,
            _ => false,
        };
        rekeyed || *expired == RoleName::Snapshot || self.parts.contains_key(expired)
    }

    /// Checks that signatures on it are still worth something.
    ///
    /// # Errors
    ///
    /// [`Error::Expired`] if one of its files would be published past its own expiry.
    pub fn check_expiry(&self, now: Instant) -> Result<(), Error> {
        match self.parts.iter().find(|(_, part)| part.expires() <= now) {
            Some((role, part)) => Err(Error::Expired { role: role.clone(), at: part.expires() }),
            None => Ok(()),
        }
    }

    /// Signs with every key at hand that it needs; says who signed what.
    ///
    /// # Errors
    ///
    /// [`Error::Signing`] when a key cannot.
    pub fn sign(&mut self, signers: &Signers<'_>) -> Result<Vec<(RoleName, KeyId)>, Error> {
        let mut made = Vec::new();
        for need in self.needs()? {
            let part = self.part_mut(&need.role)?;
            let keys: Vec<&Key> = need.keys.iter().collect();
            for (id, signature) in signers.sign(&need.role, &keys, &part.message)? {
                part.signatures.insert(id, signature);
                if !made.contains(&(need.role.clone(), id)) {
                    made.push((need.role.clone(), id));
                }
            }
        }
        Ok(made)
    }

    /// Takes over the signatures in another copy of one of its files, those by keys that it needs;
    /// says whose they are.
    ///
    /// # Errors
    ///
    /// [`Error::OtherContent`] if the file says something else, [`Error::BadSignature`] if a
    /// signature in the name of a needed key is not that key's.
    pub fn collect(&mut self, role: &RoleName, bytes: &[u8]) -> Result<Vec<KeyId>, Error> {
        let (_, message, signatures) = open(self.dialect, role, bytes)?;
        let rulers = self.rulers(role)?;
        let part = self.part_mut(role)?;
        if part.message.as_bytes() != message {
            return Err(Error::OtherContent { role: role.clone() });
        }
        let mut taken = Vec::new();
        for (id, signature) in signatures {
            let Some(key) = rulers.iter().flat_map(|(_, keys)| keys).find(|key| key.id() == id)
            else {
                continue;
            };
            let good = key.public().is_some_and(|key| key.verify(&message, &signature).is_ok());
            if !good {
                return Err(Error::BadSignature { role: role.clone(), id });
            }
            part.signatures.insert(id, signature);
            taken.push(id);
        }
        Ok(taken)
    }

    fn put(&mut self, role: RoleName, content: PartContent) {
        let message = match &content {
            PartContent::Root(root) => self.dialect.root_message(root),
            PartContent::Targets(targets) => self.dialect.targets_message(targets),
        };
        self.parts.insert(role, Part { content, message, signatures: BTreeMap::new() });
    }

    fn part(&self, role: &RoleName) -> Result<&Part, Error> {
        self.parts.get(role).ok_or_else(|| Error::Role { role: role.clone() })
    }

    fn part_mut(&mut self, role: &RoleName) -> Result<&mut Part, Error> {
        self.parts.get_mut(role).ok_or_else(|| Error::Role { role: role.clone() })
    }

    /// Each group of keys of which a threshold must sign a file.
    fn rulers(&self, name: &RoleName) -> Result<Vec<(Role, Vec<Key>)>, Error> {
        let of = |root: &Root, role: &Role| (role.clone(), root.keys_of(role).cloned().collect());
        let next = match self.parts.get(&RoleName::Root).map(Part::content) {
            Some(PartContent::Root(root)) => root,
            _ => &self.before,
        };
        match name {
            RoleName::Root => Ok(vec![of(&self.before, &self.before.root), of(next, &next.root)]),
            RoleName::Targets => Ok(vec![of(next, &next.targets)]),
            _ => {
                let missing = || Error::Role { role: name.clone() };
                let parent = name.parent().ok_or_else(missing)?;
                let delegator = match self.parts.get(&parent).map(Part::content) {
                    Some(PartContent::Targets(targets)) => Some(targets),
                    _ => self.known.get(&parent),
                };
                let delegations = &delegator.ok_or_else(missing)?.delegations;
                let delegation = delegations.role(name).ok_or_else(missing)?;
                let keys = delegations.keys_of(delegation).cloned().collect();
                Ok(vec![(delegation.role.clone(), keys)])
            }
        }
    }
}

type Opened = (PartContent, Vec<u8>, Vec<(KeyId, Signature)>);

fn open(dialect: Dialect, role: &RoleName, bytes: &[u8]) -> Result<Opened, Error> {
    fn parts<T>(envelope: Envelope<T>, content: impl FnOnce(T) -> PartContent) -> Opened {
        let message = envelope.message().to_vec();
        let signatures = envelope.signatures().iter();
        let signatures =
            signatures.filter_map(|entry| Some((entry.keyid?, entry.signature.clone()?))).collect();
        (content(envelope.into_unverified_content()), message, signatures)
    }
    let limits = Limits::default();
    match role {
        RoleName::Root => Ok(parts(dialect.open_root(bytes, &limits)?, PartContent::Root)),
        role if role.lists_targets() => {
            Ok(parts(dialect.open_targets(role, bytes, &limits)?, PartContent::Targets))
        }
        role => Err(Error::Role { role: role.clone() }),
    }
}
