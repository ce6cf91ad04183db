//! `key backup`, `split`, `recover`, `drill`: keys on paper, and back.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::new_file::{self, Readers};
use super::super::output::Failure;
use super::super::passphrases::{Passphrases, in_file};
use super::super::prompt::{Subject, Terminal};
use super::super::source;
use super::{Deed, find_file};
use crate::keys::{
    Joined, KeyEntry, KeyStore, Passphrase, PassphraseRequest, PassphraseSource as _, Purpose,
    Sheet,
};
use crate::storage::TrustDirectory;
use crate::tuf::Gun;

#[derive(Args)]
#[command(after_help = "\
The sheet is text to be printed: with numbered lines that can be typed in again, each with a check, and a QR code. \
The key on it is locked under a passphrase of its own, which must be kept elsewhere.

Example:
  countersign key backup 1f2e3d4c --out sheet.txt && lpr sheet.txt && shred -u sheet.txt")]
pub(in crate::cli) struct Backup {
    /// Key id, or its first digits
    #[arg(value_name = "ID")]
    id: String,

    /// Where to write the sheet; the file must not exist
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,

    /// File with the passphrase of the backup, instead of the terminal
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Each share is a sheet for another person or place. As many as the threshold bring the key back, without any \
passphrase; fewer say nothing of it.

Example:
  countersign key split 1f2e3d4c --threshold 2 --shares 3 --dir shares")]
pub(in crate::cli) struct Split {
    /// Key id, or its first digits
    #[arg(value_name = "ID")]
    id: String,

