//! `--check`: what would be done, and what a start would run into. Nothing is touched.
//!
//! What is taken now, an address or a database, may be free when the server starts, so it is told and
//! no failure; everything else that a start would fail on is one.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use rustix::fs::{Access as May, access, statvfs};
use serde_json::json;

use super::config::Config;
use super::database::{self, Database};
use super::{access as doors, descriptors, tls, token};
use crate::cli::environment::Environment;
use crate::cli::exit::{Code, Kind};
use crate::cli::output::{Failure, Output};
use crate::storage::metadata::{Glance, glance};

/// Says what would be done; ends with the code that a start would end with.
pub(super) async fn tell(
    config: &Config,
    environment: &Environment,
    output: Output,
) -> Result<Code, Failure> {
    say(&config.describe(), output);
    if let (_, Some(fewer)) = descriptors::raised(config.options().limits.connections) {
        say(&fewer, output);
    }
    let places = [data(config), file(config), listening(config.listen)];
    let files = [
        tls::configured(config.tls.as_ref()).map(|_| None),
        config.auth.as_ref().map_or(Ok(None), |auth| doors::known(auth).map(|_| None)),
    ];
    let mut worst = Code::Done;
    for found in places.into_iter().chain(files) {
        match found {
            Ok(None) => {}
            Ok(Some(line)) => say(&line, output),
            Err(failure) => worst = worst.max(output.refusal(None, &failure)),
        }
    }
    say(&elsewhere(config, environment).await?, output);
    Ok(worst)
}

/// Lines of the answer, each an object in JSON.
fn say(lines: &str, output: Output) {
    lines.lines().for_each(|line| output.answer_as(line, &json!({"check": line})));
}

/// What would be done to databases on servers and with tokens, and found there.
async fn elsewhere(config: &Config, environment: &Environment) -> Result<String, Failure> {
    let mut text = database::outlook(config).await?.to_string();
    if let Some(signer) = &config.signer {
        text += &signer.outlook(config, environment).await?;
    }
    if let Some(token) = &config.token {
        text += &token::outlook(token)?;
    }
    Ok(text)
}

/// A line worth telling, or what is in the way.
type Found = Result<Option<String>, Failure>;

/// The data directory.
fn data(config: &Config) -> Found {
    let place = config.data();
    let Some(there) = place.ancestors().find(|path| path.exists()) else { return Ok(None) };
    let (told, there_told) = (place.display(), there.display());
    let refuse = |kind, problem: String| Err(Failure::new(kind, problem));
    if !there.is_dir() {
        return refuse(Kind::Disk, format!("{there_told} is no directory"));
    }
    if let Err(error) = access(there, May::WRITE_OK | May::EXEC_OK) {
        return refuse(Kind::Disk, format!("{there_told} cannot be written to: {error}"));
    }
    let free = statvfs(there).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    if free < LEAST_FREE {
        return refuse(Kind::Disk, format!("{told}: only {} KiB are free there", free / 1024));
    }
    Ok(match () {
        () if there != place => Some(format!("make {told}")),
        () => open_to_everybody(place),
    })
}

/// Says if whoever is on this host may put other files into the data directory.
pub(in crate::cli) fn warn_of_open_doors(data: &Path, output: Output) {
    open_to_everybody(data).iter().for_each(|line| output.notice(line));
}

fn open_to_everybody(place: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let open = place.metadata().is_ok_and(|it| it.is_dir() && it.permissions().mode() & 0o002 != 0);
    let place = place.display();
    open.then(|| format!("everybody on this host may replace files in {place}: chmod o-w {place}"))
}

/// The database, if it is a file.
fn file(config: &Config) -> Found {
    let path = match &config.database {
        None => config.data().join(database::NAME),
        Some(Database::Sqlite(path)) => path.clone(),
        Some(_) => return Ok(None),
    };
    let told = path.display();
    match glance(&path).map_err(|error| database::failure(&error))? {
        Glance::Nothing => Ok(Some(format!("make the database {told}"))),
        Glance::Idle => Ok(Some(format!("go on with the database {told}"))),
        Glance::InUse => Ok(Some(format!("another process has {told} open now, and has to end"))),
    }
}

fn listening(address: SocketAddr) -> Found {
    match TcpListener::bind(address) {
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Ok(Some(format!("another process listens on {address} now, and has to end")))
        }
        Err(error) => {
            Err(Failure::new(Kind::Network, format!("cannot listen on {address}: {error}")))
        }
    }
}

/// Bytes: a database that has just been made, and its first publications.
const LEAST_FREE: u64 = 4 << 20;
