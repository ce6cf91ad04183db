//! Changing a collection, whatever the change: read, change, unlock, sign, publish, and again if
//! another publisher was faster.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp as Instant};

use super::earlier::{Earlier, as_of};
use super::founding::{FoundingKeys, IfAbsent, is_refusal};
use super::removed::last_version;
use super::signers::{HeldKeys, KeyRing};
use super::{Collection, Error};
use crate::client::{self, Author, Publication, Refreshed, Roles, Wish};
use crate::edit::{Draft, Update};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Key, KeyId, OnlineRoles, Role, RoleName, Version};
use crate::verify::{self, Policy, SuspendedRole, Wanted};

/// A collection as it is now, to be changed.
///
/// A change is made on it, and made again from the start on a newer one if another publisher was
/// faster.
pub struct Workbench<'w> {
    /// Where the change is made; starts from everything that is published and trusted.
    pub draft: Draft,
    /// Delegated roles that are published and cannot be used, with the reason.
    pub unusable: &'w BTreeMap<RoleName, client::Error>,
    /// Those of them that can be signed again.
    pub suspended: &'w BTreeMap<RoleName, SuspendedRole>,
    held: &'w HeldKeys,
}

/// What changing a collection did.
#[derive(Debug)]
pub struct Amended<T> {
    /// What the change said of itself.
    pub value: T,
    /// The root key with which the collection was founded just now.
    pub founded: Option<KeyId>,
    /// Versions that were published; empty when there was nothing to change.
    pub versions: BTreeMap<RoleName, Version>,
    /// How often it was made anew because others were faster.
    pub attempts: u32,
}

impl<'w> Workbench<'w> {
    pub(super) fn new(
        draft: Draft,
        unusable: &'w BTreeMap<RoleName, client::Error>,
        suspended: &'w BTreeMap<RoleName, SuspendedRole>,
        held: &'w HeldKeys,
    ) -> Self {
        Self { draft, unusable, suspended, held }
    }
}

