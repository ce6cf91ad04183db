//! Addresses of servers.

use std::fmt;

use url::{Host, Url};

use super::Error;

/// Whether a server may be reached without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// Never.
    Refused,
    /// If it runs on this machine.
    Loopback,
    /// Yes: the user named this very server.
    Named,
}

/// The address of a server: https (or http to loopback, or where the user says so), a host, perhaps
/// a port and a path prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// Reads an address; slashes at its end do not count.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if it has user, query or fragment, or is not https and `plain` does not allow
    /// it.
    pub fn parse(text: &str, plain: PlainHttp) -> Result<Self, Error> {
        let url = parse_url(text).map_err(|problem| refusal(text, problem))?;
        let plain_allowed = match plain {
            PlainHttp::Refused => false,
            PlainHttp::Loopback => is_loopback(&url),
            PlainHttp::Named => true,
        };
        match url.scheme() {
            "https" => {}
            "http" if plain_allowed => {}
            _ => return Err(refusal(text, "valid https URL required")),
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends a path that starts with `/`.
    pub(super) fn join(&self, path: &str) -> Result<Url, Error> {
        let text = format!("{}{path}", self.0);
        let url = Url::parse(&text).map_err(|_| refusal(&text, "no valid URL"))?;
        let kept = url.query().is_none() && url.fragment().is_none() && url.path().ends_with(path);
        kept.then_some(url).ok_or_else(|| refusal(&text, "no valid URL"))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `https://host:port`, how errors name a server.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether the host is this machine by its name or address.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        None => false,
    }
}

/// Whether the host is this machine, this link, or no place at all.
pub(super) fn is_local(url: &Url) -> bool {
    let v4 = |address: std::net::Ipv4Addr| address.is_link_local() || address.is_unspecified();
    is_loopback(url)
        || match url.host() {
            Some(Host::Ipv4(address)) => v4(address),
            Some(Host::Ipv6(address)) => {
                address.is_unicast_link_local()
                    || address.is_unspecified()
                    || address.to_ipv4_mapped().is_some_and(v4)
            }
            Some(Host::Domain(name)) => name.ends_with(".localhost"),
            None => true,
        }
}

/// Reads an address that has neither user nor query nor fragment.
pub(super) fn parse_url(text: &str) -> Result<Url, &'static str> {
    if text.len() > MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("too long, or not printable ASCII");
    }
    let url = Url::parse(text).map_err(|_| "no valid URL")?;
    let bare = url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    match (url.has_host(), anonymous, bare) {
        (false, _, _) => Err("no host"),
        (_, false, _) => Err("user and password do not belong into a URL"),
        (_, _, false) => Err("query and fragment do not belong into the URL of a server"),
        _ => Ok(url),
    }
}

/// Shows no more of the text than cannot hold a password.
fn refusal(text: &str, problem: &'static str) -> Error {
    let shown = if text.contains('@') { "URL" } else { text };
    Error::Url { url: super::text::sanitised(shown), problem }
}

const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_slashes_do_not_count_and_prefixes_stay() {
        for (text, expected) in [
            ("https://notary.docker.io", "https://notary.docker.io"),
            ("https://h:4443/", "https://h:4443"),
            ("https://H/pfx//", "https://h/pfx"),
        ] {
            assert_eq!(ServerUrl::parse(text, PlainHttp::Refused).expect(text).as_str(), expected);
        }
    }

    #[test]
    fn other_than_https_is_refused() {
        for text in [
            "",
            "h",
            "h:4443",
            "http://h",
            "http://127.0.0.1",
            "ftp://h",
            "https://",
            "file:///etc",
            "https://u:p@h",
            "https://h?x",
            "https://h#x",
            "https://h/\u{e9}",
            "https://h/a b",
        ] {
            let error = ServerUrl::parse(text, PlainHttp::Refused).expect_err(text);
            assert!(!error.to_string().contains("u:p"), "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback() {
        for text in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:1", "http://127.9.9.9"]
        {
            assert!(ServerUrl::parse(text, PlainHttp::Loopback).is_ok(), "{text}");
        }
        for text in ["http://h", "http://10.0.0.1", "http://localhost.evil.com", "http://0.0.0.0"] {
            assert!(ServerUrl::parse(text, PlainHttp::Loopback).is_err(), "{text}");
        }
    }

    #[test]
    fn local_addresses_are_known() {
        let local = |text: &str| is_local(&Url::parse(text).expect(text));
        for text in [
            "http://169.254.169.254",
            "http://[fe80::1]",
            "http://0.0.0.0",
            "http://[::]",
            "http://[::ffff:169.254.169.254]",
            "http://x.localhost",
            "http://2130706433",
        ] {
            assert!(local(text), "{text}");
        }
        assert!(!local("http://93.184.216.34") && !local("http://example.com"));
    }
}
