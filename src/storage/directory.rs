//! docker's and notary's trust directory (Notary `storage/filestore.go`, `client/client.go`).
//!
//! `tuf/<GUN>/metadata/<role>.json` is shared with them: their caches are ours and ours are theirs.
//! What we remember beside lies in `countersign/`, which they ignore, in a file named by the
//! SHA-256 of the GUN, because a GUN's own components may be anything, the name of one of our files
//! included.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::flat::quoted_file;
use super::folder::{Folder, Found, Staged};
use super::lock::{self, LOCK_PATIENCE};
use super::{Accepted, Cache, Changelist, Error, Keeping, Memory, Steady, Unread, record};
use crate::crypto::Sha256;
use crate::tuf::{Gun, RoleName};

/// A trust directory, such as `~/.docker/trust`.
#[derive(Clone, Debug)]
pub struct TrustDirectory {
    path: PathBuf,
    patience: Duration,
}

impl TrustDirectory {
    /// Names the directory; nothing is read or made yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), patience: LOCK_PATIENCE }
    }

    /// How long to wait for another process that is writing.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The cache of one collection.
    pub fn collection(&self, gun: &Gun) -> CollectionDirectory {
        CollectionDirectory { trust: self.clone(), gun: gun.clone(), tree: SHARED }
    }

    /// The cache of the same collection as a TUF 1.0 repository, which docker does not share: it has
    /// a root and versions of its own.
    pub fn repository(&self, gun: &Gun) -> CollectionDirectory {
        CollectionDirectory { trust: self.clone(), gun: gun.clone(), tree: TUF1 }
    }
}

/// One collection's cache in a trust directory.
#[derive(Clone, Debug)]
pub struct CollectionDirectory {
    trust: TrustDirectory,
    gun: Gun,
    tree: &'static str,
}

impl CollectionDirectory {
    /// The folder of its files, for messages.
    pub fn metadata_path(&self) -> PathBuf {
        self.trust.path.join(self.tree).join(self.gun.as_str()).join("metadata")
    }

    /// The file of a role, for messages.
    pub fn role_path(&self, role: &RoleName) -> PathBuf {
        let (folders, file) = self.place(role);
        self.trust.path.join(folders.iter().collect::<PathBuf>()).join(file)
    }

    /// The file of its record, for messages.
    pub fn record_path(&self) -> PathBuf {
        self.trust.path.join(OURS).join(self.record_name())
    }

    /// The changes that wait to be published.
    pub fn changelist(&self) -> Changelist {
        Changelist::of(self.clone())
    }

    /// A folder of the collection's own, beside its metadata.
    pub(super) fn own_path(&self, name: &str) -> PathBuf {
        self.trust.path.join("tuf").join(self.gun.as_str()).join(name)
    }

    /// The same, opened, made if need be.
    pub(super) fn own_folder(&self, name: &str) -> Result<Folder, Error> {
        let top = Folder::create(&self.trust.path)?;
        self.way_to(name).try_fold(top, |folder, part| folder.make_child(part))
    }

    /// The same, if it is there.
    pub(super) fn existing_folder(&self, name: &str) -> Result<Option<Folder>, Error> {
        let top = Folder::open(&self.trust.path)?;
        self.way_to(name).try_fold(top, |folder, part| match folder {
            Some(folder) => folder.child(part),
            None => Ok(None),
        })
    }

    /// The folder of all collections, if it is there.
    pub(super) fn existing_top(&self) -> Result<Option<Folder>, Error> {
        Folder::open(&self.trust.path)?.map_or(Ok(None), |trust| trust.child("tuf"))
    }

    /// Whose files these are.
    pub fn gun(&self) -> &Gun {
        &self.gun
    }

    /// The name of its record in our own folder.
    pub(super) fn record_file(&self) -> String {
        self.record_name()
    }

    /// The same for the manifest, where there is one.
    pub(super) fn manifest_file(&self) -> String {
        format!("{}.manifest", stem(self.tree, &self.gun))
    }

    /// The trust directory.
    pub(super) fn trust_path(&self) -> &Path {
        &self.trust.path
    }

    fn way_to<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::once("tuf").chain(self.gun.as_str().split('/')).chain(std::iter::once(name))
    }

    fn record_name(&self) -> String {
        format!("{}.json", stem(self.tree, &self.gun))
    }

    /// The folders from the trust directory down to the one that holds a role's file, and the
    /// file's name.
    fn place(&self, role: &RoleName) -> (Vec<String>, String) {
        let mut folders = vec![self.tree.to_owned()];
        folders.extend(self.gun.as_str().split('/').map(str::to_owned));
        folders.push("metadata".to_owned());
        if !role.is_plain() {
            return (folders, quoted_file(role));
        }
        let mut parts: Vec<&str> = role.as_str().split('/').collect();
        let last = parts.pop().unwrap_or_default();
        folders.extend(parts.into_iter().map(str::to_owned));
        (folders, format!("{last}.json"))
    }

    fn stage(&self, role: &RoleName, bytes: &[u8]) -> Result<Staged, Error> {
        let (folder, name) = self.folder_of(role)?;
        folder.stage(&name, bytes)
    }

    /// Puts a new root in place, durable on return: it is the pin.
    fn write_root(&self, bytes: &[u8]) -> Result<(), Error> {
        let (folder, name) = self.folder_of(&RoleName::Root)?;
        folder.replace(&name, bytes)?;
        folder.settle()
    }

    /// The folder of a role's file, made if need be, and the file's name.
    fn folder_of(&self, role: &RoleName) -> Result<(Folder, String), Error> {
        let (folders, name) = self.place(role);
        let mut folder = Folder::create(&self.trust.path)?;
        for part in folders {
            folder = folder.make_child(&part)?;
        }
        Ok((folder, name))
    }

    fn remembered(&self, ours: &Folder) -> Result<Memory, Error> {
        let damaged = |reason| Error::Damaged { path: self.record_path(), reason };
        match ours.read(&self.record_name(), record::MAX_BYTES)? {
            Found::Nothing => Ok(Memory::default()),
            Found::Unfit => Err(damaged(format!("no file of at most {} bytes", record::MAX_BYTES))),
            Found::File(text) => record::read(self.gun.as_str(), &text).map_err(damaged),
        }
    }

    /// Our own folder, and the right to write.
    pub(super) fn locked(&self) -> Result<(Folder, Steady), Error> {
        let ours = Folder::create(&self.trust.path)?.make_child(OURS)?;
        let (file, path) = ours.lock_file(&self.lock_name())?;
        let file = lock::wait(file, path, self.trust.patience, File::try_lock)?;
        Ok((ours, Steady { _lock: Some(file) }))
    }

    fn lock_name(&self) -> String {
        format!("{}.lock", stem(self.tree, &self.gun))
    }
}

