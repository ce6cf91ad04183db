//! A look at docker on this host.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::MAX_BYTES;
use crate::cli::environment::Environment;
use crate::docker::checkup::{ContentTrust, Daemon, DockerProgram, Host, Plugin, Shim};
use crate::docker::engine::{Endpoint, Program};
use crate::storage::read_regular;

/// What there is. docker's program is started for its version, and nothing else.
pub(super) fn look(environment: &Environment) -> Host {
    let (shim, docker) = programs(environment);
    let plugin = plugin(environment);
    Host {
        trust: ContentTrust::read(environment.variable("DOCKER_CONTENT_TRUST")),
        docker: docker.map(|path| DockerProgram { major: major_version(&path), path }),
        shim,
        plugin,
        buildx: plugin_folders(environment).iter().any(|it| it.join("docker-buildx").exists()),
        trust_server: environment.variable("DOCKER_CONTENT_TRUST_SERVER").map(str::to_owned),
        daemon: Daemon {
            unprotected: unprotected(environment),
            insecure_registries: insecure_registries(),
        },
    }
}

/// Our shim and docker's own program, as `PATH` finds them.
fn programs(environment: &Environment) -> (Shim, Option<PathBuf>) {
    let (mut shim, mut docker) = (Shim::Absent, None);
    for folder in std::env::split_paths(environment.path()) {
        let candidate = folder.join("docker");
        if !candidate.is_file() {
            continue;
        }
        match (is_us(&candidate), &shim, &docker) {
            (true, Shim::Absent, None) => shim = Shim::First(candidate),
            (true, Shim::Absent, Some(_)) => shim = Shim::Behind(candidate),
            (false, _, None) => docker = Some(candidate),
            _ => {}
        }
    }
    (shim, docker)
}

/// Whether a path leads to this program, or to another copy of it.
fn is_us(path: &Path) -> bool {
    let us = std::env::current_exe().and_then(fs::canonicalize);
    match (fs::canonicalize(path), us) {
        (Ok(found), Ok(us)) => found == us || found.file_name() == Some(OsStr::new(OUR_NAME)),
        _ => false,
    }
}

/// The number before the first dot of `docker --version`; of a program that anybody could have
/// put there it is not asked.
fn major_version(path: &Path) -> Option<u32> {
    let program = Program::at(path).ok()?;
    let mut child = Command::new(program.path())
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + PATIENCE;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(POLL);
    }
    let output = child.wait_with_output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.strip_prefix("Docker version ")?.split('.').next()?.parse().ok()
}

/// Where docker looks for plugins, in its order (docker/cli `cli-plugins/manager`).
fn plugin_folders(environment: &Environment) -> Vec<PathBuf> {
    let config = environment.docker_config().ok();
    let extra = config.iter().flat_map(|config| extra_folders(&config.join("config.json")));
    let own = config.iter().map(|config| config.join("cli-plugins"));
    let system = SYSTEM_FOLDERS.iter().map(PathBuf::from);
    extra.chain(own).chain(system).collect()
}

fn extra_folders(config: &Path) -> Vec<PathBuf> {
    let text = read_regular(config, MAX_BYTES).unwrap_or_default();
    let configuration: Configuration = serde_json::from_slice(&text).unwrap_or_default();
    configuration.extra_folders
}

fn plugin(environment: &Environment) -> Plugin {
    let places = plugin_folders(environment).into_iter().map(|it| it.join("docker-trust"));
    let Some(place) = places.into_iter().find(|place| place.symlink_metadata().is_ok()) else {
        return Plugin::Absent;
    };
    if is_us(&place) {
        return Plugin::Ours(place);
    }
    match Program::at(&place) {
        Ok(_) => Plugin::Another(place),
        Err(_) => Plugin::Broken(place),
    }
}

/// Who names a daemon to which nothing protects the way, and its address.
fn unprotected(environment: &Environment) -> Option<(String, String)> {
    let variable = |name: &str| environment.variable(name).map(str::to_owned);
    let endpoint = Endpoint::find(variable, &environment.docker_config().ok()?.join("config.json"));
    let named_by = match &endpoint {
        Endpoint::Context { name, .. } => format!("context {name}"),
        _ => "DOCKER_HOST".to_owned(),
    };
    Some((named_by, endpoint.unprotected()?.to_owned()))
}

fn insecure_registries() -> Vec<String> {
    let text = read_regular(Path::new(DAEMON_CONFIGURATION), MAX_BYTES).unwrap_or_default();
    let configuration: DaemonConfiguration = serde_json::from_slice(&text).unwrap_or_default();
    configuration.insecure_registries
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    #[serde(rename = "cliPluginsExtraDirs")]
    extra_folders: Vec<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct DaemonConfiguration {
    insecure_registries: Vec<String>,
}

const OUR_NAME: &str = "countersign";
const DAEMON_CONFIGURATION: &str = "/etc/docker/daemon.json";
const SYSTEM_FOLDERS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);
