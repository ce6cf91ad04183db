//! `root request`: what is to be signed, as a file.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::key::find;
use super::super::output::{Failure, Format};
use super::super::passphrases::Passphrases;
use super::super::process::{guard_memory, wait_for};
use super::super::publishing::not_offline;
use super::super::source;
use super::{show, write};
use crate::crypto::CertificateBundle;
use crate::docker::{Error, Workbench, public_key};
use crate::keys::KeyStore;
use crate::net::Access;
use crate::tuf::{Dialect, Gun, Key, KeyId, RoleName, Threshold, distinct_keys};

#[derive(Args)]
#[command(after_help = "\
The file goes to those who hold the keys; each runs `countersign root sign` on it, in any order and without a \
network, and sends back a signature file. `countersign root submit` publishes. A change of the root needs \
signatures by enough of its keys of today and by enough of those that it will have.

Without --add, --remove and --threshold the role is signed again as it is, with new dates, also if it expired. A server \
that took the repository over from another, or lost its keys, gets new ones for timestamp and snapshot in one root.

Examples:
  countersign root certify reg.io/web --key 1f2e3d4c --out ada.pem        # each new holder
  countersign root request reg.io/web --add ada.pem --add bob.pem --threshold 2 --out change.json
  countersign root request reg.io/web --role targets --add ci.pub --threshold 2 --out change.json
  countersign root request reg.io/web --role timestamp --role snapshot -r --out change.json")]
pub(in crate::cli) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Whose keys change: root, targets, snapshot, timestamp; may be repeated with --server-managed
    #[arg(long, value_name = "ROLE", default_value = "root")]
    role: Vec<RoleName>,

    /// A key that shall sign from now on: a certificate made by `root certify` for root, a public
    /// key for other roles, or the id of a key that is here; may be repeated
    #[arg(long, value_name = "FILE|ID")]
    add: Vec<String>,

    /// Id of a key that shall no longer sign, as `inspect` or `key list` shows it, or its first
    /// digits; may be repeated
    #[arg(long, value_name = "ID")]
    remove: Vec<String>,

    /// The server makes a new key and keeps it: snapshot, timestamp
    #[arg(short = 'r', long, conflicts_with_all = ["add", "remove", "threshold"])]
    server_managed: bool,

    /// How many of the keys must sign [default: as before]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    threshold: Option<u32>,

    /// Where to write the request; the file must not exist
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

impl Arguments {
    /// The role, where there can be only one.
    fn one_role(&self) -> Result<&RoleName, Failure> {
        match &self.role[..] {
            [role] => Ok(role),
            [role, ..] if self.server_managed => Ok(role),
            _ => Err(Failure::new(Kind::Usage, "several --role are for --server-managed")
                .advise("Make a request for each role.")),
        }
    }
}

/// Writes the request.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    let subject = context.subject(&arguments.repository)?.bare()?;
    let role = arguments.one_role()?;
    let keys = context.key_set()?;
    let mut passphrases = Passphrases::new(context)?;
    let added = arguments
        .add
        .iter()
        .map(|text| added(text, role, &subject.gun, context, &mut passphrases))
        .collect::<Result<Vec<Key>, Failure>>()?;
    let opened = context.open(&subject, Access::PushPull)?;
    let (request, ()) = wait_for(async {
        let collection = opened.collection();
        let mut offered = Vec::new();
        for role in arguments.role.iter().filter(|_| arguments.server_managed) {
            offered.push((role, collection.server_key(role).await?));
        }
        let change = |bench: &mut Workbench<'_>| match arguments.server_managed {
            true => offered.into_iter().try_for_each(|(role, key)| {
                Ok(bench.draft.rotate(role, vec![key], Threshold::ONE).map(drop)?)
            }),
            false => change(bench, role, added, arguments),
        };
        Ok(collection.request(&keys, &mut passphrases.chain(), change).await?)
    })?;
    write(&arguments.out, &request.to_text())?;
    match context.output.format {
        Format::Text => {
            show(&request, context)?;
            context.output.answer(&arguments.out.display().to_string());
        }
        Format::Json => context.output.object(&json!({
            "name": request.gun().as_str(),
            "request": request.digest().to_string(),
            "file": arguments.out.display().to_string(),
            "changes": request.words(),
        })),
    }
    Ok(Code::Done)
}

fn change(
    bench: &mut Workbench<'_>,
    role: &RoleName,
    added: Vec<Key>,
    arguments: &Arguments,
) -> Result<(), Error> {
    if added.is_empty() && arguments.remove.is_empty() && arguments.threshold.is_none() {
        return bench.witness(role);
    }
    let leave = arguments.remove.iter().map(|text| bench.root_role_key(role, text));
    let leave = leave.collect::<Result<Vec<KeyId>, Error>>()?;
    let (current, keys) = bench.root_role(role)?;
    let stays = |key: &&Key| !leave.contains(&key.id());
    let (current, mut keys): (_, Vec<Key>) =
        (current.clone(), keys.into_iter().filter(stays).cloned().collect());
    for key in added {
        // A certificate made anew takes the place of the old one over the same key.
        keys.retain(|known| distinct_keys([known, &key]) == 2);
        keys.push(key);
    }
    let threshold = arguments.threshold.and_then(Threshold::new).unwrap_or(current.threshold());
    bench.draft.rotate(role, keys, threshold).map(drop)?;
    Ok(())
}

/// A key to add: a file, or one that is here.
fn added(
    text: &str,
    role: &RoleName,
    gun: &Gun,
    context: &Context,
    passphrases: &mut Passphrases<'_>,
) -> Result<Key, Failure> {
    if Path::new(text).exists() {
        return key_in(Path::new(text), role, context);
    }
    let id = find(text, context)?.id;
    let signer = context.key_set()?.signer(&id, &mut passphrases.chain())?;
    match role {
        RoleName::Root => Ok(crate::edit::root_key(DIALECT, gun, signer.as_ref(), context.now)?),
        _ => Ok(DIALECT.key(signer.public())),
    }
}

/// The key in a file: a certificate for root, a public key for other roles.
fn key_in(path: &Path, role: &RoleName, context: &Context) -> Result<Key, Failure> {
    let pem = source::read(path)?;
    let about =
        |problem: String| Failure::new(Kind::Usage, format!("{}: {problem}", path.display()));
    if *role != RoleName::Root {
        return public_key(DIALECT, &pem, context.now).map_err(|error| about(error.to_string()));
    }
    let bundle = CertificateBundle::from_pem(&pem).map_err(|error| about(error.to_string()))?;
    DIALECT.certified_key(&bundle).ok_or_else(|| about("its key cannot sign a root".to_owned()))
}

/// Ceremonies are for Notary's trust servers only.
const DIALECT: Dialect = Dialect::Notary;