/// What our files of a collection are called, before the dot.
fn stem(tree: &str, gun: &Gun) -> String {
    let hash = Sha256::of(gun.as_str().as_bytes());
    match tree {
        SHARED => hash.to_string(),
        other => format!("{hash}.{other}"),
    }
}

impl Cache for CollectionDirectory {
    fn look(&self, role: &RoleName, limit: u64) -> Result<Option<Unread>, Error> {
        let (folders, name) = self.place(role);
        let Some(mut folder) = Folder::open(&self.trust.path)? else { return Ok(None) };
        for part in folders {
            match folder.child(&part)? {
                Some(child) => folder = child,
                None => return Ok(None),
            }
        }
        match folder.look(name.as_ref(), limit)? {
            Found::File(unread) => Ok(Some(unread)),
            Found::Nothing | Found::Unfit => Ok(None),
        }
    }

    /// Before anything was ever written there is nothing to lock. A writer takes milliseconds; one
    /// that hangs is not waited for, and costs at most a refusal.
    fn steady(&self) -> Result<Steady, Error> {
        let trust = Folder::open(&self.trust.path)?;
        let ours = trust.map(|trust| trust.child(OURS)).transpose()?.flatten();
        let lock = ours.and_then(|ours| ours.existing_lock_file(&self.lock_name()));
        let Some((file, path)) = lock else { return Ok(Steady { _lock: None }) };
        let waited = self.trust.patience.min(READER_PATIENCE);
        match lock::wait(file, path, waited, File::try_lock_shared) {
            Ok(file) => Ok(Steady { _lock: Some(file) }),
            Err(Error::Locked { .. }) => Ok(Steady { _lock: None }),
            Err(error) => Err(error),
        }
    }

    fn turn(&self) -> Result<Option<Steady>, Error> {
        let ours = Folder::create(&self.trust.path)?.make_child(OURS)?;
        let name = format!("{}.founding", stem(self.tree, &self.gun));
        let (file, path) = ours.lock_file(&name)?;
        match lock::wait(file, path, Duration::ZERO, File::try_lock) {
            Ok(file) => Ok(Some(Steady { _lock: Some(file) })),
            Err(Error::Locked { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn memory(&self) -> Result<Memory, Error> {
        let Some(trust) = Folder::open(&self.trust.path)? else { return Ok(Memory::default()) };
        match trust.child(OURS)? {
            None => Ok(Memory::default()),
            Some(ours) => self.remembered(&ours),
        }
    }

    /// Root first and the record last: a crash at any point leaves files that verify. A new root,
    /// which is the pin, is durable on return. Of anything else a power cut may take back the last
    /// new names: then files are fetched again, and the record says what it said before.
    fn keep(&self, accepted: &Accepted) -> Result<(), Error> {
        let (ours, _lock) = self.locked()?;
        let memory = self.remembered(&ours)?;
        memory.admit(accepted)?;
        let record = record::write(self.gun.as_str(), &memory.with(accepted));
        let record = record.ok_or_else(|| Error::RecordTooLarge { path: self.record_path() })?;
        let root = memory.root_to_write(accepted);
        if let Some(bytes) = root {
            self.write_root(bytes)?;
        }
        let files = memory.files_to_write(accepted);
        let files = files.map(|(role, bytes)| self.stage(role, bytes));
        let mut staged = files.collect::<Result<Vec<Staged>, Error>>()?;
        staged.push(ours.stage(&self.record_name(), &record)?);
        staged.iter().try_for_each(Staged::sync)?;
        staged.into_iter().try_for_each(Staged::place)?;
        root.map_or(Ok(()), |_| ours.settle())
    }

    fn keep_meanwhile(&self, accepted: Accepted) -> Keeping {
        Keeping::on_a_thread(self.clone(), accepted)
    }

    fn offer(&self, role: &RoleName, bytes: &[u8]) -> Result<(), Error> {
        let (_, _lock) = self.locked()?;
        let (folder, name) = self.folder_of(role)?;
        folder.replace_casually(&name, bytes)
    }

    fn prepare(&self, files: &[(RoleName, Vec<u8>)]) -> Result<(), Error> {
        let (_, _lock) = self.locked()?;
        files.iter().rev().try_for_each(|(role, bytes)| {
            let (folder, name) = self.folder_of(role)?;
            folder.replace(&name, bytes)?;
            folder.settle()
        })
    }
}

pub(super) const OURS: &str = "countersign";
const SHARED: &str = "tuf";
const TUF1: &str = "tuf1";
const READER_PATIENCE: Duration = Duration::from_secs(1);
