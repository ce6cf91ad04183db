//! What a server tells of its requests, on stderr.

use std::io::Write as _;

use crate::cli::environment::clock;
use crate::cli::output::{Output, Verbosity};
use crate::server::{Clock, Level, Log};

/// As much as is wanted.
pub(in crate::cli) fn log(output: Output) -> Log {
    let level = match output.verbosity {
        Verbosity::Quiet => Level::Error,
        Verbosity::Verbose => Level::Debug,
        Verbosity::Warnings | Verbosity::Usual => Level::Info,
    };
    Log::new(level, Clock::new(clock), |line| {
        // In one piece, that lines of several threads stay lines. Nobody is left to be told that
        // stderr cannot be written.
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    })
}
