//! `signer`: who may sign the tags of repositories, as docker means it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::delegation;
use super::exit::Code;
use super::fleet::{Fleet, Member, Told};
use super::output::{Failure, Format};
use super::process::{guard_memory, wait_for};
use super::publishing::{self, aftermath, not_offline, versions};
use super::table::table;
use crate::docker::{self, Amended, Care, DelegationState, IfAbsent, SignerName, SignerRemoved};
use crate::edit::Edited;
use crate::tuf::{Gun, KeyId, RoleName};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Let somebody sign
    Add(Add),
    /// Let somebody sign no longer
    Remove(Remove),
    /// List who may sign
    List(List),
}

#[derive(Args)]
#[command(after_help = "\
The signer's key goes into targets/NAME and targets/releases. A repository that has no trust data gets it.

Examples:
  countersign signer add alice --key alice.pub registry.example.com/team/web
  countersign signer add alice --key alice.pub --from-file repositories.txt")]
pub(super) struct Add {
    /// Name of the signer
    #[arg(value_name = "NAME")]
    name: String,

    /// Public key or certificate of the signer, in PEM; may be repeated
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,

    #[command(flatten)]
    fleet: Fleet,
}

#[derive(Args)]
#[command(after_help = "\
The signer's keys leave targets/releases, and targets/NAME is removed. What the signer alone had signed \
for release is signed again with a key of those who remain, if one is here; otherwise the repository is \
left as it is, unless --force is given: then pulls are refused until somebody signs it again.

In a list (--from-file) repositories without that signer are fine. With --journal a second run goes on \
where the first one ended.

Examples:
  countersign signer remove alice registry.example.com/team/web
  countersign signer remove alice --from-file repositories.txt --journal alice.journal")]
pub(super) struct Remove {
    /// Name of the signer
    #[arg(value_name = "NAME")]
    name: String,

    /// Remove even the last one who can sign what is released
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    fleet: Fleet,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  countersign signer list registry.example.com/team/web")]
pub(super) struct List {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,
}

/// Does what is asked with signers.
pub(super) fn run(command: Command, context: &Context) -> Result<Code, Failure> {
    match command {
        Command::List(arguments) => list(&arguments, context),
        Command::Add(arguments) => publishes(context, || add(&arguments, context)),
        Command::Remove(arguments) => publishes(context, || remove(&arguments, context)),
    }
}

fn publishes(
    context: &Context,
    command: impl FnOnce() -> Result<Code, Failure>,
) -> Result<Code, Failure> {
    not_offline(context)?;
    guard_memory()?;
    command()
}

fn add(arguments: &Add, context: &Context) -> Result<Code, Failure> {
    let name: SignerName = arguments.name.parse()?;
    let keys = publishing::public_keys(&arguments.keys, context)?;
    let ids: Vec<String> = keys.iter().map(|key| key.id().to_string()).collect();
    let task = format!("signer add {name} {}", ids.join(" "));
    let found = IfAbsent::Found { root_key: None, local_snapshot: false };
    let store = context.key_set()?;
    let one = async |member: Member<'_>| {
        let Member { subject, opened, mut passphrases } = member;
        let collection = opened.collection();
        let added = collection.add_signer(&name, &keys, found, &store, &mut passphrases).await?;
        publishing::tell_of_founding(&subject.gun, &added, &store, context)?;
        Ok(told_of_adding(&name, subject.gun.as_str(), &added))
    };
    wait_for(arguments.fleet.each(&task, context, one))
}

fn told_of_adding(name: &SignerName, gun: &str, added: &Amended<Edited>) -> Told {
    let (line, outcome) = match added.value {
        Edited::Created => (format!("{name} may sign"), "added"),
        Edited::Changed => (format!("{name} may sign with more keys"), "changed"),
        Edited::Unchanged => (format!("{name} is a signer with these keys already"), "unchanged"),
    };
    let (name, versions) = (name.as_str(), versions(&added.versions));
    let json = json!({"name": gun, "signer": name, "outcome": outcome, "versions": versions});
    Told::done(line, json)
}

