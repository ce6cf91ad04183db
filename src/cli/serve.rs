//! `serve`: the trust server.

mod config;
mod database;
mod import;
mod notary;
mod ready;
mod recover;
mod secret;
mod settings;
mod signer;
mod tls;
mod token;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::Global;
use super::environment::{Environment, clock};
use super::exit::{Code, Kind};
use super::output::{Failure, Output};
use super::process::guard_memory;
use crate::crypto;
use crate::server::{
    Access, Clock, Level, Listener, Log, MasterSecret, OnlineKeys, Passwords, Readers, Server, Tls,
    Tokens,
};
use crate::storage::DataDirectory;
use crate::storage::metadata::{self, MetadataStore};
use config::{Auth, Config};
use database::Database;
use settings::Settings;

#[derive(Args)]
#[command(after_help = "\
Without a certificate the server makes an authority and a certificate of its own, and says how docker on this host
comes to believe them. Online keys are kept under a secret in the data directory, or under the passphrase in
COUNTERSIGN_SERVER_PASSPHRASE. SIGHUP has the certificate read again; SIGTERM and SIGINT end the server once it has
answered what it was asked.")]
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
    let environment = Environment::read();
    let task = arguments.task();
    let config = configured(arguments, global, &environment, output)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| Failure::new(Kind::Other, format!("cannot serve: {error}")))?;
    if config.check {
        output.page(&config.describe());
        output.page(&runtime.block_on(outlook(&config, &environment))?);
        return Ok(Code::Done);
    }
    match task {
        Task::Serve => runtime.block_on(serve(config, &environment, output)).map(|()| Code::Done),
        Task::Ready => runtime.block_on(ready::ask(&config)),
        Task::Backup(copy) => runtime.block_on(backup(&config, &copy, output)),
        Task::Import(archive) => runtime.block_on(async {
            let (server, _) = start(&config, &environment, output).await?;
            import::all(&server, &archive, output).await
        }),
        Task::Recover(directories) => runtime.block_on(async {
            let (server, _) = start(&config, &environment, output).await?;
            recover::all(&server, &directories, output).await
        }),
    }
}

async fn backup(config: &Config, copy: &Path, output: Output) -> Result<Code, Failure> {
    let database = match &config.database {
        None => config.data().join(database::NAME),
        Some(Database::Sqlite(path)) => path.clone(),
        Some(_) => {
            let told =
                "--backup copies an SQLite database; other databases have tools of their own";
            return Err(Failure::new(Kind::Usage, told));
        }
    };
    let copied = metadata::backup(&database, copy).await;
    let collections = copied.map_err(|error| Failure::of(Kind::Disk, &error))?;
    output.notice(&format!("{}: {collections} collections", copy.display()));
    Ok(Code::Done)
}

/// The server, apart from its socket, and its data directory.
async fn start(
    config: &Config,
    environment: &Environment,
    output: Output,
) -> Result<(Server, DataDirectory), Failure> {
    let data = DataDirectory::create(config.data())?;
    let store = database::open(config, &data).await?;
    let unusable = |error: crypto::Error| Failure::of(Kind::KeyStore, &error);
    let (keys, secret) = match &config.signer {
        // Its keys have passphrases of their own; what else is secret lasts until the end.
        Some(signer) => {
            let secret = MasterSecret::generate().map_err(unusable)?;
            (signer.keys(config, environment, output).await?, secret)
        }
        None => {
            let secret = own_secret(environment, &data, &*store).await?;
            let algorithm = config.key_algorithm.algorithm();
            (OnlineKeys::new(&secret, algorithm).map_err(unusable)?, secret)
        }
    };
    let keys = match &config.token {
        Some(token) => keys.with_held(token::keys(token, environment)?),
        None => keys,
    };
    let access = access(config.auth.as_ref(), &secret)?;
    drop(secret);
    let log = Log::new(config.level, Clock::new(clock), |line| {
        // In one piece, that lines of several threads stay lines. Nobody is left to be told that
        // stderr cannot be written.
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    });
    let server = Server::new(store, keys, access, config.options(), Clock::new(clock), log);
    Ok((server, data))
}

