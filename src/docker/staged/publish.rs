//! Publishing all that is staged (Notary 0.7 `client/client.go`, `publish`; `client/helpers.go`).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::StagedEdit;
use crate::client;
use crate::docker::found::{look_up_in, means};
use crate::docker::{Amended, Collection, Error, IfAbsent, Workbench};
use crate::edit::{Grant, Withdrawal};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::{Cache, Changelist, Staged};
use crate::tuf::{KeyId, RoleName, SearchOrder, Target};

/// What a publication leaves to be told.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StagedNote {
    /// A delegation has fewer keys than must sign: nobody can use it.
    Starved(RoleName),
    /// A role was signed again, because the keys that it has left had not signed it.
    SignedAgain(RoleName),
    /// A role needs to be signed again, and its keys are not here: nobody can use it until then.
    Weakened(RoleName),
    /// Keys stay in the delegations of this role, which cannot be signed with the keys that are
    /// here.
    NotPurged(RoleName),
    /// Pulls find under this name what the role signs, and not what was staged.
    FoundOtherwise(RoleName, String),
    /// The root would have ended then, UTC, and was signed again.
    RootRenewed(Timestamp),
    /// The root ends then, UTC, and not enough of its keys are here to sign it again.
    RootEnds(Timestamp),
}

/// What to do for roles that lose the keys which had signed them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weakened {
    /// Sign them again, if others of their keys are here.
    SignAgain,
    /// Only tell, as Notary leaves them: nobody can use them until they are signed again.
    Leave,
}

/// What was published, and what remains to be told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StagedReport {
    /// What was staged, and is not any more.
    pub edits: Vec<StagedEdit>,
    /// What should be known.
    pub notes: Vec<StagedNote>,
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Publishes what is staged, all at once and in order, and takes it off the list. A collection
    /// that is not there yet is founded, from what `prepare` left if there is something.
    ///
    /// A root that ends within six months is signed again with it if its keys are here, as Notary's
    /// client does, which fails without them.
    ///
    /// What is true already costs nothing, so that it may be done again after an answer that was
    /// lost on the way.
    ///
    /// # Errors
    ///
    /// [`Error`]; everything is staged still. [`Error::StagedChange`] if a file of the list is no change,
    /// or one that cannot be made.
    pub async fn publish_staged(
        &self,
        changelist: &Changelist,
        weakened: Weakened,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Amended<StagedReport>, Error> {
        let staged = changelist.list().map_err(client::Error::from)?;
        let edits = staged
            .iter()
            .map(understood)
            .enumerate()
            .map(|(number, edit)| edit.map_err(of(number)));
        let edits = edits.collect::<Result<Vec<_>, _>>()?;
        let apply = |bench: &mut Workbench<'_>| {
            let mut notes = Vec::new();
            for (number, edit) in edits.iter().enumerate() {
                notes.extend(bench.apply(edit).map_err(of(number))?);
            }
            notes.extend(bench.look_after(weakened)?);
            notes.extend(bench.renew_root(self.now())?);
            notes.extend(bench.found_otherwise(&edits));
            Ok(StagedReport { edits: edits.clone(), notes })
        };
        let founding = IfAbsent::Found { root_key: None, local_snapshot: true };
        let amended = self.amend(founding, store, passphrases, apply).await?;
        changelist.remove(&staged).map_err(client::Error::from)?;
        Ok(amended)
    }
}

