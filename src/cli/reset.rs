//! `reset`: forgets what is staged.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::{Code, Kind};
use super::output::{Failure, Format};

#[derive(Args)]
#[command(after_help = "\
Examples:
  countersign reset --all registry.example.com/team/web
  countersign reset -n 0,2 registry.example.com/team/web")]
pub(super) struct Arguments {
    /// Repository, without a tag
    #[arg(value_name = "REPO")]
    repository: String,

    /// Forget those with these numbers, as `status` shows them
    #[arg(short, long, value_name = "N", value_delimiter = ',', conflicts_with = "all")]
    number: Vec<usize>,

    /// Forget all of them
    #[arg(long, required_unless_present = "number")]
    all: bool,
}

/// Removes the chosen changes; none, if one of the numbers is that of no change.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    let subject = context.subject(&arguments.repository)?.bare()?;
    let changelist = context.directory(&subject.gun).changelist();
    let staged = changelist.list()?;
    if let Some(number) = arguments.number.iter().find(|number| **number >= staged.len()) {
        let message = format!("no change has the number {number}: {} are staged", staged.len());
        return Err(Failure::new(Kind::Usage, message));
    }
    let chosen = staged.iter().enumerate();
    let chosen = chosen.filter(|(number, _)| arguments.all || arguments.number.contains(number));
    let chosen: Vec<_> = chosen.map(|(_, staged)| staged).collect();
    changelist.remove(chosen.iter().copied())?;
    let forgotten = chosen.len();
    context.output.notice(&format!("{}: {forgotten} changes forgotten", subject.gun));
    if context.output.format == Format::Json {
        let name = subject.gun.as_str();
        context.output.object(&json!({"name": name, "forgotten": forgotten}));
    }
    Ok(Code::Done)
}