/// What files say, and over it what the environment and the command line say.
fn configured(
    arguments: Arguments,
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<Config, Failure> {
    let variable = || environment.variable("COUNTERSIGN_SERVER_CONFIG").map(PathBuf::from);
    let file = global.config.clone().or_else(variable);
    let mut config = match (&arguments.notary_config, &file) {
        (Some(path), _) => {
            let (config, remarks) = notary::read(path, environment)?;
            remarks.iter().for_each(|remark| output.notice(remark));
            config
        }
        (None, Some(path)) => Config::read(path)?,
        (None, None) => Config::default(),
    };
    config.check = arguments.check;
    if let Some(path) = &arguments.signer_config {
        config.signer = Some(signer::read(path, environment)?);
    }
    if config.had_signer && config.signer.is_none() {
        output.notice(
            "trust_service.type: the keys that notary-signer keeps are not at hand without --signer-config",
        );
    }
    let mut config = arguments.settings.over(config, environment)?;
    config.level = match output.verbosity {
        super::output::Verbosity::Quiet => Level::Error,
        super::output::Verbosity::Verbose => Level::Debug,
        super::output::Verbosity::Usual => config.level,
    };
    Ok(config)
}

async fn serve(config: Config, environment: &Environment, output: Output) -> Result<(), Failure> {
    let (server, data) = start(&config, environment, output).await?;
    let (tls, authority) = tls::of(&config, &data)?;
    let listener = Listener::bind(config.listen, Some(tls.clone()));
    let listener = listener.await.map_err(|error| {
        Failure::new(Kind::Network, format!("cannot listen on {}: {error}", config.listen))
    })?;
    let (ended, hang_up) = (ended(), signal(SignalKind::hangup()).ok());
    let address = listener.address().unwrap_or(config.listen);
    output.answer(&format!("https://{address}"));
    if let Some(authority) = authority {
        say_how_to_trust(output, address, &authority);
    }
    let renewing = server.clone();
    let renewal = tokio::spawn(async move { renewing.keep_renewing().await });
    let counting = server.clone();
    let counts = tokio::spawn(async move { counting.keep_counting().await });
    let (draining, pause) = (server.clone(), config.drain);
    let stop = async move {
        ended.await;
        draining.drain();
        tokio::time::sleep(pause).await;
    };
    let reloading = tokio::spawn(reload(hang_up, config, tls, output));
    listener.serve(server, stop).await;
    renewal.abort();
    counts.abort();
    reloading.abort();
    Ok(())
}

/// The secret of the online keys that are the server's own.
async fn own_secret(
    environment: &Environment,
    data: &DataDirectory,
    store: &dyn MetadataStore,
) -> Result<MasterSecret, Failure> {
    let passphrase = environment.variable("COUNTERSIGN_SERVER_PASSPHRASE");
    secret::master(data, passphrase, store).await
}

/// What would be done to databases on servers, and found there.
async fn outlook(config: &Config, environment: &Environment) -> Result<String, Failure> {
    let mut text = database::outlook(config).await?.to_string();
    if let Some(signer) = &config.signer {
        text += &signer.outlook(config, environment).await?;
    }
    if let Some(token) = &config.token {
        text += &token::outlook(token)?;
    }
    Ok(text)
}

fn access(auth: Option<&Auth>, master: &MasterSecret) -> Result<Access, Failure> {
    match auth {
        None => Ok(Access::Open),
        Some(Auth::Token(token)) => {
            let certificates = read_small(&token.certificates)?;
            Tokens::new(
                token.realm.clone(),
                token.issuer.clone(),
                token.service.clone(),
                &certificates,
            )
            .map(Access::Tokens)
            .map_err(|error| unusable(&token.certificates, &error.to_string()))
        }
        Some(Auth::Htpasswd(htpasswd)) => {
            let text = read_small(&htpasswd.file)?;
            let readers = match htpasswd.anonymous_read {
                true => Readers::Anybody,
                false => Readers::Nobody,
            };
            let text = String::from_utf8(text).map_err(|_| unusable(&htpasswd.file, "no text"))?;
            let passwords = Passwords::parse(&text, readers).map_err(|line| {
                unusable(&htpasswd.file, &format!("line {line} is no `name:$2y$…` (htpasswd -B)"))
            })?;
            Ok(Access::Passwords(passwords.with_tickets(master)))
        }
    }
}

/// Reads the certificate again whenever we are told to.
async fn reload(hang_up: Option<Signal>, config: Config, tls: Tls, output: Output) {
    let Some(mut hang_up) = hang_up else { return };
    while hang_up.recv().await.is_some() {
        match tls::configured(&config) {
            Ok(Some(new)) => {
                tls.replace(&new);
                output.notice("the certificate was read again");
            }
            Ok(None) => {}
            Err(failure) => {
                output.refusal_aside(Some("the old certificate stays"), &failure);
            }
        }
    }
}

/// Ends at a signal that ends us. From now on, not only once somebody waits: whoever reads where we
/// listen may tell us to end at once.
fn ended() -> impl Future<Output = ()> {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    let [terminate, interrupt] = kinds.map(|kind| signal(kind).ok());
    async {
        tokio::select! {
            () = received(terminate) => {}
            () = received(interrupt) => {}
        }
    }
}

async fn received(signal: Option<Signal>) {
    match signal {
        Some(mut signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn say_how_to_trust(output: Output, address: SocketAddr, authority: &Path) {
    let host = match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    };
    output.notice(
        "This server made its own certificate authority. To have docker on this host believe it:",
    );
    output.notice(&format!(
        "  install -D -m 644 {} ~/.docker/tls/{host}/ca.crt",
        authority.display()
    ));
    output.notice(&format!("  export DOCKER_CONTENT_TRUST_SERVER=https://{host}"));
}

fn read_small(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unusable(path, &error.to_string()))?;
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| unusable(path, &error.to_string()))?;
    Ok(bytes)
}

fn unusable(path: &Path, problem: &str) -> Failure {
    Failure::new(Kind::Usage, format!("{}: {problem}", path.display()))
}

/// Judging is arithmetic; more threads than processors would only take memory.
const BLOCKING_THREADS: usize = 4;
const MAX_BYTES: u64 = 1 << 20;
