//! A collection written once more as a TUF 1.0 repository of plain files, for every client of TUF.
//!
//! - What is exported was verified, and every name means in the repository what it means in the
//!   collection.
//! - tough's editor writes it (`editor`), with keys from the user's key store: a root of its own,
//!   and one key of `targets` for all roles below it.
//! - Nothing is written before a reader who knows what is there has walked over what will be
//!   (`check`). Versions only rise; what neither changed nor ends soon is left as it is.

mod check;
mod editor;
mod plan;
mod published;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp as Instant};

use self::editor::Editor;
use self::plan::Contents;
use self::published::Published;
use super::founding::FoundingKeys;
use super::lifetimes::is_half_over;
use super::resolve::refuse_unusable;
use super::signers::KeyRing;
use super::{Collection, Error};
use crate::client::{self, Refreshed, Wish};
use crate::crypto::Signer;
use crate::edit::{self, expiry};
use crate::keys::{KeyStore, PassphraseSource};
use crate::net::{Remote, StaticRepository};
use crate::storage::{Cache, PublicDirectory};
use crate::tuf::{
    Dialect, FileMeta, Key, KeyId, RoleName, Root, Snapshot, Targets, Timestamp, Unknown, Version,
    distinct_keys,
};
use crate::verify::Policy;

/// Where to, and how.
#[derive(Clone, Copy, Debug)]
pub struct ExportRequest<'r> {
    /// The metadata folder of the repository.
    pub folder: &'r Path,
    /// The root key of a new repository; else the first one here, else a new one.
    pub root_key: Option<KeyId>,
    /// What ends sooner is signed again, even if nothing changed. A timestamp is once half of its
    /// life is over.
    pub within: SignedDuration,
}

/// What an export did.
#[derive(Debug)]
pub struct Exported {
    /// The collection as it was read.
    pub collection: Refreshed,
    /// The root key with which the repository was founded just now.
    pub founded: Option<KeyId>,
    /// The root of the repository.
    pub root: Root,
    /// Versions that were written; empty when nothing changed and nothing ends soon.
    pub versions: BTreeMap<RoleName, Version>,
    /// How many tags it signs, as far as a look-up finds them.
    pub tags: usize,
    /// Delegations that cannot be used, and were left out; pulls never ask them.
    pub left_out: Vec<(RoleName, client::Error)>,
}

/// Files in the order in which they are written.
type Files = Vec<(RoleName, Version, Vec<u8>)>;

impl<C: Cache, R: Remote> Collection<'_, C, R> {
    /// Writes the collection as a TUF 1.0 repository, founding it if the folder has none.
    ///
    /// # Errors
    ///
    /// [`Error`]; nothing is written then, unless the disk fails: even so readers see the state
    /// before.
    pub async fn export(
        &self,
        request: &ExportRequest<'_>,
        store: &dyn KeyStore,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Exported, Error> {
        let mut collection = self.refresh(Wish::EVERYTHING).await?;
        refuse_unusable(&mut collection)?;
        let folder = PublicDirectory::new(request.folder);
        let _turn = folder.turn().map_err(client::Error::from)?;
        let today = Policy { now: self.now(), ..(**self.policy()).clone() };
        let published = Published::read(&today, request.folder).await?;
        let mut keys = KeyRing::new(store, passphrases)?;
        let foundation = match published.root() {
            Some(root) => Foundation { root: root.clone(), sealed: None, keys: None },
            None => Foundation::lay(&published, request, &mut keys).await?,
        };
        let export = Export { collection: &collection, published: &published, request };
        let written = export.write(&foundation, &mut keys, self.now()).await;
        let (files, tags) = match written {
            Ok(written) => written,
            Err(error) => return Err(foundation.abandoned(&mut keys, error)),
        };
        folder.publish(&files).map_err(client::Error::from)?;
        Ok(Exported {
            founded: foundation.keys.map(|keys| keys.root),
            root: foundation.root,
            versions: files.into_iter().map(|(role, version, _)| (role, version)).collect(),
            tags,
            left_out: std::mem::take(&mut collection.unusable).into_iter().collect(),
            collection,
        })
    }
}

/// What the repository stands on.
struct Foundation {
    root: Root,
    /// A first root that is to be written.
    sealed: Option<Vec<u8>>,
    /// Keys that were made for it.
    keys: Option<FoundingKeys>,
}

impl Foundation {
    /// Makes keys, and a first root.
    async fn lay(
        published: &Published,
        request: &ExportRequest<'_>,
        keys: &mut KeyRing<'_>,
    ) -> Result<Self, Error> {
        let policy = published.policy();
        let made = FoundingKeys::make(keys, policy, request.root_key, true)?;
        let place = StaticRepository::folder(request.folder);
        let draft = match made.draft(keys, policy, &place, None).await {
            Ok(draft) => draft,
            Err(error) => {
                made.abandon(keys)?;
                return Err(error);
            }
        };
        let sealed = draft.first_root().map(<[u8]>::to_vec);
        Ok(Self { root: draft.root().clone(), sealed, keys: Some(made) })
    }

    /// The error, after the keys of a founding that did not happen are gone.
    fn abandoned(self, keys: &mut KeyRing<'_>, error: Error) -> Error {
        match self.keys.map(|made| made.abandon(keys)) {
            Some(Err(left)) => left,
            _ => error,
        }
    }
}

/// One export under way.
struct Export<'e> {
    collection: &'e Refreshed,
    published: &'e Published,
    request: &'e ExportRequest<'e>,
}

