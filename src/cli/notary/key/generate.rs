//! `key generate`.

use super::super::files;
use super::super::grammar::{Call, Command, Run};
use super::super::session::Session;
use super::super::stop::Stop;
use crate::cli::pflag::Flag;
use crate::cli::process::{finishing, guard_memory};
use crate::crypto::{Algorithm, PrivateKey, Signer, pem};
use crate::keys::{KeyFile, KeyStore, PassphraseRequest, PassphraseSource, Purpose};
use crate::tuf::canonical_key_id;

pub(super) static COMMAND: Command = Command {
    name: "generate",
    arguments: " [ algorithm ]",
    summary: "Make a private key",
    about: "Makes a private key (ecdsa). With --output it is not kept here: NAME-key.pem gets the private key, NAME.pem the public one.",
    flags: &[
        Flag::text("output", Some('o'), "NAME of the files to write it into"),
        Flag::text("role", Some('r'), "Role that it is for [root]"),
    ],
    commands: &[],
    run: Some(Run(run)),
};

fn run(call: &Call) -> Result<(), Stop> {
    if call.arguments.len() > 1 {
        let message = "Please provide only one Algorithm as an argument to generate (rsa, ecdsa)";
        return Err(Stop::usage(call, message));
    }
    let algorithm = call.argument(0).unwrap_or(ECDSA).to_lowercase();
    if algorithm != ECDSA {
        return Err(Stop::fatal("Algorithm not allowed, possible values are: ECDSA"));
    }
    guard_memory()?;
    let _finishing = finishing();
    let session = Session::open(call)?;
    let role = call.text("role").unwrap_or("root");
    let key = PrivateKey::generate(Algorithm::EcdsaP256)
        .map_err(|error| Stop::fatal(format!("Failed to create a new {role} key: {error}")))?;
    if let Some(name) = call.text("output") {
        return into_files(&key, role, name, &session);
    }
    let stored = session.key_files().store(&key, role, None, &mut session.passphrases());
    let failed = |error| Stop::from(error).about(&format!("Failed to create a new {role} key: "));
    let id = stored.map_err(failed)?;
    session.say(&format!("Generated new {algorithm} {role} key with keyID: {id}\n"));
    Ok(())
}

/// The passphrase is asked for as if nothing were known of the key's role.
fn into_files(key: &PrivateKey, role: &str, name: &str, session: &Session) -> Result<(), Stop> {
    let id = canonical_key_id(key.public());
    let request = PassphraseRequest {
        purpose: Purpose::Create,
        role: "",
        gun: None,
        id: Some(&id),
        attempt: 0,
    };
    let passphrase = session.passphrases().passphrase(&request)?;
    let file = KeyFile::seal(key, &passphrase)?.noted(Some(role.to_owned()), None, None);
    let public = pem::encode("PUBLIC KEY", &[("role", role)], key.public().spki());
    files::write_new(&format!("{name}-key.pem"), file.to_pem()?.as_bytes())?;
    files::write_new(&format!("{name}.pem"), public.as_bytes())
}

const ECDSA: &str = "ecdsa";
