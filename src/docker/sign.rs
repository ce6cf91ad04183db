//! Signing tags (docker/cli `trust sign`, and the signing half of `docker push`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::signers::{KeyRing, RoleChoice, signable};
use super::{Collection, Error};
use crate::client::{self, Author, Foundation, Publication, Refreshed, Roles, Wish};
use crate::edit::{Change, Draft, Update};
use crate::image::{Descriptor, ImageDigest, Tag};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::{self, Remote};
use crate::storage::Cache;
use crate::tuf::{Custom, Hashes, KeyId, RoleName, Target, Version};
use crate::verify::{Policy, Wanted};

/// What to sign, and how.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// Tags and what they stand for; all of them are published at once. Empty to found a collection
    /// only.
    pub tags: Vec<(Tag, Descriptor)>,
    /// Which roles.
    pub roles: RoleChoice,
    /// The publisher's own JSON for each entry.
    pub custom: Option<Custom>,
    /// The root key for a new collection; else the first one here, else a new one.
    pub root_key: Option<KeyId>,
    /// Whether the snapshot key of a new collection is kept here instead of at the server.
    pub local_snapshot: bool,
}

/// What signing did.
#[derive(Debug)]
pub struct Signing {
    /// Each tag, in the order of the request.
    pub tags: Vec<TagSigned>,
    /// The root key with which the collection was founded just now.
    pub founded: Option<KeyId>,
    /// Versions that were published; empty when everything was signed already.
    pub versions: BTreeMap<RoleName, Version>,
    /// How often it was made anew because others were faster.
    pub attempts: u32,
}

/// What became of one tag.
#[derive(Clone, Debug)]
pub struct TagSigned {
    /// The tag.
    pub tag: Tag,
    /// What it stands for now.
    pub digest: ImageDigest,
    /// The roles that sign it so now, with what they said before.
    pub roles: Vec<(RoleName, Change)>,
}

impl TagSigned {
    /// Whether a pull will find this digest: it stands in a role that counts.
    pub fn counts_for_pulls(&self) -> bool {
        let counts =
            |role: &RoleName| matches!(role, RoleName::Targets) || *role == RoleName::releases();
        self.roles.iter().any(|(role, _)| counts(role))
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Signs tags, founding the collection if there is none, as docker's push does.
    ///
    /// # Errors
    ///
    /// [`Error`]; nothing is published then, unless the journey failed on the way back and the
    /// state could not be read again.
    pub async fn sign(
        &self,
        request: &SignRequest,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Signing, Error> {
        let keys = KeyRing::new(store, passphrases)?;
        let remote = self.server()?;
        let policy = self.policy();
        let mut author = TagAuthor {
            policy,
            remote,
            request,
            keys,
            tags: Vec::new(),
            founding: None,
            offered: false,
            doubtful: false,
        };
        let wish = Wish { roles: Roles::All, wanted: Wanted::Everything };
        let outcome =
            client::publish(Arc::clone(policy), self.cache(), remote, wish, &mut author).await;
        let founding = author.founding.take();
        let publication = match outcome {
            Ok(publication) => publication,
            Err(error) => {
                let in_vain = !author.doubtful && (!author.offered || is_refusal(&error));
                author.abandon(founding.filter(|_| in_vain))?;
                return Err(error);
            }
        };
        Ok(author.signing(publication, founding))
    }
}

/// Keys made for a collection that is being founded.
#[derive(Clone, Copy)]
struct FoundingKeys {
    root: KeyId,
    targets: KeyId,
    snapshot: Option<KeyId>,
}

impl FoundingKeys {
    /// Whether this collection was founded with these keys.
    fn founded(&self, known: &Refreshed) -> bool {
        known.targets.root().content().targets.keyids().contains(&self.targets)
    }
}

/// Puts tags into the roles that the user can sign.
struct TagAuthor<'a, R> {
    policy: &'a Policy,
    remote: &'a R,
    request: &'a SignRequest,
    keys: KeyRing<'a>,
    tags: Vec<TagSigned>,
    founding: Option<FoundingKeys>,
    /// Whether an update was ever handed out to be published.
    offered: bool,
    /// Whether an update that founds the collection may have been taken unheard.
    doubtful: bool,
}

impl<R: Remote> Author for TagAuthor<'_, R> {
    type Error = Error;