impl Export<'_> {
    /// The files that are due, checked by a reader; none if nothing is.
    async fn write(
        &self,
        foundation: &Foundation,
        keys: &mut KeyRing<'_>,
        now: Instant,
    ) -> Result<(Files, usize), Error> {
        let gun = &self.published.policy().gun;
        let contents = plan::contents(gun, self.collection, &foundation.root)?;
        let due = self.due(&contents, now)?;
        let signing = self.signing(&due, now);
        let mut files = Files::new();
        if let Some(sealed) = &foundation.sealed {
            files.push((RoleName::Root, foundation.root.version, sealed.clone()));
        }
        if !signing.is_empty() {
            let signers = unlocked(&foundation.root, &signing, keys)?;
            let editor = Editor::new(&foundation.root, signers)?;
            self.sign(&editor, &due, &signing, now, &mut files).await?;
        }
        let place = StaticRepository::folder(self.request.folder);
        let tags = check::check(gun, self.collection, self.published, place, &files, now).await?;
        Ok((files, tags))
    }

    /// The targets roles that changed or end soon, with their next versions and dates.
    fn due(&self, contents: &Contents, now: Instant) -> Result<Vec<(RoleName, Targets)>, Error> {
        let is_due = |(role, says): &(&RoleName, &Targets)| {
            self.published.targets(role).is_none_or(|known| {
                let same = known.targets == says.targets && known.delegations == says.delegations;
                !same || self.ends_soon(known.expires, now)
            })
        };
        let next = |(role, says): (&RoleName, &Targets)| {
            let (version, expires) = (self.next_version(role)?, expiry(role, now));
            Ok((role.clone(), Targets { version, expires, ..says.clone() }))
        };
        contents.iter().filter(is_due).map(next).collect()
    }

    /// The roles whose keys are needed: of those that are listed, of the lists.
    fn signing(&self, due: &[(RoleName, Targets)], now: Instant) -> Vec<RoleName> {
        let snapshot = self.published.snapshot();
        let renew = snapshot.is_none_or(|known| self.ends_soon(known.expires, now));
        let timestamp = self.published.timestamp();
        let role = RoleName::Timestamp;
        let refresh = timestamp.is_none_or(|known| is_half_over(&role, known.expires, now));
        match (due, renew, refresh) {
            ([_, ..], ..) => vec![RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp],
            ([], true, _) => vec![RoleName::Snapshot, RoleName::Timestamp],
            ([], false, true) => vec![RoleName::Timestamp],
            ([], false, false) => Vec::new(),
        }
    }

    async fn sign(
        &self,
        editor: &Editor,
        due: &[(RoleName, Targets)],
        signing: &[RoleName],
        now: Instant,
        files: &mut Files,
    ) -> Result<(), Error> {
        let known = self.published.snapshot();
        let mut meta = known.map(|known| known.meta.clone()).unwrap_or_default();
        for (role, says) in due {
            let bytes = editor.targets(role, says).await?;
            meta.insert(role.clone(), FORM.listing(&bytes, says.version));
            files.push((role.clone(), says.version, bytes));
        }
        let snapshot = match signing.contains(&RoleName::Snapshot) {
            true => self.sign_snapshot(editor, meta, now, files).await?,
            // Else the one that the published timestamp names.
            false => self.published.timestamp().ok_or_else(unfounded)?.snapshot.clone(),
        };
        let (role, version) = (RoleName::Timestamp, self.next_version(&RoleName::Timestamp)?);
        let unknown = Unknown::default();
        let timestamp = Timestamp { version, expires: expiry(&role, now), snapshot, unknown };
        files.push((role, version, editor.timestamp(&timestamp).await?));
        Ok(())
    }

    /// Signs the list of these files, and says how it is listed itself.
    async fn sign_snapshot(
        &self,
        editor: &Editor,
        meta: BTreeMap<RoleName, FileMeta>,
        now: Instant,
        files: &mut Files,
    ) -> Result<FileMeta, Error> {
        let (role, version) = (RoleName::Snapshot, self.next_version(&RoleName::Snapshot)?);
        let unknown = Unknown::default();
        let snapshot = Snapshot { version, expires: expiry(&role, now), meta, unknown };
        let bytes = editor.snapshot(&snapshot).await?;
        let listed = FORM.listing(&bytes, version);
        files.push((role, version, bytes));
        Ok(listed)
    }

    fn ends_soon(&self, expires: Instant, now: Instant) -> bool {
        expires.duration_since(now) <= self.request.within
    }

    fn next_version(&self, role: &RoleName) -> Result<Version, Error> {
        let version = self.published.next_version(role);
        version.ok_or_else(|| edit::Error::Version { role: role.clone() }.into())
    }
}

/// The keys of these roles that are here, unlocked.
fn unlocked(
    root: &Root,
    roles: &[RoleName],
    keys: &mut KeyRing<'_>,
) -> Result<Vec<Arc<dyn Signer>>, Error> {
    let mut signers = BTreeMap::new();
    for name in roles {
        let role = root.role(name).ok_or_else(unfounded)?;
        let held = |key: &&Key| keys.held().holds(key);
        let here: Vec<&Key> = root.keys_of(role).filter(held).collect();
        let (found, needed) = (distinct_keys(here.iter().copied()), role.threshold());
        if found < needed.count() {
            let (role, possible) = (name.clone(), role.keyids().to_vec());
            return Err(edit::Error::Keys { role, found, needed, possible }.into());
        }
        for id in here.into_iter().filter_map(Key::canonical_id) {
            signers.insert(id, keys.shared(&id)?);
        }
    }
    Ok(signers.into_values().collect())
}

fn unfounded() -> Error {
    edit::Error::Unfounded.into()
}

/// The form that is written.
const FORM: Dialect = Dialect::Tuf1;
