//! Taking a tag's signatures back (docker/cli `trust revoke`, done thoroughly).

use std::sync::Arc;

use super::resolve::holders;
use super::signers::KeyRing;
use super::{Collection, Error};
use crate::client::{self, Author, Refreshed, Roles, Wish};
use crate::edit::{Draft, Update};
use crate::image::Tag;
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{RoleName, canonical_key_id};
use crate::verify::{Policy, Wanted};

/// What to take back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RevokeRequest {
    /// One tag.
    Tag(Tag),
    /// Every tag.
    All,
}

/// What revoking did.
#[derive(Debug)]
pub struct Revocation {
    /// Names and the roles that they were taken out of.
    pub removed: Vec<(String, RoleName)>,
    /// Names and the roles that still sign them, because no key of them is here.
    pub remaining: Vec<(String, RoleName)>,
}

impl Revocation {
    /// Names that a pull still finds.
    pub fn still_pullable(&self) -> impl Iterator<Item = &str> {
        let counts = |role: &RoleName| *role == RoleName::Targets || *role == RoleName::releases();
        self.remaining.iter().filter(move |(_, role)| counts(role)).map(|(name, _)| name.as_str())
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Takes a tag, or all, out of every role that this user can sign, and looks again at what
    /// remains.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTag`] if no role signs it, [`Error::NoSigningKey`] if none that does can be
    /// signed here.
    pub async fn revoke(
        &self,
        request: &RevokeRequest,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Revocation, Error> {
        let keys = KeyRing::new(store, passphrases)?;
        let remote = self.server()?;
        let policy = self.policy();
        let mut author = Revoker { policy, request, keys, removed: Vec::new() };
        let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
        client::publish(Arc::clone(policy), self.cache(), remote, wish, &mut author).await?;
        let after = self.refresh(wish).await?;
        let remaining = occurrences(&after, request);
        Ok(Revocation { removed: author.removed, remaining })
    }
}

struct Revoker<'a> {
    policy: &'a Policy,
    request: &'a RevokeRequest,
    keys: KeyRing<'a>,
    removed: Vec<(String, RoleName)>,
}

impl Author for Revoker<'_> {
    type Error = Error;

    async fn compose(&mut self, known: Option<Refreshed>) -> Result<Option<Update>, Error> {
        let Some(known) = known else {
            let (gun, seen_before) = (self.policy.gun.clone(), false);
            let server = "the server".to_owned();
            return Err(client::Error::NoTrustData { gun, server, seen_before }.into());
        };
        let found = occurrences(&known, self.request);
        let mut draft = Draft::of(known.targets);
        self.check_found(&found)?;
        self.removed.clear();
        let mut locked = Vec::new();
        for (name, role) in found {
            let (_, possible) = draft.keys_of(&role)?;
            if possible.iter().any(|key| self.keys.holds(key)) {
                draft.remove_target(&role, &name)?;
                self.removed.push((name, role));
            } else {
                let ids = possible.iter().filter_map(|key| key.public().map(canonical_key_id));
                locked.push((role, ids.collect()));
            }
        }
        let mut touched: Vec<RoleName> = draft.touched().cloned().collect();
        if touched.is_empty() {
            return self.nothing_to_sign(locked);
        }
        touched.push(RoleName::Snapshot);
        self.keys.unlock(&draft, &touched)?;
        Ok(Some(draft.sign(self.policy.now, &self.keys.signers())?))
    }
}

impl Revoker<'_> {
    fn check_found(&self, found: &[(String, RoleName)]) -> Result<(), Error> {
        match self.request {
            RevokeRequest::Tag(tag) if found.is_empty() && self.removed.is_empty() => {
                let gun = self.policy.gun.clone();
                Err(Error::NoSuchTag { gun, tag: tag.clone(), elsewhere: Vec::new() })
            }
            _ => Ok(()),
        }
    }

    fn nothing_to_sign(
        &self,
        locked: Vec<(RoleName, Vec<crate::tuf::KeyId>)>,
    ) -> Result<Option<Update>, Error> {
        match self.request {
            RevokeRequest::Tag(tag) if !locked.is_empty() => Err(Error::NoSigningKey {
                gun: self.policy.gun.clone(),
                tag: tag.clone(),
                roles: locked,
            }),
            _ => Ok(None),
        }
    }
}

/// Every name in question, with every role that signs it.
fn occurrences(collection: &Refreshed, request: &RevokeRequest) -> Vec<(String, RoleName)> {
    match request {
        RevokeRequest::Tag(tag) => {
            let roles = holders(collection, tag.as_str());
            roles.into_iter().map(|role| (tag.to_string(), role)).collect()
        }
        RevokeRequest::All => collection
            .targets
            .roles()
            .flat_map(|(role, loaded)| {
                loaded.targets().map(move |(name, _)| (name.to_owned(), role.clone()))
            })
            .collect(),
    }
}
