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
    /// A locked key that says where it lay is kept as it is. Any other is opened, its own
    /// passphrase asked for if it has one, and locked in Notary's form under that passphrase,
    /// or under a new one if it had none. All questions come before the first key is written.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToImport`]; [`Error::NoGun`] for a key of a collection without one; and
    /// whatever opening and writing may meet.
    pub fn import(
        &self,
        text: &[u8],
        defaults: ImportDefaults<'_>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Vec<KeyId>, Error> {
        let arrivals = KeyFile::parse_all(text)?
            .into_iter()
            .map(|file| arrive(file, defaults, passphrases))
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
}

/// A key on its way in: what to note about it, and the file to write.
fn arrive(
    file: KeyFile,
    defaults: ImportDefaults<'_>,
    passphrases: &mut dyn PassphraseSource,
) -> Result<(KeyEntry, KeyFile), Error> {
    let origin = file.path.as_deref().and_then(origin);
    let (role, gun) = notes(&file, origin.as_ref(), defaults)?;
    match origin {
        Some(KeyEntry { id, .. }) if file.is_encrypted() => {
            Ok((KeyEntry { id, role: Some(role), gun, is_unreadable: false }, file))
        }
        _ => lock(&file, origin.map(|it| it.id), (role, gun), passphrases),
    }
}

/// The role, and the collection if the role has one.
fn notes(
    file: &KeyFile,
    origin: Option<&KeyEntry>,
    defaults: ImportDefaults<'_>,
) -> Result<(String, Option<String>), Error> {
    let (role, gun) = file.notes(origin);
    let role = role.unwrap_or_else(|| defaults.role.unwrap_or("delegation").to_owned());
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
    let (key, passphrase) = open(file, request, passphrases)?;
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
