//! Where credentials may be sent.
//!
//! A server names the place that gives tokens for it. A hostile one would name its own collector,
//! so the place must be the server's or the registry's own host, or be named by the user.

use std::collections::BTreeMap;

use url::Url;

use super::{
    Error,
    server_url::{is_local, is_loopback, origin},
};

/// Which hosts give tokens for which servers, besides their own.
#[derive(Clone, Debug)]
pub struct Realms(BTreeMap<String, Vec<String>>);

impl Realms {
    /// Allows `realm` to give tokens for `server`; both are hosts, with or without a port.
    pub fn allow(&mut self, server: &str, realm: &str) {
        let realms = self.0.entry(server.to_ascii_lowercase()).or_default();
        realms.push(realm.to_ascii_lowercase());
    }

    /// The realm as a URL, if the credentials of `registry` may go there on the word of `server`.
    pub(super) fn check(&self, realm: &str, server: &Url, registry: &str) -> Result<Url, Error> {
        let url = parse(realm, server)?;
        let hosts = [authority(server), host(server), registry.to_ascii_lowercase()];
        let own = [host(server), without_port(registry)].contains(&host(&url));
        if own || hosts.iter().any(|server| self.names(server, &url)) {
            return Ok(url);
        }
        Err(Error::Realm {
            host: origin(server),
            realm: origin(&url),
            line: format!("\"{}\" = [\"{}\"]", authority(server), authority(&url)),
        })
    }

    fn names(&self, server: &str, realm: &Url) -> bool {
        let named = |allowed: &String| *allowed == host(realm) || *allowed == authority(realm);
        self.0.get(server).is_some_and(|realms| realms.iter().any(named))
    }
}

impl Default for Realms {
    fn default() -> Self {
        let mut realms = Self(BTreeMap::new());
        BUILT_IN.iter().for_each(|(server, realm)| realms.allow(server, realm));
        realms
    }
}

fn parse(realm: &str, server: &Url) -> Result<Url, Error> {
    let refuse = |problem| Err(Error::Challenge { host: origin(server), problem });
    let Ok(url) = Url::parse(realm) else { return refuse("its realm is no URL") };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return refuse("its realm has a user or fragment");
    }
    if is_local(&url) && !(is_loopback(&url) && is_loopback(server)) && host(&url) != host(server) {
        return refuse("its realm is a local address");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => refuse("its realm is not https"),
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn authority(url: &Url) -> String {
    url.port().map_or_else(|| host(url), |port| format!("{}:{port}", host(url)))
}

fn without_port(domain: &str) -> String {
    let lower = domain.to_ascii_lowercase();
    match lower.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => lower,
    }
}

const BUILT_IN: [(&str, &str); 5] = [
    ("docker.io", "auth.docker.io"),
    ("index.docker.io", "auth.docker.io"),
    ("registry-1.docker.io", "auth.docker.io"),
    ("notary.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(realm: &str, server: &str, registry: &str) -> Result<Url, Error> {
        let mut realms = Realms::default();
        realms.allow("Reg.corp", "sso.corp:8443");
        realms.check(realm, &Url::parse(server).expect("valid"), registry)
    }

    #[test]
    fn auth_realm_table() {
        for (realm, server, registry, allowed) in [
            ("https://reg.example/token", "https://reg.example", "reg.example", true),
            ("https://reg.example:8443/t", "https://reg.example", "reg.example:5000", true),
            ("https://reg.example/t", "https://trust.example", "Reg.Example:5000", true),
            ("https://trust.example/t", "https://trust.example", "reg.example", true),
            ("https://auth.docker.io/token", "https://registry-1.docker.io", "docker.io", true),
            ("https://auth.docker.io/token", "https://notary.docker.io", "docker.io", true),
            (
                "https://gitlab.com/jwt/auth",
                "https://registry.gitlab.com",
                "registry.gitlab.com",
                true,
            ),
            ("https://sso.corp:8443/t", "https://reg.corp", "reg.corp", true),
            ("https://sso.corp/t", "https://reg.corp", "reg.corp", false),
            ("https://auth.docker.io/token", "https://reg.example", "reg.example", false),
            (
                "https://gitlab.com.evil/jwt",
                "https://registry.gitlab.com",
                "registry.gitlab.com",
                false,
            ),
            ("https://sub.reg.example/t", "https://reg.example", "reg.example", false),
            ("https://example/t", "https://reg.example", "reg.example", false),
            ("http://reg.example/t", "https://reg.example", "reg.example", false),
            ("https://u:p@reg.example/t", "https://reg.example", "reg.example", false),
            ("https://reg.example/t#x", "https://reg.example", "reg.example", false),
            ("https://127.0.0.1/t", "https://reg.example", "reg.example", false),
            ("http://localhost:1/t", "https://reg.example", "reg.example", false),
            ("http://169.254.169.254/t", "https://reg.example", "reg.example", false),
            ("https://[::1]/t", "https://reg.example", "reg.example", false),
            ("http://127.0.0.1:5001/t", "https://127.0.0.1:5000", "127.0.0.1:5000", true),
            ("http://127.0.0.1:5001/t", "http://127.0.0.1:5000", "127.0.0.1:5000", true),
            ("file:///etc/passwd", "https://reg.example", "reg.example", false),
            ("/token", "https://reg.example", "reg.example", false),
            ("", "https://reg.example", "reg.example", false),
        ] {
            assert_eq!(check(realm, server, registry).is_ok(), allowed, "{realm} for {server}");
        }
    }

    #[test]
    fn refusal_gives_the_line_to_add() {
        let error =
            check("https://sso.example:1/t?x", "https://reg.example:2", "r").expect_err("foreign");
        let line = "under [realms]: \"reg.example:2\" = [\"sso.example:1\"]";
        assert!(error.to_string().contains(line), "{error}");
    }
}
