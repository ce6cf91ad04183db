//! Export and import: key files one after the other, each with the path it came from
//! (Notary `trustmanager/keys.go`).

use zeroize::Zeroizing;

use super::directory::{has_gun, meant, new_passphrase, open};
use super::layout::interpret;
use super::{Error, KeyDirectory, KeyEntry, KeyFile, PassphraseRequest, PassphraseSource, Purpose};
use crate::crypto::Signer;
use crate::tuf::{Gun, KeyId, canonical_key_id};

/// What to note about imported keys that come without a note.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportDefaults<'a> {
    /// The role; `delegation` if none is given.
    pub role: Option<&'a str>,
    /// The collection of targets, snapshot and timestamp keys.
    pub gun: Option<&'a Gun>,
}

impl KeyDirectory {
    /// The files of these keys, locked as they are, in the form that notary imports.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`], or if a file cannot be read.
    pub fn export(&self, ids: &[KeyId]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut stream = Zeroizing::new(Vec::new());
        for id in ids {
            let (found, file) = self.read(id)?;
            let (role, gun) = file.notes(Some(&found.entry));
            let file = file.noted(role, gun, Some(id.to_string()));
            stream.extend_from_slice(file.to_pem()?.as_bytes());
        }
        Ok(stream)
    }

    /// Takes in every private key of a text, and says which they were.
    ///
    /// A locked key that says where it lay is kept as it is, if none of that id is here. Any other
    /// is opened, its own passphrase asked for if it has one, and locked in Notary's form under
    /// that passphrase, or under a new one if it had none. All questions come before the first key
    /// is written.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToImport`]; [`Error::NoGun`] for a key of a collection without one;
    /// [`Error::Occupied`] for a key that is here for something else; and whatever opening and
    /// writing may meet.
    pub fn import(
        &self,
        text: &[u8],
        defaults: ImportDefaults<'_>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Vec<KeyId>, Error> {
        let arrivals = KeyFile::parse_all(text)?
            .into_iter()
            .map(|file| self.arrive(file, defaults, passphrases))
            .collect::<Result<Vec<_>, _>>()?;
        if arrivals.is_empty() {
            return Err(Error::NothingToImport);
        }
        let settle = |(entry, file): (KeyEntry, KeyFile)| {
            self.write(&entry, file)?;
            Ok(entry.id)
        };
        arrivals.into_iter().map(settle).collect()
    }