    async fn compose(&mut self, known: Option<Refreshed>) -> Result<Option<Update>, Error> {
        let (mut draft, unusable) = match known {
            Some(known) => {
                // Somebody founded it while we did: perhaps we ourselves, and nobody told us.
                let founding = self.founding.take_if(|keys| !keys.founded(&known));
                self.abandon(founding)?;
                self.keys.look_again()?;
                (Draft::of(known.targets), known.unusable)
            }
            None => (self.found().await?, BTreeMap::new()),
        };
        self.tags.clear();
        for (tag, descriptor) in &self.request.tags {
            let signed = self.put(&mut draft, tag, descriptor, &unusable)?;
            self.tags.push(signed);
        }
        let mut touched: Vec<RoleName> = draft.touched().cloned().collect();
        if touched.is_empty() {
            return Ok(None);
        }
        touched.push(RoleName::Snapshot);
        self.keys.unlock(&draft, &touched)?;
        let update = draft.sign(self.policy.now, &self.keys.signers())?;
        self.offered = true;
        Ok(Some(update))
    }

    fn doubt(&mut self) {
        self.doubtful = true;
    }
}

impl<R: Remote> TagAuthor<'_, R> {
    fn put(
        &self,
        draft: &mut Draft,
        tag: &Tag,
        descriptor: &Descriptor,
        unusable: &BTreeMap<RoleName, client::Error>,
    ) -> Result<TagSigned, Error> {
        let roles = signable(draft, &self.policy.gun, tag, &self.request.roles, &self.keys)?;
        let mut signed = Vec::with_capacity(roles.len());
        for role in roles {
            check_usable(&role, unusable)?;
            let change = draft.set_target(&role, tag.as_str(), self.target(&role, descriptor))?;
            signed.push((role, change));
        }
        Ok(TagSigned { tag: tag.clone(), digest: descriptor.digest, roles: signed })
    }

    /// An entry as docker writes it; in a delegated role it also says which collection it is for.
    fn target(&self, role: &RoleName, descriptor: &Descriptor) -> Target {
        let own = self.request.custom.clone();
        let custom = match role {
            RoleName::Delegation(_) => Some(Custom::naming(own, &self.policy.gun)),
            _ => own,
        };
        let hashes = Hashes::from(*descriptor.digest.sha256());
        Target { length: descriptor.size, hashes, custom }
    }

    async fn found(&mut self) -> Result<Draft, Error> {
        let founding = match self.founding {
            Some(founding) => founding,
            None => self.founding_keys()?,
        };
        self.founding = Some(founding);
        let signer = |id: &KeyId| {
            self.keys.signer(id).ok_or(Error::Keys(crate::keys::Error::NoSuchKey { id: *id }))
        };
        let snapshot = founding.snapshot.as_ref().map(signer).transpose()?;
        let foundation = Foundation {
            root: signer(&founding.root)?,
            targets: signer(&founding.targets)?,
            snapshot,
        };
        Ok(client::initialise(self.policy, self.remote, foundation).await?)
    }

    fn founding_keys(&mut self) -> Result<FoundingKeys, Error> {
        let gun = &self.policy.gun;
        let root = self.keys.root_key(self.request.root_key)?;
        let targets = self.keys.generate("targets", Some(gun))?;
        let snapshot = match self.request.local_snapshot {
            true => Some(self.keys.generate("snapshot", Some(gun))?),
            false => None,
        };
        Ok(FoundingKeys { root, targets, snapshot })
    }

    /// Removes the collection's own keys that were made for a founding that did not happen.
    fn abandon(&mut self, founding: Option<FoundingKeys>) -> Result<(), Error> {
        let Some(founding) = founding else { return Ok(()) };
        self.keys.discard(&founding.targets)?;
        founding.snapshot.map_or(Ok(()), |id| self.keys.discard(&id))
    }

    fn signing(self, publication: Publication, founding: Option<FoundingKeys>) -> Signing {
        let versions = publication.update.map(|update| update.versions().clone());
        Signing {
            tags: self.tags,
            founded: founding.map(|keys| keys.root),
            versions: versions.unwrap_or_default(),
            attempts: publication.attempts,
        }
    }
}

/// A role that is published but unusable cannot be signed on top of: its entries are not trusted.
fn check_usable(
    role: &RoleName,
    unusable: &BTreeMap<RoleName, client::Error>,
) -> Result<(), Error> {
    match unusable.get(role) {
        Some(reason) => Err(Error::Role { role: role.clone(), reason: reason.to_string() }),
        None => Ok(()),
    }
}

/// Whether the server certainly took nothing.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Client(client::Error::Net(error)) => matches!(
            error,
            net::Error::Refused { .. }
                | net::Error::Unauthorised { .. }
                | net::Error::Conflict { .. }
        ),
        Error::Client(_) => false,
        _ => true,
    }
}
