//! Where passphrases come from: variables, a file, the keyring if wanted, the terminal; in this
//! order.

use std::path::Path;

use super::context::Context;
use super::output::Failure;
use super::prompt::{Subject, Terminal};
use super::source;
use crate::keys::{Chain, Environment, PassphraseFile};

/// Whoever may be asked, for one command.
pub(super) struct Passphrases<'c> {
    context: &'c Context,
    file: Option<&'c PassphraseFile>,
    terminal: Terminal,
}

impl<'c> Passphrases<'c> {
    /// With the file that `COUNTERSIGN_PASSPHRASE_FILE` names; nobody is asked yet.
    ///
    /// # Errors
    ///
    /// If that file cannot be read or understood.
    pub(super) fn new(context: &'c Context) -> Result<Self, Failure> {
        Self::about(Subject::NewKey, context)
    }

    /// The same, and the terminal knows what it asks about.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(super) fn about(subject: Subject, context: &'c Context) -> Result<Self, Failure> {
        let file = context.passphrase_file()?;
        Ok(Self { context, file, terminal: Terminal::about(subject, context.output) })
    }

    /// All of them, one after the other.
    pub(super) fn chain(&mut self) -> Chain<'_> {
        let Self { context, file, terminal } = self;
        sources(context, *file).then(terminal)
    }

    /// Those among them that nobody has to answer.
    pub(super) fn without_asking(&mut self) -> Chain<'_> {
        sources(self.context, self.file)
    }
}

fn sources<'a>(context: &'a Context, file: Option<&'a PassphraseFile>) -> Chain<'a> {
    let environment = &context.environment;
    let lookup = |name: &str| environment.variable(name).map(str::to_owned);
    let mut chain = Chain::new().then(Environment::new(lookup));
    if let Some(file) = file {
        chain = chain.then(file);
    }
    if context.uses_keyring() {
        chain = with_keyring(chain);
    }
    chain
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
