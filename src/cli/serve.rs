//! `serve`: the trust server.

mod access;
mod backup;
mod config;
mod configured;
mod database;
pub(super) mod descriptors;
mod failure;
pub(super) mod files;
pub(super) mod findings;
mod import;
pub(super) mod log;
mod notary;
mod ready;
mod recover;
pub(super) mod reload;
pub(super) mod running;
mod secret;
pub(super) mod settings;
mod signer;
mod start;
pub(super) mod tls;
mod token;

use std::path::PathBuf;

use clap::Args;

use super::args::Global;
use super::environment::Environment;
use super::exit::{Code, Kind};
use super::output::{Failure, Output};
use super::process::guard_memory;
use configured::configured;
use settings::Settings;
use start::start;

#[derive(Args)]
#[command(after_help = "\
Without a certificate the server makes an authority and a certificate of its own, and says how docker on this host
comes to believe them. Online keys are kept under a secret in the data directory, or under the passphrase in
COUNTERSIGN_SERVER_PASSPHRASE. SIGHUP has certificates and passwords read again; SIGTERM and SIGINT end the server once
it has answered what it was asked.")]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,

    /// Take over notary-server's configuration (JSON); what is not understood is named
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    notary_config: Option<PathBuf>,

    /// Take over notary-signer's keys, as its configuration (JSON) names them; their passphrases are
    /// in NOTARY_SIGNER_ALIAS
    #[arg(long, value_name = "FILE")]
    signer_config: Option<PathBuf>,

    /// Say what would be done, and do not do it
    #[arg(long)]
    check: bool,

    /// Ask the server that runs on this host with this configuration whether it is ready, and end:
    /// exit code 0, or 5 with the reason
    #[arg(long, conflicts_with_all = ["check", "backup", "import", "recover"])]
    ready: bool,

    /// Copy the SQLite database into a new file, also while it is served, and end
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "recover"])]
    backup: Option<PathBuf>,

    /// Take over what `countersign rescue` fetched from another trust server, with its history and
    /// byte for byte, and end
    #[arg(long, value_name = "ARCHIVE", conflicts_with_all = ["check", "backup", "recover"])]
    import: Option<PathBuf>,

    /// After an older database was restored: number what the server signs past all that clients may
    /// have seen, and end
    #[arg(long, conflicts_with = "check")]
    recover: bool,

    /// A trust directory (docker's or notary's) of a client that saw newer files than were
    /// restored: they are taken over. May be repeated
    #[arg(long, value_name = "DIR", requires = "recover")]
    recover_from: Vec<PathBuf>,
}

/// What is to be done.
enum Task {
    Serve,
    Ready,
    Backup(PathBuf),
    Import(PathBuf),
    Recover(Vec<PathBuf>),
}

impl Arguments {
    fn task(&self) -> Task {
        match (&self.backup, &self.import) {
            (Some(copy), _) => Task::Backup(copy.clone()),
            (_, Some(archive)) => Task::Import(archive.clone()),
            _ if self.ready => Task::Ready,
            _ if self.recover => Task::Recover(self.recover_from.clone()),
            _ => Task::Serve,
        }
    }
}

/// Serves until a signal ends it.
pub(super) fn run(arguments: Arguments, global: &Global, output: Output) -> Result<Code, Failure> {
    guard_memory()?;
    let environment = Environment::read()?;
    let task = arguments.task();
    let config = configured(arguments, global, &environment, output)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| Failure::new(Kind::Other, format!("cannot serve: {error}")))?;
    if config.check {
        return runtime.block_on(findings::tell(&config, &environment, output));
    }
    match task {
        Task::Serve => {
            runtime.block_on(running::serve(config, &environment, output)).map(|()| Code::Done)
        }
        Task::Ready => runtime.block_on(ready::ask(&config, output)),
        Task::Backup(copy) => runtime.block_on(backup::copy(&config, &copy, output)),
        Task::Import(archive) => runtime.block_on(async {
            let server = start(&config, &environment, output).await?.server;
            import::all(&server, &archive, output).await
        }),
        Task::Recover(directories) => runtime.block_on(async {
            let server = start(&config, &environment, output).await?.server;
            recover::all(&server, &directories, output).await
        }),
    }
}

/// Judging is arithmetic; more threads than processors would only take memory.
const BLOCKING_THREADS: usize = 4;
