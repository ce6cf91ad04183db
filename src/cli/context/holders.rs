//! Who keeps private keys besides the key directory: tokens, programs, the secret of a pipeline.

use std::path::PathBuf;
use std::time::Duration;

use super::super::config::{Config, SignerEntry, TokenEntry};
use super::super::environment::Environment;
use super::super::exit::Kind;
use super::super::output::Failure;
use super::Context;
use crate::keys::{KeyDirectory, KeySet, KeySource, Plugin, PluginCommand, VariableKeys};

impl Context {
    /// All private keys, wherever they are kept.
    ///
    /// # Errors
    ///
    /// If a source that is named cannot be what it should be. None is asked yet.
    pub(in crate::cli) fn key_set(&self) -> Result<KeySet, Failure> {
        key_set(self.keys(), &self.config, &self.environment)
    }

    /// The token of that label, as the configuration names it.
    ///
    /// # Errors
    ///
    /// If it names none, or its module could be somebody else's.
    #[cfg(feature = "pkcs11")]
    pub(in crate::cli) fn token(&self, label: &str) -> Result<crate::keys::Token, Failure> {
        match self.config.tokens()?.iter().find(|entry| entry.label == label) {
            Some(entry) => token(entry),
            None => {
                let message = format!("the configuration names no token {label:?}");
                let advice = format!(
                    "Add to countersign.toml: [[token]] label = {label:?}, module = \"/path/of/its/module.so\""
                );
                Err(Failure::new(Kind::Usage, message).advise(advice))
            }
        }
    }
}

/// The keys of a directory, and those that configuration and environment name besides.
///
/// # Errors
///
/// As [`Context::key_set`].
pub(in crate::cli) fn key_set(
    directory: KeyDirectory,
    config: &Config,
    environment: &Environment,
) -> Result<KeySet, Failure> {
    let mut set = KeySet::new(directory);
    if let Some(value) = environment.variable(KEY_VARIABLE) {
        set.add(VariableKeys::parse(KEY_VARIABLE, value)?);
    }
    for entry in config.tokens()? {
        set.add_boxed(token_source(entry)?);
    }
    for entry in config.signers()? {
        set.add(plugin(entry)?);
    }
    Ok(set)
}

#[cfg(feature = "pkcs11")]
fn token_source(entry: &TokenEntry) -> Result<Box<dyn KeySource>, Failure> {
    Ok(Box::new(token(entry)?))
}

#[cfg(not(feature = "pkcs11"))]
fn token_source(entry: &TokenEntry) -> Result<Box<dyn KeySource>, Failure> {
    let TokenEntry { label, module, timeout } = entry;
    let _ = (module, timeout);
    let message = format!("token {label:?}: this program was built without feature pkcs11");
    Err(Failure::new(Kind::Usage, message))
}

/// A token, if nobody else could have put its module there.
#[cfg(feature = "pkcs11")]
pub(in crate::cli) fn token(entry: &TokenEntry) -> Result<crate::keys::Token, Failure> {
    let setting = crate::keys::TokenSetting {
        module: entry.module.clone(),
        label: entry.label.clone(),
        patience: entry.timeout.map_or(PATIENCE, |span| span.duration()),
    };
    let named = format!("token {}", entry.label);
    crate::keys::Token::new(setting).map_err(|error| Failure::from(error).about(named))
}

fn plugin(entry: &SignerEntry) -> Result<Plugin, Failure> {
    let named = format!("signer {}", entry.name);
    let Some((program, arguments)) = entry.command.split_first() else {
        return Err(Failure::new(Kind::Usage, format!("{named}: its command is empty")));
    };
    let command = PluginCommand {
        name: entry.name.clone(),
        program: PathBuf::from(program),
        arguments: arguments.to_vec(),
        patience: entry.timeout.map_or(PATIENCE, |span| span.duration()),
    };
    Plugin::new(command).map_err(|error| Failure::from(error).about(named))
}

/// The secret of a pipeline.
const KEY_VARIABLE: &str = "COUNTERSIGN_KEY";
/// For a touch or a confirmation by a person.
const PATIENCE: Duration = Duration::from_secs(60);
