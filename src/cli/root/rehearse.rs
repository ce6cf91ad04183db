//! `root rehearse`: the ceremony with throw-away keys.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::{Code, Kind};
use super::super::output::{Failure, Format};
use super::super::process::wait_for;
use super::write;
use crate::docker::{Rehearsal, Rehearsed};
use crate::tuf::{Gun, Threshold};

#[derive(Args)]
#[command(after_help = "\
Keys are made in memory and forgotten; no server is asked. The files that would go from hand to hand are left in \
DIR, to be looked at and to be sent around.

Example:
  countersign root rehearse --threshold 2 --people ada,bob,eve --dir rehearsal")]
pub(in crate::cli) struct Arguments {
    /// How many must sign
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    threshold: u32,

    /// Who gets a root key
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "ada,bob,eve")]
    people: Vec<String>,

    /// Leave the files here; made if need be
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Plays it.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let gun = Gun::raw("rehearsal.invalid/ceremony")?;
    let threshold = Threshold::new(arguments.threshold)
        .ok_or_else(|| Failure::new(Kind::Usage, "nobody must sign: --threshold is 1 or more"))?;
    let rehearsal = Rehearsal {
        policy: crate::verify::Policy {
            anchor: crate::verify::Anchor::unpinned(crate::verify::FirstUse::Allow),
            ..context.policy(&gun)?
        },
        threshold,
        people: arguments.people.clone(),
    };
    let rehearsed = wait_for(async { Ok(rehearsal.run().await?) })?;
    if let Some(dir) = &arguments.dir {
        std::fs::create_dir_all(dir)
            .map_err(|error| Failure::new(Kind::Disk, format!("{}: {error}", dir.display())))?;
        leave(&rehearsed, dir)?;
    }
    let root = rehearsed.root;
    match context.output.format {
        Format::Text => {
            context.output.page(rehearsed.transcript.as_str());
            context.output.notice(&format!(
                "rehearsed: a client that knew root 1 follows to root {root}. Nothing was published."
            ));
        }
        Format::Json => context.output.object(&json!({
            "threshold": arguments.threshold,
            "people": arguments.people,
            "root": root.number(),
            "request": rehearsed.request.digest().to_string(),
        })),
    }
    Ok(Code::Done)
}

fn leave(rehearsed: &Rehearsed, dir: &std::path::Path) -> Result<(), Failure> {
    write(&dir.join("request.json"), &rehearsed.request.to_text())?;
    for (number, contribution) in rehearsed.contributions.iter().enumerate() {
        let text = contribution.to_text(&rehearsed.request);
        write(&dir.join(format!("signatures-{}.json", number + 1)), &text)?;
    }
    write(&dir.join("transcript.txt"), rehearsed.transcript.as_str())
}