    /// How many shares bring the key back
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(2..))]
    threshold: u8,

    /// How many shares are made
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..))]
    shares: u8,

    /// Where to write share-1.txt and the others; made if need be
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Args)]
pub(in crate::cli) struct Sheets {
    /// Sheets that were typed in or scanned: a backup, or enough shares
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Writes a backup.
pub(super) fn backup(arguments: &Backup, context: &Context) -> Result<Code, Failure> {
    let entry = find_file(&arguments.id, Deed::BackUp, context)?;
    let mut passphrases = Passphrases::new(context)?;
    let key = context.keys().unlock(&entry.id, &mut passphrases.chain())?;
    let passphrase = passphrase_of_backup(arguments, &entry, context)?;
    let sheet = Sheet::backup(&key, entry.role.clone(), entry.gun.clone(), &passphrase)?;
    write(&arguments.out, &sheet, context)?;
    context.output.notice("Print it, keep its passphrase elsewhere, and destroy the file.");
    let file = arguments.out.display().to_string();
    context.output.answer_as(&file, &json!({ "id": entry.id.to_string(), "file": file }));
    Ok(Code::Done)
}

/// The backup's own passphrase, from its file or from the terminal.
fn passphrase_of_backup(
    arguments: &Backup,
    entry: &KeyEntry,
    context: &Context,
) -> Result<Passphrase, Failure> {
    let role = entry.role.as_deref().unwrap_or_default();
    let (purpose, gun) = (Purpose::Create, entry.gun.as_deref());
    let request = PassphraseRequest { purpose, role, gun, id: Some(&entry.id), attempt: 0 };
    let given = match &arguments.new_passphrase_file {
        Some(path) => in_file(path)?.passphrase(&request),
        None => Terminal::about(Subject::Backup, context.output).passphrase(&request),
    };
    given.map_err(|_| {
        Failure::new(Kind::Passphrase, "no passphrase for the backup")
            .advise("Use a terminal, or name a file with --new-passphrase-file.")
    })
}

/// Writes shares.
pub(super) fn split(arguments: &Split, context: &Context) -> Result<Code, Failure> {
    let entry = find_file(&arguments.id, Deed::Split, context)?;
    let mut passphrases = Passphrases::new(context)?;
    let key = context.keys().unlock(&entry.id, &mut passphrases.chain())?;
    let counts = (arguments.threshold, arguments.shares);
    let sheets = Sheet::split(&key, entry.role, entry.gun, counts)?;
    fs::create_dir_all(&arguments.dir).map_err(|error| {
        Failure::new(Kind::Disk, format!("{}: {error}", arguments.dir.display()))
    })?;
    let place = |number: usize| arguments.dir.join(format!("share-{number}.txt"));
    let sheets: Vec<(PathBuf, Sheet)> = (1..).map(place).zip(sheets).collect();
    write_all(&sheets, context)?;
    for (number, (path, _)) in (1..).zip(&sheets) {
        let file = path.display().to_string();
        let object = json!({ "id": entry.id.to_string(), "share": number, "file": file });
        context.output.answer_as(&file, &object);
    }
    context.output.notice("Print each, give them to different people, and destroy the files.");
    Ok(Code::Done)
}

/// Brings a key back into the key directory.
pub(super) fn recover(arguments: &Sheets, context: &Context) -> Result<Code, Failure> {
    let sheets = read_all(&arguments.files)?;
    let mut passphrases = Passphrases::about(Subject::Backup, context)?;
    let (key, note) = match sheets.as_slice() {
        [backup] if !backup.is_share() => (backup.unlock(&mut passphrases.chain())?, backup),
        shares => (Sheet::join(shares)?.open()?, &shares[0]),
    };
    let gun = note.gun.as_deref().map(Gun::raw).transpose()?;
    let role = note.role.clone().unwrap_or_default();
    // A terminal remembers what opened the sheet; the file has a passphrase of its own.
    let mut passphrases = Passphrases::about(Subject::KnownKey, context)?;
    let id = context.keys().store(&key, &role, gun.as_ref(), &mut passphrases.chain())?;
    context.output.notice(&format!("key {id} (role {role}) is back"));
    let id = id.to_string();
    context.output.answer_as(&id, &json!({ "id": id, "role": role }));
    Ok(Code::Done)
}

/// Proves that sheets would bring a key back. A key on shares stays closed.
pub(super) fn drill(arguments: &Sheets, context: &Context) -> Result<Code, Failure> {
    let sheets = read_all(&arguments.files)?;
    let id = match sheets.as_slice() {
        [backup] if !backup.is_share() => {
            let mut passphrases = Passphrases::about(Subject::Backup, context)?;
            backup.unlock(&mut passphrases.chain())?;
            backup.id
        }
        shares => Joined::id(&Sheet::join(shares)?),
    };
    let kept = match context.keys().ids()?.contains(&id) {
        true => "which is also in the key directory here",
        false => "which is not in the key directory here",
    };
    if let Err(error) = TrustDirectory::new(context.trust()).note_drill(&id, context.now) {
        context.output.notice(&format!("`key audit` will not know of this drill: {error}"));
    }
    let object = json!({ "id": id.to_string(), "sheets": sheets.len() });
    let sheets = match sheets.len() {
        1 => "1 sheet brings".to_owned(),
        count => format!("{count} sheets bring"),
    };
    context.output.notice(&format!("{sheets} back a key {kept}"));
    context.output.answer_as(&id.to_string(), &object);
    Ok(Code::Done)
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Sheet>, Failure> {
    let one = |path: &PathBuf| {
        let text = Zeroizing::new(source::read(path)?);
        let text = std::str::from_utf8(&text).unwrap_or_default();
        Sheet::parse(text).map_err(|error| Failure::from(error).about(path.display()))
    };
    files.iter().map(one).collect()
}

/// Writes all of them or none: what is left of a splitting does not belong to the next one.
fn write_all(sheets: &[(PathBuf, Sheet)], context: &Context) -> Result<(), Failure> {
    for (place, (path, sheet)) in sheets.iter().enumerate() {
        write(path, sheet, context).inspect_err(|_| {
            sheets[..place].iter().for_each(|(written, _)| drop(fs::remove_file(written)));
        })?;
    }
    Ok(())
}

fn write(path: &Path, sheet: &Sheet, context: &Context) -> Result<(), Failure> {
    let text = sheet.to_text(&context.now.strftime("%Y-%m-%d").to_string())?;
    new_file::make(path, Readers::Owner, text.as_bytes())
}
