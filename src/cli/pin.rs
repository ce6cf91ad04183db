//! `pin`: which root keys or authorities may speak for a repository.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::{Context, cache_of};
use super::environment::absolute;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::process::finishing;
use super::source;
use super::table::table;
use crate::client;
use crate::crypto::certificates_from_pem;
use crate::docker::pins::{Error, Prefix, Rule, Speakers, Written};
use crate::storage::{Cache, TrustDirectory};
use crate::tuf::{Dialect, Gun, KeyId, RoleName};
use crate::verify::{FirstUse, Policy, TrustedRoot};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Pin a repository, a registry, or all repositories below a prefix
    Add(Add),
    /// List the pins, ours and notary's
    List,
    /// Remove a pin of ours
    Remove(Remove),
}

#[derive(Args)]
#[command(after_help = "\
A pin covers the name and what is below it, in whole path components. It holds for roots that are cached \
already, too. A root key has an id for each form of trust data and each certificate (`inspect`), and one that holds \
for all of them (`key list`); a pin takes either. Pins are kept in pins.toml in the trust directory.

Examples:
  countersign pin add registry.example.com/team/web --from-cache
  countersign pin add registry.example.com/team/web --root-key 0123…
  countersign pin add registry.example.com --ca /etc/ssl/team-ca.pem")]
pub(super) struct Add {
    /// Repository, registry or prefix
    #[arg(value_name = "REPO-OR-PREFIX")]
    name: String,

    #[command(flatten)]
    speakers: SpeakersArguments,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct SpeakersArguments {
    /// Id of a root key, as inspect or `key list` shows it; may be repeated
    #[arg(long = "root-key", value_name = "ID")]
    root_keys: Vec<KeyId>,

    /// Certificate authorities (PEM) that vouch for root keys
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The root keys of the repository's root in the cache
    #[arg(long)]
    from_cache: bool,
}

#[derive(Args)]
pub(super) struct Remove {
    /// The name as `pin list` shows it
    #[arg(value_name = "REPO-OR-PREFIX")]
    name: String,
}

/// Changes or shows pins.
pub(super) fn run(command: Command, context: &Context) -> Result<Code, Failure> {
    match command {
        Command::Add(arguments) => add(&arguments, context),
        Command::List => list(context),
        Command::Remove(arguments) => remove(&arguments, context),
    }
}

/// Removes the pin of what the user means, or of exactly what the user writes.
fn remove(arguments: &Remove, context: &Context) -> Result<Code, Failure> {
    let _finishing = finishing();
    let file = context.pin_file();
    let mut removed = prefix(&arguments.name, context)?;
    let meant = file.remove(&removed);
    let written = Prefix::written(&arguments.name);
    match (&meant, written) {
        (Err(Error::NoSuchPin { .. }), Ok(written)) if file.remove(&written).is_ok() => {
            removed = written;
        }
        _ => meant?,
    }
    context.output.notice(&format!("{removed}: not pinned any more, in {}", file.path().display()));
    if context.output.format == Format::Json {
        context.output.object(&json!({"name": removed.to_string(), "outcome": "removed"}));
    }
    Ok(Code::Done)
}

fn add(arguments: &Add, context: &Context) -> Result<Code, Failure> {
    let _finishing = finishing();
    let prefix = prefix(&arguments.name, context)?;
    let speakers = speakers(&arguments.speakers, &prefix, context)?;
    let file = context.pin_file();
    let written = file.add(&prefix, &speakers)?;
    let what = match written {
        Written::Added => "pinned",
        Written::Replaced => "pinned instead of what was pinned before",
        Written::Unchanged => "was pinned so already",
    };
    context.output.notice(&format!("{prefix}: {what}, in {}", file.path().display()));
    match context.output.format {
        Format::Text => context.output.answer(&format!("{prefix} {}", said(&speakers))),
        Format::Json => {
            let mut object = object(&speakers);
            object["name"] = prefix.to_string().into();
            context.output.object(&object);
        }
    }
    Ok(Code::Done)
}

fn speakers(
    arguments: &SpeakersArguments,
    prefix: &Prefix,
    context: &Context,
) -> Result<Speakers, Failure> {
    if let Some(path) = &arguments.ca {
        certificates_from_pem(&source::read(path)?)
            .map_err(|error| Failure::new(Kind::Pin, format!("{}: {error}", path.display())))?;
        return Ok(Speakers::Authorities(absolute(path)?));
    }
    match arguments.from_cache {
        true => {
            let gun = Gun::raw(&prefix.to_string())?;
            let keys = cached_root_keys(&gun, context)?;
            match keys.is_empty() {
                false => Ok(Speakers::Keys(keys)),
                true => Err(Failure::new(
                    Kind::NoTrustData,
                    format!("{gun}: no root is in the cache"),
                )
                .advise(
                    "Look at it first: countersign inspect, then pin what its owner confirms.",
                )),
            }
        }
        false => Ok(Speakers::Keys(arguments.root_keys.clone())),
    }
}

/// The keys that signed the cached roots, one for each form of trust data. They were believed before,
/// or they would not be there; what somebody else put there is not.
pub(super) fn cached_root_keys(gun: &Gun, context: &Context) -> Result<Vec<KeyId>, Failure> {
    let mut keys = Vec::new();
    for dialect in [Dialect::Notary, Dialect::Tuf1] {
        let policy = Policy { dialect, ..context.policy(gun)? };
        let cache = cache_of(&TrustDirectory::new(context.trust()), gun, dialect);
        if let Some(bytes) = cache.read(&RoleName::Root, policy.limits.root_bytes)? {
            let root = TrustedRoot::restore(Arc::new(policy), &bytes);
            keys.extend_from_slice(root.map_err(client::Error::from)?.signers());
        }
    }
    Ok(keys)
}

fn list(context: &Context) -> Result<Code, Failure> {
    let pins = context.pins()?;
    match context.output.format {
        Format::Text => {
            let row = |rule: &Rule| {
                [rule.prefix.to_string(), said(&rule.speakers), rule.source.display().to_string()]
            };
            let rows: Vec<_> = pins.rules().map(row).collect();
            context.output.page(&table(["NAME", "MAY BE SPOKEN FOR BY", "IN"], &rows));
        }
        Format::Json => pins.rules().for_each(|rule| {
            let mut object = object(&rule.speakers);
            object["name"] = rule.prefix.to_string().into();
            object["source"] = rule.source.display().to_string().into();
            context.output.object(&object);
        }),
    }
    context.output.notice(match pins.first_use() {
        FirstUse::Allow => "what is not pinned is trusted on first use",
        FirstUse::Refuse => "what is not pinned is refused on first use",
    });
    Ok(Code::Done)
}

fn prefix(name: &str, context: &Context) -> Result<Prefix, Failure> {
    Ok(match context.takes_names_as_they_are() {
        true => Prefix::written(name)?,
        false => Prefix::of_images(name)?,
    })
}

/// Who may speak, as JSON.
fn object(speakers: &Speakers) -> Value {
    let (keys, authorities) = match speakers {
        Speakers::Keys(ids) => (ids.iter().map(KeyId::to_string).collect(), None),
        Speakers::Authorities(path) => (Vec::new(), Some(path.display().to_string())),
    };
    json!({"root_keys": keys, "authorities": authorities})
}

fn said(speakers: &Speakers) -> String {
    match speakers {
        Speakers::Keys(ids) => {
            let ids: Vec<String> = ids.iter().map(KeyId::to_string).collect();
            format!("root key {}", ids.join(", "))
        }
        Speakers::Authorities(path) => format!("authorities in {}", path.display()),
    }
}
