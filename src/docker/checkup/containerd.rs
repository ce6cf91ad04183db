//! Where containerd pulls from, as its `certs.d/REGISTRY/hosts.toml` says.
//!
//! A file that leads to this host is there to have somebody decide, as `countersign proxy` does.
//! containerd asks the hosts of the file in their order and then its `server`, which is the registry
//! itself unless named; whoever is refused by one asks the next (containerd
//! `core/remotes/docker/config/hosts.go`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use url::{Host, Url};

use super::{Finding, Id, Severity};
use crate::docker::toml;

/// What is to be said of the file at this path.
pub fn containerd_finding(path: &str, text: &str) -> Option<Finding> {
    let message = match toml::parsed::<Hosts>(text) {
        Ok(hosts) => hosts.gap()?,
        Err(problem) if LOOPBACK.iter().any(|name| text.contains(name)) => {
            format!("{problem}: containerd cannot read it, and goes to the registry itself")
        }
        Err(_) => return None,
    };
    let remedy =
        "name one address, as server and in [host.\"…\"]; and try it with a tag that is not signed";
    Some(Finding::new(Id::ContainerdFallsBack, Severity::Warning, path, message, remedy))
}

#[derive(Deserialize)]
struct Hosts {
    server: Option<String>,
    #[serde(default)]
    host: BTreeMap<String, IgnoredAny>,
}

impl Hosts {
    /// How containerd comes past an address of this host that the file names.
    fn gap(&self) -> Option<String> {
        let server = self.server.as_deref().filter(|server| !server.is_empty());
        let named = || self.host.keys().map(String::as_str).chain(server);
        let (ours, place) = named().find_map(|it| Some((it, here(it)?)))?;
        let other = named().find(|it| here(it).as_ref() != Some(&place));
        match (server, other) {
            (_, Some(other)) => Some(format!(
                "what {ours} refuses, containerd asks for at {other}: if countersign proxy is the one, nobody looks at what comes from the other"
            )),
            (None, None) => Some(format!(
                "it names no server: what {ours} refuses, as countersign proxy does, containerd asks for at the registry itself"
            )),
            (Some(_), None) if self.host.is_empty() => Some(
                "it has no [host.\"…\"]: containerd 1.6 cannot read it, and goes to the registry itself"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// The scheme and the port of an address of this host, whatever it is called.
fn here(address: &str) -> Option<(String, Option<u16>)> {
    let address = match address.contains("://") {
        true => address.to_owned(),
        false => format!("https://{address}"),
    };
    let url = Url::parse(&address).ok()?;
    let is_here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    is_here.then(|| (url.scheme().to_owned(), url.port_or_known_default()))
}

const LOOPBACK: [&str; 3] = ["://127.", "://localhost", "://[::1]"];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&'static str, String)> {
        let finding = containerd_finding("/d/registry.example.com/hosts.toml", text);
        finding.into_iter().map(|it| (it.id.as_str(), it.message)).collect()
    }

    #[test]
    fn a_way_past_the_proxy_is_found_and_its_honest_twin_is_not() {
        let host = "[host.\"http://127.0.0.1:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n";
        let server = "server = \"http://127.0.0.1:5000\"\n";
        for (text, why) in [
            (host.to_owned(), "names no server"),
            (format!("server = \"\"\n{host}"), "names no server"),
            (
                format!("server = \"https://registry.example.com\"\n{host}"),
                "asks for at https://reg",
            ),
            (
                format!("server = \"http://127.0.0.1:5001\"\n{host}"),
                "asks for at http://127.0.0.1:5001",
            ),
            (format!("server = \"https://127.0.0.1:5000\"\n{host}"), "asks for at https://127"),
            (
                format!("{server}{host}[host.\"https://mirror.example.com\"]\n"),
                "asks for at https://mirror",
            ),
            (server.to_owned(), "containerd 1.6"),
            (format!("{server}[host]\n"), "containerd 1.6"),
            (format!("{server}{host}[host.\n"), "cannot read it"),
            ("server = \"localhost:5000\"\n".to_owned(), "containerd 1.6"),
        ] {
            let found = found(&text);
            let [("containerd-falls-back", message)] = found.as_slice() else {
                panic!("{text}: {found:?}")
            };
            assert!(message.contains(why), "{text}: {message}");
        }
        for honest in [
            format!("{server}{host}"),
            format!("server = \"http://localhost:5000\"\n{host}"),
            format!("{server}[host.\"http://[::1]:5000\"]\n"),
            "server = \"https://registry.example.com\"\n[host.\"https://mirror.example.com\"]\n"
                .to_owned(),
            "[host.\"https://registry.example.com\"]\n  ca = \"/etc/ca.crt\"\n".to_owned(),
            String::new(),
            "[".to_owned(),
        ] {
            assert_eq!(found(&honest), [], "{honest}");
        }
    }
}
