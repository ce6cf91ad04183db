//! One private key file: a PEM block with the role and the collection in its headers.

use zeroize::Zeroizing;

use super::directory::open;
use super::legacy::Envelope;
use super::{
    Error, KeyEntry, Lock, Passphrase, PassphraseRequest, PassphraseSource, Purpose, pbes2,
};
use crate::crypto::pem::{self, Block};
use crate::crypto::{self, PrivateKey};

/// A private key as it lies in a file, locked or not.
///
/// The notes in it are protected by nothing: they must never decide what a key may sign.
pub struct KeyFile {
    /// The role or the signer's name.
    pub role: Option<String>,
    /// The collection.
    pub gun: Option<String>,
    /// Where an exported key lay below `private`, without `.key`.
    pub path: Option<String>,
    label: String,
    dek_info: Option<String>,
    contents: Zeroizing<Vec<u8>>,
}

impl KeyFile {
    /// Locks a key; an empty passphrase leaves it open.
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    pub fn seal(key: &PrivateKey, passphrase: &Passphrase) -> Result<KeyFile, Error> {
        let plain = key.to_notary_pkcs8();
        let (label, contents) = match passphrase.is_empty() {
            true => (PKCS8, plain.to_vec()),
            false => (ENCRYPTED_PKCS8, pbes2::seal(&plain, passphrase)?),
        };
        let contents = Zeroizing::new(contents);
        let label = label.to_owned();
        Ok(KeyFile { role: None, gun: None, path: None, label, dek_info: None, contents })
    }

    /// The same key with other notes.
    #[must_use]
    pub fn noted(self, role: Option<String>, gun: Option<String>, path: Option<String>) -> KeyFile {
        KeyFile { role, gun, path, ..self }
    }

    /// The role and the collection: as its headers say, else as its place does.
    pub(super) fn notes(&self, place: Option<&KeyEntry>) -> (Option<String>, Option<String>) {
        let role = self.role.clone().or_else(|| place?.role.clone());
        (role, self.gun.clone().or_else(|| place?.gun.clone()))
    }

    /// Reads a file of one key.
    ///
    /// # Errors
    ///
    /// If it is not exactly one private key that could be opened with the right passphrase.
    pub fn parse(text: &[u8]) -> Result<KeyFile, Error> {
        let mut all = KeyFile::parse_all(text)?.into_iter();
        match (all.next(), all.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(Error::Format { problem: "no private key in it" }),
            (Some(_), Some(_)) => Err(Error::Format { problem: "more than one private key" }),
        }
    }

    /// Reads every private key of a text; certificates, public keys and parameters beside them
    /// are passed over.
    ///
    /// # Errors
    ///
    /// If any of the keys could not be opened even with the right passphrase.
    pub fn parse_all(text: &[u8]) -> Result<Vec<KeyFile>, Error> {
        let blocks = pem::decode(text).map_err(|source| Error::Pem { source })?;
        let keys = blocks.into_iter().filter(|it| it.label.ends_with("PRIVATE KEY"));
        keys.map(KeyFile::from_block).collect()
    }

    /// How the key is locked.
    pub fn lock(&self) -> Lock {
        match (&self.dek_info, self.is_encrypted()) {
            (Some(_), _) => Lock::OldPassphrase,
            (None, true) => Lock::Passphrase,
            (None, false) => Lock::Open,
        }
    }

    /// Whether a passphrase is needed.
    pub fn is_encrypted(&self) -> bool {
        self.label == ENCRYPTED_PKCS8 || self.dek_info.is_some()
    }

    /// Whether another file holds the same, locked in the same way; notes may differ.
    pub(super) fn is_sealed_as(&self, other: &KeyFile) -> bool {
        self.label == other.label
            && self.dek_info == other.dek_info
            && self.contents == other.contents
    }

    /// Opens a key that is not encrypted.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if it is; otherwise if the content is no usable key.
    pub fn open_plain(&self) -> Result<PrivateKey, Error> {
        match self.is_encrypted() {
            true => Err(Error::Locked),
            false => self.read(&self.contents).map_err(|source| Error::Key { source }),
        }
    }

    /// Opens the key; the passphrase does not matter if it is not encrypted.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], whether the passphrase is wrong or the file is damaged.
    pub fn open(&self, passphrase: &Passphrase) -> Result<PrivateKey, Error> {
        let plain = match (&self.dek_info, self.label.as_str()) {
            (Some(header), _) => Envelope::parse(header)?.open(&self.contents, passphrase)?,
            (None, ENCRYPTED_PKCS8) => pbes2::open(&self.contents, passphrase)?,
            (None, _) => return self.open_plain(),
        };
        self.read(&plain).map_err(|_| Error::Locked)
    }

    /// Opens the key, asking for its passphrase if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] when no passphrase fits.
    pub fn unlock(
        &self,
        role: &str,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<PrivateKey, Error> {
        let (purpose, gun) = (Purpose::Unlock, self.gun.as_deref());
        let request = PassphraseRequest { purpose, role, gun, id: None, attempt: 0 };
        open(self, request, passphrases).map(|(key, _)| key)
    }

    /// The text of the file, as Notary 0.7 writes it.
    ///
    /// # Errors
    ///
    /// If a role, a GUN or a path cannot stand in a header.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Error> {
        let dek = self.dek_info.as_deref();
        // Go puts Proc-Type first and the others in order.
        let headers = [
            ("Proc-Type", dek.map(|_| PROC_TYPE)),
            ("DEK-Info", dek),
            ("gun", self.gun.as_deref()),
            ("path", self.path.as_deref()),
            ("role", self.role.as_deref()),
        ];
        let present = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let present = present.filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>();
        for (_, value) in &present {
            check_header(value)?;
        }
        Ok(pem::encode(&self.label, &present, &self.contents))
    }

    fn from_block(block: Block) -> Result<KeyFile, Error> {
        let note = |name| block.header(name).filter(|it| !it.is_empty()).map(str::to_owned);
        let key = KeyFile {
            role: note("role"),
            gun: note("gun"),
            path: note("path"),
            dek_info: note("DEK-Info"),
            label: block.label,
            contents: block.contents,
        };
        key.check_form()?;
        Ok(key)
    }

    fn check_form(&self) -> Result<(), Error> {
        match (self.label.as_str(), &self.dek_info) {
            (ENCRYPTED_PKCS8, None) => pbes2::check(&self.contents),
            (PKCS8, None) | (SEC1 | PKCS1 | ED25519, None) => Ok(()),
            (SEC1 | PKCS1 | ED25519, Some(header)) => Envelope::parse(header).map(|_| ()),
            _ => Err(Error::Format { problem: "a kind of private key that is not supported" }),
        }
    }

    fn read(&self, plain: &[u8]) -> Result<PrivateKey, crypto::Error> {
        match self.label.as_str() {
            SEC1 => PrivateKey::from_sec1(plain),
            PKCS1 => PrivateKey::from_pkcs1(plain),
            ED25519 => PrivateKey::from_notary_ed25519(plain),
            _ => PrivateKey::from_pkcs8(plain),
        }
    }
}

/// One line, nothing at its ends that a reader would trim.
fn check_header(value: &str) -> Result<(), Error> {
    if value.chars().any(char::is_control) || value.trim() != value {
        return Err(Error::Header { value: value.escape_default().take(80).collect() });
    }
    Ok(())
}

const PKCS8: &str = "PRIVATE KEY";
const ENCRYPTED_PKCS8: &str = "ENCRYPTED PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
/// Notary's own, before PKCS#8.
const ED25519: &str = "ED25519 PRIVATE KEY";
const PROC_TYPE: &str = "4,ENCRYPTED";
