//! What a command stands on: options, environment and configuration brought together, and one
//! reading of the clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::args::Global;
use super::config::{Config, WhenUnreachable, is_notary};
use super::environment::{Environment, absolute};
use super::output::{Failure, Output, Verbosity};
use crate::docker::pins::Pins;
use crate::keys::{KeyDirectory, PassphraseFile};
use crate::net::{Deadline, Http, HttpOptions, PlainHttp, Realms, ServerUrl, TlsDirectory};
use crate::tuf::Gun;
use crate::verify::FirstUse;

/// What a command stands on.
pub(super) struct Context {
    /// Where to write.
    pub(super) output: Output,
    /// The environment.
    pub(super) environment: Environment,
    /// The one reading of the clock, UTC.
    pub(super) now: Timestamp,
    global: Global,
    config: Config,
    trust: PathBuf,
}
