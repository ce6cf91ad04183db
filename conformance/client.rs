//! A TUF 1.0 client for the conformance suite of the specification's authors: `init`, `refresh`,
//! `download`.

mod commands;

use std::process::ExitCode;

use clap::Parser as _;
use commands::Arguments;

#[expect(clippy::disallowed_methods, reason = "the one reading of the clock")]
fn main() -> ExitCode {
    let (arguments, now) = (Arguments::parse(), jiff::Timestamp::now());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(commands::run(&arguments, now)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "what went wrong")]
fn complain(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        text.push_str(&format!(": {deeper}"));
        source = deeper.source();
    }
    eprintln!("{text}");
}
