//! `export`: trust data as a TUF 1.0 repository of plain files.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use jiff::{SignedDuration, Timestamp as Instant};
use serde_json::json;

use super::context::Context;
use super::exit::{Code, Kind};
use super::fleet::{Fleet, Member, Shared, Told};
use super::origin::{Found, Origin};
use super::output::Failure;
use super::process::{guard_memory, wait_for};
use super::publishing::{tell_of_root, versions};
use super::span::Span;
use super::subject::Subject;
use super::verify::tell_of_age;
use crate::docker::export::{ExportRequest, Exported};
use crate::keys::KeySet;
use crate::net::Access;
use crate::tuf::{Gun, KeyId};

#[derive(Args)]
#[command(override_usage = "\
countersign export [OPTIONS] <REPO>... <DIR>
       countersign export [OPTIONS] --from-file <FILE> [REPO]... <DIR>
       countersign export [OPTIONS] --from <ARCHIVE> [REPO]... <DIR>")]
#[command(after_help = "\
What a trust server, a registry (--server oci), other files (--server file://…) or the cache (--offline) have is \
verified and written to DIR/metadata, signed anew with keys from the key store; of several repositories, or with --mirror, to \
DIR/REPO/metadata. A web server hands it out as it is; countersign reads it with --server https://HOST/DIR/metadata or \
file:///DIR/metadata, every other client of TUF 1.0 with DIR/metadata/1.root.json as its first root.

--from takes it from an archive of `rescue`, verified as of the day when that was made: what was signed then, without any server. \
Without a REPO it is all that the archive holds, each in a folder of its own.

Run it again, as a scheduled job: what neither changed nor ends soon is left as it is. A timestamp lives 14 days, and is signed \
again once half of them are over. A missing DIR is made; versions that are there are never used again.

Examples:
  countersign export --format tuf1 registry.example.com/team/web /srv/tuf/web
  countersign export --from-file repositories.txt /srv/tuf
  countersign export --from trust.tar /srv/tuf
  countersign verify --server file:///srv/tuf/web/metadata registry.example.com/team/web:1.4")]
pub(super) struct Arguments {
    /// Repositories, without tags, and the directory to write to
    #[arg(value_name = "REPO… DIR", required = true)]
    words: Vec<String>,

    /// File with more repositories, one a line; - is stdin
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,

    /// Archive of `rescue` or `bundle`, or where else the trust data is: a trust server,
    /// https://…/metadata, a folder in TUF 1.0, or oci
    #[arg(long, value_name = "FROM")]
    from: Option<String>,

    /// A folder for each repository, by its name, even for one
    #[arg(long)]
    mirror: bool,

    /// Root key of a new TUF 1.0 repository [default: one that is here, or a new one]
    #[arg(long, value_name = "ID")]
    root_key: Option<KeyId>,

    /// Sign again what ends sooner, even if nothing changed: 90d
    #[arg(long, value_name = "DURATION", default_value = "180d")]
    within: Span,

    /// How many repositories at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    jobs: usize,
}

/// Writes repositories.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    guard_memory()?;
    let from = arguments.from.as_deref().map(Origin::read).transpose()?;
    let (directory, repositories) = arguments.split(from.as_ref())?;
    let one_is_named = arguments.from_file.is_none() && arguments.words.len() == 2;
    let many = arguments.mirror || !one_is_named;
    let within = SignedDuration::try_from(arguments.within.duration());
    let within = within.unwrap_or(SignedDuration::MAX);
    let store = context.key_set()?;
    let open = |subject: &Subject| match &from {
        Some(from) => from.open(subject, context),
        None => context.open(subject, Access::Pull).map(Found::Live),
    };
    let one = async |member: Member<'_, Found>| {
        let Member { subject, opened, mut passphrases } = member;
        let folder = folder(directory, many.then_some(&subject.gun));
        let request = ExportRequest { folder: &folder, root_key: arguments.root_key, within };
        let exported = export(&opened, &request, &store, &mut passphrases, context.now).await?;
        tell_of_origin(&subject, &opened, &exported, context);
        if let Some(root) = &exported.founded {
            tell_of_root(&subject.gun, root, &store, context)?;
        }
        Ok(told(&subject.gun, &folder, &exported, context.now, within))
    };
    let fleet = Fleet::of(repositories, arguments.from_file.clone(), arguments.jobs);
    wait_for(fleet.each_opened(open, "export", context, one))
}

