//! `status`: what ends soon.

use clap::Args;

use super::context::Context;
use super::exit::Code;
use super::expiring;
use super::output::Failure;
use super::span::Span;

#[derive(Args)]
#[command(after_help = "\
The exit code is 4 if something ends within the time that the server does not renew by itself.

Examples:
  countersign status --within 30d
  countersign status --within 90d registry.example.com/team/web --format json")]
pub(super) struct Arguments {
    /// Repositories, without tags [default: all that are known here]
    #[arg(value_name = "REPO")]
    repositories: Vec<String>,

    /// Show every role and certificate that ends within this time: 30d
    #[arg(long, value_name = "DURATION")]
    within: Span,
}

/// Shows what ends soon.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<Code, Failure> {
    expiring::run(&arguments.repositories, arguments.within, context)
}
