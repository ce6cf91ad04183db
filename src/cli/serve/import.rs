//! `serve --import`: collections that were rescued from another server.

use std::path::Path;

use serde_json::json;

use super::failure::failure;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};
use crate::docker::rescue::files;
use crate::server::{Server, TakenOver};
use crate::storage::archive::{ArchiveReader, ArchivedCollection};
use crate::tuf::Gun;

/// Takes over everything in an archive, one collection after the other; each whole or not at all.
pub(super) async fn all(server: &Server, path: &Path, output: Output) -> Result<Code, Failure> {
    let archive = ArchiveReader::open(path)?;
    if archive.manifest()?.is_none() {
        output.notice(&format!("warning: {}: was not finished", path.display()));
    }
    let (mut code, mut ends) = (Code::Done, None);
    for collection in archive.collections()? {
        match one(server, &archive, &collection).await {
            Ok(taken) => {
                let object = json!({
                    "name": collection.gun,
                    "files": taken.stored,
                    "left_out": taken.left_out,
                    "timestamp": taken.timestamp.number(),
                    "expires": format!("{:.0}", taken.expires),
                });
                output.answer_as(&told(&collection.gun, &taken), &object);
                let new = (taken.stored > 0).then_some(taken.expires);
                ends = ends.into_iter().chain(new).min();
            }
            Err(failure) => code = code.max(output.refusal(Some(&collection.gun), &failure)),
        }
    }
    if let Some(first) = ends {
        output.notice(&format!("{FROM_HERE_ON} ({first:.0}):"));
        output.notice(&format!("  {ROTATE}"));
    }
    Ok(code)
}

async fn one(
    server: &Server,
    archive: &ArchiveReader,
    collection: &ArchivedCollection,
) -> Result<TakenOver, Failure> {
    let gun = Gun::raw(&collection.gun)?;
    let files = files(archive, collection)?;
    let taken = server.import(&gun, collection.fetched_at, files).await;
    taken.map_err(|error| failure(&error, Kind::Policy))
}

fn told(gun: &str, taken: &TakenOver) -> String {
    let TakenOver { stored, left_out, timestamp, expires } = taken;
    let files = match stored {
        0 => "is here already".to_owned(),
        stored => format!("{stored} files"),
    };
    let left_out = match left_out {
        0 => String::new(),
        count => format!("; {count} that nothing vouches for left out"),
    };
    format!("{gun}: {files}, timestamp {timestamp} until {expires:.0}{left_out}")
}

const FROM_HERE_ON: &str = "Clients go on with what the old server signed until its timestamps end. \
     Each owner moves a collection to this server's keys before then";
const ROTATE: &str = "countersign key rotate REPO timestamp snapshot --server-managed";