    /// Takes in a signer's key, as [`import`](KeyDirectory::import) does; `name` is the signer's, if
    /// it was said.
    ///
    /// # Errors
    ///
    /// As [`KeyFile::role_of_signer`] and [`import`](KeyDirectory::import).
    pub fn load(
        &self,
        text: &[u8],
        name: Option<&str>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Vec<KeyId>, Error> {
        let files = KeyFile::parse_all(text)?;
        files.iter().try_for_each(|file| file.role_of_signer(name).map(drop))?;
        let role = Some(name.unwrap_or(SIGNER));
        self.import(text, ImportDefaults { role, gun: None }, passphrases)
    }

    /// A key on its way in: what to note about it, and the file to write.
    fn arrive(
        &self,
        file: KeyFile,
        defaults: ImportDefaults<'_>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<(KeyEntry, KeyFile), Error> {
        let origin = file.path.as_deref().and_then(origin);
        let (role, gun) = notes(&file, origin.as_ref(), defaults)?;
        let (entry, file) = match origin {
            Some(KeyEntry { id, .. }) if file.is_encrypted() && self.is_no_other(&id, &file)? => {
                (KeyEntry { id, role: Some(role), gun, is_unreadable: false }, file)
            }
            _ => lock(&file, origin.map(|it| it.id), (role, gun), passphrases)?,
        };
        self.check_place(&entry)?;
        Ok((entry, file))
    }

    /// Whether no other file is here under the id that a file claims.
    fn is_no_other(&self, id: &KeyId, file: &KeyFile) -> Result<bool, Error> {
        match self.read(id) {
            Ok((_, here)) => Ok(here.is_sealed_as(file)),
            Err(Error::NoSuchKey { .. }) => Ok(true),
            Err(_) => Ok(false),
        }
    }

    /// Refuses a key that is here, if it would be for something else from now on.
    fn check_place(&self, new: &KeyEntry) -> Result<(), Error> {
        match self.entry(&new.id)? {
            Some(here) if here.role.is_some() && top_level(&here) != top_level(new) => {
                Err(Error::AlreadyHere { id: new.id, role: as_what(&here), new: as_what(new) })
            }
            _ => Ok(()),
        }
    }
}

impl KeyFile {
    /// As what a signer's key is taken in: as noted, or else under the name that was said.
    ///
    /// # Errors
    ///
    /// [`Error::Noted`] if the note contradicts the name, or without a name says that it is a root
    /// key or one of a collection.
    pub fn role_of_signer(&self, name: Option<&str>) -> Result<String, Error> {
        let origin = self.path.as_deref().and_then(origin);
        let agrees = |noted: &str| match name {
            None => !is_top_level(noted),
            Some(name) if noted == UNNAMED => !is_top_level(name),
            Some(name) => noted == name || noted.strip_prefix("targets/") == Some(name),
        };
        match self.notes(origin.as_ref()).0 {
            None => Ok(name.unwrap_or(SIGNER).to_owned()),
            Some(noted) if agrees(&noted) => Ok(noted),
            Some(noted) => Err(Error::Noted { noted, name: name.unwrap_or(SIGNER).to_owned() }),
        }
    }
}
/// The role, and the collection if the role has one.
fn notes(
    file: &KeyFile,
    origin: Option<&KeyEntry>,
    defaults: ImportDefaults<'_>,
) -> Result<(String, Option<String>), Error> {
    let (role, gun) = file.notes(origin);
    let role = role.unwrap_or_else(|| defaults.role.unwrap_or(UNNAMED).to_owned());
    if !has_gun(&role) {
        return Ok((role, None));
    }
    match gun.or_else(|| Some(defaults.gun?.as_str().to_owned())) {
        Some(gun) => Ok((role, Some(gun))),
        None => Err(Error::NoGun { role }),
    }
}

/// Opens a key and locks it again in Notary's form.
fn lock(
    file: &KeyFile,
    expected: Option<KeyId>,
    (role, gun): (String, Option<String>),
    passphrases: &mut dyn PassphraseSource,
) -> Result<(KeyEntry, KeyFile), Error> {
    let request = PassphraseRequest {
        purpose: Purpose::Unlock,
        role: &role,
        gun: gun.as_deref(),
        id: expected.as_ref(),
        attempt: 0,
    };
    let opened = open(file, request, passphrases);
    let (key, passphrase) = opened.map_err(|error| match &expected {
        Some(id) => error.of_key(id),
        None => error,
    })?;
    let id = canonical_key_id(key.public());
    let key = meant(key, &expected.unwrap_or(id))?;
    let entry = KeyEntry { id, role: Some(role), gun, is_unreadable: false };
    let passphrase = match passphrase {
        Some(passphrase) => passphrase,
        None => new_passphrase(&entry, passphrases)?,
    };
    let sealed = KeyFile::seal(&key, &passphrase)?;
    Ok((entry, sealed))
}

/// What the `path` header of an exported key says.
pub(super) fn origin(path: &str) -> Option<KeyEntry> {
    let mut folders = path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let stem = folders.pop()?;
    interpret(&folders, &stem)
}

/// What a key is for that is no signer's.
fn top_level(entry: &KeyEntry) -> Option<(&str, Option<&str>)> {
    let role = entry.role.as_deref().filter(|role| is_top_level(role))?;
    Some((role, entry.gun.as_deref().filter(|_| has_gun(role))))
}

fn is_top_level(role: &str) -> bool {
    role == "root" || has_gun(role)
}

/// The same in words.
fn as_what(entry: &KeyEntry) -> String {
    match (top_level(entry), &entry.role) {
        (Some((role, Some(gun))), _) => format!("{role} of {gun}"),
        (_, role) => role.clone().unwrap_or_default(),
    }
}

/// What Notary notes about keys of whatever delegation.
const UNNAMED: &str = "delegation";
/// What docker notes about a signer without a name.
const SIGNER: &str = "signer";
