//! Where passphrases come from: variables, a file, the keyring if wanted, the terminal; in this
//! order.

use std::path::Path;

use super::context::Context;
use super::output::Failure;
use super::prompt::Terminal;
use super::source;
use crate::keys::{Chain, Environment, PassphraseFile};

/// Whoever may be asked, for one command.
pub(super) struct Passphrases<'c> {
    context: &'c Context,
    file: Option<PassphraseFile>,
    terminal: Terminal,
}

impl<'c> Passphrases<'c> {
    /// Reads the file that `COUNTERSIGN_PASSPHRASE_FILE` names; nobody is asked yet.
    ///
    /// # Errors
    ///
    /// If that file cannot be read or understood.
    pub(super) fn new(context: &'c Context) -> Result<Self, Failure> {
        let named = context.environment.variable("COUNTERSIGN_PASSPHRASE_FILE");
        let file = named.map(|path| in_file(Path::new(path))).transpose()?;
        Ok(Self { context, file, terminal: Terminal::new(context.output) })
    }

    /// All of them, one after the other.
    pub(super) fn chain(&mut self) -> Chain<'_> {
        let environment = &self.context.environment;
        let lookup = |name: &str| environment.variable(name).map(str::to_owned);
        let mut chain = Chain::new().then(Environment::new(lookup));
        if let Some(file) = &mut self.file {
            chain = chain.then(file);
        }
        if self.context.uses_keyring() {
            chain = with_keyring(chain);
        }
        chain.then(&mut self.terminal)
    }
}

/// The passphrases in a file.
///
/// # Errors
///
/// If it cannot be read or understood.
pub(super) fn in_file(path: &Path) -> Result<PassphraseFile, Failure> {
    let text = zeroize::Zeroizing::new(source::read(path)?);
    Ok(PassphraseFile::parse(&text)?)
}

#[cfg(feature = "keyring")]
fn with_keyring(chain: Chain<'_>) -> Chain<'_> {
    chain.then(crate::keys::Keyring::new())
}

#[cfg(not(feature = "keyring"))]
fn with_keyring(chain: Chain<'_>) -> Chain<'_> {
    chain
}
