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
use crate::docker::rescue::{Rescued, rescue};
use crate::net::{Access, Rate};
use crate::storage::archive::{ArchiveWriter, ArchivedCollection, Failed, Verdict};
use names::Listed;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
The archive is one tar file with every file byte for byte as the server gave it, hashes, and the time. Call it again with \
the same archive to go on after a failure, to add repositories, or to fetch what changed.

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
        let failed = outcomes.iter().filter_map(Outcome::failed).cloned().collect();
        let manifest = archive.finish(PROGRAM, failed)?;
        let held = manifest.collections.len();
        context.output.notice(&format!("{} in {}", repositories(held), path.display()));
        count(&outcomes, context);
        let code = outcomes.iter().map(Outcome::code).max().unwrap_or_default();
        Ok(if held == 0 { code.max(Kind::NoTrustData.code()) } else { code })
    })
}

/// What became of one repository.
enum Outcome {
    Fetched(Code),
    /// The archive holds what the server shows.
    Unchanged,
    /// It has no trust data, and nobody said that it had.
    Unsigned,
    Failed(Code, Failed),
}

impl Outcome {
    fn code(&self) -> Code {
        match self {
            Self::Fetched(code) | Self::Failed(code, _) => *code,
            Self::Unchanged | Self::Unsigned => Code::Done,
        }
    }

    fn failed(&self) -> Option<&Failed> {
        match self {
            Self::Failed(_, failed) => Some(failed),
            _ => None,
        }
    }
}

/// Tells how many were not fetched, and why.
fn count(outcomes: &[Outcome], context: &Context) {
    let of = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|it| is(it)).count();
    let told = |count: usize, line: String| {
        if count > 0 {
            context.output.notice(&line);
        }
    };
    let unchanged = of(|it| matches!(it, Outcome::Unchanged));
    told(unchanged, format!("{unchanged} unchanged since they were fetched"));
    let unsigned = of(|it| matches!(it, Outcome::Unsigned));
    told(unsigned, format!("{} in the catalogue without trust data", repositories(unsigned)));
    let failed = of(|it| it.failed().is_some());
    told(failed, format!("{failed} could not be fetched; the same command goes on with them"));
}

async fn one(
    name: String,
    listed: Listed,
    arguments: &Fetch,
    context: &Context,
    archive: &Mutex<ArchiveWriter>,
) -> Outcome {
    match fetch_one(&name, arguments, context, archive).await {
        Ok(outcome) => outcome,
        Err(failure) if failure.kind == Kind::NoTrustData && listed == Listed::WithAll => {
            context.output.detail(&format!("{name}: {}", failure.message));
            Outcome::Unsigned
        }
        Err(failure) => {
            let code = context.output.refusal(Some(&name), &failure);
            Outcome::Failed(code, Failed { gun: name, reason: failure.message })
        }
    }
}

async fn fetch_one(
    name: &str,
    arguments: &Fetch,
    context: &Context,
    archive: &Mutex<ArchiveWriter>,
) -> Result<Outcome, Failure> {
    let subject = named(name, context)?;
    let opened = context.open(&subject, Access::Pull)?;
    let patience = context.timeout().unwrap_or(PATIENCE);
    let rate = Arc::clone(arguments.shared_rate());
    let server = opened.paced(rate, patience).ok_or_else(|| {
        let message = "a rescue is from a trust server; files in a folder or a registry are copied as they are";
        Failure::new(Kind::Usage, message).advise("Name the server with --server URL.")
    })?;
    let rescued = rescue(opened.policy(), &server, arguments.versions, archive).await;
    match rescued.map_err(|error| stays(error.into(), &subject, archive))? {
        Rescued::Fetched(collection) => Ok(Outcome::Fetched(tell(&collection, context))),
        Rescued::Unchanged(held) => {
            let line = format!("{name}: unchanged since {:.0}", held.fetched_at);
            context.output.detail(&line);
            Ok(Outcome::Unchanged)
        }
    }
}

/// Why a repository is not fetched again, and what the archive has of it.
fn stays(failure: Failure, subject: &Subject, archive: &Mutex<ArchiveWriter>) -> Failure {
    let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(Some(held)) = archive.held(subject.gun.as_str()) else { return failure };
    if !archive.is_whole(&held) {
        return failure.advise("What the archive has of it is damaged.");
    }
    let failure = failure.advise(format!("The archive keeps it as of {:.0}.", held.fetched_at));
    match failure.kind.code() == Kind::Policy.code() {
        true => failure.advise("What the server shows can be rescued into another archive."),
        false => failure,
    }
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
