//! Docker on this host: whether it checks anything, and whether somebody believes that it does.

use std::path::PathBuf;

use super::{Finding, Id, Severity};
use crate::docker::command_line::go_bool;

/// What is known of docker on this host.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// What `DOCKER_CONTENT_TRUST` asks for.
    pub trust: ContentTrust,
    /// Docker's own program: the first in `PATH` that is not our shim.
    pub docker: Option<DockerProgram>,
    /// Our shim.
    pub shim: Shim,
    /// The plugin `docker-trust`.
    pub plugin: Plugin,
    /// Whether there is buildx, so that docker builds with BuildKit.
    pub buildx: bool,
    /// `DOCKER_CONTENT_TRUST_SERVER`.
    pub trust_server: Option<String>,
    /// The daemon.
    pub daemon: Daemon,
}

/// What `DOCKER_CONTENT_TRUST` asks for, by docker's rules.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ContentTrust {
    /// It is not set.
    #[default]
    Unset,
    /// Set to something false.
    Off,
    /// Set to something true.
    On,
    /// Set to what is neither, which docker takes for true.
    Odd(String),
}

impl ContentTrust {
    /// Reads the variable: Go's `strconv.ParseBool`, and what that does not know is on.
    pub fn read(value: Option<&str>) -> Self {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Self::Unset };
        match go_bool(value) {
            Some(true) => Self::On,
            Some(false) => Self::Off,
            None => Self::Odd(value.chars().take(40).collect()),
        }
    }

    /// Whether docker would check.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On | Self::Odd(_))
    }
}

/// A docker program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DockerProgram {
    /// Where it is.
    pub path: PathBuf,
    /// Its major version, if it said one.
    pub major: Option<u32>,
}

/// Whether `docker` is us.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Shim {
    /// Not anywhere in `PATH`.
    #[default]
    Absent,
    /// The first `docker` in `PATH`.
    First(PathBuf),
    /// In `PATH`, behind another `docker`.
    Behind(PathBuf),
}

/// The plugin `docker-trust`, where docker would find it first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Plugin {
    /// Nowhere.
    #[default]
    Absent,
    /// It is this program.
    Ours(PathBuf),
    /// Somebody else's.
    Another(PathBuf),
    /// Something that cannot be run.
    Broken(PathBuf),
}

/// Docker's daemon.
#[derive(Clone, Debug, Default)]
pub struct Daemon {
    /// Where nothing protects the way to it: who names it, `DOCKER_HOST` or a context, and its
    /// address.
    pub unprotected: Option<(String, String)>,
    /// Registries to which it speaks without checking whom it talks to, as its configuration says.
    pub insecure_registries: Vec<String>,
}

/// What is to be said of docker on this host.
pub fn host_findings(host: &Host) -> Vec<Finding> {
    let findings = [
        unheard(host),
        odd(host),
        unset(host),
        shim_behind(host),
        builds(host),
        plugin(host),
        plain_server(host),
        plain_daemon(host),
    ];
    let insecure = host.daemon.insecure_registries.iter().map(|registry| {
        let message = format!(
            "the daemon pulls from {registry} without checking whom it talks to; what is verified by digest stays bound"
        );
        Finding::new(Id::InsecureRegistry, Severity::Note, "daemon.json", message, format!("take {registry} out of insecure-registries in /etc/docker/daemon.json"))
    });
    findings.into_iter().flatten().chain(insecure).collect()
}

/// The worst: asked to check, and nobody does.
fn unheard(host: &Host) -> Option<Finding> {
    let docker = host.docker.as_ref()?;
    let ignores = docker.major.is_some_and(|major| major >= FIRST_WITHOUT);
    if !host.trust.is_on() || !ignores || matches!(host.shim, Shim::First(_)) {
        return None;
    }
    let message = format!(
        "DOCKER_CONTENT_TRUST is on, and {} (docker {}) ignores it without a word: unsigned images are pulled and run",
        docker.path.display(),
        docker.major.unwrap_or_default()
    );
    Some(Finding::new(
        Id::DockerIgnoresTrust,
        Severity::Unverified,
        "DOCKER_CONTENT_TRUST",
        message,
        "countersign docker --install-shim DIR, with DIR before docker in PATH",
    ))
}

