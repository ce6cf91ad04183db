//! `init`, `refresh`, `download`, over the same `client`, `verify` and `net` that the program uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use countersign::client::{self, Found, Refreshed, Roles, Wish};
use countersign::crypto::{Sha256, Sha512};
use countersign::net::{Deadline, Http, HttpOptions, PlainHttp, ServerUrl, StaticRepository};
use countersign::storage::{Accepted, Cache as _, FlatDirectory};
use countersign::tuf::{Dialect, Gun, Limits, Naming, Target};
use countersign::verify::{Anchor, FirstUse, Policy, TrustedRoot, Wanted};
use jiff::Timestamp;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The suite's grammar.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// Where trusted metadata is kept
    #[arg(long)]
    metadata_dir: PathBuf,
    /// Where the repository's metadata is
    #[arg(long)]
    metadata_url: Option<String>,
    /// What to download; may be repeated
    #[arg(long)]
    target_name: Vec<String>,
    /// Where the repository's targets are
    #[arg(long)]
    target_base_url: Option<String>,
    /// Where downloads go
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Trust this root
    Init {
        /// A root file
        root: PathBuf,
    },
    /// Bring the metadata up to date
    Refresh,
    /// Download targets
    Download,
}

/// Does what it is told, at that time.
pub(crate) async fn run(arguments: &Arguments, now: Timestamp) -> Result<()> {
    let cache = FlatDirectory::new(&arguments.metadata_dir);
    let policy = Arc::new(policy(now)?);
    match &arguments.command {
        Command::Init { root } => init(&cache, &policy, &std::fs::read(root)?),
        Command::Refresh => refresh(arguments, &cache, &policy).await.map(|_| ()),
        Command::Download => download(arguments, &cache, &policy).await,
    }
}

fn policy(now: Timestamp) -> Result<Policy> {
    Ok(Policy {
        dialect: Dialect::Tuf1,
        gun: Gun::raw("repository")?,
        anchor: Anchor::unpinned(FirstUse::Refuse),
        now,
        limits: Limits::default(),
        max_age: None,
    })
}

fn init(cache: &FlatDirectory, policy: &Arc<Policy>, bytes: &[u8]) -> Result<()> {
    let root = TrustedRoot::restore(Arc::clone(policy), bytes)?;
    Ok(cache.keep(&Accepted {
        root: Some((root.content().version, bytes.to_vec())),
        begun: None,
        files: Vec::new(),
        behind: false,
        dropped: Vec::new(),
        root_asked: false,
        confirmed: false,
        now: policy.now,
    })?)
}

async fn refresh(
    arguments: &Arguments,
    cache: &FlatDirectory,
    policy: &Arc<Policy>,
) -> Result<(Refreshed, StaticRepository)> {
    let metadata = repository(arguments.metadata_url.as_deref())?;
    let wish = Wish { roles: Roles::These(&[]), wanted: Wanted::Everything };
    let refreshed = client::refresh(Arc::clone(policy), cache, Some(&metadata), wish).await?;
    Ok((refreshed, metadata))
}

async fn download(
    arguments: &Arguments,
    cache: &FlatDirectory,
    policy: &Arc<Policy>,
) -> Result<()> {
    let (mut collection, metadata) = refresh(arguments, cache, policy).await?;
    let targets = repository(arguments.target_base_url.as_deref())?;
    let folder = arguments.target_dir.as_deref().ok_or("--target-dir is missing")?;
    for name in &arguments.target_name {
        let found = client::search(&mut collection, cache, Some(&metadata), name).await?;
        let Found { target, .. } = found.ok_or_else(|| format!("{name}: nobody signs it"))?;
        let naming = collection.targets.root().content().naming;
        fetch(&targets, naming, name, &target, folder).await?;
    }
    Ok(())
}

/// Downloads a target, unless the very file is there.
async fn fetch(
    targets: &StaticRepository,
    naming: Naming,
    name: &str,
    target: &Target,
    folder: &Path,
) -> Result<()> {
    let file = folder.join(quoted(name));
    if std::fs::read(&file).is_ok_and(|bytes| is(target, &bytes)) {
        return Ok(());
    }
    let path = target_path(naming, name, target);
    let bytes = targets.file(&path, target.length).await?;
    let bytes = bytes.ok_or_else(|| format!("{name}: the repository does not have it"))?;
    if !is(target, &bytes) {
        return Err(format!("{name}: not the file that was signed").into());
    }
    Ok(std::fs::write(file, bytes)?)
}

/// `dir/HASH.name` in repositories with consistent snapshots (TUF 1.0.34 §6.2).
fn target_path(naming: Naming, name: &str, target: &Target) -> String {
    let sha256 = target.hashes.sha256().map(|hash| hash.to_string());
    let hash = sha256.or_else(|| target.hashes.sha512().map(|hash| hash.to_string()));
    let (folder, file) = name.rsplit_once('/').map_or((None, name), |(at, it)| (Some(at), it));
    let file = match (naming, hash) {
        (Naming::Current, _) | (_, None) => file.to_owned(),
        (_, Some(hash)) => format!("{hash}.{file}"),
    };
    folder.map_or_else(|| file.clone(), |folder| format!("{folder}/{file}"))
}

fn is(target: &Target, bytes: &[u8]) -> bool {
    let sha256 = target.hashes.sha256().is_none_or(|hash| hash == Sha256::of(bytes));
    let sha512 = target.hashes.sha512().is_none_or(|hash| hash == Sha512::of(bytes));
    bytes.len() as u64 == target.length && sha256 && sha512
}

/// A target's name as one file name.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.bytes().fold(String::new(), |mut out, byte| {
        match plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

fn repository(url: Option<&str>) -> Result<StaticRepository> {
    let url = ServerUrl::parse(url.ok_or("a URL is missing")?, PlainHttp::Loopback)?;
    let http = Http::new(HttpOptions::default());
    Ok(StaticRepository::web(http, url, Deadline::after(PATIENCE)))
}

const PATIENCE: Duration = Duration::from_secs(60);
