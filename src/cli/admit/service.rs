//! How a cluster reaches the webhook: by a service, or by an address.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

/// A label of DNS (RFC 1123), as namespaces and services are called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Label(String);

/// A service of the cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Service {
    pub(super) namespace: Label,
    pub(super) name: Label,
    pub(super) port: NonZeroU16,
}

/// An address that begins with `https://` and has no path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Url {
    text: String,
    host: String,
}

impl Service {
    /// The names by which the API server and others call it.
    pub(super) fn hosts(&self) -> [String; 2] {
        let short = format!("{}.{}.svc", self.name, self.namespace);
        [format!("{short}.cluster.local"), short]
    }
}

impl Url {
    /// The host's name or address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(inside)
            && !text.starts_with('-')
            && !text.ends_with('-');
        fits.then(|| Self(text.to_owned())).ok_or("is no name of a namespace or service")
    }
}

impl FromStr for Service {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, rest) = text.split_once('/').ok_or("write NAMESPACE/NAME")?;
        let (name, port) = match rest.split_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| "has no port behind its :")?),
            None => (rest, HTTPS),
        };
        Ok(Self { namespace: namespace.parse()?, name: name.parse()?, port })
    }
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = url::Url::parse(text).map_err(|_| FORM)?;
        let bare = parsed.path() == "/"
            && parsed.query().is_none()
            && parsed.fragment().is_none()
            && parsed.username().is_empty()
            && parsed.password().is_none();
        let host = parsed.host().filter(|_| bare && parsed.scheme() == "https").ok_or(FORM)?;
        let host = match host {
            url::Host::Domain(name) => name.to_owned(),
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        };
        Ok(Self { text: parsed.as_str().trim_end_matches('/').to_owned(), host })
    }
}

/// As clusters take it where none is named.
const HTTPS: NonZeroU16 = NonZeroU16::new(443).expect("not zero");
const FORM: &str = "write https://HOST:PORT and nothing behind it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_and_addresses() {
        let service: Service = "trust/admit:8443".parse().expect("a service");
        assert_eq!(service.port.get(), 8443);
        assert_eq!(service.hosts(), ["admit.trust.svc.cluster.local", "admit.trust.svc"]);
        for bad in
            ["admit", "/admit", "a/", "a/b:", "a/b:0", "a/b:x", "A/b", "a/b/c", "a_b/c", "-a/b"]
        {
            assert!(bad.parse::<Service>().is_err(), "{bad}");
        }
        for (text, host) in [
            ("https://admit.example.com:8443", "admit.example.com"),
            ("https://192.0.2.1/", "192.0.2.1"),
            ("https://[2001:db8::1]:8443", "2001:db8::1"),
        ] {
            assert_eq!(text.parse::<Url>().expect(text).host(), host);
        }
        for bad in [
            "http://admit.example.com",
            "admit.example.com",
            "https://a.example.com/x",
            "https://a.example.com?x",
            "https://u@a.example.com",
            "",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
