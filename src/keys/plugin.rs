//! Keys behind a program of the user's: a cloud's key service, a signing server, a vault.
//!
//! The program is started for each request, as docker starts its credential helpers: one JSON
//! object to its stdin, one JSON object from its stdout (`docs/signer-plugin.md`). It gets none of
//! our secrets, its answers are bounded in time and size, and no signature of its is believed
//! before the public key has accepted it.

mod protocol;
mod run;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::{Error, KeyEntry, KeySource, PassphraseSource, trusted_file};
use crate::crypto::{Hand, PublicKey, RemoteKey, Scheme, Signer};
use crate::tuf::{KeyId, canonical_key_id};

/// How to start the program.
#[derive(Clone, Debug)]
pub struct PluginCommand {
    /// What people call it.
    pub name: String,
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// What it is told beside the request.
    pub arguments: Vec<String>,
    /// How long one request may take.
    pub patience: Duration,
}

/// The keys of one such program.
pub struct Plugin {
    command: PluginCommand,
    keys: OnceLock<Vec<PluginKey>>,
}

/// A key as the program describes it.
#[derive(Clone, Debug)]
struct PluginKey {
    /// What the program calls it.
    name: String,
    public: PublicKey,
    entry: KeyEntry,
}

impl Plugin {
    /// Looks at the program; nothing is started yet.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`] if others could have put it there.
    pub fn new(command: PluginCommand) -> Result<Plugin, Error> {
        let program = trusted_file(Path::new(&command.program))?;
        Ok(Plugin { command: PluginCommand { program, ..command }, keys: OnceLock::new() })
    }

    /// What the program has; asked for once.
    fn keys(&self) -> Result<&[PluginKey], Error> {
        if let Some(known) = self.keys.get() {
            return Ok(known);
        }
        let says = |problem| Error::Elsewhere { place: self.place(), problem };
        let answer = run::ask(&self.command, &protocol::list_request()).map_err(says)?;
        let keys = protocol::read_keys(&answer).map_err(says)?;
        Ok(self.keys.get_or_init(|| keys))
    }
}

impl KeySource for Plugin {
    fn place(&self) -> String {
        format!("signer {}", self.command.name)
    }

    fn list(&self) -> Result<Vec<KeyEntry>, Error> {
        Ok(self.keys()?.iter().map(|key| key.entry.clone()).collect())
    }

    fn signer(&self, id: &KeyId, _: &mut dyn PassphraseSource) -> Result<Box<dyn Signer>, Error> {
        let key = self.keys()?.iter().find(|key| canonical_key_id(&key.public) == *id);
        let key = key.ok_or(Error::NoSuchKey { id: *id })?.clone();
        let public = key.public.clone();
        let hand = PluginHand { place: self.place(), command: self.command.clone(), key };
        Ok(Box::new(RemoteKey::new(public, hand)))
    }
}

struct PluginHand {
    place: String,
    command: PluginCommand,
    key: PluginKey,
}

impl Hand for PluginHand {
    fn place(&self) -> &str {
        &self.place
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, String> {
        let request = protocol::sign_request(&self.key.name, &self.key.public, scheme, message);
        let answer = run::ask(&self.command, &request)?;
        protocol::read_signature(&answer, self.key.public.algorithm())
    }
}
