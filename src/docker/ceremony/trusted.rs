//! A request that may be signed here.

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::transcript::Matter;
use super::{Contribution, Error, Request, file, known, root_of};
use crate::client::{self, PresentedRoot};
use crate::crypto::Signature;
use crate::docker::signers::KeyRing;
use crate::edit::{self, Proposal, Signers};
use crate::keys::{self, KeyStore, PassphraseSource};
use crate::storage::Cache;
use crate::tuf::{Key, KeyId, RoleName};
use crate::verify;

/// A request whose published files are those of the repository, as far as that can be told here:
/// only such a one is signed.
///
/// What is signed is worth as much as what it follows: the words that are shown name the change
/// alone, and whoever made the request chose what it changes.
#[derive(Clone, Debug)]
pub struct TrustedRequest {
    request: Request,
    first_use: bool,
}

impl Request {
    /// Believes what the request says is published: its root is the one known here, or the one after
    /// it, or nothing is known here and the policy allows first use; the pins admit it; and no role
    /// is older than what was seen here.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] if something newer was seen here, [`Error::FarAhead`] if too little was;
    /// [`Error::Client`] if it follows the root of another repository, or one that pins or policy
    /// refuse.
    pub fn trusted(self, cache: &impl Cache) -> Result<TrustedRequest, Error> {
        let presented = client::presented_root(&self.policy, cache, root_of(&self.before)?);
        let judge = |error| self.refused(error);
        let PresentedRoot { root, before, first_use } = presented.map_err(judge)?;
        known(&root, &self.before, &before).map_err(|error| judge(error.into()))?;
        Ok(TrustedRequest { request: self, first_use })
    }

    fn refused(&self, error: client::Error) -> Error {
        match error {
            client::Error::Verify(verify::Error::Rollback { role, .. }) => {
                edit::Error::Overtaken { role }.into()
            }
            client::Error::Verify(verify::Error::RootGap { found, expected }) => {
                Error::FarAhead { gun: self.gun().clone(), found, expected }
            }
            other => other.into(),
        }
    }
}

impl TrustedRequest {
    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether its root is believed on first use: nothing was known here to compare it with.
    pub fn is_first_use(&self) -> bool {
        self.first_use
    }

    /// Signs with every key that is needed and is here, or with one of them. Keys are unlocked one
    /// by one.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToSign`] if no such key is here; [`Error::Edit`] for what has expired; those
    /// of the keys.
    pub fn sign(
        &self,
        only: Option<KeyId>,
        name: &str,
        now: Instant,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Contribution, Error> {
        file::check_name(name)?;
        let Request { proposal: before, .. } = &self.request;
        before.check_expiry(now)?;
        let mut keys = KeyRing::new(store, passphrases)?;
        let here = self.unlock(only, &mut keys)?;
        let (mut proposal, signers) = (before.clone(), keys.signers());
        let mut signed = proposal.sign(&signers)?;
        signed.sort_unstable();
        if signed.is_empty() {
            return Err(self.nothing_to_sign()?);
        }
        let statement = Matter::of(&self.request).statement(name, now, &signed);
        Ok(Contribution {
            gun: self.request.gun().clone(),
            request: self.request.digest(),
            name: name.to_owned(),
            at: now,
            files: only_new(before, &proposal),
            statements: state(&statement, &signed, &here, &signers)?,
        })
    }

    /// Unlocks the keys that are needed and are here, or that one of them.
    fn unlock(&self, only: Option<KeyId>, keys: &mut KeyRing<'_>) -> Result<Vec<Key>, Error> {
        let wanted = |key: &Key| {
            let id = key.canonical_id();
            keys.held().holds(key) && only.is_none_or(|only| id == Some(only))
        };
        let needed = self.request.needs()?.into_iter().flat_map(|need| need.keys);
        let here: Vec<Key> = needed.filter(wanted).collect();
        for id in here.iter().filter_map(Key::canonical_id) {
            keys.unlock_one(&id)?;
        }
        Ok(here)
    }

    fn nothing_to_sign(&self) -> Result<Error, Error> {
        let needs = self.request.needs()?;
        let keys = needs.iter().flat_map(|need| &need.keys).map(Key::id).collect();
        Ok(Error::NothingToSign { gun: self.request.gun().clone(), keys })
    }
}

/// Signs a statement with each of the keys that signed something.
fn state(
    statement: &str,
    signed: &[(RoleName, KeyId)],
    keys: &[Key],
    signers: &Signers<'_>,
) -> Result<Vec<(KeyId, Signature)>, Error> {
    let by_key: BTreeMap<KeyId, &RoleName> = signed.iter().map(|(role, id)| (*id, role)).collect();
    let one = |(id, role): (KeyId, &RoleName)| {
        let key = keys.iter().find(|key| key.id() == id).and_then(|key| signers.of(key));
        let signer = key.ok_or(Error::Keys(keys::Error::NoSuchKey { id }))?;
        let failed = |source| edit::Error::Signing { role: role.clone(), source };
        Ok((id, signer.sign(statement.as_bytes()).map_err(failed)?))
    };
    by_key.into_iter().map(one).collect()
}

/// The files with those signatures alone that one copy has more than the other.
fn only_new(before: &Proposal, after: &Proposal) -> BTreeMap<RoleName, Vec<u8>> {
    let had: BTreeMap<_, _> = before.files().into_iter().collect();
    after.files().into_iter().filter(|(role, bytes)| had.get(role) != Some(bytes)).collect()
}
