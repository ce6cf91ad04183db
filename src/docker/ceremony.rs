//! Signing by several people: a request goes out as a file, signatures come back as files, and what
//! has enough of them is published.
//!
//! ```text
//! Collection::request   online: what is published, and a change → Request, a file for everybody
//! Request::read         anywhere: the file, verified as far as signatures on what is published reach
//! Request::trusted      where it is signed: what it says is published follows from what is known there
//! TrustedRequest::sign  anywhere, best without a network: → Contribution, a file for whoever publishes
//! Collection::submit    online: the request and the contributions → published, and a Transcript
//! Transcript::read      anywhere, at any time: who signed what, every signature checked
//! ```

mod file;
mod rehearsal;
mod transcript;
mod trusted;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::amend::expired_before;
use super::earlier::{Earlier, as_of};
use super::sign::put_all;
use super::signers::KeyRing;
use super::{Collection, Error, SignRequest, TagSigned, Workbench};
use crate::client::{self, Author, Publication, Refreshed, Wish};
use crate::crypto::{Sha256, Signature};
use crate::edit::{Draft, Need, Proposal, Update};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::Remote;
use crate::storage::Cache;
use crate::tuf::{Gun, KeyId, Limits, RoleName, Root, Targets, Version};
use crate::verify::{self, Baseline, Policy, TrustedRoot};

pub use rehearsal::{Rehearsal, Rehearsed};
pub use transcript::{Person, Transcript};
pub use trusted::TrustedRequest;

