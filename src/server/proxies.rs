//! Who called, when a proxy stands between.
//!
//! What a header says of addresses is believed of a proxy that the configuration names, and of
//! nobody else: anybody can write one. Each proxy appends the address that it saw to what came in,
//! so the list is read from its end, and its first address that is no such proxy is the caller's;
//! what stands before that, the caller wrote himself.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hyper::HeaderMap;

use super::Peer;

/// The proxies whose word is taken for who called.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Where they are.
    pub trusted: Vec<Network>,
    /// Where they say who called. One header only: proxies hand on others as callers wrote them.
    pub header: ForwardedHeader,
}

/// A header in which proxies say who called.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses, with or without a port.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the addresses of its `for`.
    Forwarded,
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    address: IpAddr,
    /// Bits that are alike.
    prefix: u8,
}

impl FromStr for Network {
    type Err = String;

    /// `10.0.0.0/8`, `2001:db8::/32`, or one address.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is neither an address nor a network like 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let (_, bits) = number(address);
        let prefix = match prefix {
            None => bits,
            Some(prefix) => prefix.parse().map_err(|_| bad())?,
        };
        // An IPv4 caller is one, however the system writes its address.
        match prefix <= bits && address == address.to_canonical() {
            true => Ok(Self { address, prefix }),
            false => Err(bad()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Display for ForwardedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
        })
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let ((ours, bits), (theirs, other)) = (number(self.address), number(address));
        let differing = (ours ^ theirs).checked_shr(u32::from(bits - self.prefix));
        bits == other && differing.unwrap_or_default() == 0
    }
}

/// An address as a number of so many bits.
fn number(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

impl Proxies {
    /// Whether that is one of them.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.holds(address))
    }

    /// The other end, as it is behind those of them that stand between.
    pub(super) fn behind(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        match peer.address {
            Some(proxy) if self.trust(proxy) => {
                let caller = self.caller(proxy, headers);
                let via = Some(proxy).filter(|proxy| *proxy != caller);
                Peer { address: Some(caller), via, ..peer }
            }
            _ => peer,
        }
    }

    /// Who called, when the connection is from `peer`. What is no address ends the list: nobody
    /// vouches for what stands before it.
    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut caller = peer;
        let mut said = self.said(headers);
        while self.trust(caller)
            && let Some(address) = said.next().flatten()
        {
            caller = address;
        }
        caller
    }

    /// What the header says, last first.
    fn said<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = Option<IpAddr>> + 'h {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::XForwardedFor => ("x-forwarded-for", address),
            ForwardedHeader::Forwarded => ("forwarded", forwarded_for),
        };
        let lines = headers.get_all(name).into_iter().rev();
        lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')).map(read)
    }
}

/// The `for` of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim();
    address(node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node))
}

/// An address, with or without brackets and a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn proxies(header: ForwardedHeader) -> Proxies {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().expect("a network"));
        Proxies { trusted: trusted.to_vec(), header }
    }

    fn caller(proxies: &Proxies, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).expect("a value");
            headers.append(HeaderName::from_static(name), line);
        }
        proxies.caller(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_callers() {
        let proxies = proxies(ForwardedHeader::XForwardedFor);
        for (peer, said, expected) in [
            ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "198.51.100.1, 192.0.2.7,10.0.0.2 , 2001:db8::3", "192.0.2.7"),
            ("2001:db8::1", "192.0.2.7:5123", "192.0.2.7"),
            ("10.0.0.1", "2001:db9::1", "2001:db9::1"),
            ("10.0.0.1", "[2001:db9::1]:443", "2001:db9::1"),
            ("10.0.0.1", "[2001:db9::1]", "2001:db9::1"),
            ("10.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            // Nobody that is believed said so.
            ("192.0.2.9", "198.51.100.1", "192.0.2.9"),
            ("11.0.0.1", "10.0.0.1", "11.0.0.1"),
            ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1, , 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "198.51.100.1, 192.0.2.7.1", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1, \u{fc}", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            assert_eq!(caller(&proxies, peer, &[("x-forwarded-for", said)]), expected, "{said}");
        }
        assert_eq!(caller(&proxies, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn lines_of_one_header_are_one_list_and_other_headers_are_the_callers_own() {
        let lines = [
            ("x-forwarded-for", "198.51.100.1"),
            ("forwarded", "for=203.0.113.5"),
            ("x-forwarded-for", "192.0.2.7, 10.0.0.2"),
            ("x-real-ip", "203.0.113.6"),
        ];
        let said = |header| caller(&proxies(header), "10.0.0.1", &lines);
        assert_eq!(said(ForwardedHeader::XForwardedFor), "192.0.2.7");
        assert_eq!(said(ForwardedHeader::Forwarded), "203.0.113.5");
    }

    #[test]
    fn forwarded_is_read_as_its_standard_says() {
        let proxies = proxies(ForwardedHeader::Forwarded);
        for (said, expected) in [
            ("for=192.0.2.7", "192.0.2.7"),
            ("proto=https;For=\"192.0.2.7:80\";by=10.0.0.1", "192.0.2.7"),
            ("for=198.51.100.1, For=\"[2001:db9::17]:4711\"", "2001:db9::17"),
            ("for=192.0.2.7, for=10.0.0.2;proto=http", "192.0.2.7"),
            ("for=198.51.100.1, for=unknown", "10.0.0.1"),
            ("for=198.51.100.1, for=_hidden", "10.0.0.1"),
            ("for=198.51.100.1, proto=https", "10.0.0.1"),
            ("for=\"198.51.100.1, for=192.0.2.7", "192.0.2.7"),
            ("for=\"192.0.2.7", "10.0.0.1"),
        ] {
            assert_eq!(caller(&proxies, "10.0.0.1", &[("forwarded", said)]), expected, "{said}");
        }
    }

    #[test]
    fn networks_hold_what_begins_alike() {
        for (network, address, holds) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.2", false),
            ("0.0.0.0/0", "192.0.2.7", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "10.0.0.1", false),
            ("2001:db8::/33", "2001:db8:8000::", false),
            ("10.0.0.0/31", "::ffff:10.0.0.1", true),
        ] {
            let trusted = vec![network.parse().expect("a network")];
            let proxies = Proxies { trusted, ..Proxies::default() };
            assert_eq!(proxies.trust(address.parse().expect("one")), holds, "{network} {address}");
        }
        for bad in
            ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.1/", "proxy", "::ffff:10.0.0.1"]
        {
            let told = bad.parse::<Network>().expect_err(bad);
            assert!(told.contains(bad) && told.contains("10.0.0.0/8"), "{told}");
        }
    }
}
