//! Which proxy stands between us and a server, by the rules of Go's
//! `golang.org/x/net/http/httpproxy`.

use std::net::IpAddr;

use url::{Host, Url};

use super::{
    Error,
    server_url::{is_loopback, origin},
};

/// The proxies that the environment names. Loopback is never asked through one.
#[derive(Clone, Default)]
pub struct Proxies {
    https: Option<String>,
    http: Option<String>,
    exceptions: Vec<Exception>,
}

impl Proxies {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, upper case before lower case.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
            filled(name).or_else(|| filled(&name.to_lowercase()))
        };
        let exceptions = either("NO_PROXY").unwrap_or_default();
        let exceptions = exceptions.split(',').filter_map(|entry| Exception::parse(entry.trim()));
        Self {
            https: either("HTTPS_PROXY"),
            http: either("HTTP_PROXY"),
            exceptions: exceptions.collect(),
        }
    }

    /// The proxy for `url`.
    ///
    /// # Errors
    ///
    /// [`Error::Proxy`] if it is there and cannot be used; going around it would be a surprise.
    pub(super) fn of(&self, url: &Url) -> Result<Option<Url>, Error> {
        let text = if url.scheme() == "https" { &self.https } else { &self.http };
        let Some(text) = text else { return Ok(None) };
        if is_loopback(url) || self.exceptions.iter().any(|exception| exception.covers(url)) {
            return Ok(None);
        }
        proxy_url(text).map(Some).ok_or_else(|| Error::Proxy { host: origin(url) })
    }
}

/// One entry of `NO_PROXY`.
#[derive(Clone)]
enum Exception {
    All,
    Address(IpAddr, Option<u16>),
    Network(IpAddr, u8),
    /// The domain, whether the domain itself is meant besides what is below it, a port.
    Domain(String, Reach, Option<u16>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    DomainAndBelow,
    Below,
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = entry.split_once('/') {
            return Some(Self::Network(address.parse().ok()?, bits.parse().ok()?));
        }
        if let Ok(address) = entry.parse() {
            return Some(Self::Address(address, None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => Some(Self::Address(address, port)),
            Err(_) => Self::domain(host, port),
        }
    }

    fn domain(host: &str, port: Option<u16>) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let (domain, reach) = match host.strip_prefix("*.").or_else(|| host.strip_prefix('.')) {
            Some(domain) => (domain, Reach::Below),
            None => (&*host, Reach::DomainAndBelow),
        };
        (!domain.is_empty()).then(|| Self::Domain(domain.to_owned(), reach, port))
    }

    fn covers(&self, url: &Url) -> bool {
        let port_fits = |port: &Option<u16>| port.is_none() || *port == url.port_or_known_default();
        match self {
            Self::All => true,
            Self::Address(address, port) => address_of(url) == Some(*address) && port_fits(port),
            Self::Network(network, bits) => {
                address_of(url).is_some_and(|address| is_inside(address, *network, *bits))
            }
            Self::Domain(domain, reach, port) => {
                let host = url.host_str().unwrap_or_default();
                let below =
                    host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
                (below || (*reach == Reach::DomainAndBelow && host == domain)) && port_fits(port)
            }
        }
    }
}

fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn is_inside(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let Some(shift) = u32::checked_sub(width, u32::from(bits)) else { return false };
    address.checked_shr(shift) == network.checked_shr(shift)
}

fn proxy_url(text: &str) -> Option<Url> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(url: &str, no_proxy: &str) -> Option<String> {
        let proxies = Proxies::from_environment(|name| match name {
            "HTTPS_PROXY" => Some("proxy.example:3128".into()),
            "http_proxy" => Some("http://user:pw@other.example".into()),
            "NO_PROXY" => Some(no_proxy.into()),
            _ => None,
        });
        let url = Url::parse(url).expect("valid");
        proxies.of(&url).expect("usable").map(|proxy| proxy.host_str().unwrap_or_default().into())
    }

    #[test]
    fn scheme_chooses_the_proxy() {
        assert_eq!(proxy_of("https://h", "").as_deref(), Some("proxy.example"));
        assert_eq!(proxy_of("http://h", "").as_deref(), Some("other.example"));
    }

    #[test]
    fn loopback_never_goes_through_a_proxy() {
        for url in ["https://localhost:1", "https://127.0.0.1", "http://[::1]:5000"] {
            assert_eq!(proxy_of(url, ""), None);
        }
    }

    #[test]
    fn no_proxy_table() {
        for (url, no_proxy, direct) in [
            ("https://a.b.com", "b.com", true),
            ("https://b.com", "b.com", true),
            ("https://b.com", ".b.com", false),
            ("https://a.b.com", "x, .b.com", true),
            ("https://a.b.com", "*.b.com", true),
            ("https://ab.com", "b.com", false),
            ("https://B.com", "b.COM", true),
            ("https://b.com:8443", "b.com:8443", true),
            ("https://b.com", "b.com:8443", false),
            ("https://b.com", "b.com:443", true),
            ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://11.1.2.3", "10.0.0.0/8", false),
            ("https://10.1.2.3", "0.0.0.0/0", true),
            ("https://10.1.2.3", "10.0.0.0/33", false),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://10.1.2.3:1", "10.1.2.3:2", false),
            ("https://[fd00::1]", "fd00::/8", true),
            ("https://[fd00::1]", "[fd00::1]:443", true),
            ("https://any.example", "*", true),
            ("https://b.com", ",,", false),
        ] {
            assert_eq!(proxy_of(url, no_proxy).is_none(), direct, "{url} {no_proxy}");
        }
    }

    #[test]
    fn proxy_of_unknown_kind_is_an_error_without_its_password() {
        let proxies = Proxies::from_environment(|_| Some("socks5://user:pw@h".into()));
        let url = Url::parse("https://example.com").expect("valid");
        let proxies = Proxies { exceptions: Vec::new(), ..proxies };
        assert!(!proxies.of(&url).expect_err("refused").to_string().contains("pw"));
    }
}
