//! `init`: a new collection, signed here and not published yet.

use super::files;
use super::grammar::{Call, Command, Run};
use super::session::{self, Session};
use super::staging::{self, PUBLISH};
use super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::cli::process::{guard_memory, wait_for};
use crate::crypto::{Certificate, certificates_from_pem};
use crate::docker::staged::{Preparation, Prepared};
use crate::keys::{self, KeyStore, PassphraseSource};
use crate::net::Access;
use crate::tuf::{KeyId, RoleName, canonical_key_id};

pub(super) static COMMAND: Command = Command {
    name: "init",
    arguments: " [ GUN ]",
    summary: "Make a new collection",
    about: "Makes the keys and the first root of a new collection. Only the server's key is fetched; `publish` sends the rest.",
    flags: &[
        PUBLISH,
        Flag::text("rootcert", None, "File with the certificate of the root key"),
        Flag::text("rootkey", None, "File with the root key to take, which must be locked"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    let [gun] = call.first("Must specify a GUN")?;
    guard_memory()?;
    let session = Session::open(call)?;
    let collection = session::gun(gun)?;
    let keys = session.keys()?;
    let mut passphrases = session.passphrases();
    let root_key = match call.text("rootkey") {
        Some(path) => Some(take_in(path, &keys, &mut passphrases)?),
        None => first_root_key(&keys)?,
    };
    if let Some(id) = root_key {
        session.say(&format!("Root key found, using: {id}\n"));
    }
    let certificate = call.text("rootcert").map(certificate).transpose()?;
    let root_key = match (&certificate, call.text("rootkey")) {
        // The certificate names the key.
        (Some(certificate), None) => Some(key_of(certificate, &keys)?),
        _ => root_key,
    };
    let preparation = Preparation { root_key, certificate };
    let opened = session.collection(&collection, Access::PushPull)?;
    let prepared = wait_for(async {
        Ok(opened.collection().prepare(&preparation, &keys, &mut passphrases).await)
    })?;
    match prepared.map_err(|error| Stop::from(error).at("timestamp key"))? {
        Prepared::Made(_) => {}
        Prepared::Before => {
            session.output.notice(&format!("{gun}: was made before and is as it was"));
        }
        Prepared::Published => {
            session.output.notice(&format!("{gun}: is published already; nothing was touched"));
        }
    }
    staging::publish_if_wanted(call, &collection, &session)
}

fn first_root_key(keys: &impl KeyStore) -> Result<Option<KeyId>, Stop> {
    let entries = keys.list()?;
    let root = entries.into_iter().find(|entry| entry.role.as_deref() == Some("root"));
    Ok(root.map(|entry| entry.id))
}

/// Takes a root key in.
fn take_in(
    path: &str,
    keys: &impl KeyStore,
    passphrases: &mut impl PassphraseSource,
) -> Result<KeyId, Stop> {
    let file = files::private_key(path, &RoleName::Root)?;
    let role = file.role.as_deref().unwrap_or(ROOT);
    if role != ROOT {
        return Err(Stop::fatal(format!(
            "Error importing key: it was made for the role {role}, not for root"
        )));
    }
    files::take_in(&file, &RoleName::Root, None, keys, passphrases)
}

/// The first certificate of a file.
fn certificate(path: &str) -> Result<Certificate, Stop> {
    let text = files::read(path).map_err(|stop| stop.about("error reading certificate file: "))?;
    let none = || Stop::fatal("the provided file does not contain a valid PEM certificate <nil>");
    let found = certificates_from_pem(&text);
    let found = found.map_err(|error| none().advise(format!("{path}: {error}")))?;
    found.into_iter().next().ok_or_else(none)
}

fn key_of(certificate: &Certificate, keys: &impl KeyStore) -> Result<KeyId, Stop> {
    let missing = || {
        Stop::fatal(
            "error initializing repository with certificate: cannot find matching private key id",
        )
    };
    let id = certificate.public_key().map(canonical_key_id).map_err(|_| missing())?;
    let entries = keys.list()?;
    let is_root = |entry: &keys::KeyEntry| entry.id == id && entry.role.as_deref() == Some(ROOT);
    entries.iter().any(is_root).then_some(id).ok_or_else(missing)
}

const ROOT: &str = "root";