async fn export(
    from: &Found,
    request: &ExportRequest<'_>,
    store: &KeySet,
    passphrases: &mut Shared<'_>,
    now: Instant,
) -> Result<Exported, Failure> {
    Ok(match from {
        Found::Live(opened) => opened.collection().export(request, store, passphrases).await?,
        Found::Kept(held) => {
            held.collection().signing_at(now).export(request, store, passphrases).await?
        }
    })
}

/// What was believed about what is exported. An archive proves what was signed when it was made,
/// and not that it is so still.
fn tell_of_origin(subject: &Subject, from: &Found, exported: &Exported, context: &Context) {
    tell_of_age(subject, exported.collection.freshness, context);
    if let Found::Kept(held) = from {
        context.output.notice(&format!(
            "{}: as of {:.0}, when it was fetched; what was signed or revoked since is not in it",
            subject.gun,
            held.fetched_at()
        ));
    }
}

impl Arguments {
    /// The directory, which stands last, and the repositories before it; of an archive all, if none
    /// is named.
    fn split(&self, from: Option<&Origin>) -> Result<(&Path, Vec<String>), Failure> {
        match (self.words.split_last(), from) {
            (Some((last, [])), Some(from)) if self.from_file.is_none() => {
                Ok((Path::new(last), from.names()?))
            }
            (Some((last, [])), None) if self.from_file.is_none() => {
                let message = format!("{last}: a repository and a directory are expected");
                Err(Failure::new(Kind::Usage, message)
                    .advise("countersign export REPO DIR; several REPO may stand before DIR."))
            }
            (Some((last, before)), _) => Ok((Path::new(last), before.to_vec())),
            (None, _) => Err(Failure::new(Kind::Usage, "no directory is named")),
        }
    }
}

fn folder(directory: &Path, gun: Option<&Gun>) -> PathBuf {
    gun.map_or_else(|| directory.to_owned(), |gun| directory.join(gun.as_str())).join("metadata")
}

fn told(
    gun: &Gun,
    folder: &Path,
    exported: &Exported,
    now: Instant,
    within: SignedDuration,
) -> Told {
    let Exported { root, tags, left_out, .. } = exported;
    let mut notes: Vec<String> = left_out
        .iter()
        .map(|(role, why)| format!("warning: {role} cannot be used, and is left out: {why}"))
        .collect();
    if root.expires.duration_since(now) <= within {
        notes.push(format!("warning: the root in {} ends {:.0}", folder.display(), root.expires));
    }
    let keyids: Vec<String> = root.root.keyids().iter().map(ToString::to_string).collect();
    if exported.founded.is_some() {
        notes.push(format!("readers of it may pin its root key: {}", keyids.join(", ")));
    }
    let json = json!({
        "name": gun.as_str(),
        "metadata": folder.display().to_string(),
        "tags": tags,
        "root": {"version": root.version.number(), "keyids": keyids},
        "versions": versions(&exported.versions),
        "left_out": left_out.iter().map(|(role, _)| role.as_str()).collect::<Vec<_>>(),
    });
    let new = exported.versions.iter().map(|(role, version)| format!("{role} {version}"));
    let new = match new.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "nothing new".to_owned(),
        new => new,
    };
    let line = format!("{tags} tags in {}: {new}", folder.display());
    Told { line, notes, json, code: Code::Done }
}