/// What several people are asked to sign.
#[derive(Clone, Debug)]
pub struct Request {
    /// The rules by which it was read.
    policy: Arc<Policy>,
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
        &self.policy.gun
    }

    /// The root that it follows.
    pub fn root(&self) -> &Root {
        self.proposal.before()
    }

    /// When it was made, UTC.
    pub fn made(&self) -> Instant {
        self.made
    }

    /// A name for exactly what is to be signed and the published files that it follows, whoever has
    /// signed it; to be compared by voice.
    pub fn digest(&self) -> Sha256 {
        request_digest(&self.follows(), &self.files())
    }

    /// What it follows and what changes, a sentence each.
    pub fn words(&self) -> Vec<String> {
        let follows = self.follows().into_iter();
        let follows = follows
            .map(|(role, version, sha256)| format!("follows {role} {version} sha256:{sha256}"));
        follows.chain(self.changes()).collect()
    }

    fn changes(&self) -> Vec<String> {
        words::of(&self.proposal)
    }

    /// The published files that it follows, with their versions and digests.
    fn follows(&self) -> Vec<(RoleName, Version, Sha256)> {
        let version = |role: &RoleName| match role {
            RoleName::Root => Some(self.root().version),
            role => self.proposal.known(role).map(|targets| targets.version),
        };
        let one = |(role, bytes): (&RoleName, &Vec<u8>)| {
            Some((role.clone(), version(role)?, Sha256::of(bytes)))
        };
        self.before.iter().filter_map(one).collect()
    }

    /// The files that are to be signed, with their versions and the digests of what is signed.
    fn files(&self) -> Vec<(RoleName, Version, Sha256)> {
        let parts = self.proposal.parts();
        parts.map(|(role, part)| (role.clone(), part.version(), part.digest())).collect()
    }

    /// Whose signatures it needs, and whose it has.
    ///
    /// # Errors
    ///
    /// [`Error::Edit`] for a request that makes no sense.
    pub fn needs(&self) -> Result<Vec<Need>, Error> {
        Ok(self.proposal.needs()?)
    }

    /// Adds somebody's signatures; says whose keys they are by.
    ///
    /// # Errors
    ///
    /// [`Error::OtherRequest`] if they are for something else, [`Error::Edit`] if one is false.
    pub fn collect(&mut self, contribution: &Contribution) -> Result<Vec<KeyId>, Error> {
        if contribution.request != self.digest() || contribution.gun != *self.gun() {
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
    /// of the root it follows have signed it. Whether that is the repository's root is asked where
    /// it is [signed](Request::trusted) and where it is submitted.
    fn verified(
        policy: Arc<Policy>,
        made: Instant,
        before: BTreeMap<RoleName, Vec<u8>>,
        files: &[(RoleName, Vec<u8>)],
    ) -> Result<Request, Error> {
        let bytes = root_of(&before)?;
        let root = TrustedRoot::restore(Arc::clone(&policy), bytes).map_err(client::Error::from)?;
        let known = known(&root, &before, &Baseline::default()).map_err(client::Error::from)?;
        let proposal = Proposal::read(policy.dialect, root.content().clone(), known, files)?;
        Ok(Request { policy, made, before, proposal })
    }
}

/// The digest of a request that has these files signed, after these published ones.
fn request_digest(
    follows: &[(RoleName, Version, Sha256)],
    files: &[(RoleName, Version, Sha256)],
) -> Sha256 {
    let follows = follows.iter().map(|(role, _, sha256)| format!("follows {role} {sha256}\n"));
    let files = files.iter().map(|(role, _, sha256)| format!("{role} {sha256}\n"));
    Sha256::of(follows.chain(files).collect::<String>().as_bytes())
}

fn root_of(before: &BTreeMap<RoleName, Vec<u8>>) -> Result<&[u8], Error> {
    let root = before.get(&RoleName::Root).map(Vec::as_slice);
    root.ok_or(Error::RequestFile { problem: "the root before it is missing" })
}

/// What the roles said until now, by the word of that root, and no older than what was seen.
fn known(
    root: &TrustedRoot,
    before: &BTreeMap<RoleName, Vec<u8>>,
    baseline: &Baseline,
) -> Result<BTreeMap<RoleName, Targets>, verify::Error> {
    let mut known = BTreeMap::new();
    // Sorted by name: who delegates comes before those to whom.
    for (role, bytes) in before.iter().filter(|(role, _)| **role != RoleName::Root) {
        let targets = verify::signed_role(root, &known, role, bytes, baseline)?;
        known.insert(role.clone(), targets);
    }
    Ok(known)
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
    /// A collection of which something expired is read as it was a moment before, if the change
    /// mends that.
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
        let (read, expired) = self.read_past().await?;
        let Refreshed { targets, unusable, suspended, .. } = read;
        let mut bench = Workbench::new(Draft::of(targets), &unusable, &suspended, keys.held());
        let value = change(&mut bench)?;
        let made = self.now();
        let proposal = bench.draft.propose(made)?;
        if proposal.parts().next().is_none() {
            return Err(Error::NothingToChange { gun: self.gun().clone() });
        }
        if let Some((_, error)) = expired.into_iter().find(|(role, _)| !proposal.mends(role)) {
            return Err(error);
        }
        let before = self.published(&proposal)?;
        // As every reader of the file will see it.
        let policy = Arc::clone(self.policy());
        Ok((Request::verified(policy, made, before, &proposal.files())?, value))
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
        request.proposal.check_expiry(self.now())?;
        for contribution in contributions {
            request.collect(contribution)?;
        }
        let transcript = Transcript::of(&request, contributions)?;
        let keys = KeyRing::new(store, passphrases)?;
        let published = self.publish_past(Submitter { request: &request, keys, now: self.now() });
        let versions = published.await?.update.map(|update| update.versions().clone());
        Ok(Submission { versions: versions.unwrap_or_default(), transcript })
    }

    /// The collection as it is, or as it was before the first of its files expired; with the roles
    /// that did, and how they fail it.
    async fn read_past(&self) -> Result<(Refreshed, Vec<(RoleName, Error)>), Error> {
        let (earlier, mut then) = (Earlier(self.cache()), self.policy().now);
        let mut expired = Vec::new();
        let mut read = self.refresh(Wish::EVERYTHING).await;
        loop {
            let error = match read {
                Ok(read) => return Ok((read, expired)),
                Err(error) => Error::from(error),
            };
            let Some((role, before)) = expired_before(&error, then) else { return Err(error) };
            then = before;
            expired.push((role, error));
            read = as_of(self, &earlier, then).refresh(Wish::EVERYTHING).await;
        }
    }

    /// Publishes a request; on the collection as it was before something expired that it mends.
    async fn publish_past(&self, mut author: Submitter<'_>) -> Result<Publication, Error> {
        let (remote, all) = (self.server()?, Wish::EVERYTHING);
        let (earlier, mut then) = (Earlier(self.cache()), self.policy().now);
        let policy = Arc::clone(self.policy());
        let mut outcome = client::publish(policy, self.cache(), remote, all, &mut author).await;
        while let Err(error) = &outcome
            && let Some((role, before)) = expired_before(error, then)
            && author.request.proposal.mends(&role)
        {
            then = before;
            let reading = as_of(self, &earlier, then);
            let policy = Arc::clone(reading.policy());
            outcome = client::publish(policy, &earlier, remote, all, &mut author).await;
        }
        outcome
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
        let mut draft = Draft::of(known.targets);
        for (role, suspended) in known.suspended {
            if proposal.parts().any(|(part, _)| *part == role) {
                draft.take_over(&role, suspended)?;
            }
        }
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
