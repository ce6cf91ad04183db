//! Keys that are not in the key directory, and the one store that all of them make together.

use super::{Error, KeyDirectory, KeyEntry, KeyStore, PassphraseSource, StoredKey};
use crate::crypto::{PrivateKey, Signer};
use crate::tuf::{Gun, KeyId};

/// Somebody who keeps keys and signs with them.
pub trait KeySource {
    /// Where that is, for people: `token release`, `variable COUNTERSIGN_KEY`.
    fn place(&self) -> String;

    /// The keys that are there now; none if a token is not plugged in.
    ///
    /// # Errors
    ///
    /// If the source does not answer, or not as it should.
    fn list(&self) -> Result<Vec<KeyEntry>, Error>;

    /// Whether a key is there now.
    ///
    /// # Errors
    ///
    /// As [`list`](KeySource::list).
    fn holds(&self, id: &KeyId) -> Result<bool, Error> {
        Ok(self.list()?.iter().any(|entry| entry.id == *id))
    }

    /// Why nothing can be done with the file of a key that is kept here: there is none.
    fn no_file(&self, id: &KeyId) -> Error {
        let problem = format!("keeps key {}, of which there is no file", id.short());
        Error::Elsewhere { place: self.place(), problem }
    }

    /// Makes a key ready to sign.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`]; [`Error::Pin`]; [`Error::Elsewhere`].
    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, Error>;
}

/// The key directory and every other source, as one store.
///
/// New keys go into the directory. A key that is in several places is taken from the directory
/// first, then from the sources in their order: from the next one if one cannot give it.
pub struct KeySet {
    directory: KeyDirectory,
    sources: Vec<Box<dyn KeySource>>,
}

/// A key and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The key.
    pub entry: KeyEntry,
    /// Where it is kept.
    pub kept: Kept,
}

/// Where a key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In a file of the key directory.
    File(StoredKey),
    /// By somebody else, whose name for people this is.
    Elsewhere(String),
}

impl KeySet {
    /// The directory alone.
    pub fn new(directory: KeyDirectory) -> KeySet {
        KeySet { directory, sources: Vec::new() }
    }

    /// Adds a source, to be asked after those before it.
    pub fn add(&mut self, source: impl KeySource + 'static) {
        self.add_boxed(Box::new(source));
    }

    /// The same for a source of any kind.
    pub fn add_boxed(&mut self, source: Box<dyn KeySource>) {
        self.sources.push(source);
    }

    /// The key directory.
    pub fn directory(&self) -> &KeyDirectory {
        &self.directory
    }

    /// Checks that a key has a file in the directory, for what is done with files alone.
    ///
    /// # Errors
    ///
    /// [`Error::InVariable`] or [`Error::Elsewhere`] if only somebody else keeps it;
    /// [`Error::NoSuchKey`].
    pub fn check_file(&self, id: &KeyId) -> Result<(), Error> {
        if self.directory.ids()?.contains(id) {
            return Ok(());
        }
        for source in &self.sources {
            if source.holds(id)? {
                return Err(source.no_file(id));
            }
        }
        Err(Error::NoSuchKey { id: *id })
    }

    /// Every key in every place, the directory's first.
    ///
    /// # Errors
    ///
    /// As [`KeySource::list`].
    pub fn holdings(&self) -> Result<Vec<Holding>, Error> {
        let in_file =
            |file: StoredKey| Holding { entry: file.entry.clone(), kept: Kept::File(file) };
        let mut all: Vec<_> = self.directory.inventory()?.into_iter().map(in_file).collect();
        for source in &self.sources {
            let kept = Kept::Elsewhere(source.place());
            let held = |entry| Holding { entry, kept: kept.clone() };
            all.extend(source.list()?.into_iter().map(held));
        }
        Ok(all)
    }
}

impl KeyStore for KeySet {
    fn list(&self) -> Result<Vec<KeyEntry>, Error> {
        let mut entries = self.directory.list()?;
        for source in &self.sources {
            entries.extend(source.list()?);
        }
        // Stable: of one key in several places the first place speaks.
        entries.sort_by_key(|entry| entry.id);
        entries.dedup_by_key(|entry| entry.id);
        Ok(entries)
    }

    fn ids(&self) -> Result<Vec<KeyId>, Error> {
        let mut ids = self.directory.ids()?;
        for source in &self.sources {
            ids.extend(source.list()?.into_iter().map(|entry| entry.id));
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    fn signer(
        &self,
        id: &KeyId,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<Box<dyn Signer>, Error> {
        let mut missed = match self.directory.signer(id, passphrases) {
            Err(error) if !is_given_up(&error) => error,
            answer => return answer,
        };
        for source in &self.sources {
            match source.signer(id, passphrases) {
                Err(error) if !is_given_up(&error) => missed = more_telling(missed, error),
                answer => return answer,
            }
        }
        Err(missed)
    }

    fn store(
        &self,
        key: &PrivateKey,
        role: &str,
        gun: Option<&Gun>,
        passphrases: &mut dyn PassphraseSource,
    ) -> Result<KeyId, Error> {
        self.directory.store(key, role, gun, passphrases)
    }

    fn remove(&self, id: &KeyId) -> Result<(), Error> {
        match self.directory.remove(id) {
            Err(Error::NoSuchKey { .. }) => {}
            answer => return answer,
        }
        for source in &self.sources {
            if source.holds(id)? {
                let problem = format!("keeps key {}; it can be destroyed only there", id.short());
                return Err(Error::Elsewhere { place: source.place(), problem });
            }
        }
        Err(Error::NoSuchKey { id: *id })
    }
}

/// The first place that failed with a key says most: those after it may never have had it.
fn more_telling(first: Error, next: Error) -> Error {
    match first {
        Error::NoSuchKey { .. } => next,
        first => first,
    }
}

/// Whether a person broke off: who does that is not asked again.
fn is_given_up(error: &Error) -> bool {
    matches!(error, Error::Asking { .. })
}
