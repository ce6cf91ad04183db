//! `rescue`: trust data leaves its server, and is still worth something without it.

mod kept;
mod names;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::process::wait_for;
use super::subject::Subject;
use crate::docker::rescue::rescue;
use crate::net::{Access, Rate};
use crate::storage::archive::{ArchiveWriter, ArchivedCollection, Failed, Verdict};
use names::Listed;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
The archive is one tar file with every file byte for byte as the server gave it, hashes, and the time. Call it again with \
the same archive to go on after a failure, or to add repositories.

Examples:
  countersign rescue --to trust.tar registry.example.com/team/web registry.example.com/team/db
  countersign rescue --to trust.tar --from-file repositories.txt
  countersign rescue --to trust.tar --server https://notary.example.com --changefeed
  countersign rescue verify trust.tar
  countersign rescue verify trust.tar registry.example.com/team/web:1.4")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    fetch: Fetch,
}

#[derive(Subcommand)]
enum Command {
    /// Verify what an archive holds, or tags in it, without any server
    Verify(kept::Arguments),
}

#[derive(Args)]
struct Fetch {
    /// Archive to write, or to go on with
    #[arg(long = "to", value_name = "FILE", required = true)]
    archive: Option<PathBuf>,

    #[command(flatten)]
    names: names::Names,

    /// Of each role at most so many versions before the current one [default: all that are served]
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    versions: u64,

    /// Repositories at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,

    /// Requests a second, of all together
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
}

/// Fetches repositories into an archive, or verifies what is in one.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    match &arguments.command {
        Some(Command::Verify(arguments)) => kept::run(arguments, context),
        None => fetch(&arguments.fetch, context),
    }
}

fn fetch(arguments: &Fetch, context: &Context) -> Result<Code, Failure> {
    context.not_offline("this command fetches")?;
    let path = arguments.archive.as_deref().expect("clap requires it without a subcommand");
    wait_for(async {
        let names = arguments.names.collect(context).await?;
        let archive = Mutex::new(ArchiveWriter::open(path, context.now)?);
        let outcomes: Vec<Outcome> = stream::iter(names)
            .map(|(name, listed)| one(name, listed, arguments, context, &archive))
            .buffer_unordered(usize::from(arguments.jobs))
            .collect()
            .await;
        let archive = archive.into_inner().unwrap_or_else(PoisonError::into_inner);
        let failed: Vec<Failed> = outcomes.iter().filter_map(|it| it.failed.clone()).collect();
        let missing = failed.len();
        let manifest = archive.finish(PROGRAM, failed)?;
        let held = manifest.collections.len();
        context.output.notice(&format!("{} in {}", repositories(held), path.display()));
        let unsigned = outcomes.iter().filter(|it| it.unsigned).count();
        if unsigned > 0 {
            let line = format!("{} in the catalogue without trust data", repositories(unsigned));
            context.output.notice(&line);
        }
        if missing > 0 {
            let line =
                format!("{missing} could not be fetched; the same command goes on with them");
            context.output.notice(&line);
        }
        let code = outcomes.into_iter().map(|it| it.code).max().unwrap_or_default();
        Ok(if held == 0 { code.max(Kind::NoTrustData.code()) } else { code })
    })
}

/// What became of one repository.
struct Outcome {
    code: Code,
    failed: Option<Failed>,
    /// Whether it has no trust data and nobody said that it had.
    unsigned: bool,
}

async fn one(
    name: String,
    listed: Listed,
    arguments: &Fetch,
    context: &Context,
    archive: &Mutex<ArchiveWriter>,
) -> Outcome {
    match fetch_one(&name, arguments, context, archive).await {
        Ok(code) => Outcome { code, failed: None, unsigned: false },
        Err(failure) if failure.kind == Kind::NoTrustData && listed == Listed::WithAll => {
            context.output.detail(&format!("{name}: {}", failure.message));
            Outcome { code: Code::Done, failed: None, unsigned: true }
        }
        Err(failure) => {
            let code = context.output.refusal(Some(&name), &failure);
            let failed = Some(Failed { gun: name, reason: failure.message });
            Outcome { code, failed, unsigned: false }
        }
    }
}

async fn fetch_one(
    name: &str,
    arguments: &Fetch,
    context: &Context,
    archive: &Mutex<ArchiveWriter>,
) -> Result<Code, Failure> {
    let subject = named(name, context)?;
    let holds = archive.lock().unwrap_or_else(PoisonError::into_inner).holds(subject.gun.as_str());
    if holds {
        context.output.detail(&format!("{name}: is in the archive already"));
        return Ok(Code::Done);
    }
    let opened = context.open(&subject, Access::Pull)?;
    let patience = context.timeout().unwrap_or(PATIENCE);
    let rate = Arc::clone(arguments.shared_rate());
    let server = opened.paced(rate, patience).ok_or_else(|| {
        let message = "a rescue is from a trust server; files in a folder or a registry are copied as they are";
        Failure::new(Kind::Usage, message).advise("Name the server with --server URL.")
    })?;
    let collection = rescue(opened.policy(), &server, arguments.versions, archive).await?;
    Ok(tell(&collection, context))
}

impl Fetch {
    fn shared_rate(&self) -> &Arc<Rate> {
        static RATE: std::sync::OnceLock<Arc<Rate>> = std::sync::OnceLock::new();
        RATE.get_or_init(|| Arc::new(Rate::per_second(self.rate)))
    }
}

fn repositories(count: usize) -> String {
    match count {
        1 => "1 repository".to_owned(),
        more => format!("{more} repositories"),
    }
}

/// A name from a user or from a list: an image's repository, or else a collection as it is called.
fn named(name: &str, context: &Context) -> Result<Subject, Failure> {
    match context.subject(name) {
        Ok(subject) if subject.gun.as_str() == name || subject.image.is_some() => subject.bare(),
        _ => Subject::raw(name)?.bare(),
    }
}

fn tell(collection: &ArchivedCollection, context: &Context) -> Code {
    let files = collection.files.len();
    for problem in &collection.problems {
        context.output.notice(&format!("warning: {}: {problem}", collection.gun));
    }
    let (code, text) = match &collection.verdict {
        Verdict::Trusted { tags, .. } => {
            (Code::Done, format!("{}: {tags} tags, {files} files", collection.gun))
        }
        Verdict::Refused { reason } => {
            let text = format!("{}: {files} files, which do not verify: {reason}", collection.gun);
            (Kind::Policy.code(), text)
        }
    };
    match context.output.format {
        Format::Text => context.output.answer(&text),
        Format::Json => context.output.object(&json!({
            "name": collection.gun,
            "server": collection.server,
            "fetched_at": collection.fetched_at.to_string(),
            "files": files,
            "problems": collection.problems,
            "verdict": collection.verdict,
        })),
    }
    code
}

/// Names without their order and repetitions.
type NameMap = BTreeMap<String, names::Listed>;

const PROGRAM: &str = concat!("countersign ", env!("CARGO_PKG_VERSION"));
/// For each single request.
const PATIENCE: Duration = Duration::from_secs(60);
