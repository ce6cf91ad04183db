//! `key generate`: a new private key here, and its public half in a file.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::new_file::{self, Readers};
use super::super::output::Failure;
use super::super::passphrases::Passphrases;
use crate::crypto::{Algorithm, PrivateKey, PublicKey, Signer, pem};
use crate::docker::SignerName;
use crate::keys::KeyStore;
use crate::tuf::canonical_key_id;

#[derive(Args)]
#[command(after_help = "\
The private key is kept in the trust directory; NAME.pub is for whoever adds you as a signer. A root key \
needs no such file.

Examples:
  countersign key generate alice
  countersign key generate root --token release")]
pub(in crate::cli) struct Generate {
    /// Name of the signer, or root
    #[arg(value_name = "NAME")]
    name: String,

    /// Where NAME.pub is written
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Make it on this token, which it never leaves
    #[cfg(feature = "pkcs11")]
    #[arg(long, value_name = "LABEL")]
    token: Option<String>,

    /// Kind of key; docker and notary take only ecdsa from signers
    #[arg(long, value_enum, default_value_t)]
    algorithm: Kinds,
}

/// The kinds of keys that are made.
#[derive(Clone, Copy, Default, ValueEnum)]
enum Kinds {
    #[default]
    Ecdsa,
    EcdsaP384,
    EcdsaP521,
    Ed25519,
}

impl Kinds {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::Ecdsa => Algorithm::EcdsaP256,
            Self::EcdsaP384 => Algorithm::EcdsaP384,
            Self::EcdsaP521 => Algorithm::EcdsaP521,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }
}

/// Makes a key and prints its id.
pub(super) fn run(arguments: &Generate, context: &Context) -> Result<Code, Failure> {
    let name = signer_name(&arguments.name)?;
    let path = arguments.dir.join(format!("{name}.pub"));
    let is_root = name == "root";
    if !is_root {
        check_place(&arguments.dir, &path)?;
    }
    let public = make(arguments, name, context)?;
    if !is_root {
        write(&path, name, &public)?;
        context.output.notice(&format!("public key: {}", path.display()));
    }
    let id = canonical_key_id(&public).to_string();
    let file = (!is_root).then(|| path.display().to_string());
    context.output.answer_as(&id, &json!({ "id": id, "role": name, "file": file }));
    Ok(Code::Done)
}

/// Makes the key where it will be kept.
fn make(arguments: &Generate, name: &str, context: &Context) -> Result<PublicKey, Failure> {
    let algorithm = arguments.algorithm.algorithm();
    let mut passphrases = Passphrases::new(context)?;
    #[cfg(feature = "pkcs11")]
    if let Some(label) = &arguments.token {
        let token = context.token(label)?;
        return Ok(token.generate(algorithm, name, &mut passphrases.chain())?);
    }
    let key =
        PrivateKey::generate(algorithm).map_err(|error| Failure::of(Kind::KeyStore, &error))?;
    context.keys().store(&key, name, None, &mut passphrases.chain())?;
    Ok(key.public().clone())
}

/// Finds out before a key is made whether its public half can be written.
fn check_place(dir: &Path, path: &Path) -> Result<(), Failure> {
    let problem = match (dir.is_dir(), path.exists()) {
        (false, _) => format!("public key path does not exist: {}", dir.display()),
        (true, true) => format!("public key file already exists: {}", path.display()),
        (true, false) => return Ok(()),
    };
    Err(Failure::new(Kind::Usage, problem))
}

/// A name that can be one of a signer.
fn signer_name(name: &str) -> Result<&str, Failure> {
    if matches!(name, "targets" | "snapshot" | "timestamp") {
        let message = format!("{name} keys belong to a repository: `countersign init` makes them");
        return Err(Failure::new(Kind::Usage, message));
    }
    name.parse::<SignerName>()?.role()?;
    Ok(name)
}

/// Writes the public key as docker does; never over another file.
pub(in crate::cli) fn write(path: &Path, role: &str, key: &PublicKey) -> Result<(), Failure> {
    let text = pem::encode("PUBLIC KEY", &[("role", role)], key.spki());
    new_file::make(path, Readers::Owner, text.as_bytes()).map_err(|failure| {
        failure.advise("The private key is kept; `countersign key list` shows it.")
    })
}
