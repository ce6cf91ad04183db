//! Signing by several people: a request goes out as a file, signatures come back as files, and what
//! has enough of them is published.
//!
//! ```text
//! Collection::request   online: what is published, and a change → Request, a file for everybody
//! Request::read         anywhere: the file, verified as far as signatures on what is published reach
//! Request::sign         anywhere, best without a network: → Contribution, a file for whoever publishes
//! Collection::submit    online: the request and the contributions → published, and a Transcript
//! Transcript::read      anywhere, at any time: who signed what, every signature checked
//! ```

mod file;
mod rehearsal;
mod transcript;
mod words;

use std::collections::BTreeMap;

use jiff::Timestamp as Instant;

use super::sign::put_all;
use super::signers::KeyRing;
use super::{Collection, Error, SignRequest, TagSigned, Workbench};
use crate::client::{self, Author, Refreshed, Wish};
use crate::crypto::{Sha256, Signature};
use crate::edit::{Draft, Need, Proposal, Signers, Update};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Gun, Key, KeyId, Limits, RoleName, Version};
use crate::verify::{self, Policy, TrustedRoot};

pub use rehearsal::{Rehearsal, Rehearsed};
use transcript::Matter;
pub use transcript::{Person, Transcript};

/// What several people are asked to sign.
#[derive(Clone, Debug)]
pub struct Request {
    gun: Gun,
    made: Instant,
    /// The published files that a reader needs to see what changes.
    before: BTreeMap<RoleName, Vec<u8>>,
    proposal: Proposal,
}

/// One person's signatures on a request.
#[derive(Clone, Debug)]
pub struct Contribution {
    gun: Gun,
    request: Sha256,
    name: String,
    at: Instant,
    files: BTreeMap<RoleName, Vec<u8>>,
    /// The statement of who signed what and when, under each of the keys used.
    statements: Vec<(KeyId, Signature)>,
}

/// What a submission did.
#[derive(Debug)]
pub struct Submission {
    /// Versions that were published; empty if it was published before.
    pub versions: BTreeMap<RoleName, Version>,
    /// Who signed what.
    pub transcript: Transcript,
}

impl Request {
    /// The collection.
    pub fn gun(&self) -> &Gun {
        &self.gun
    }

    /// When it was made, UTC.
    pub fn made(&self) -> Instant {
        self.made
    }

    /// A name for exactly what is to be signed, to be compared by voice.
    pub fn digest(&self) -> Sha256 {
        self.proposal.digest()
    }

    /// What changes, a sentence each.
    pub fn words(&self) -> Vec<String> {
        words::of(&self.proposal)
    }

    /// Whose signatures it needs, and whose it has.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] for a request that makes no sense.
    pub fn needs(&self) -> Result<Vec<Need>, Error> {
        Ok(self.proposal.needs()?)
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
        self.proposal.check_expiry(now)?;
        let mut keys = KeyRing::new(store, passphrases)?;
        let here = self.unlock(only, &mut keys)?;
        let (mut proposal, signers) = (self.proposal.clone(), keys.signers());
        let mut signed = proposal.sign(&signers)?;
        signed.sort_unstable();
        if signed.is_empty() {
            let ids = self.needs()?.iter().flat_map(|need| &need.keys).map(Key::id).collect();
            return Err(Error::NothingToSign { gun: self.gun.clone(), keys: ids });
        }
        let statement = Matter::of(self).statement(name, now, &signed);
        Ok(Contribution {
            gun: self.gun.clone(),
            request: self.digest(),
            name: name.to_owned(),
            at: now,
            files: only_new(&self.proposal, &proposal),
            statements: state(&statement, &signed, &here, &signers)?,
        })
    }

    /// Unlocks the keys that are needed and are here, or that one of them.
    fn unlock(&self, only: Option<KeyId>, keys: &mut KeyRing<'_>) -> Result<Vec<Key>, Error> {
        let wanted = |key: &Key| {
            let id = key.canonical_id();
            keys.held().holds(key) && only.is_none_or(|only| id == Some(only))
        };
        let needed = self.needs()?.into_iter().flat_map(|need| need.keys);
        let here: Vec<Key> = needed.filter(wanted).collect();
        for id in here.iter().filter_map(Key::canonical_id) {
            keys.unlock_one(&id)?;
        }
        Ok(here)
    }

    /// Adds somebody's signatures; says whose keys they are by.
    ///
    /// # Errors
    ///
    /// [`Error::OtherRequest`] if they are for something else, [`Error::Edit`] if one is false.
    pub fn collect(&mut self, contribution: &Contribution) -> Result<Vec<KeyId>, Error> {
        if contribution.request != self.digest() || contribution.gun != self.gun {
            return Err(Error::OtherRequest { name: contribution.name.clone() });
        }
        let mut ids = Vec::new();
        for (role, bytes) in &contribution.files {
            ids.extend(self.proposal.collect(role, bytes)?);
        }
        // Refuses a name or a time that the signer's keys do not bear out.
        Transcript::of(self, std::slice::from_ref(contribution))?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Verifies what the request says is published, as far as signatures on it reach: enough keys
    /// of the root it follows have signed it. That this root is the newest is for whoever publishes
    /// to find out; a signature on an older one is worth nothing.
    fn verified(
        gun: Gun,
        made: Instant,
        before: BTreeMap<RoleName, Vec<u8>>,
        files: &[(RoleName, Vec<u8>)],
        policy: Policy,
    ) -> Result<Request, Error> {
        let untrusted = |error: verify::Error| Error::Client(client::Error::Verify(error));
        let dialect = policy.dialect;
        let bytes = before.get(&RoleName::Root);
        let bytes = bytes.ok_or(Error::RequestFile { problem: "the root before it is missing" })?;
        let root = TrustedRoot::restore(policy.into(), bytes).map_err(untrusted)?;
        let mut known = BTreeMap::new();
        // Sorted by name: who delegates comes before those to whom.
        for (role, bytes) in before.iter().filter(|(role, _)| **role != RoleName::Root) {
            let targets = verify::signed_role(&root, &known, role, bytes).map_err(untrusted)?;
            known.insert(role.clone(), targets);
        }
        let proposal = Proposal::read(dialect, root.content().clone(), known, files)?;
        Ok(Request { gun, made, before, proposal })
    }
}

impl Contribution {
    /// The collection.
    pub fn gun(&self) -> &Gun {
        &self.gun
    }

