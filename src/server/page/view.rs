//! A collection as the server keeps it. It was verified when it was published; it is shown, not
//! relied on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp as Instant;

use crate::crypto::Sha256;
use crate::server::expiries::snapshot as snapshot_of;
use crate::server::publish::judged;
use crate::server::{Error, Inner};
use crate::storage::metadata::{StoredFile, Which};
use crate::tuf::{
    Delegation, Dialect, Envelope, Gun, Key, KeyId, Limits, Role, RoleName, Root, Targets, Version,
};

/// The current files of a collection, opened.
pub(super) struct View {
    pub(super) root: Root,
    pub(super) timestamp: Dated,
    pub(super) snapshot: Dated,
    /// Targets and the delegations of now that have published something.
    pub(super) targets: BTreeMap<RoleName, Targets>,
    /// Delegations whose file their keys of now did not sign: clients refuse it.
    pub(super) unsigned: BTreeSet<RoleName>,
    /// When the newest timestamp was stored.
    pub(super) changed: Instant,
}

/// Version and end of a file of which nothing else is shown.
pub(super) struct Dated {
    pub(super) version: Version,
    pub(super) expires: Instant,
}

impl Inner {
    /// Reads a collection; `None` if there is none.
    pub(super) async fn view(&self, gun: &Gun) -> Result<Option<View>, Error> {
        let current = |role| async move { self.store.file(gun, &role, Which::Current).await };
        let (root, timestamp, snapshot) = (
            current(RoleName::Root).await?,
            current(RoleName::Timestamp).await?,
            current(RoleName::Snapshot).await?,
        );
        let (Some(root), Some(timestamp), Some(snapshot)) = (root, timestamp, snapshot) else {
            return Ok(None);
        };
        let mut files = BTreeMap::new();
        for (role, sha256) in listed(&snapshot)? {
            if let Some(file) = self.store.file(gun, &role, Which::Hash(sha256)).await? {
                files.insert(role, file);
            }
        }
        let bytes = files.values().map(|file| file.bytes.len()).sum();
        judged(bytes, move || opened(&root, &timestamp, &snapshot, &files)).await?.map(Some)
    }
}

impl View {
    /// Every delegation, with its parent's keys at hand.
    pub(super) fn delegations(&self) -> impl Iterator<Item = (&Targets, &Delegation)> {
        let parents = self.targets.values();
        parents.flat_map(|parent| parent.delegations.roles.iter().map(move |role| (parent, role)))
    }

    /// The next moment at which something expires that a publisher has to renew, and what.
    pub(super) fn first_to_expire(&self) -> (Instant, RoleName) {
        let targets = self.targets.iter().map(|(role, file)| (file.expires, role.clone()));
        let others =
            [(self.root.expires, RoleName::Root), (self.snapshot.expires, RoleName::Snapshot)];
        targets.chain(others).min().unwrap_or((self.timestamp.expires, RoleName::Timestamp))
    }

    /// The keys of a top-level role.
    pub(super) fn keys<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = &'a Key> {
        self.root.keys_of(role)
    }
}

/// The targets files that a snapshot lists.
fn listed(snapshot: &StoredFile) -> Result<Vec<(RoleName, Sha256)>, Error> {
    let listed = snapshot_of(snapshot)?.meta.into_iter().filter(|(role, _)| role.lists_targets());
    Ok(listed.filter_map(|(role, meta)| Some((role, meta.sha256()?))).collect())
}

fn opened(
    root: &StoredFile,
    timestamp: &StoredFile,
    snapshot: &StoredFile,
    files: &BTreeMap<RoleName, StoredFile>,
) -> Result<View, Error> {
    let (dialect, limits) = (Dialect::Notary, Limits::default());
    let unreadable = |role: &RoleName| {
        let role = role.clone();
        move |source| Error::Unreadable { role, source }
    };
    let changed = timestamp.stored_at;
    let root = dialect.open_root(&root.bytes, &limits).map_err(unreadable(&RoleName::Root))?;
    let timestamp = dialect.open_timestamp(&timestamp.bytes, &limits);
    let timestamp = timestamp.map_err(unreadable(&RoleName::Timestamp))?;
    let snapshot = snapshot_of(snapshot)?;
    let mut opened = BTreeMap::new();
    for (role, file) in files {
        let file = dialect.open_targets(role, &file.bytes, &limits).map_err(unreadable(role))?;
        opened.insert(role.clone(), file);
    }
    let (targets, unsigned) = delegated(opened);
    let timestamp = timestamp.unverified_content();
    Ok(View {
        timestamp: Dated { version: timestamp.version, expires: timestamp.expires },
        snapshot: Dated { version: snapshot.version, expires: snapshot.expires },
        root: root.into_unverified_content(),
        targets,
        unsigned,
        changed,
    })
}

/// What clients come to from `targets` on: a snapshot may go on listing a role whose delegation was
/// removed. Beside it the delegations that they would refuse.
fn delegated(
    mut files: BTreeMap<RoleName, Envelope<Targets>>,
) -> (BTreeMap<RoleName, Targets>, BTreeSet<RoleName>) {
    let (mut usable, mut unsigned) = (BTreeMap::new(), BTreeSet::new());
    let mut next: Vec<_> = files.remove_entry(&RoleName::Targets).into_iter().collect();
    while let Some((role, file)) = next.pop() {
        let parent = file.into_unverified_content();
        for delegation in &parent.delegations.roles {
            match files.remove_entry(&delegation.name) {
                Some((_, file)) if !bears_its_keys(&parent, delegation, &file) => {
                    unsigned.insert(delegation.name.clone());
                }
                found => next.extend(found),
            }
        }
        usable.insert(role, parent);
    }
    (usable, unsigned)
}

/// Whether a file names enough of a delegation's keys as its signers.
fn bears_its_keys(parent: &Targets, delegation: &Delegation, file: &Envelope<Targets>) -> bool {
    let signers: BTreeSet<KeyId> = file.signatures().iter().filter_map(|it| it.keyid).collect();
    let keys = parent.delegations.keys_of(delegation);
    let signing =
        keys.filter(|key| [key.id(), key.known_as()].iter().any(|id| signers.contains(id)));
    signing.count() >= delegation.role.threshold().count()
}
