//! Where notary-server listens.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};

/// Where to listen. Without a host it is every address of this one, as for Go.
pub(super) fn read(text: &str) -> Option<SocketAddr> {
    let host = match text.starts_with(':') {
        true if speaks_ipv6() => "[::]",
        true => "0.0.0.0",
        false => "",
    };
    format!("{host}{text}").parse().ok()
}

/// Whether there is IPv6. What listens on `[::]` takes IPv4, too, unless the system was told
/// otherwise (Go `net/ipsock_posix.go`, `probe`).
fn speaks_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn without_a_host_every_address_is_listened_on() {
        let every = read(":0").expect("a port");
        let listener = TcpListener::bind(every).expect("free");
        let port = listener.local_addr().expect("bound").port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("by IPv4");
        if speaks_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).expect("by IPv6");
        }
        assert_eq!(read("127.0.0.1:4443"), Some(([127, 0, 0, 1], 4443).into()));
        for text in ["", ":", "4443", "here", ":x", "[::]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
