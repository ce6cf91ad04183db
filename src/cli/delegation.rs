//! `delegation`: roles below `targets`, who may sign them, and what.

mod list;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::exit::Code;
use super::fleet::{Fleet, Member, Told};
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::process::{guard_memory, wait_for};
use super::prompt::confirm;
use super::publishing::{self, aftermath, not_offline, versions};
use crate::docker::{Aftermath, Amended, Care, Cut, IfAbsent};
use crate::edit::{Edited, Grant, Withdrawal, WithdrawnPaths};
use crate::net::Access;
use crate::tuf::{KeyId, Threshold};

pub(super) use list::of;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Delegate to a role, or add to what it is and may
    Add(Add),
    /// Take keys or paths from a role, or remove it
    Remove(Remove),
    /// List the delegations of a repository
    List(list::List),
    /// Take a key out of every delegation of repositories
    Purge(Purge),
}

#[derive(Args)]
#[command(after_help = "\
A path is the beginning of names that the role may sign. A role below another one (targets/a/b) may sign \
only what that one may. The key of the role that delegates is needed.

Examples:
  countersign delegation add web targets/ci --key ci.pub --path ci-
  countersign delegation add web targets/releases --key bob.pub --threshold 2")]
pub(super) struct Add {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Role: targets/NAME, or NAME
    #[arg(value_name = "ROLE")]
    role: String,

    /// Public key or certificate, in PEM; may be repeated
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// Beginning of names that the role may sign; may be repeated
    #[arg(long = "path", value_name = "PREFIX", value_parser = path)]
    paths: Vec<String>,

    /// The role may sign every name
    #[arg(long, conflicts_with = "paths")]
    all_paths: bool,

    /// How many of its keys must sign [default for a new role: 1]
    #[arg(long, value_name = "N", value_parser = threshold)]
    threshold: Option<Threshold>,
}

#[derive(Args)]
#[command(group = ArgGroup::new("part").multiple(true).args(["keys", "paths", "all_paths", "threshold"]))]
#[command(after_help = "\
Without --key, --path, --all-paths and --threshold the role is removed, and what it delegates to. What \
the remaining keys had not signed is signed again, if one of them is here; otherwise nothing is changed, \
unless --force is given.

Examples:
  countersign delegation remove web targets/releases --key 2f6c…
  countersign delegation remove web targets/ci --yes")]
pub(super) struct Remove {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Role: targets/NAME, or NAME
    #[arg(value_name = "ROLE")]
    role: String,

    /// Id of a key that it loses; may be repeated
    #[arg(long = "key", value_name = "ID")]
    keys: Vec<KeyId>,

    /// Path that it loses; may be repeated
    #[arg(long = "path", value_name = "PREFIX", value_parser = path)]
    paths: Vec<String>,

    /// It loses all paths, and may sign nothing
    #[arg(long, conflicts_with = "paths")]
    all_paths: bool,

    /// How many of its keys must sign from now on
    #[arg(long, value_name = "N", value_parser = threshold)]
    threshold: Option<Threshold>,

    /// Do not ask before the role is removed
    #[arg(short, long)]
    yes: bool,

    /// Do it even if the role cannot be read then
    #[arg(short, long)]
    force: bool,
}

#[derive(Args)]
#[command(after_help = "\
A delegation that has no other key is removed, but for targets/releases. Roles whose delegator's key is \
not here keep the key; they are told, and the exit code is 6.

Example:
  countersign delegation purge --key 2f6c… --from-file repositories.txt --journal purge.journal")]
pub(super) struct Purge {
    /// Id of the key; may be repeated
    #[arg(long = "key", value_name = "ID", required = true)]
    keys: Vec<KeyId>,

    /// Do it even if a role cannot be read then
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    fleet: Fleet,
}

/// Does what is asked with delegations.
pub(super) fn run(command: Command, context: &Context) -> Result<Code, Failure> {
    if let Command::List(arguments) = &command {
        return list::run(arguments, context);
    }
    not_offline(context)?;
    guard_memory()?;
    match command {
        Command::Add(arguments) => add(&arguments, context),
        Command::Remove(arguments) => remove(&arguments, context),
        Command::Purge(arguments) => purge(&arguments, context),
        Command::List(_) => Ok(Code::Done),
    }
}