impl StagedEdit {
    /// The name that is signed or revoked.
    fn target_name(&self) -> Option<&str> {
        match self {
            Self::SetTarget { name, .. } | Self::RemoveTarget { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether it has a name mean what this entry says.
    fn sets(&self, wanted: &str, found: &Target) -> bool {
        matches!(self, Self::SetTarget { name, target, .. }
            if name == wanted && means(target) == means(found))
    }
}

/// An error of the change that stands there in the list.
fn of(number: usize) -> impl FnOnce(Error) -> Error {
    move |error| Error::StagedChange { number, source: Box::new(error) }
}

fn understood(staged: &Staged) -> Result<StagedEdit, Error> {
    let named =
        |problem: &str| Error::Staged { problem: format!("{}: {problem}", staged.file_name()) };
    match &staged.change {
        Err(problem) => Err(named(problem)),
        Ok(change) => StagedEdit::read(change).map_err(|error| match error {
            Error::Staged { problem } => named(&problem),
            other => other,
        }),
    }
}

impl Workbench<'_> {
    /// Makes one staged change.
    fn apply(&mut self, edit: &StagedEdit) -> Result<Vec<StagedNote>, Error> {
        match edit {
            StagedEdit::SetTarget { role, name, target } => {
                self.check_usable(role)?;
                self.draft.set_target(role, name, target.clone())?;
            }
            StagedEdit::RemoveTarget { role, name } => {
                self.check_usable(role)?;
                self.draft.remove_target(role, name)?;
            }
            StagedEdit::Delegate { role, threshold, keys, paths } => {
                let is_new = self.draft.keys_of(role).is_err();
                let grant = Grant {
                    keys: keys.clone(),
                    paths: paths.clone(),
                    // That of a role that is there stays.
                    threshold: threshold.filter(|_| is_new),
                };
                self.draft.grant_in_part(role, &grant)?;
            }
            StagedEdit::Narrow { role, keys, paths } => {
                let (keys, paths) = (keys.clone(), paths.clone());
                self.draft.withdraw(role, &Withdrawal { keys, paths, threshold: None })?;
            }
            StagedEdit::RemoveDelegation { role } => {
                // One that is gone is what is wanted: the answer to an earlier try may be lost.
                if self.draft.keys_of(role).is_ok() {
                    self.draft.remove_delegation(role)?;
                }
            }
            StagedEdit::Witness { role } => self.witness(role)?,
            StagedEdit::Purge { below, keys } => return self.purge(below, keys),
        }
        Ok(Vec::new())
    }

    /// Looks after roles that lost the keys which had signed them. What is not signed again is
    /// published all the same, as Notary does it, and told.
    fn look_after(&mut self, weakened: Weakened) -> Result<Vec<StagedNote>, Error> {
        let mut notes = Vec::new();
        if self.draft.touched().next().is_none() {
            return Ok(notes);
        }
        let starved: Vec<_> = self.draft.starved().into_iter().map(|(role, ..)| role).collect();
        for role in self.draft.weakened() {
            if weakened == Weakened::SignAgain && self.can_sign(&role)? {
                self.draft.renew(&role)?;
                notes.push(StagedNote::SignedAgain(role));
            } else if !starved.contains(&role) {
                notes.push(StagedNote::Weakened(role));
            }
        }
        notes.extend(starved.into_iter().map(StagedNote::Starved));
        Ok(notes)
    }

    /// Only together with something else: a publication of nothing sends nothing.
    fn renew_root(&mut self, now: Timestamp) -> Result<Option<StagedNote>, Error> {
        let ends = self.draft.root().expires;
        let is_near = ends.duration_since(now) < NEAR;
        if !is_near || self.draft.touched().next().is_none() {
            return Ok(None);
        }
        if !self.can_sign(&RoleName::Root)? {
            return Ok(Some(StagedNote::RootEnds(ends)));
        }
        self.draft.renew(&RoleName::Root)?;
        Ok(Some(StagedNote::RootRenewed(ends)))
    }

    /// The staged names that a look-up in turn finds elsewhere. What changed since they were staged,
    /// or was staged for one role alone, is for a person to see.
    fn found_otherwise(&self, edits: &[StagedEdit]) -> Vec<StagedNote> {
        if self.draft.search_order() == SearchOrder::BreadthFirst {
            return Vec::new();
        }
        let names: BTreeSet<&str> = edits.iter().filter_map(StagedEdit::target_name).collect();
        let look_up = |name| {
            let (role, found) = look_up_in(&self.draft, name).ok().flatten()?;
            let is_staged = edits.iter().any(|edit| edit.sets(name, found));
            (!is_staged).then(|| StagedNote::FoundOtherwise(role, name.to_owned()))
        };
        names.into_iter().filter_map(look_up).collect()
    }

    /// Takes keys from all delegations of a role, and of those below it, that can be signed here.
    fn purge(&mut self, below: &RoleName, keys: &[KeyId]) -> Result<Vec<StagedNote>, Error> {
        let prefix = format!("{below}/");
        let mut left = BTreeSet::new();
        for id in keys {
            for role in self.draft.delegations_with(id) {
                if !role.as_str().starts_with(&prefix) {
                    continue;
                }
                let parent = role.parent().unwrap_or(RoleName::Targets);
                if !self.can_sign(&parent)? {
                    left.insert(parent);
                    continue;
                }
                let withdrawal = Withdrawal { keys: vec![*id], ..Withdrawal::default() };
                self.draft.withdraw(&role, &withdrawal)?;
            }
        }
        Ok(left.into_iter().map(StagedNote::NotPurged).collect())
    }
}

/// Six months (Notary 0.7 `client/helpers.go`, `nearExpiry`).
const NEAR: SignedDuration = SignedDuration::from_hours(183 * 24);
