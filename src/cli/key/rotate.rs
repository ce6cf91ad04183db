//! `key rotate`: other keys for top-level roles.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::output::{Failure, Format};
use super::super::passphrases::Passphrases;
use super::super::process::wait_for;
use super::super::prompt::confirm;
use super::super::publishing::{self, not_offline, tell_of_pins, versions};
use super::transfer;
use crate::docker::{Legacy, NewKeys, RotateRequest, Rotation, Survey};
use crate::keys;
use crate::net::Access;
use crate::storage::TrustDirectory;
use crate::tuf::{Gun, Key, KeyId, OnlineRoles, RoleName, Threshold};
use crate::verify::Policy;

#[derive(Args)]
#[command(after_help = "\
A new root names the new key. It is signed with the root key, for role root with the old and the new one. \
Replaced targets and snapshot keys are destroyed here, but only after the server has taken the new root; \
root keys, and those that other repositories need, are kept. After a theft: rotate the role whose key was stolen, then \
look over what it signed. Several roles change in one root: so a repository whose trust server lost both keys \
that it kept, or that moved to another server, goes on with this server's. `snapshot --server-managed` needs the \
root alone: it also brings back a repository whose server signed its snapshot with a replaced key.

Examples:
  countersign key rotate registry.example.com/team/web targets
  countersign key rotate registry.example.com/team/web snapshot --server-managed
  countersign key rotate registry.example.com/team/web timestamp snapshot --server-managed
  countersign key rotate registry.example.com/team/web root --yes")]
pub(in crate::cli) struct Rotate {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Roles: root, targets, snapshot, timestamp
    #[arg(value_name = "ROLE", required = true)]
    roles: Vec<String>,

    /// The server makes the key and keeps it: snapshot, timestamp
    #[arg(short = 'r', long, conflicts_with = "keys")]
    server_managed: bool,

    /// Private key in PEM to use instead of a new one, or the id of one that is here; may be
    /// repeated
    #[arg(short, long = "key", value_name = "FILE|ID")]
    keys: Vec<String>,

    /// How many of the role's keys must sign [default: as before]
    #[arg(long, value_name = "N")]
    threshold: Option<u32>,

    /// Root: sign also with the keys of the last N roots, or `all`, for clients that cannot walk
    #[arg(short, long, value_name = "N", value_parser = legacy)]
    legacy: Option<Legacy>,

    /// Do not ask before a root key is changed
    #[arg(short, long)]
    yes: bool,
}

/// Rotates.
pub(super) fn run(arguments: &Rotate, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    let subject = context.subject(&arguments.repository)?.bare()?;
    let roles = top_levels(&arguments.roles)?;
    if roles.contains(&RoleName::Root) && !arguments.yes {
        let question = format!(
            "You are about to change the root key of {}: the old one must be here, too. Go on?",
            subject.gun
        );
        if !confirm(&question, "--yes")? {
            return Ok(Code::Done);
        }
    }
    let opened = context.open(&subject, Access::All)?;
    let request = RotateRequest {
        keys: new_keys(arguments, &roles, opened.policy(), context)?,
        threshold: arguments.threshold.map(threshold).transpose()?,
        legacy: arguments.legacy.unwrap_or_default(),
        needed: Survey::of(&TrustDirectory::new(context.trust()))?
            .needed_besides(&subject.gun, opened.policy().dialect),
        roles,
    };
    let rotation = wait_for(async {
        let mut passphrases = Passphrases::new(context)?;
        let (collection, store) = (opened.collection(), context.key_set()?);
        Ok(collection.rotate(&request, &store, &mut passphrases.chain()).await?)
    })?;
    tell(&subject.gun, &rotation, context);
    Ok(tell_of_left(&subject.gun, rotation, context))
}

