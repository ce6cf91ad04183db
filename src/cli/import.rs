//! `import`: trust data comes from somewhere else, and is signed here anew.

use clap::Args;
use serde_json::json;

use super::context::{Context, Opened};
use super::exit::{Code, Kind};
use super::origin::Origin;
use super::output::{Failure, Format};
use super::passphrases::Passphrases;
use super::process::wait_for;
use super::publishing::{not_offline, tell_of_root, versions};
use crate::docker::{Adoption, Amended, Loosened, Source, argument};
use crate::keys::{self, KeySet};
use crate::net::{Access, Remote as _};
use crate::tuf::{Gun, KeyId, RoleName};

#[derive(Args)]
#[command(after_help = "\
What was verified at the old place is signed at the new one, which --server or the configuration names: tags with their \
digests, sizes and custom data, and delegations whose keys are here. The same root key founds it, so that hosts can \
be told what to pin. What is there stays; a tag that stands for something else there is refused. Nothing of the old \
place is changed.

A trust server of your own takes over an archive as it is, without any key: countersign serve --import.

Examples:
  countersign import trust.tar --server oci
  countersign import https://notary.example.com registry.example.com/team/web --server oci
  countersign import /srv/web/metadata registry.example.com/web --server https://trust.example.com")]
pub(super) struct Arguments {
    /// Archive of `rescue` or `bundle`, or where the trust data is: a trust server,
    /// https://…/metadata, a folder in TUF 1.0, or oci
    #[arg(value_name = "FROM")]
    from: String,

    /// Repositories, without tags; of an archive all, if none is named
    #[arg(value_name = "REPO")]
    repositories: Vec<String>,

    /// What the one repository is called at the new place
    #[arg(long = "as", value_name = "REPO")]
    name: Option<String>,

    /// Root key of new trust data [default: that of the old]
    #[arg(long, value_name = "ID")]
    root_key: Option<KeyId>,
}

/// Signs repositories anew.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    not_offline(context)?;
    let from = Origin::read(&arguments.from)?;
    let names = match arguments.repositories.is_empty() {
        true => from.names()?,
        false => arguments.repositories.clone(),
    };
    if arguments.name.is_some() && names.len() != 1 {
        return Err(Failure::new(Kind::Usage, "--as is for one repository at a time"));
    }
    let mut code = Code::Done;
    for name in names {
        let done = wait_for(one(&name, &from, arguments, context));
        let failed = |failure| context.output.refusal(Some(&name), &failure);
        code = code.max(done.map_or_else(failed, |()| Code::Done));
    }
    Ok(code)
}

async fn one(
    name: &str,
    from: &Origin,
    arguments: &Arguments,
    context: &Context,
) -> Result<(), Failure> {
    let subject = context.subject(name)?.bare()?;
    let there = arguments.name.as_deref().unwrap_or(name);
    let there = context.subject(there)?.bare()?;
    let collection = from.open(&subject, context)?.everything().await?;
    let source = Source::of(&collection);
    let keys = context.key_set()?;
    let root = root_key(&source, arguments.root_key, &keys)?;
    let opened = context.open(&there, Access::PushPull)?;
    opened.source()?.takes_changes()?;
    let mut passphrases = Passphrases::new(context)?;
    let adopted = opened.collection().adopt(&source, root, &keys, &mut passphrases.chain()).await?;
    if let Some(root) = &adopted.founded {
        tell_of_root(&there.gun, root, &keys, context)?;
        tell_what_to_pin(&there.gun, &opened, context)?;
    }
    tell(&there.gun, &adopted, context);
    Ok(())
}

/// The old root key if it is here: it proves that the new trust data is its owner's.
fn root_key(source: &Source<'_>, named: Option<KeyId>, keys: &KeySet) -> Result<KeyId, Failure> {
    use keys::KeyStore as _;
    let held = keys.ids()?;
    let old = source.root_keys();
    match named.or_else(|| old.iter().find(|id| held.contains(id)).copied()) {
        Some(id) => Ok(id),
        None => {
            let old: Vec<String> = old.iter().map(KeyId::to_string).collect();
            let message = format!("the root key {} is not here", old.join(", "));
            Err(Failure::new(Kind::KeyStore, message).advise(
                "Take it in with `countersign key import`, or name another one with --root-key: \
                 then hosts have nothing but your word for the new trust data.",
            ))
        }
    }
}

fn tell_what_to_pin(gun: &Gun, opened: &Opened, context: &Context) -> Result<(), Failure> {
    let ids = opened.root_keys()?.into_iter().map(|id| format!(" --root-key {id}"));
    let pin = format!("countersign pin add {}{}", argument(gun), ids.collect::<String>());
    context.output.notice(&format!("{gun}: have hosts pin it before they look: {pin}"));
    Ok(())
}

fn tell(gun: &Gun, adopted: &Amended<Adoption>, context: &Context) {
    let Adoption { roles, left, unusable, releases_in_targets, .. } = &adopted.value;
    let Adoption { misplaced, unfound, raised, loosened, .. } = &adopted.value;
    let entries: usize = roles.iter().map(|(_, added)| added).sum();
    match context.output.format {
        Format::Text => {
            let roles: Vec<&str> = roles.iter().map(|(role, _)| role.as_str()).collect();
            context.output.answer(&format!("{gun}: {entries} entries in {}", roles.join(", ")));
        }
        Format::Json => context.output.object(&json!({
            "name": gun.as_str(),
            "entries": entries,
            "roles": roles.iter().map(|(role, _)| role.as_str()).collect::<Vec<_>>(),
            "left": left.iter().map(RoleName::as_str).collect::<Vec<_>>(),
            "unusable": unusable.iter().map(RoleName::as_str).collect::<Vec<_>>(),
            "releases_in_targets": releases_in_targets,
            "misplaced": misplaced,
            "unfound": unfound,
            "raised": raised,
            "loosened": loosened.iter().map(|it| json!({
                "role": it.role.as_str(),
                "there": it.there.0.count(),
                "keys": it.there.1,
                "here": it.here.count(),
            })).collect::<Vec<_>>(),
            "founded": adopted.founded.map(|root| root.to_string()),
            "versions": versions(&adopted.versions),
        })),
    }
    for role in left {
        context.output.notice(&format!("{gun}: {role} did not come: too few of its keys are here"));
    }
    for role in unusable {
        context
            .output
            .notice(&format!("{gun}: {role} did not come: it cannot be used where it is"));
    }
    if *releases_in_targets {
        let note = "what targets/releases signed is signed in targets, where pulls find it";
        context.output.notice(&format!("{gun}: {note}"));
    } else if *raised > 0 {
        let note = "entries are signed for release, too, so that pulls find them as before";
        context.output.notice(&format!("{gun}: {raised} {note}"));
    }
    if *unfound > 0 {
        let note = "entries stay behind: pulls find something else there, or nothing";
        context.output.notice(&format!("{gun}: {unfound} {note}"));
    }
    for Loosened { role, there: (needed, keys), here } in loosened {
        let note = format!("{role} needs {needed} of {keys} keys there, and {here} here");
        context.output.notice(&format!("warning: {gun}: left behind: {note}"));
    }
    if *misplaced > 0 {
        let note = "entries were signed for another collection, and stay behind";
        context.output.notice(&format!("warning: {gun}: {misplaced} {note}"));
    }
}
