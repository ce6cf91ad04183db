//! Which daemon docker's program speaks to (docker/cli `cli/command/cli.go`, `resolveContextName`,
//! and `cli/context/store`).

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::crypto::Sha256;
use crate::storage::read_regular;

/// The daemon that docker's program speaks to when no option says otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// Docker's own socket on this machine.
    Default,
    /// At this address, as `DOCKER_HOST` says.
    Host {
        /// With its scheme.
        address: String,
        /// Whether TLS protects the way to it, where the address does not say so.
        is_protected: bool,
    },
    /// At the address that a context says.
    Context {
        /// The context's name.
        name: String,
        /// With its scheme; `None` if the context cannot be read, and docker shall say so.
        address: Option<String>,
        /// Whether TLS protects the way to it, where the address does not say so.
        is_protected: bool,
    },
}

impl Endpoint {
    /// What docker would take: `DOCKER_HOST`, else the context of `DOCKER_CONTEXT`, else that of
    /// its configuration file.
    pub fn find(variable: impl Fn(&str) -> Option<String>, config_file: &Path) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(host) = set("DOCKER_HOST") {
            let is_protected = set("DOCKER_TLS_VERIFY").is_some();
            return Self::Host { address: with_scheme(host), is_protected };
        }
        let named = set("DOCKER_CONTEXT").or_else(|| current_context(config_file));
        match named.filter(|name| !name.is_empty() && name != "default") {
            None => Self::Default,
            Some(name) => in_context(name, &config_file.with_file_name("contexts")),
        }
    }

    /// The socket to ask without docker's program, if it would use one of this machine. In a context
    /// it is docker that is asked.
    pub fn socket(&self) -> Option<PathBuf> {
        match self {
            Self::Default => Some(PathBuf::from(DEFAULT_SOCKET)),
            Self::Host { address, .. } => address
                .strip_prefix("unix://")
                .filter(|path| path.starts_with('/'))
                .map(PathBuf::from),
            Self::Context { .. } => None,
        }
    }

    /// Where the daemon is, for people, unless it is on this machine.
    pub fn elsewhere(&self) -> Option<String> {
        match self {
            Self::Default => None,
            Self::Host { address, .. } => Some(address.clone()).filter(|it| !is_local(it)),
            Self::Context { name, address: None, .. } => Some(format!("that of context {name}")),
            Self::Context { name, address: Some(address), .. } => {
                (!is_local(address)).then(|| format!("{address}, as context {name} says"))
            }
        }
    }

    /// The daemon's address, if anybody on the way to it can take its place.
    pub fn unprotected(&self) -> Option<&str> {
        match self {
            Self::Host { address, is_protected }
            | Self::Context { address: Some(address), is_protected, .. } => {
                let is_plain = address.starts_with("tcp://") || address.starts_with("http://");
                (is_plain && !is_protected).then_some(address)
            }
            _ => None,
        }
    }
}

/// Docker takes an address without a scheme for one of TCP (docker/cli `opts/hosts.go`).
fn with_scheme(host: String) -> String {
    let host = host.trim();
    if host.contains("://") { host.to_owned() } else { format!("tcp://{host}") }
}

fn is_local(address: &str) -> bool {
    address.starts_with("unix://") || address.starts_with("fd://")
}

/// What lies below `contexts` for a context: `meta/ID/meta.json`, `tls/ID/docker/*.pem`.
fn in_context(name: String, contexts: &Path) -> Endpoint {
    let id = Sha256::of(name.as_bytes()).to_string();
    let file = contexts.join("meta").join(&id).join("meta.json");
    let read = read_regular(&file, MAX_CONFIGURATION).ok();
    let read = read.and_then(|text| serde_json::from_slice::<Context>(&text).ok());
    let Some(docker) = read.and_then(|context| context.endpoints.docker) else {
        return Endpoint::Context { name, address: None, is_protected: false };
    };
    let has_tls = contexts.join("tls").join(&id).join("docker").is_dir();
    let address = docker.host.filter(|host| !host.is_empty());
    let address = Some(address.unwrap_or_else(|| format!("unix://{DEFAULT_SOCKET}")));
    Endpoint::Context { name, address, is_protected: has_tls && !docker.skips_verification }
}