/// The new root is published all the same.
fn tell_of_left(gun: &Gun, rotation: Rotation, context: &Context) -> Code {
    let told = |(id, error): (KeyId, keys::Error)| {
        let failure = Failure::from(error);
        let message = format!("the replaced private key {id} is still here: {}", failure.message);
        let advice = format!("{gun} has its new key. Remove it: countersign key remove {id}");
        context.output.refusal(Some(gun.as_str()), &Failure { message, ..failure }.advise(advice))
    };
    rotation.left.into_iter().map(told).max().unwrap_or_default()
}

fn tell(gun: &Gun, rotation: &Rotation, context: &Context) {
    for (role, keys) in &rotation.keys {
        let keys = texts(keys);
        match context.output.format {
            Format::Text => {
                let keys = keys.join(", ");
                context.output.answer(&format!("{gun}: {role} is signed by {keys} from now on"));
            }
            Format::Json => context.output.object(&json!({
                "name": gun.as_str(),
                "role": role.as_str(),
                "keys": keys,
                "replaced": texts(&replaced(rotation)),
                "destroyed": texts(&rotation.destroyed),
                "kept": texts(&rotation.spared),
                "versions": versions(&rotation.amended.versions),
            })),
        }
    }
    for id in &rotation.spared {
        let message =
            format!("{gun}: the replaced private key {id} is kept, for other repositories");
        context.output.notice(&message);
    }
    for id in &rotation.destroyed {
        context.output.notice(&format!("{gun}: the replaced private key {id} is destroyed"));
    }
    if rotation.keys.iter().any(|(role, _)| *role == RoleName::Root) {
        tell_of_pins(gun, context);
    }
}

fn replaced(rotation: &Rotation) -> Vec<KeyId> {
    rotation.replaced.iter().map(Key::known_as).collect()
}

fn texts(ids: &[KeyId]) -> Vec<String> {
    ids.iter().map(KeyId::to_string).collect()
}

fn new_keys(
    arguments: &Rotate,
    roles: &[RoleName],
    policy: &Policy,
    context: &Context,
) -> Result<NewKeys, Failure> {
    let kept_by_server =
        *roles == [RoleName::Timestamp] && policy.dialect.online_roles() == OnlineRoles::Server;
    if arguments.server_managed || kept_by_server {
        return Ok(NewKeys::Server);
    }
    if arguments.keys.is_empty() {
        return Ok(NewKeys::Made);
    }
    let [role] = roles else {
        return Err(Failure::new(Kind::Usage, "--key is for one role at a time"));
    };
    let one = |text: &String| match text.parse::<KeyId>() {
        Ok(id) => Ok(vec![id]),
        Err(_) => transfer::take_in_for(&PathBuf::from(text), role, &policy.gun, context),
    };
    let ids = arguments.keys.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(NewKeys::Stored(ids.into_iter().flatten().collect()))
}

/// Each once, in the order in which they were named.
fn top_levels(texts: &[String]) -> Result<Vec<RoleName>, Failure> {
    let mut roles = Vec::new();
    for text in texts {
        let role = top_level(text)?;
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(roles)
}

fn top_level(text: &str) -> Result<RoleName, Failure> {
    match publishing::role(text)? {
        RoleName::Delegation(_) => {
            let message =
                format!("{text} is not of the top level: root, targets, snapshot, timestamp");
            Err(Failure::new(Kind::BadRole, message)
                .advise("A signer's keys are changed with `countersign signer add` and `remove`."))
        }
        role => Ok(role),
    }
}

fn threshold(count: u32) -> Result<Threshold, Failure> {
    Threshold::new(count).ok_or_else(|| Failure::new(Kind::Usage, "--threshold: 1 or more"))
}

fn legacy(text: &str) -> Result<Legacy, String> {
    match text {
        "all" | "-1" => Ok(Legacy::All),
        number => match number.parse() {
            Ok(0) => Ok(Legacy::No),
            Ok(count) => Ok(Legacy::Last(count)),
            Err(_) => Err("write a number of roots, or all".to_owned()),
        },
    }
}
