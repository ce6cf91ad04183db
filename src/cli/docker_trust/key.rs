//! `docker trust key generate` and `load`.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::grammar::Call;
use super::session::{Session, chain};
use super::words::Refusal;
use crate::cli::environment::absolute;
use crate::cli::go;
use crate::cli::key::write_public;
use crate::cli::output::Failure;
use crate::cli::process::{finishing, guard_memory};
use crate::cli::source;
use crate::crypto::{Algorithm, PrivateKey, Signer};
use crate::keys::{self, KeyFile, KeyStore};

/// A new key here, and its public half in a file.
pub(super) fn generate(call: &Call, session: &Session) -> Result<(), Refusal> {
    guard_memory()?;
    let _finishing = finishing();
    let [name] = call.arguments.as_slice() else { return Ok(()) };
    check_name("key", name)?;
    let folder = match call.flags.last("dir") {
        Some(folder) => PathBuf::from(folder),
        None => absolute(Path::new("."))?,
    };
    let path = folder.join(format!("{name}.pub"));
    if !folder.exists() {
        let text = format!("public key path does not exist: \"{}\"", folder.display());
        return Err(Refusal::new(text));
    }
    if path.exists() {
        let text = format!("public key file already exists: \"{}\"", path.display());
        return Err(Refusal::new(text));
    }
    session.say(&format!("Generating key for {name}..."));
    let key = make(name, session)
        .map_err(|refusal| refusal.while_doing(format!("failed to generate key for {name}")))?;
    write_public(&path, name, key.public()).map_err(|failure| {
        let what = format!("failed to write public key to {}", path.display());
        Refusal::from(failure).while_doing(what)
    })?;
    let place = path.display();
    session.say(&format!(
        "Successfully generated and loaded private key. Corresponding public key available: {place}"
    ));
    Ok(())
}

fn make(name: &str, session: &Session) -> Result<PrivateKey, Refusal> {
    let key = PrivateKey::generate(Algorithm::EcdsaP256);
    let key = key.map_err(|error| Refusal::new(error.to_string()))?;
    let (mut passphrases, mut asker) = (session.passphrases()?, session.asker());
    let stored =
        session.context.keys().store(&key, name, None, &mut chain(&mut passphrases, &mut asker));
    match stored {
        Ok(_) => Ok(key),
        Err(keys::Error::NoPassphrase { .. }) => {
            Err(Refusal::new("maximum number of passphrase attempts exceeded"))
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// A private key from a file. docker takes some of them in without doing it; we do it or say why
/// not.
pub(super) fn load(call: &Call, session: &Session) -> Result<(), Refusal> {
    guard_memory()?;
    let _finishing = finishing();
    let [file] = call.arguments.as_slice() else { return Ok(()) };
    let name = call.flags.last("name").filter(|name| !name.is_empty());
    if let Some(name) = name {
        check_name("key", name)?;
    }
    session.say(&format!("Loading key from \"{file}\"..."));
    let text = private_text(file)
        .map_err(|refusal| refusal.while_doing(format!("refusing to load key from {file}")))?;
    import(&text, file, name, session)
        .map_err(|refusal| refusal.while_doing(format!("error importing key from {file}")))?;
    session.say(&format!("Successfully imported key from {file}"));
    Ok(())
}

fn private_text(file: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let path = Path::new(file);
    let found = path
        .metadata()
        .map_err(|error| Refusal::new(format!("stat {file}: {}", go::why(&error))))?;
    if others_may_read(&found) {
        let text = format!("private key file {file} must not be readable or writable by others");
        return Err(Refusal::new(text));
    }
    Ok(Zeroizing::new(source::read(path)?))
}

fn others_may_read(found: &Metadata) -> bool {
    found.permissions().mode() & 0o077 != 0
}

fn import(text: &[u8], file: &str, name: Option<&str>, session: &Session) -> Result<(), Refusal> {
    if KeyFile::parse(text).is_err() {
        return Err(Refusal::new(format!(
            "provided file {file} is not a supported private key - to add a signer's public key use docker trust signer add"
        )));
    }
    let (mut passphrases, mut asker) = (session.passphrases()?, session.asker());
    let taken = session.context.keys().load(text, name, &mut chain(&mut passphrases, &mut asker));
    match taken {
        Ok(_) => Ok(()),
        Err(keys::Error::Locked | keys::Error::NoPassphrase { .. }) => Err(Refusal::new(format!(
            "cannot load key from provided file {file}: could not decrypt key"
        ))),
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// What docker takes as the name of a key or of a signer.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let begins_well = name.chars().next().is_some_and(is_plain);
    if begins_well && name.chars().all(|letter| is_plain(letter) || matches!(letter, '-' | '_')) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{what} name \"{name}\" must start with lowercase alphanumeric characters and can include \"-\" or \"_\" after the first character"
    )))
}