fn odd(host: &Host) -> Option<Finding> {
    let ContentTrust::Odd(value) = &host.trust else { return None };
    let message = format!("{value:?} is no boolean, and counts as on");
    Some(Finding::new(
        Id::TrustVariableOdd,
        Severity::Warning,
        "DOCKER_CONTENT_TRUST",
        message,
        "export DOCKER_CONTENT_TRUST=1 (or 0)",
    ))
}

fn unset(host: &Host) -> Option<Finding> {
    if host.trust.is_on() || host.docker.is_none() {
        return None;
    }
    let message = "is not on: docker pulls and runs whatever a tag points to".to_owned();
    Some(Finding::new(
        Id::TrustOff,
        Severity::Note,
        "DOCKER_CONTENT_TRUST",
        message,
        "export DOCKER_CONTENT_TRUST=1",
    ))
}

fn shim_behind(host: &Host) -> Option<Finding> {
    let Shim::Behind(path) = &host.shim else { return None };
    let message = "our docker stands behind another one in PATH, and is never called".to_owned();
    let subject = path.display().to_string();
    let severity = if host.trust.is_on() { Severity::Unverified } else { Severity::Warning };
    let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    Some(Finding::new(
        Id::ShimBehind,
        severity,
        &subject,
        message,
        format!("export PATH={folder}:$PATH"),
    ))
}

/// docker checks what its classic builder takes, and BuildKit never asks.
fn builds(host: &Host) -> Option<Finding> {
    let docker = host.docker.as_ref()?;
    let major = docker.major?;
    let checks = (FIRST_WITH_BUILDKIT..FIRST_WITHOUT).contains(&major);
    if !host.trust.is_on() || !checks || !host.buildx || matches!(host.shim, Shim::First(_)) {
        return None;
    }
    let message = format!(
        "DOCKER_CONTENT_TRUST is on, and docker {major} builds with BuildKit, which takes unsigned base images"
    );
    Some(Finding::new(
        Id::BuildUnchecked,
        Severity::Unverified,
        "docker build",
        message,
        "countersign docker build …, or countersign docker --install-shim DIR",
    ))
}

fn plugin(host: &Host) -> Option<Finding> {
    let needed = host.docker.as_ref().and_then(|it| it.major).is_some_and(|it| it >= FIRST_WITHOUT);
    match &host.plugin {
        Plugin::Absent if needed => {
            let message = "docker 29 and later have no `docker trust` of their own".to_owned();
            Some(Finding::new(
                Id::PluginMissing,
                Severity::Note,
                "docker trust",
                message,
                "countersign docker-trust --install",
            ))
        }
        Plugin::Broken(path) => {
            let message = "docker cannot run this plugin".to_owned();
            let subject = path.display().to_string();
            Some(Finding::new(
                Id::PluginBroken,
                Severity::Warning,
                subject,
                message,
                "countersign docker-trust --install",
            ))
        }
        Plugin::Another(path) => {
            let message =
                "not this program; docker's own plugin removes no signer when told to".to_owned();
            let subject = path.display().to_string();
            let remedy = format!("rm {subject} && countersign docker-trust --install");
            Some(Finding::new(Id::PluginForeign, Severity::Note, subject, message, remedy))
        }
        Plugin::Absent | Plugin::Ours(_) => None,
    }
}

fn plain_server(host: &Host) -> Option<Finding> {
    let server = host.trust_server.as_deref()?;
    if server.starts_with("https://") {
        return None;
    }
    let message = "is no https address, and every look-up will fail".to_owned();
    let subject = "DOCKER_CONTENT_TRUST_SERVER";
    Some(Finding::new(
        Id::TrustServerPlain,
        Severity::Broken,
        subject,
        message,
        "export DOCKER_CONTENT_TRUST_SERVER=https://HOST[:PORT]",
    ))
}

fn plain_daemon(host: &Host) -> Option<Finding> {
    let (named_by, address) = host.daemon.unprotected.as_ref()?;
    let message = format!(
        "the daemon is {address}, and nothing protects the way to it: whoever is on it runs what he likes"
    );
    Some(Finding::new(
        Id::DaemonPlain,
        Severity::Unverified,
        named_by.clone(),
        message,
        "have the daemon speak TLS and export DOCKER_TLS_VERIFY=1, or use ssh://",
    ))
}

/// The docker that builds with BuildKit unless told otherwise.
const FIRST_WITH_BUILDKIT: u32 = 23;
/// The docker that lost content trust.
const FIRST_WITHOUT: u32 = 29;

#[cfg(test)]
mod tests;
