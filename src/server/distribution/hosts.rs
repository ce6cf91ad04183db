//! By which names clients may call the proxy.

use std::net::IpAddr;

use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::http::uri::Authority;

/// By which names clients may call the proxy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hosts {
    /// By any.
    Any,
    /// By an address, or as `localhost`. A web page can lead a name of its own to 127.0.0.1, and have
    /// the browser of somebody on this host ask there; but then that name stands in `Host`.
    Local,
}

impl Hosts {
    /// Whether the request calls it by such a name. Browsers always say one.
    pub(super) fn admit(self, head: &Parts) -> bool {
        let mut named = head.headers.get_all(HOST).iter();
        match (self, named.next(), named.next()) {
            (Self::Any, _, None) | (Self::Local, None, _) => true,
            (Self::Local, Some(host), None) => host.to_str().is_ok_and(is_local),
            // Of two names, somebody on the way may have read the other one (RFC 9112 §3.2).
            (_, _, Some(_)) => false,
        }
    }
}

fn is_local(host: &str) -> bool {
    let Ok(host) = host.parse::<Authority>() else { return false };
    let name = host.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn head(hosts: &[&str]) -> Parts {
        let request = hosts.iter().fold(Request::builder(), |it, host| it.header(HOST, *host));
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_name_that_anybody_may_lead_here_is_none_of_ours() {
        for local in ["127.0.0.1:5000", "[::1]:5000", "localhost:5000", "LOCALHOST", "192.0.2.1"] {
            assert!(Hosts::Local.admit(&head(&[local])), "{local}");
        }
        for other in ["evil.example.com:5000", "localhost.example.com", "", "127.0.0.1.example.com"]
        {
            assert!(!Hosts::Local.admit(&head(&[other])), "{other}");
            assert!(Hosts::Any.admit(&head(&[other])), "{other}");
        }
        assert!(Hosts::Local.admit(&head(&[])), "no browser");
        for hosts in [Hosts::Any, Hosts::Local] {
            assert!(!hosts.admit(&head(&["127.0.0.1", "evil.example.com"])));
        }
    }
}