fn remove(arguments: &Remove, context: &Context) -> Result<Code, Failure> {
    let name: SignerName = arguments.name.parse()?;
    let care = if arguments.force { Care::Forced } else { Care::Careful };
    let absent_is_fine = arguments.fleet.is_list();
    let store = context.key_set()?;
    let one = async |member: Member<'_>| {
        let Member { subject, opened, mut passphrases } = member;
        let collection = opened.collection();
        match collection.remove_signer(&name, care, &store, &mut passphrases).await {
            Ok(removed) => Ok(told_of_removal(&name, &subject.gun, &removed)),
            Err(docker::Error::NoSuchSigner { .. }) if absent_is_fine => {
                let gun = subject.gun.as_str();
                let json = json!({"name": gun, "signer": name.as_str(), "outcome": "absent"});
                Ok(Told::done(format!("{name} is no signer here"), json))
            }
            Err(error) => Err(error.into()),
        }
    };
    wait_for(arguments.fleet.each(&format!("signer remove {name}"), context, one))
}

fn told_of_removal(name: &SignerName, gun: &Gun, removed: &Amended<SignerRemoved>) -> Told {
    let SignerRemoved { aftermath: after, shared } = &removed.value;
    let shared: Vec<String> = shared.iter().map(KeyId::to_string).collect();
    let mut notes = aftermath::notes(gun, after);
    for id in &shared {
        notes.push(format!("key {id} is another signer's too, and stays in targets/releases"));
    }
    let json = json!({
        "name": gun.as_str(),
        "signer": name.as_str(),
        "outcome": "removed",
        "roles": aftermath::json(after),
        "shared_keys": shared,
        "versions": versions(&removed.versions),
    });
    Told { line: format!("{name} may sign no longer"), notes, json, code: Code::Done }
}

fn list(arguments: &List, context: &Context) -> Result<Code, Failure> {
    let delegations = match delegation::of(&arguments.repository, context) {
        Ok(delegations) => delegations,
        Err(failure) => return Ok(context.output.refusal(Some(&arguments.repository), &failure)),
    };
    let is_releases = |it: &&DelegationState| {
        it.name == RoleName::releases() && it.delegator == RoleName::Targets
    };
    let releases = delegations.iter().find(is_releases);
    let releases = releases.map(|it| it.keys.clone()).unwrap_or_default();
    let signers: Vec<&DelegationState> =
        delegations.iter().filter(|it| it.signer().is_some()).collect();
    match context.output.format {
        Format::Text if signers.is_empty() => context.output.notice("no signers"),
        Format::Text => {
            let rows: Vec<_> = signers.iter().map(|it| row(it, &releases)).collect();
            let heading = ["SIGNER", "RELEASES", "TAGS", "EXPIRES", "KEYS"];
            context.output.page(&table(heading, &rows));
        }
        Format::Json => signers.iter().for_each(|it| {
            let published = it.published.as_ref();
            context.output.object(&json!({
                "signer": it.signer(),
                "keys": it.keys.iter().map(KeyId::to_string).collect::<Vec<_>>(),
                "releases": may_release(it, &releases),
                "tags": published.map(|file| file.names),
                "expires": published.map(|file| format!("{:.0}", file.expires)),
                "unusable": it.unusable,
            }));
        }),
    }
    Ok(Code::Done)
}

fn may_release(signer: &DelegationState, releases: &[KeyId]) -> bool {
    signer.keys.iter().any(|key| releases.contains(key))
}

fn row(signer: &DelegationState, releases: &[KeyId]) -> [String; 5] {
    let name = signer.signer().unwrap_or_default().to_owned();
    let releases = if may_release(signer, releases) { "yes" } else { "no" };
    let (tags, expires) = match (&signer.published, &signer.unusable) {
        (Some(file), _) => (file.names.to_string(), format!("{:.0}", file.expires)),
        (None, Some(_)) => ("unusable".to_owned(), String::new()),
        (None, None) => ("none yet".to_owned(), String::new()),
    };
    let keys: Vec<String> = signer.keys.iter().map(KeyId::to_string).collect();
    [name, releases.to_owned(), tags, expires, keys.join(", ")]
}

#[cfg(test)]
mod tests {
    use super::super::exit::Kind;
    use super::*;

    #[test]
    fn releases_is_no_signer() {
        let failure = Failure::from("releases".parse::<SignerName>().expect_err("reserved"));
        assert_eq!(failure.kind, Kind::Usage);
    }
}