fn current_context(config_file: &Path) -> Option<String> {
    let text = read_regular(config_file, MAX_CONFIGURATION).ok()?;
    serde_json::from_slice::<Configuration>(&text).ok()?.current_context
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(rename = "Endpoints")]
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host")]
    host: Option<String>,
    #[serde(rename = "SkipTLSVerify", default)]
    skips_verification: bool,
}

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Bytes.
const MAX_CONFIGURATION: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Docker's directory.
    struct Docker(tempfile::TempDir);

    impl Docker {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn found(&self, variables: &[(&str, &str)]) -> Endpoint {
            let lookup = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Endpoint::find(lookup, &self.0.path().join("config.json"))
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }

        fn context(&self, name: &str, docker: &str) {
            let id = Sha256::of(name.as_bytes());
            let meta =
                format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{docker}}}}}"#);
            self.write(&format!("contexts/meta/{id}/meta.json"), &meta);
        }
    }

    #[test]
    fn the_socket_is_the_one_that_docker_would_use() {
        let docker = Docker::new();
        let socket = |variables: &[(&str, &str)]| docker.found(variables).socket();
        assert_eq!(socket(&[]), Some(PathBuf::from(DEFAULT_SOCKET)));
        assert_eq!(socket(&[("DOCKER_HOST", "unix:///x.sock")]), Some(PathBuf::from("/x.sock")));
        for elsewhere in ["tcp://h:2375", "ssh://h", "unix://x.sock", "npipe:////./pipe/d"] {
            assert_eq!(socket(&[("DOCKER_HOST", elsewhere)]), None, "{elsewhere}");
        }
        assert_eq!(socket(&[("DOCKER_CONTEXT", "prod")]), None);
        assert!(socket(&[("DOCKER_CONTEXT", "default")]).is_some());
        docker.write("config.json", r#"{"currentContext":"prod"}"#);
        assert_eq!(socket(&[]), None);
        assert!(socket(&[("DOCKER_HOST", "unix:///x.sock")]).is_some(), "the variable wins");
        assert!(socket(&[("DOCKER_CONTEXT", "default")]).is_some(), "so does this one");
    }

    #[test]
    fn a_daemon_elsewhere_is_told_whoever_names_it() {
        let docker = Docker::new();
        docker.context("prod", r#"{"Host":"tcp://daemon.example.com:2375","SkipTLSVerify":false}"#);
        docker.context("rootless", r#"{"Host":"unix:///run/user/1000/docker.sock"}"#);
        docker.context("far", r#"{"Host":"ssh://root@daemon.example.com"}"#);
        docker.context("odd", "7");
        for (variables, elsewhere, is_plain) in [
            (&[] as &[(&str, &str)], None, false),
            (&[("DOCKER_HOST", "unix:///x")], None, false),
            (&[("DOCKER_HOST", "tcp://h:2375")], Some("tcp://h:2375"), true),
            (&[("DOCKER_HOST", "h:2375")], Some("tcp://h:2375"), true),
            (
                &[("DOCKER_HOST", "tcp://h:2376"), ("DOCKER_TLS_VERIFY", "1")],
                Some("tcp://h:2376"),
                false,
            ),
            (
                &[("DOCKER_CONTEXT", "prod")],
                Some("tcp://daemon.example.com:2375, as context prod says"),
                true,
            ),
            (
                &[("DOCKER_CONTEXT", "prod"), ("DOCKER_TLS_VERIFY", "1")],
                Some("tcp://daemon.example.com:2375, as context prod says"),
                true,
            ),
            (&[("DOCKER_CONTEXT", "prod"), ("DOCKER_HOST", "unix:///x")], None, false),
            (&[("DOCKER_CONTEXT", "rootless")], None, false),
            (
                &[("DOCKER_CONTEXT", "far")],
                Some("ssh://root@daemon.example.com, as context far says"),
                false,
            ),
            (&[("DOCKER_CONTEXT", "odd")], Some("that of context odd"), false),
            (&[("DOCKER_CONTEXT", "../x")], Some("that of context ../x"), false),
        ] {
            let found = docker.found(variables);
            assert_eq!(found.elsewhere().as_deref(), elsewhere, "{variables:?}");
            assert_eq!(found.unprotected().is_some(), is_plain, "{variables:?}");
        }
        docker.write("config.json", r#"{"currentContext":"prod"}"#);
        assert!(docker.found(&[]).unprotected().is_some());
        let id = Sha256::of(b"prod");
        docker.write(&format!("contexts/tls/{id}/docker/ca.pem"), "");
        assert!(docker.found(&[]).unprotected().is_none(), "by TLS");
        docker.context("prod", r#"{"Host":"tcp://h:2376","SkipTLSVerify":true}"#);
        assert!(docker.found(&[]).unprotected().is_some(), "by TLS with whomever");
    }
}
