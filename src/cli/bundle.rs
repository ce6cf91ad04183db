//! `bundle`: trust data in one file, for hosts that reach no server.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::Args;
use serde_json::json;

use super::context::{Context, tell_of_first_use};
use super::exit::{Code, Kind};
use super::output::{Failure, Format};
use super::process::wait_for;
use crate::docker::rescue::bundle;
use crate::net::Access;
use crate::storage::archive::{ArchiveWriter, ArchivedCollection, Verdict};

#[derive(Args)]
#[command(after_help = "\
The file holds what a host needs to verify these repositories, and nothing that does not verify now. It is an archive like \
those of `rescue`, without history. A host reads it with --server bundle:FILE, by the same rules as a server's answer: it \
refuses a bundle that is older than what it saw, and any bundle once its timestamp has expired. Write a new one before then.

Examples:
  countersign bundle --to trust.tar registry.example.com/team/web registry.example.com/team/db
  countersign verify --server bundle:trust.tar registry.example.com/team/web:1.4")]
pub(super) struct Arguments {
    /// File to write; one that is there is replaced once all is verified
    #[arg(long = "to", value_name = "FILE")]
    file: PathBuf,

    /// Repositories, without tags
    #[arg(value_name = "REPO", required = true)]
    repositories: Vec<String>,
}

/// Writes repositories into a bundle: all of them, or none.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    context.not_offline("this command fetches")?;
    let path = arguments.file.as_path();
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritten =
        |error: std::io::Error| Failure::new(Kind::Disk, format!("{}: {error}", folder.display()));
    // Whoever reads the old one meanwhile goes on with it.
    let fresh = tempfile::Builder::new().prefix(".bundle-").tempfile_in(folder);
    let fresh = fresh.map_err(unwritten)?;
    let archive = Mutex::new(ArchiveWriter::open(fresh.path(), context.now)?);
    wait_for(async {
        for name in &arguments.repositories {
            let written = one(name, context, &archive).await;
            tell(&written.map_err(|failure| failure.about(name))?, context);
        }
        Ok::<(), Failure>(())
    })?;
    let archive = archive.into_inner().unwrap_or_else(PoisonError::into_inner);
    archive.finish(PROGRAM, Vec::new())?;
    fresh.persist(path).map_err(|error| unwritten(error.error))?;
    Ok(Code::Done)
}

async fn one(
    name: &str,
    context: &Context,
    archive: &Mutex<ArchiveWriter>,
) -> Result<ArchivedCollection, Failure> {
    let subject = context.subject(name)?.bare()?;
    let opened = context.open(&subject, Access::Pull)?;
    let (written, believed) = bundle(opened.policy(), opened.source()?, archive).await?;
    if believed.first_use {
        let root = believed.targets.root().content();
        tell_of_first_use(&subject.gun, root, context.output);
    }
    Ok(written)
}

fn tell(written: &ArchivedCollection, context: &Context) {
    let tags = match written.verdict {
        Verdict::Trusted { tags, .. } => tags,
        Verdict::Refused { .. } => 0,
    };
    let (gun, files) = (&written.gun, written.files.len());
    match context.output.format {
        Format::Text => context.output.answer(&format!("{gun}: {tags} tags, {files} files")),
        Format::Json => context.output.object(&json!({
            "name": gun,
            "server": written.server,
            "fetched_at": written.fetched_at.to_string(),
            "tags": tags,
            "files": files,
        })),
    }
}

const PROGRAM: &str = concat!("countersign ", env!("CARGO_PKG_VERSION"));
