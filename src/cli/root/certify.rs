//! `root certify`: a root key's certificate for one repository, made where the key is.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::key::find;
use super::super::output::Failure;
use super::super::passphrases::Passphrases;
use super::super::process::guard_memory;
use super::write;
use crate::keys::KeyStore;
use crate::tuf::Dialect;

#[derive(Args)]
#[command(after_help = "\
A root key speaks for a repository through a certificate that names it, signed by the key itself. Whoever writes \
the request needs this file, and not the key.

Example:
  countersign root certify reg.io/team/web --key 1f2e3d4c --out ada.pem")]
pub(in crate::cli) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Id of the root key, or its first digits
    #[arg(long, value_name = "ID")]
    key: String,

    /// Where to write the certificate; the file must not exist
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

/// Makes the certificate.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    guard_memory()?;
    let gun = context.subject(&arguments.repository)?.bare()?.gun;
    let id = find(&arguments.key, context)?.id;
    let mut passphrases = Passphrases::new(context)?;
    let signer = context.key_set()?.signer(&id, &mut passphrases.chain())?;
    let key = crate::edit::root_key(Dialect::Notary, &gun, signer.as_ref(), context.now)?;
    let certificates = key.certificates().map(|bundle| bundle.to_pem());
    let unusable = || Failure::new(Kind::KeyStore, "no certificate can carry this key");
    let text = String::from_utf8(certificates.ok_or_else(unusable)?);
    write(&arguments.out, &text.map_err(|_| unusable())?)?;
    let (id, file) = (key.id().to_string(), arguments.out.display().to_string());
    context.output.answer_as(&id, &json!({ "name": gun.as_str(), "id": id, "file": file }));
    Ok(Code::Done)
}
