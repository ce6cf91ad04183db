//! `key load`, `export`, `import`: keys on their way in and out.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::new_file::{self, Readers};
use super::super::output::Failure;
use super::super::passphrases::Passphrases;
use super::super::source;
use super::{Deed, check_file, find_file};
#[cfg(feature = "pkcs11")]
use crate::keys::KeyFile;
use crate::keys::{self, ImportDefaults, KeyEntry, KeyStore, PassphraseSource};
#[cfg(feature = "pkcs11")]
use crate::tuf::canonical_key_id;
use crate::tuf::{Gun, KeyId, RoleName};

#[derive(Args)]
#[command(after_help = "\
Reads PKCS#8, SEC1 and PKCS#1, locked or not. Others must not be able to read the file. A file that says whose key it is \
is refused under another name; one with a root key is taken only with `--name root`, or by `key import`.

Example:
  countersign key load --name alice alice.pem")]
pub(in crate::cli) struct Load {
    /// Private key in PEM
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Name of the signer [default: as the file says, or else signer]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Copy it onto this token instead of into the trust directory
    #[cfg(feature = "pkcs11")]
    #[arg(long, value_name = "LABEL")]
    token: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Without --key and --gun all keys are exported. They stay locked under their passphrases.

Example:
  countersign key export --gun registry.example.com/team/web --out web-keys.pem")]
pub(in crate::cli) struct Export {
    /// Key id, or its first digits; may be repeated
    #[arg(long = "key", value_name = "ID", conflicts_with = "guns")]
    keys: Vec<String>,

    /// Keys of this collection; may be repeated
    #[arg(long = "gun", value_name = "GUN")]
    guns: Vec<String>,

    /// Write into this file, which must not exist, instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  countersign key import web-keys.pem")]
pub(in crate::cli) struct Import {
    /// Files with private keys in PEM
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Role of keys that have none noted [default: delegation]
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,

    /// Collection of targets, snapshot and timestamp keys that have none noted
    #[arg(long, value_name = "GUN")]
    gun: Option<String>,
}

/// Takes in one signer's key.
pub(super) fn load(arguments: &Load, context: &Context) -> Result<Code, Failure> {
    #[cfg(feature = "pkcs11")]
    if let Some(label) = &arguments.token {
        return onto_token(arguments, label, context);
    }
    let name = arguments.name.as_deref();
    let ids = read_in(&arguments.file, context, |text, passphrases| {
        context.keys().load(text, name, passphrases)
    })?;
    tell(&ids, context);
    Ok(Code::Done)
}

/// Copies the one key of a file onto a token. The file stays what it is.
#[cfg(feature = "pkcs11")]
fn onto_token(arguments: &Load, label: &str, context: &Context) -> Result<Code, Failure> {
    let path = &arguments.file;
    check_private(path)?;
    let token = context.token(label)?;
    let text = Zeroizing::new(source::read(path)?);
    let file = KeyFile::parse(&text).map_err(|error| Failure::from(error).about(path.display()))?;
    let role = file.role_of_signer(arguments.name.as_deref());
    let role = role.map_err(|error| Failure::from(error).about(path.display()))?;
    let mut passphrases = Passphrases::new(context)?;
    let opened = file.unlock(&role, &mut passphrases.chain());
    let key = opened.map_err(|error| Failure::from(error).about(path.display()))?;
    let public = token.take_in(&key, &role, &mut passphrases.chain())?;
    context
        .output
        .notice(&format!("{} still holds the key: keep it offline, or destroy it", path.display()));
    let id = canonical_key_id(&public).to_string();
    context.output.answer_as(&id, &json!({ "id": id, "role": role }));
    Ok(Code::Done)
}

/// Takes in the keys of files.
pub(super) fn import(arguments: &Import, context: &Context) -> Result<Code, Failure> {
    let gun = arguments.gun.as_deref().map(Gun::raw).transpose()?;
    let defaults = ImportDefaults { role: arguments.role.as_deref(), gun: gun.as_ref() };
    let mut code = Code::Done;
    for file in &arguments.files {
        let take = |text: &[u8], passphrases: &mut dyn PassphraseSource| {
            context.keys().import(text, defaults, passphrases)
        };
        match read_in(file, context, take) {
            Ok(ids) => tell(&ids, context),
            Err(failure) => code = code.max(context.output.refusal(None, &failure)),
        }
    }
    Ok(code)
}

/// Takes in the keys of a file for a role of a collection; says which. Root keys serve many.
///
/// # Errors
///
/// As for `key import`.
pub(super) fn take_in_for(
    file: &Path,
    role: &RoleName,
    gun: &Gun,
    context: &Context,
) -> Result<Vec<KeyId>, Failure> {
    let gun = Some(gun).filter(|_| *role != RoleName::Root);
    let defaults = ImportDefaults { role: Some(role.as_str()), gun };
    read_in(file, context, |text, passphrases| context.keys().import(text, defaults, passphrases))
}

fn read_in(
    file: &Path,
    context: &Context,
    take: impl FnOnce(&[u8], &mut dyn PassphraseSource) -> Result<Vec<KeyId>, keys::Error>,
) -> Result<Vec<KeyId>, Failure> {
    check_private(file)?;
    let text = Zeroizing::new(source::read(file)?);
    let mut passphrases = Passphrases::new(context)?;
    let taken = take(&text, &mut passphrases.chain());
    taken.map_err(|error| Failure::from(error).about(file.display()))
}

fn tell(ids: &[KeyId], context: &Context) {
    for id in ids {
        context.output.answer_as(&id.to_string(), &json!({ "id": id.to_string() }));
    }
}

fn check_private(file: &Path) -> Result<(), Failure> {
    // That it is not there is told by whoever reads it.
    let Ok(found) = file.metadata() else { return Ok(()) };
    if !found.is_file() && !found.file_type().is_fifo() {
        let message = format!("{}: no file of a key", file.display());
        return Err(Failure::new(Kind::KeyStore, message));
    }
    if found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("{} must not be readable or writable by others", file.display());
    Err(Failure::new(Kind::KeyStore, message).advise(format!("chmod 600 '{}'", file.display())))
}

/// Gives keys out, locked as they are.
pub(super) fn export(arguments: &Export, context: &Context) -> Result<Code, Failure> {
    let ids = chosen(arguments, context)?;
    if ids.is_empty() {
        return Err(Failure::new(Kind::KeyStore, "no keys to export"));
    }
    let text = context.keys().export(&ids)?;
    match &arguments.out {
        None => context.output.bytes(&text),
        Some(path) => new_file::make(path, Readers::Owner, &text)?,
    }
    Ok(Code::Done)
}

fn chosen(arguments: &Export, context: &Context) -> Result<Vec<KeyId>, Failure> {
    if !arguments.keys.is_empty() {
        let id = |key: &String| Ok(find_file(key, Deed::Export, context)?.id);
        return arguments.keys.iter().map(id).collect();
    }
    let wanted = |gun: &Option<String>| {
        arguments.guns.is_empty() || gun.as_ref().is_some_and(|gun| arguments.guns.contains(gun))
    };
    let ids = |entries: Vec<KeyEntry>| {
        let entries = entries.into_iter().filter(|entry| wanted(&entry.gun));
        entries.map(|entry| entry.id).collect::<Vec<_>>()
    };
    let here = ids(context.keys().list()?);
    if here.is_empty() {
        // Those that are elsewhere are not passed over in silence.
        let elsewhere = ids(context.key_set()?.list()?);
        elsewhere.iter().try_for_each(|id| check_file(id, Deed::Export, context))?;
    }
    Ok(here)
}
