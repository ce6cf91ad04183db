//! The key files below a trust directory, shared with docker and notary.

use std::path::{Path, PathBuf};

use super::layout::{self, Found};
use super::{
    Error, KeyEntry, KeyFile, KeyStore, Passphrase, PassphraseRequest, PassphraseSource, Purpose,
    files,
};
use crate::crypto::{PrivateKey, Signer};
use crate::tuf::{Gun, KeyId, canonical_key_id};

/// The private keys of a trust directory.
///
/// Keys in the layout of docker before 1.13 and notary before 0.4 (`root_keys`, `tuf_keys`) are
/// read where they are; such a key moves to today's layout when it is written again.
#[derive(Clone, Debug)]
pub struct KeyDirectory {
    private: PathBuf,
}

impl KeyDirectory {
    /// The keys of the trust directory `trust`; nothing is touched yet.
    pub fn new(trust: &Path) -> KeyDirectory {
        KeyDirectory { private: trust.join("private") }
    }

    /// The directory of the key files.
    pub fn path(&self) -> &Path {
        &self.private
    }

    /// Gives a key another passphrase.
    ///
    /// # Errors
    ///
    /// As [`KeyDirectory::unlock`] and [`KeyStore::store`]; the key is as it was before.
    pub fn change_passphrase(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<(), Error> {
        let (found, file) = self.read(id)?;
        let entry = described(&found, &file);
        let key = unlock(&entry, &file, passphrases)?;
        self.seal(&key, &entry, passphrases)
    }

    /// Takes a key out, asking for its passphrase if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`]; [`Error::Locked`] when no passphrase fits.
    pub fn unlock(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<PrivateKey, Error> {
        let (found, file) = self.read(id)?;
        unlock(&described(&found, &file), &file, passphrases)
    }

    /// The file of a key, and what its place says about it.
    pub(super) fn read(&self, id: &KeyId) -> Result<(Found, KeyFile), Error> {
        let found = self.find(id)?.into_iter().next().ok_or(Error::NoSuchKey { id: *id })?;
        let text = files::read_private(&found.path)?;
        let file = KeyFile::parse(&text).map_err(|error| error.of_key(id))?;
        Ok((found, file))
    }

    /// Asks for a passphrase and writes the key under it.
    fn seal(
        &self,
        key: &PrivateKey,
        entry: &KeyEntry,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<(), Error> {
        let passphrase = new_passphrase(entry, passphrases)?;
        self.write(entry, KeyFile::seal(key, &passphrase)?)
    }

    /// Writes a key file in today's layout, and removes what older layouts had of that key.
    pub(super) fn write(&self, entry: &KeyEntry, file: KeyFile) -> Result<(), Error> {
        let gun = entry.gun.clone().filter(|_| entry.role.as_deref().is_some_and(has_gun));
        let file = file.noted(entry.role.clone(), gun, None);
        let name = layout::file_name(&entry.id);
        files::write_private(&self.private, &name, file.to_pem()?.as_bytes())?;
        let flat = self.private.join(name);
        let older = self.find(&entry.id)?.into_iter().filter(|found| found.path != flat);
        older.map(|found| found.path).try_for_each(|path| files::remove(&path))
    }

    /// What can be seen of a key, if it is here.
    pub(super) fn entry(&self, id: &KeyId) -> Result<Option<KeyEntry>, Error> {
        Ok(self.find(id)?.first().map(peek))
    }

    fn find(&self, id: &KeyId) -> Result<Vec<Found>, Error> {
        let mut found = self.find_all()?;
        found.retain(|found| found.entry.id == *id);
        Ok(found)
    }

    pub(super) fn find_all(&self) -> Result<Vec<Found>, Error> {
        match files::check_directory(&self.private) {
            Ok(()) => layout::find(&self.private),
            Err(Error::Disk { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Vec::new())
            }
            Err(other) => Err(other),
        }
    }
}

impl KeyStore for KeyDirectory {
    fn list(&self) -> Result<Vec<KeyEntry>, Error> {
        let mut entries = self.find_all()?.iter().map(peek).collect::<Vec<_>>();
        entries.dedup_by_key(|entry| entry.id);
        Ok(entries)
    }

    /// The names of the files say it: a thousand of them are not opened for it.
    fn ids(&self) -> Result<Vec<KeyId>, Error> {
        let mut ids: Vec<KeyId> = self.find_all()?.iter().map(|found| found.entry.id).collect();
        ids.dedup();
        Ok(ids)
    }

    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, Error> {
        Ok(Box::new(self.unlock(id, passphrases)?))
    }

    fn store(
        &self,
        key: &PrivateKey,
        role: &str,
        gun: Option<&Gun>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<KeyId, Error> {
        let id = canonical_key_id(key.public());
        let role = Some(role.to_owned()).filter(|role| !role.is_empty());
        let gun = gun.map(|gun| gun.as_str().to_owned());
        let entry = KeyEntry { id, role, gun, is_unreadable: false };
        self.seal(key, &entry, passphrases)?;
        Ok(id)
    }

    fn remove(&self, id: &KeyId) -> Result<(), Error> {
        let found = self.find(id)?;
        if found.is_empty() {
            return Err(Error::NoSuchKey { id: *id });
        }
        found.iter().try_for_each(|found| files::remove(&found.path))
    }
}

/// Opens a key file and checks that it holds the key it is named for.
pub(super) fn unlock(
    entry: &KeyEntry,
    file: &KeyFile,
    passphrases: &mut dyn PassphraseSource,
) -> Result<PrivateKey, Error> {
    let opened = open(file, request(Purpose::Unlock, entry), passphrases);
    let (key, _) = opened.map_err(|error| error.of_key(&entry.id))?;
    meant(key, &entry.id)
}

/// The key, if it is the one that its file, or whoever gave it, says it is.
pub(super) fn meant(key: PrivateKey, expected: &KeyId) -> Result<PrivateKey, Error> {
    match canonical_key_id(key.public()) {
        found if found == *expected => Ok(key),
        found => Err(Error::OtherKey { expected: *expected, found }),
    }
}

/// Opens a key, asking until a passphrase fits or there are no more.
pub(super) fn open(
    file: &KeyFile,
    request: PassphraseRequest<'_>,
    passphrases: &mut dyn PassphraseSource,
) -> Result<(PrivateKey, Option<Passphrase>), Error> {
    if !file.is_encrypted() {
        return Ok((file.open_plain()?, None));
    }
    let (key, passphrase) = until_one_fits(request, passphrases, |it| file.open(it))?;
    Ok((key, Some(passphrase)))
}

/// Asks until a passphrase opens it or there are no more.
pub(super) fn until_one_fits<T>(
    request: PassphraseRequest<'_>,
    passphrases: &mut dyn PassphraseSource,
    open: impl Fn(&Passphrase) -> Result<T, Error>,
) -> Result<(T, Passphrase), Error> {
    for attempt in 0..ATTEMPTS_MAX {
        let passphrase = match passphrases.passphrase(&PassphraseRequest { attempt, ..request }) {
            // They gave all they had, and nothing fitted.
            Err(Error::NoPassphrase { .. }) if attempt > 0 => return Err(Error::Locked),
            other => other?,
        };
        match open(&passphrase) {
            Err(Error::Locked) => {}
            other => return Ok((other?, passphrase)),
        }
    }
    Err(Error::Locked)
}

/// Asks what will protect a key from now on.
pub(super) fn new_passphrase(
    entry: &KeyEntry,
    passphrases: &mut dyn PassphraseSource,
) -> Result<Passphrase, Error> {
    passphrases.passphrase(&request(Purpose::Create, entry))
}

pub(super) fn request(purpose: Purpose, entry: &KeyEntry) -> PassphraseRequest<'_> {
    let role = entry.role.as_deref().unwrap_or_default();
    PassphraseRequest { purpose, role, gun: entry.gun.as_deref(), id: Some(&entry.id), attempt: 0 }
}

/// Whether keys of this role are made for one collection (Notary `trustmanager/keystore.go`).
pub(super) fn has_gun(role: &str) -> bool {
    matches!(role, "targets" | "snapshot" | "timestamp")
}

/// What the place and the headers say together; headers win.
pub(super) fn described(found: &Found, file: &KeyFile) -> KeyEntry {
    let (role, gun) = file.notes(Some(&found.entry));
    KeyEntry { id: found.entry.id, role, gun, is_unreadable: false }
}

fn peek(found: &Found) -> KeyEntry {
    let text = files::read_notes(&found.path);
    match text.and_then(|text| KeyFile::parse(&text)) {
        Ok(file) => described(found, &file),
        Err(_) => KeyEntry { is_unreadable: true, ..found.entry.clone() },
    }
}

/// However patient whoever is asked may be.
const ATTEMPTS_MAX: u32 = 10;
