//! What keys are for, as far as the cache of this machine says.
//!
//! The cached files and notes are looked at and not verified: what they say fills tables and gives
//! advice, and decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp as Instant;

use crate::crypto::Algorithm;
use crate::storage::{Cache, CollectionDirectory, Error, TrustDirectory};
use crate::tuf::{
    Delegations, Dialect, Gun, Key, KeyId, Limits, Role, RoleName, Root, canonical_key_id,
};

/// One role that a key may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The collection.
    pub gun: Gun,
    /// The form that it has; a repository may have one in each.
    pub dialect: Dialect,
    /// The role.
    pub role: RoleName,
    /// How many keys of the role must sign.
    pub threshold: usize,
    /// How many keys the role has.
    pub keys: usize,
    /// When the role's cached file ends to be valid, UTC; `None` if it is not cached.
    pub expires: Option<Instant>,
    /// What kind of key it is.
    pub algorithm: Algorithm,
}

/// Every key that the cached collections name, by its canonical id.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    uses: BTreeMap<KeyId, Vec<Use>>,
    collections: Vec<Gun>,
    drills: BTreeMap<KeyId, Instant>,
}

impl Survey {
    /// Looks through the cache of a trust directory.
    ///
    /// # Errors
    ///
    /// If it cannot be read. A damaged file counts as none.
    pub fn of(trust: &TrustDirectory) -> Result<Survey, Error> {
        let mut survey = Survey { drills: trust.drills()?, ..Survey::default() };
        for gun in trust.collections()? {
            survey.visit(&trust.collection(&gun), Dialect::Notary)?;
            survey.collections.push(gun);
        }
        for gun in trust.repositories()? {
            survey.visit(&trust.repository(&gun), Dialect::Tuf1)?;
            survey.collections.push(gun);
        }
        Ok(survey)
    }

    /// What a key may sign.
    pub fn uses(&self, id: &KeyId) -> &[Use] {
        self.uses.get(id).map_or(&[], Vec::as_slice)
    }

    /// The keys, by their canonical ids, that other collections than this one name.
    pub fn needed_besides(&self, gun: &Gun, dialect: Dialect) -> BTreeSet<KeyId> {
        let other = |used: &Use| (&used.gun, used.dialect) != (gun, dialect);
        let needed = self.uses.iter().filter(|(_, uses)| uses.iter().any(other));
        needed.map(|(id, _)| *id).collect()
    }

    /// When sheets last proved here that they would bring a key back, UTC.
    pub fn drilled(&self, id: &KeyId) -> Option<Instant> {
        self.drills.get(id).copied()
    }

    /// The collections that are cached here, by name; first those of Notary's form.
    pub fn collections(&self) -> &[Gun] {
        &self.collections
    }

    fn visit(&mut self, cache: &CollectionDirectory, dialect: Dialect) -> Result<(), Error> {
        let (whose, limits) = ((cache.gun(), dialect), Limits::default());
        let Some(bytes) = cache.read(&RoleName::Root, limits.root_bytes)? else { return Ok(()) };
        let Ok(root) = dialect.open_root(&bytes, &limits) else { return Ok(()) };
        let root = root.into_unverified_content();
        self.visit_root(whose, &root);
        // Roles that are still to be looked into, each among the delegations that name it.
        let mut waiting = vec![(RoleName::Targets, Rc::new(Delegations::default()))];
        let mut room = ROLES_MAX;
        while let Some((name, among)) = waiting.pop() {
            let bytes = cache.read(&name, limits.bytes(&name))?;
            let targets =
                bytes.and_then(|bytes| dialect.glance_at_targets(&name, &bytes, &[], &limits).ok());
            let expires = targets.as_ref().map(|targets| targets.expires);
            match among.role(&name) {
                Some(it) => self.note(whose, &name, &it.role, among.keys_of(it), expires),
                None => {
                    self.note(whose, &name, &root.targets, root.keys_of(&root.targets), expires)
                }
            }
            let made = Rc::new(targets.map(|targets| targets.delegations).unwrap_or_default());
            let below = made.roles.iter().take(room).map(|it| (it.name.clone(), Rc::clone(&made)));
            room = room.saturating_sub(made.roles.len());
            waiting.extend(below);
        }
        Ok(())
    }

    fn visit_root(&mut self, whose: (&Gun, Dialect), root: &Root) {
        let roles = [
            (RoleName::Root, &root.root, Some(root.expires)),
            (RoleName::Snapshot, &root.snapshot, None),
            (RoleName::Timestamp, &root.timestamp, None),
        ];
        for (name, role, expires) in roles {
            self.note(whose, &name, role, root.keys_of(role), expires);
        }
    }

    fn note<'k>(
        &mut self,
        (gun, dialect): (&Gun, Dialect),
        name: &RoleName,
        role: &Role,
        keys: impl Iterator<Item = &'k Key>,
        expires: Option<Instant>,
    ) {
        for public in keys.filter_map(Key::public) {
            let uses = self.uses.entry(canonical_key_id(public)).or_default();
            uses.push(Use {
                gun: gun.clone(),
                dialect,
                role: name.clone(),
                threshold: role.threshold().count(),
                keys: role.keyids().len(),
                expires,
                algorithm: public.algorithm(),
            });
        }
    }
}

/// Below `targets`, of one collection; a cache with more is none of ours.
const ROLES_MAX: usize = 1000;