    /// Whom it says it is from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which request it signs.
    pub fn request(&self) -> &Sha256 {
        &self.request
    }
}

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Makes a change, and a file of it for others to sign. Nothing is published.
    ///
    /// # Errors
    ///
    /// The change's own; [`Error`]; [`Error::NothingToChange`] if it changes nothing.
    pub async fn request<T>(
        &self,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
        change: impl FnOnce(&mut Workbench<'_>) -> Result<T, Error>,
    ) -> Result<(Request, T), Error> {
        self.needs_server("requests for the signatures of several people")?;
        let keys = KeyRing::new(store, passphrases)?;
        let Refreshed { targets, unusable, suspended, .. } = self.refresh(Wish::EVERYTHING).await?;
        let mut bench = Workbench::new(Draft::of(targets), &unusable, &suspended, keys.held());
        let value = change(&mut bench)?;
        let (gun, made) = (self.gun().clone(), self.policy().now);
        let proposal = bench.draft.propose(made)?;
        if proposal.parts().next().is_none() {
            return Err(Error::NothingToChange { gun });
        }
        let before = self.published(&proposal)?;
        // As every reader of the file will see it.
        let policy = Policy::clone(self.policy());
        Ok((Request::verified(gun, made, before, &proposal.files(), policy)?, value))
    }

    /// The same for tags: what [`sign`](Collection::sign) would publish, for others to sign as
    /// well.
    ///
    /// # Errors
    ///
    /// As [`request`](Collection::request).
    pub async fn request_tags(
        &self,
        tags: &SignRequest,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<(Request, Vec<TagSigned>), Error> {
        self.request(store, passphrases, |bench| put_all(bench, self.gun(), tags)).await
    }

    /// Publishes a request that has enough signatures, if what it changes is still as it was.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`]: signatures are missing, or somebody published meanwhile. A contribution
    /// that does not belong to the request, or is false, is refused by name.
    pub async fn submit(
        &self,
        request: &Request,
        contributions: &[Contribution],
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Submission, Error> {
        let mut request = request.clone();
        request.proposal.check_expiry(self.policy().now)?;
        for contribution in contributions {
            request.collect(contribution)?;
        }
        let keys = KeyRing::new(store, passphrases)?;
        let policy = self.policy();
        let mut author = Submitter { request: &request, keys, now: policy.now };
        let (policy, remote) = (std::sync::Arc::clone(policy), self.server()?);
        let published =
            client::publish(policy, self.cache(), remote, Wish::EVERYTHING, &mut author).await?;
        let versions = published.update.map(|update| update.versions().clone());
        let transcript = Transcript::of(&request, contributions)?;
        Ok(Submission { versions: versions.unwrap_or_default(), transcript })
    }

    /// The published files that a reader of the proposal needs.
    fn published(&self, proposal: &Proposal) -> Result<BTreeMap<RoleName, Vec<u8>>, Error> {
        let limits = Limits::default();
        let mut files = BTreeMap::new();
        for role in proposal.known_roles().into_iter().chain([RoleName::Root]) {
            let bytes = self.cache().read(&role, limits.bytes(&role));
            if let Some(bytes) = bytes.map_err(client::Error::Storage)? {
                files.insert(role, bytes);
            }
        }
        Ok(files)
    }
}

/// Publishes what others have signed.
struct Submitter<'a> {
    request: &'a Request,
    keys: KeyRing<'a>,
    now: Instant,
}

impl Author for Submitter<'_> {
    type Error = Error;

    async fn compose(&mut self, known: Option<Refreshed>) -> Result<Option<Update>, Error> {
        let proposal = &self.request.proposal;
        let known = known.ok_or(crate::edit::Error::Unfounded)?;
        if is_published(proposal, &known) {
            return Ok(None);
        }
        let draft = Draft::of(known.targets);
        self.keys.unlock(&draft, &[RoleName::Snapshot])?;
        Ok(Some(draft.seal(proposal, self.now, &self.keys.signers())?))
    }
}

/// Whether the server has taken it already, and only the answer got lost.
fn is_published(proposal: &Proposal, known: &Refreshed) -> bool {
    use crate::edit::PartContent;
    proposal.parts().all(|(role, part)| match part.content() {
        PartContent::Root(root) => known.targets.root().content() == root,
        PartContent::Targets(targets) => {
            known.targets.role(role).is_some_and(|there| there.content() == targets)
        }
    })
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
        let signer = key.ok_or(Error::Keys(crate::keys::Error::NoSuchKey { id }))?;
        let failed = |source| crate::edit::Error::Signing { role: role.clone(), source };
        Ok((id, signer.sign(statement.as_bytes()).map_err(failed)?))
    };
    by_key.into_iter().map(one).collect()
}

/// The files with those signatures alone that one copy has more than the other.
fn only_new(before: &Proposal, after: &Proposal) -> BTreeMap<RoleName, Vec<u8>> {
    let had: BTreeMap<_, _> = before.files().into_iter().collect();
    after.files().into_iter().filter(|(role, bytes)| had.get(role) != Some(bytes)).collect()
}
