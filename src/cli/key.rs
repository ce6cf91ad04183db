//! `key`: private keys, where docker and notary keep them.

mod audit;
mod chosen;
mod generate;
mod list;
mod recovery;
mod rotate;
mod transfer;

pub(super) use chosen::find;
use chosen::{Deed, check_file, find_file};
pub(super) use generate::write as write_public;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::Failure;
use super::passphrases::{Passphrases, in_file};
use super::process::{finishing, guard_memory};
use super::prompt::{Subject, Terminal, confirm};
use crate::keys::{
    self, KeyStore, Passphrase, PassphraseFile, PassphraseRequest, PassphraseSource, Purpose,
};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a signer's key, or a root key
    Generate(generate::Generate),
    /// Take in a signer's private key
    Load(transfer::Load),
    /// List the keys: where they are kept, what they sign, and until when
    List,
    /// Find keys that are unlocked, exposed, kept once or twice, or good for nothing; and what to
    /// do
    Audit,
    /// Write a printable sheet with a key, locked under a passphrase of its own
    Backup(recovery::Backup),
    /// Write a key as shares on printable sheets, of which some bring it back
    Split(recovery::Split),
    /// Bring a key back from its sheets
    Recover(recovery::Sheets),
    /// See that sheets would bring a key back
    Drill(recovery::Sheets),
    /// Print keys, locked as they are, for another machine
    Export(transfer::Export),
    /// Take in what `export`, `notary key export` or openssl wrote
    Import(transfer::Import),
    /// Give a key another passphrase
    Passwd(Passwd),
    /// Put another key in place of one of a repository's
    Rotate(rotate::Rotate),
    /// Destroy a key
    Remove(Remove),
    /// Keep the passphrase of a key in the desktop's keyring
    #[cfg(feature = "keyring")]
    Remember(OneKey),
    /// Take the passphrase of a key out of the desktop's keyring
    #[cfg(feature = "keyring")]
    Forget(OneKey),
}

#[derive(Args)]
pub(super) struct OneKey {
    /// Key id, or its first digits
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Args)]
pub(super) struct Passwd {
    /// Key id, or its first digits
    #[arg(value_name = "ID")]
    id: String,

    /// File with the new passphrase, instead of the terminal
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Remove {
    /// Key id, or its first digits
    #[arg(value_name = "ID")]
    id: String,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Does what is asked with keys.
pub(super) fn run(command: Command, context: &Context) -> Result<Code, Failure> {
    match command {
        Command::List => list::run(context),
        Command::Remove(arguments) => remove(&arguments, context),
        Command::Export(arguments) => transfer::export(&arguments, context),
        Command::Audit => audit::run(context),
        Command::Backup(arguments) => guarded(|| recovery::backup(&arguments, context)),
        Command::Split(arguments) => guarded(|| recovery::split(&arguments, context)),
        Command::Recover(arguments) => guarded(|| recovery::recover(&arguments, context)),
        Command::Drill(arguments) => guarded(|| recovery::drill(&arguments, context)),
        Command::Generate(arguments) => guarded(|| generate::run(&arguments, context)),
        Command::Rotate(arguments) => guarded(|| rotate::run(&arguments, context)),
        Command::Load(arguments) => guarded(|| transfer::load(&arguments, context)),
        Command::Import(arguments) => guarded(|| transfer::import(&arguments, context)),
        Command::Passwd(arguments) => guarded(|| passwd(&arguments, context)),
        #[cfg(feature = "keyring")]
        Command::Remember(arguments) => guarded(|| remember(&arguments, context)),
        #[cfg(feature = "keyring")]
        Command::Forget(arguments) => {
            keys::Keyring::new().forget(&find(&arguments.id, context)?.id)?;
            Ok(Code::Done)
        }
    }
}

fn guarded(command: impl FnOnce() -> Result<Code, Failure>) -> Result<Code, Failure> {
    guard_memory()?;
    let _finishing = finishing();
    command()
}

fn remove(arguments: &Remove, context: &Context) -> Result<Code, Failure> {
    let entry = find_file(&arguments.id, Deed::Remove, context)?;
    let role = entry.role.as_deref().unwrap_or("unknown");
    let place = context.keys().path().display().to_string();
    let question =
        format!("Are you sure you want to remove {} (role {role}) from {place}?", entry.id);
    if !arguments.yes && !confirm(&question, "--yes")? {
        return Ok(Code::Done);
    }
    context.keys().remove(&entry.id)?;
    context.output.notice(&format!("Deleted {} (role {role}) from {place}.", entry.id));
    Ok(Code::Done)
}

fn passwd(arguments: &Passwd, context: &Context) -> Result<Code, Failure> {
    let entry = find_file(&arguments.id, Deed::Relock, context)?;
    let mut passphrases = Passphrases::new(context)?;
    let mut old_and_new = OldAndNew {
        old: passphrases.chain(),
        file: arguments.new_passphrase_file.as_deref().map(in_file).transpose()?,
        terminal: Terminal::about(Subject::KnownKey, context.output),
        is_open: false,
    };
    match context.keys().change_passphrase(&entry.id, &mut old_and_new) {
        Err(keys::Error::NoPassphrase { .. }) if old_and_new.is_open => {
            let message = format!("no new passphrase for key {}", entry.id.short());
            let advice = "Use a terminal, or name a file with --new-passphrase-file.";
            Err(Failure::new(Kind::Passphrase, message).advise(advice))
        }
        other => {
            other?;
            context
                .output
                .notice(&format!("Successfully updated passphrase for key ID: {}", entry.id));
            Ok(Code::Done)
        }
    }
}

/// The new passphrase must not come from where the old one comes from: it would be the same.
struct OldAndNew<O> {
    old: O,
    file: Option<PassphraseFile>,
    terminal: Terminal,
    /// Whether the old one was found: the new one is asked for afterwards.
    is_open: bool,
}

impl<O: PassphraseSource> PassphraseSource for OldAndNew<O> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, keys::Error> {
        self.is_open |= request.purpose == Purpose::Create;
        match (request.purpose, &mut self.file) {
            (Purpose::Unlock | Purpose::Pin, _) => self.old.passphrase(request),
            (Purpose::Create, Some(file)) => file.passphrase(request),
            (Purpose::Create, None) => self.terminal.passphrase(request),
        }
    }
}

#[cfg(feature = "keyring")]
fn remember(arguments: &OneKey, context: &Context) -> Result<Code, Failure> {
    let entry = find_file(&arguments.id, Deed::Remember, context)?;
    let mut passphrases = Passphrases::new(context)?;
    let mut heard = Heard { source: passphrases.chain(), last: None };
    context.keys().unlock(&entry.id, &mut heard)?;
    let Some(passphrase) = heard.last else {
        return Err(Failure::new(Kind::Passphrase, "the key has no passphrase to remember"));
    };
    keys::Keyring::new().keep(&entry.id, &passphrase)?;
    if !context.uses_keyring() {
        context
            .output
            .notice("The keyring is asked only with `keyring = true` in countersign.toml.");
    }
    Ok(Code::Done)
}

/// Keeps what was said last: the one that opened the key.
#[cfg(feature = "keyring")]
struct Heard<S> {
    source: S,
    last: Option<Passphrase>,
}

#[cfg(feature = "keyring")]
impl<S: PassphraseSource> PassphraseSource for Heard<S> {
    fn passphrase(&mut self, request: &PassphraseRequest<'_>) -> Result<Passphrase, keys::Error> {
        let said = self.source.passphrase(request)?;
        self.last = Some(Passphrase::copy_of(said.as_str()));
        Ok(said)
    }
}
