//! Export and import: key files one after the other, each with the path it came from
//! (Notary `trustmanager/keys.go`).

use zeroize::Zeroizing;

use super::directory::{has_gun, open};
use super::layout::interpret;
use super::{Error, KeyDirectory, KeyEntry, KeyFile, PassphraseRequest, PassphraseSource, Purpose};
use crate::crypto::{PrivateKey, Signer};
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
            let role = file.role.clone().or(found.entry.role);
            let gun = file.gun.clone().or(found.entry.gun);
            let file = file.noted(role, gun, Some(id.to_string()));
            stream.extend_from_slice(file.to_pem()?.as_bytes());
        }
        Ok(stream)
    }

    /// Takes in every private key of a text, and says which they were.
    ///
    /// A locked key that says where it lay is kept as it is. Any other is opened, its own
    /// passphrase asked for if it has one, and locked in Notary's form under that passphrase,
    /// or under a new one if it had none. All keys are opened before the first one is written.
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
        for arrival in &arrivals {
            if let Load::Opened(key) = &arrival.load {
                self.seal(key, &arrival.entry, passphrases)?;
            }
        }
        arrivals.into_iter().map(|arrival| self.settle(arrival)).collect()
    }

    fn settle(&self, arrival: Arrival) -> Result<KeyId, Error> {
        if let Load::Locked(file) = arrival.load {
            self.write(&arrival.entry, file)?;
        }
        Ok(arrival.entry.id)
    }
}

/// A key on its way in.
struct Arrival {
    entry: KeyEntry,
    load: Load,
}

enum Load {
    /// To be written as it is.
    Locked(KeyFile),
    /// To be locked under a new passphrase.
    Opened(PrivateKey),
}

fn arrive(
    file: KeyFile,
    defaults: ImportDefaults<'_>,
    passphrases: &mut dyn PassphraseSource,
) -> Result<Arrival, Error> {
    let origin = file.path.as_deref().and_then(origin);
    let known = origin.as_ref();
    let role = file.role.clone().or_else(|| known?.role.clone());
    let role = role.unwrap_or_else(|| defaults.role.unwrap_or("delegation").to_owned());
    let gun = file.gun.clone().or_else(|| known?.gun.clone());
    let gun = gun.or_else(|| Some(defaults.gun?.as_str().to_owned()));
    let gun = match has_gun(&role) {
        true => Some(gun.ok_or_else(|| Error::NoGun { role: role.clone() })?),
        false => None,
    };
    let (id, load) = load(file, known.map(|it| &it.id), (&role, gun.as_deref()), passphrases)?;
    Ok(Arrival { entry: KeyEntry { id, role: Some(role), gun }, load })
}

fn load(
    file: KeyFile,
    id: Option<&KeyId>,
    (role, gun): (&str, Option<&str>),
    passphrases: &mut dyn PassphraseSource,
) -> Result<(KeyId, Load), Error> {
    if let (true, Some(id)) = (file.is_encrypted(), id) {
        return Ok((*id, Load::Locked(file)));
    }
    let request = PassphraseRequest { purpose: Purpose::Unlock, role, gun, id, attempt: 0 };
    let (key, passphrase) = open(&file, request, passphrases)?;
    let found = canonical_key_id(key.public());
    if let Some(expected) = id.filter(|id| **id != found) {
        return Err(Error::OtherKey { expected: *expected, found });
    }
    match passphrase {
        Some(passphrase) => Ok((found, Load::Locked(KeyFile::seal(&key, &passphrase)?))),
        None => Ok((found, Load::Opened(key))),
    }
}

/// What the `path` header of an exported key says.
fn origin(path: &str) -> Option<KeyEntry> {
    let mut folders = path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let stem = folders.pop()?;
    interpret(&folders, &stem)
}