fn add(arguments: &Add, context: &Context) -> Result<Code, Failure> {
    let role = publishing::delegation(&arguments.role)?;
    let keys = publishing::public_keys(&arguments.keys, context)?;
    let paths = match arguments.all_paths {
        true => vec![String::new()],
        false => arguments.paths.clone(),
    };
    let grant = Grant { keys, paths, threshold: arguments.threshold };
    let subject = context.subject(&arguments.repository)?.bare()?;
    let added = wait_for(async {
        let opened = context.open(&subject, Access::PushPull)?;
        let mut passphrases = Passphrases::new(context)?;
        let (collection, store) = (opened.collection(), context.key_set()?);
        let (found, chain) =
            (IfAbsent::Found { root_key: None, local_snapshot: false }, &mut passphrases.chain());
        let added = collection.delegate(&role, &grant, found, &store, chain).await?;
        publishing::tell_of_founding(&subject.gun, &added, &store, context)?;
        Ok(added)
    })?;
    let (word, outcome) = match added.value {
        Edited::Created => ("is added", "added"),
        Edited::Changed => ("is changed", "changed"),
        Edited::Unchanged => ("is like that already", "unchanged"),
    };
    match context.output.format {
        Format::Text => context.output.answer(&format!("{}: {role} {word}", subject.gun)),
        Format::Json => context.output.object(&json!({
            "name": subject.gun.as_str(),
            "role": role.as_str(),
            "outcome": outcome,
            "versions": versions(&added.versions),
        })),
    }
    Ok(Code::Done)
}

fn remove(arguments: &Remove, context: &Context) -> Result<Code, Failure> {
    let role = publishing::delegation(&arguments.role)?;
    let subject = context.subject(&arguments.repository)?.bare()?;
    let cut = arguments.cut();
    if matches!(cut, Cut::Whole) && !arguments.yes {
        let question = format!("Remove {role} of {} and all that it signs?", subject.gun);
        if !confirm(&question, "--yes")? {
            return Ok(Code::Done);
        }
    }
    let care = if arguments.force { Care::Forced } else { Care::Careful };
    let removed = wait_for(async {
        let opened = context.open(&subject, Access::PushPull)?;
        let mut passphrases = Passphrases::new(context)?;
        let (collection, store) = (opened.collection(), context.key_set()?);
        Ok(collection.cut(&role, &cut, care, &store, &mut passphrases.chain()).await?)
    })?;
    let word = match (&cut, removed.versions.is_empty()) {
        (_, true) => "is like that already",
        (Cut::Whole, _) => "is removed",
        (Cut::Part(_), _) => "is changed",
    };
    let gun = subject.gun.as_str();
    match context.output.format {
        Format::Text => context.output.answer(&format!("{gun}: {role} {word}")),
        Format::Json => context.output.object(&as_json(gun, &removed)),
    }
    for note in aftermath::notes(&subject.gun, &removed.value) {
        context.output.notice(&format!("{gun}: {note}"));
    }
    Ok(Code::Done)
}

impl Remove {
    fn cut(&self) -> Cut {
        let paths = match self.all_paths {
            true => WithdrawnPaths::All,
            false => WithdrawnPaths::These(self.paths.clone()),
        };
        let nothing_named = self.keys.is_empty()
            && self.paths.is_empty()
            && !self.all_paths
            && self.threshold.is_none();
        match nothing_named {
            true => Cut::Whole,
            false => {
                let (keys, threshold) = (self.keys.clone(), self.threshold);
                Cut::Part(Withdrawal { keys, paths, threshold })
            }
        }
    }
}

fn purge(arguments: &Purge, context: &Context) -> Result<Code, Failure> {
    let ids: Vec<String> = arguments.keys.iter().map(KeyId::to_string).collect();
    let task = format!("delegation purge {}", ids.join(" "));
    let care = if arguments.force { Care::Forced } else { Care::Careful };
    let store = context.key_set()?;
    let one = async |member: Member<'_>| {
        let Member { subject, opened, mut passphrases } = member;
        let collection = opened.collection();
        let purged = collection.purge(&arguments.keys, care, &store, &mut passphrases).await?;
        let after = &purged.value;
        let line = match after.changed.len() + after.gone.len() {
            0 => "no delegation had the key".to_owned(),
            1 => "taken out of one delegation".to_owned(),
            many => format!("taken out of {many} delegations"),
        };
        let code = if after.beyond.is_empty() { Code::Done } else { Code::Keys };
        let json = as_json(subject.gun.as_str(), &purged);
        Ok(Told { line, notes: aftermath::notes(&subject.gun, after), json, code })
    };
    wait_for(arguments.fleet.each(&task, context, one))
}

fn as_json(gun: &str, amended: &Amended<Aftermath>) -> serde_json::Value {
    json!({
        "name": gun,
        "roles": aftermath::json(&amended.value),
        "versions": versions(&amended.versions),
    })
}

fn threshold(text: &str) -> Result<Threshold, String> {
    text.parse().ok().and_then(Threshold::new).ok_or_else(|| "write a number from 1 on".to_owned())
}

fn path(text: &str) -> Result<String, String> {
    match text {
        "" => Err("an empty path is every name: say so with --all-paths".to_owned()),
        path => Ok(path.to_owned()),
    }
}
