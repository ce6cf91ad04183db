//! Why docker does not have what was signed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why docker does not have what was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no docker in any directory of `PATH`.
    #[error("docker was not found in PATH")]
    NotFound,
    /// A path by which docker could be anybody's program.
    #[error("docker: {}: {problem}", path.display())]
    Unsafe {
        /// The program, or the entry of `PATH`.
        path: PathBuf,
        /// Why it is not used.
        problem: String,
    },
    /// Signals could not be waited for.
    #[error("docker: cannot wait for signals")]
    Signals {
        /// Why not.
        source: io::Error,
    },
    /// It could not be started or waited for.
    #[error("docker {action}: cannot run {}", path.display())]
    Start {
        /// What it should do.
        action: &'static str,
        /// The program.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It ended with another code than zero.
    #[error("docker {action}: exit code {code}{}", words(.message))]
    Failed {
        /// What it should do.
        action: &'static str,
        /// Its exit code.
        code: i32,
        /// What it said, if that was not shown already.
        message: String,
    },
    /// It was ended by a signal.
    #[error("docker {action}: ended by signal {signal}")]
    Killed {
        /// What it should do.
        action: &'static str,
        /// The signal's number.
        signal: i32,
    },
    /// It did not end in time, and was ended.
    #[error("docker {action}: not done after {} s", patience.as_secs())]
    TimedOut {
        /// What it should do.
        action: &'static str,
        /// How long we waited.
        patience: Duration,
    },
    /// We were told to end, and told it.
    #[error("docker {action}: interrupted by signal {signal}")]
    Interrupted {
        /// What it should do.
        action: &'static str,
        /// The signal's number.
        signal: i32,
    },
    /// It wrote more than an inspection has.
    #[error("docker {action}: more than {limit} bytes of output")]
    TooLarge {
        /// What it should do.
        action: &'static str,
        /// Bytes that are read.
        limit: u64,
    },
    /// Its inspection is not understood.
    #[error("docker image inspect: its answer is not understood")]
    Inspect {
        /// Where and why.
        source: serde_json::Error,
    },
    /// Its inspection is of none or several.
    #[error("docker image inspect: {found} images, expected one")]
    NotOneImage {
        /// How many.
        found: usize,
    },
    /// What it has is not what was signed.
    #[error("docker has {}, expected {expected}", if found.is_empty() { "no digest for it" } else { found })]
    DigestMismatch {
        /// What was signed.
        expected: String,
        /// What docker recorded.
        found: String,
    },
    /// The image is there, and its tag is not.
    #[error("{tag} was not set and may be stale")]
    Tag {
        /// The tag.
        tag: String,
        /// Why not.
        source: Box<Error>,
    },
    /// An option that could change which image is pulled.
    #[error("docker pull option {option:?} is not passed on: only --platform and --quiet are")]
    Option {
        /// The option, cut.
        option: String,
    },
    /// An option lacks its value.
    #[error("docker pull option --platform needs a value")]
    MissingValue,
}

fn words(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
