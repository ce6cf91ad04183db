//! `rescue verify`: an archive speaks for a server that is gone.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Format};
use crate::cli::process::wait_for;
use crate::docker::rescue::{judge, kept};
use crate::docker::{Collection, Detail};
use crate::storage::MemoryCache;
use crate::storage::archive::{ArchiveReader, ArchivedCollection};
use crate::verify::Policy;

#[derive(Args)]
#[command(after_help = "\
Every file is compared with its hash, and every repository verified like a server's answer, as of the time when it was \
fetched: later than that, its timestamp has expired. Pins and --require-pin apply.

Examples:
  countersign rescue verify trust.tar --at 2026-12-01
  docker pull \"$(countersign rescue verify trust.tar registry.example.com/team/web:1.4)\"")]
pub(super) struct Arguments {
    /// Archive
    #[arg(value_name = "ARCHIVE")]
    archive: PathBuf,

    /// Print the digests that these tags were signed for; without any, tell of every repository
    #[arg(value_name = "REF")]
    references: Vec<String>,

    /// Time to verify for: 2026-12-01 or 2026-12-01T12:00:00Z [default: when it was fetched]
    #[arg(long, value_name = "TIME")]
    at: Option<At>,
}

/// A time, or the beginning of a day, UTC.
#[derive(Clone, Copy)]
struct At(Timestamp);

impl FromStr for At {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = |text: &str| {
            let day: Date = text.parse().ok()?;
            day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp())
        };
        let time = text.parse::<Timestamp>().ok().or_else(|| day(text));
        time.map(Self).ok_or("write a day (2026-12-01) or a time (2026-12-01T12:00:00Z)")
    }
}

/// Verifies repositories or tags in an archive.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let archive = Arc::new(ArchiveReader::open(&arguments.archive)?);
    if archive.manifest()?.is_none() {
        let path = arguments.archive.display();
        context.output.notice(&format!("warning: {path}: was not finished"));
    }
    wait_for(async {
        let mut code = Code::Done;
        if arguments.references.is_empty() {
            for collection in archive.collections()? {
                let told = repository(&collection, &archive, arguments.at, context).await;
                let told = told.map_err(|failure| expired_then(failure, arguments.at));
                code = code.max(settled(&collection.gun, told, context));
            }
        }
        for reference in &arguments.references {
            let told = tag(reference, &archive, arguments.at, context).await;
            let told = told.map_err(|failure| expired_then(failure, arguments.at));
            code = code.max(settled(reference, told, context));
        }
        Ok(code)
    })
}

/// No clock and no publisher can help what had ended at the time that was asked about.
fn expired_then(failure: Failure, at: Option<At>) -> Failure {
    match (failure.kind, at) {
        (Kind::Expired, Some(_)) => Failure { advice: Vec::new(), ..failure }.advise(
            "It was no longer valid then. Without --at it is verified as of when it was fetched.",
        ),
        _ => failure,
    }
}

fn settled(reference: &str, told: Result<(), Failure>, context: &Context) -> Code {
    told.map_or_else(|failure| context.output.refusal(Some(reference), &failure), |()| Code::Done)
}

async fn repository(
    collection: &ArchivedCollection,
    archive: &Arc<ArchiveReader>,
    at: Option<At>,
    context: &Context,
) -> Result<(), Failure> {
    let policy = policy(collection, at, context)?;
    let inspection = judge(&policy, &kept(archive, collection)?).await?;
    let root = inspection.collection.targets.root().content();
    let keys: Vec<String> = root.root.keyids().iter().map(ToString::to_string).collect();
    let (gun, tags, files) = (&collection.gun, inspection.pulled().len(), collection.files.len());
    let as_of = policy.now;
    match context.output.format {
        Format::Text => context.output.answer(&format!(
            "{gun}: {tags} tags, {files} files, verified as of {as_of:.0} under root key {}",
            keys.join(", ")
        )),
        Format::Json => context.output.object(&json!({
            "name": gun,
            "tags": tags,
            "files": files,
            "root": {"version": root.version.number(), "keyids": keys},
            "fetched_at": collection.fetched_at.to_string(),
            "checked_at": as_of.to_string(),
        })),
    }
    Ok(())
}

async fn tag(
    reference: &str,
    archive: &Arc<ArchiveReader>,
    at: Option<At>,
    context: &Context,
) -> Result<(), Failure> {
    let subject = context.subject(reference)?;
    let tag = subject.tag()?;
    let absent =
        || Failure::new(Kind::NoTrustData, format!("{} is not in the archive", subject.gun));
    let collection = archive.collection(subject.gun.as_str())?.ok_or_else(absent)?;
    let policy = policy(&collection, at, context)?;
    let as_of = policy.now;
    let kept = kept(archive, &collection)?;
    let cache = MemoryCache::new();
    let found = Collection::new(policy, &cache, &kept);
    let found = found.resolve(&tag, subject.digest(), Detail::Signers).await?;
    found.check_signed_by(&context.required_signers()?)?;
    let found = found.reference;
    match context.output.format {
        Format::Text => {
            context.output.answer(&found.to_string());
            context.output.notice(&format!("{reference}: as of {as_of:.0}"));
        }
        Format::Json => context.output.object(&json!({
            "reference": reference,
            "name": subject.gun.as_str(),
            "tag": tag.as_str(),
            "digest": found.digest().to_string(),
            "size": found.size(),
            "role": found.role().as_str(),
            "source": "archive",
            "checked_at": as_of.to_string(),
        })),
    }
    Ok(())
}

/// The rules of this machine, at another time.
fn policy(
    collection: &ArchivedCollection,
    at: Option<At>,
    context: &Context,
) -> Result<Policy, Failure> {
    let gun = crate::tuf::Gun::raw(&collection.gun)?;
    let now = at.map_or(collection.fetched_at, |at| at.0);
    let dialect = collection.dialect.into();
    Ok(Policy { dialect, now, max_age: None, ..context.policy(&gun)? })
}