impl Workbench<'_> {
    /// Whether the private key of this public key is here.
    pub fn holds(&self, key: &Key) -> bool {
        self.held.holds(key)
    }

    /// Whether enough keys of a role are here to sign it.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] for a role that nobody delegates to.
    pub fn can_sign(&self, role: &RoleName) -> Result<bool, Error> {
        let (keys, possible) = self.draft.keys_of(role)?;
        let here = possible.into_iter().filter(|key| self.holds(key));
        Ok(crate::tuf::distinct_keys(here) >= keys.threshold().count())
    }

    /// Canonical ids of the keys that could sign a role.
    ///
    /// # Errors
    ///
    /// As [`Workbench::can_sign`].
    pub fn possible_keys(&self, role: &RoleName) -> Result<Vec<KeyId>, Error> {
        let (_, possible) = self.draft.keys_of(role)?;
        Ok(possible.into_iter().filter_map(Key::canonical_id).collect())
    }

    /// A role whose keys the root names, with them.
    ///
    /// # Errors
    ///
    /// [`Error::Role`] for a delegation.
    pub fn root_role(&self, role: &RoleName) -> Result<(&Role, Vec<&Key>), Error> {
        let root = self.draft.root();
        let reason = "a delegation's keys are changed where it is delegated";
        let refuse = || Error::Role { role: role.clone(), reason: reason.to_owned() };
        let own = root.role(role).ok_or_else(refuse)?;
        Ok((own, root.keys_of(own).collect()))
    }

    /// The one key of such a role that a person means by an id, or by the first digits of one: that
    /// by which the root names the key, or that of the bare key.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`] unless it is one key.
    pub fn root_role_key(&self, role: &RoleName, text: &str) -> Result<KeyId, Error> {
        let refuse =
            |reason| Err(Error::NoSuchKey { role: role.clone(), text: text.to_owned(), reason });
        if text.len() < SHORTEST_PREFIX {
            return refuse("is too short for an id of a key: give four digits or more");
        }
        let is_meant = |id: KeyId| id.to_string().starts_with(text);
        let (_, keys) = self.root_role(role)?;
        let meant = keys.iter().filter(|key| is_meant(key.id()) || is_meant(key.known_as()));
        match meant.collect::<Vec<_>>()[..] {
            [key] => Ok(key.id()),
            [] => refuse("is no key that signs it"),
            _ => refuse("is more than one of its keys"),
        }
    }

    /// Refuses a role that is published but unusable: it cannot be signed on top of, because its
    /// entries are not trusted.
    ///
    /// # Errors
    ///
    /// [`Error::Unusable`].
    pub fn check_usable(&self, role: &RoleName) -> Result<(), Error> {
        match self.unusable.get(role) {
            Some(reason) if self.draft.targets(role).is_none() => {
                Err(Error::Unusable { role: role.clone(), reason: reason.to_string() })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn held(&self) -> &HeldKeys {
        self.held
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Changes the collection: the keys of the roles that the change touches are unlocked, and
    /// everything is published at once. A change that touches nothing publishes nothing.
    ///
    /// # Errors
    ///
    /// The change's own; [`Error`]. Nothing is published then, unless the journey failed on the way
    /// back and the state could not be read again.
    pub async fn amend<T>(
        &self,
        if_absent: IfAbsent,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
        change: impl FnMut(&mut Workbench<'_>) -> Result<T, Error>,
    ) -> Result<Amended<T>, Error> {
        self.amend_roles(Roles::All, if_absent, store, passphrases, change).await
    }

    /// The same for a change that needs no more than these roles.
    pub(super) async fn amend_roles<T>(
        &self,
        roles: Roles<'_>,
        if_absent: IfAbsent,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
        change: impl FnMut(&mut Workbench<'_>) -> Result<T, Error>,
    ) -> Result<Amended<T>, Error> {
        let mut keys = KeyRing::new(store, passphrases)?;
        let amended = self.amend_with(roles, if_absent, &mut keys, change).await;
        amended.map_err(|failure| failure.error)
    }

    /// The same for a change that signs again what is there: a collection of which something
    /// expired is read as it was a moment before, because whoever mends it must be able to read it.
    ///
    /// # Errors
    ///
    /// As [`Collection::amend`].
    pub async fn amend_expired<T>(
        &self,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
        change: impl FnMut(&mut Workbench<'_>) -> Result<T, Error>,
    ) -> Result<Amended<T>, Error> {
        let served = self.policy().dialect.online_roles() == OnlineRoles::Server;
        let mends = |expired: &RoleName| !(served && *expired == RoleName::Timestamp);
        let mut keys = KeyRing::new(store, passphrases)?;
        let amended = self.amend_past(mends, &mut keys, change).await;
        amended.map_err(|failure| failure.error)
    }

    /// The same, as long as what expired is something that the change mends.
    pub(super) async fn amend_past<T>(
        &self,
        mends: impl Fn(&RoleName) -> bool,
        keys: &mut KeyRing<'_>,
        mut change: impl FnMut(&mut Workbench<'_>) -> Result<T, Error>,
    ) -> Result<Amended<T>, Failure> {
        let (earlier, mut then) = (Earlier(self.cache()), self.policy().now);
        let mut outcome = self.amend_with(Roles::All, IfAbsent::Refuse, keys, &mut change).await;
        while let Err(failure) = &outcome
            && let Some((role, before)) = expired_before(&failure.error, then)
            && mends(&role)
        {
            then = before;
            let reading = as_of(self, &earlier, then);
            outcome = reading.amend_with(Roles::All, IfAbsent::Refuse, keys, &mut change).await;
        }
        outcome
    }

    /// A change of nothing but the root, whatever is wrong with the files that follow from it.
    pub(super) async fn amend_root<T>(
        &self,
        keys: &mut KeyRing<'_>,
        mut change: impl FnMut(&mut Workbench<'_>) -> Result<T, Error>,
    ) -> Result<Amended<T>, Error> {
        let (remote, policy) = (self.server()?, self.policy());
        let root = client::newest_root(Arc::clone(policy), self.cache(), remote).await?;
        let (unusable, suspended) = (BTreeMap::new(), BTreeMap::new());
        let mut bench = Workbench::new(Draft::of_root(&root), &unusable, &suspended, keys.held());
        let value = change(&mut bench)?;
        let draft = bench.draft;
        keys.unlock(&draft, &draft.signing())?;
        let update = draft.sign(self.now(), &keys.signers())?;
        remote.publish(update.files()).await.map_err(client::Error::Net)?;
        Ok(Amended { value, founded: None, versions: update.versions().clone(), attempts: 1 })
    }

    pub(super) async fn amend_with<T>(
        &self,
        roles: Roles<'_>,
        if_absent: IfAbsent,
        keys: &mut KeyRing<'_>,
        change: impl FnMut(&mut Workbench<'_>) -> Result<T, Error>,
    ) -> Result<Amended<T>, Failure> {
        let untried = |error: client::Error| Failure { error: error.into(), in_vain: true };
        let (remote, policy) = (self.server().map_err(untried)?, self.policy());
        let mut author = Amendment {
            policy,
            now: self.now(),
            cache: self.cache(),
            remote,
            if_absent,
            keys,
            change,
            value: None,
            founding: None,
            offered: false,
            doubtful: false,
        };
        let wish = Wish { roles, wanted: Wanted::Everything };
        let outcome =
            client::publish(Arc::clone(policy), self.cache(), remote, wish, &mut author).await;
        match outcome {
            Ok(publication) => {
                author.finish(publication).map_err(|error| Failure { error, in_vain: false })
            }
            Err(error) => {
                let in_vain = !author.doubtful && (!author.offered || is_refusal(&error));
                let abandoned = match author.founding.filter(|_| in_vain) {
                    Some(founding) => founding.abandon(author.keys),
                    None => Ok(()),
                };
                Err(Failure { error: abandoned.err().unwrap_or(error), in_vain })
            }
        }
    }
}

/// Whether something expired, and the moment before; `None` if that is no earlier than `then`.
pub(super) fn expired_before(error: &Error, then: Instant) -> Option<(RoleName, Instant)> {
    let Error::Client(client::Error::Verify(verify::Error::Expired { role, at })) = error else {
        return None;
    };
    let before = at.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Instant::MIN);
    (before < then).then(|| (role.clone(), before))
}

/// A change that was not published, as far as we know.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether the server certainly took nothing.
    pub(super) in_vain: bool,
}

/// A change on its way to the server.
struct Amendment<'a, 'k, C, R, F, T> {
    policy: &'a Arc<Policy>,
    now: Instant,
    cache: &'a C,
    remote: &'a R,
    if_absent: IfAbsent,
    keys: &'a mut KeyRing<'k>,
    change: F,
    value: Option<T>,
    founding: Option<FoundingKeys>,
    /// Whether an update was ever handed out to be published.
    offered: bool,
    /// Whether an update may have been taken unheard.
    doubtful: bool,
}

impl<C, R, F, T> Author for Amendment<'_, '_, C, R, F, T>
where
    C: Cache,
    R: Remote,
    F: FnMut(&mut Workbench<'_>) -> Result<T, Error>,
{
    type Error = Error;

    async fn compose(&mut self, known: Option<Refreshed>) -> Result<Option<Update>, Error> {
        let (draft, unusable, suspended) = match known {
            Some(known) => {
                // Somebody founded it while we did: perhaps we ourselves, and nobody told us.
                if let Some(founding) = self.founding.take_if(|keys| !keys.founded(&known)) {
                    founding.abandon(self.keys)?;
                }
                (Draft::of(known.targets), known.unusable, known.suspended)
            }
            None => (self.found().await?, BTreeMap::new(), BTreeMap::new()),
        };
        self.keys.look_again()?;
        let (unusable, suspended) = (&unusable, &suspended);
        let mut bench = Workbench::new(draft, unusable, suspended, self.keys.held());
        let value = (self.change)(&mut bench)?;
        let mut draft = bench.draft;
        draft.settle_bins()?;
        self.value = Some(value);
        if self.offered {
            self.follow_removed(&mut draft).await?;
        }
        if draft.touched().next().is_none() {
            return Ok(None);
        }
        self.keys.unlock(&draft, &draft.signing())?;
        let update = draft.sign(self.now, &self.keys.signers())?;
        self.offered = true;
        Ok(Some(update))
    }

    fn doubt(&mut self) {
        self.doubtful = true;
    }
}

impl<C: Cache, R: Remote, F, T> Amendment<'_, '_, C, R, F, T> {
    /// The draft of a collection that the server does not have: as notary's `init` prepared it
    /// here, or a new one.
    async fn found(&mut self) -> Result<Draft, Error> {
        if let Some(prepared) = client::resume(self.policy, self.cache)? {
            return Ok(prepared);
        }
        let IfAbsent::Found { root_key, local_snapshot } = self.if_absent else {
            let (gun, server) = (self.policy.gun.clone(), self.remote.name());
            return Err(client::Error::NoTrustData { gun, server, seen_before: false }.into());
        };
        let founding = match self.founding {
            Some(founding) => founding,
            None => FoundingKeys::make(self.keys, self.policy, root_key, local_snapshot)?,
        };
        self.founding = Some(founding);
        founding.draft(self.keys, self.policy, self.remote, None).await
    }

    /// A role that begins anew under a name that was removed goes on from the last version that the
    /// server has of it, which nothing lists. That is looked for only once it was refused.
    async fn follow_removed(&self, draft: &mut Draft) -> Result<(), Error> {
        let begun: Vec<RoleName> = draft.begun().cloned().collect();
        for role in begun {
            if let Some(version) = last_version(self.remote, self.policy, &role).await? {
                draft.follow(&role, version)?;
            }
        }
        Ok(())
    }

    fn finish(self, publication: Publication) -> Result<Amended<T>, Error> {
        let Publication { update, attempts } = publication;
        let versions = update.map(|update| update.versions().clone()).unwrap_or_default();
        let founded = self.founding.map(|keys| keys.root);
        // A publication ends in success only after the change was made.
        let unmade = client::Error::Contended { attempts };
        let value = self.value.ok_or(unmade)?;
        Ok(Amended { value, founded, versions, attempts })
    }
}

/// Digits of an id that say enough to be told from others.
const SHORTEST_PREFIX: usize = 4;
