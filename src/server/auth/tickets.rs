//! Tokens that this server gives itself, in place of names and passwords.
//!
//! notary shows a password to a token service only, never to a trust server that it wants to read
//! from. So where passwords are kept, the trust server is its own token service: who shows a name
//! and a password there gets a ticket, and so does who shows none. A ticket says who it was given to
//! and until when; what its bearer may do is decided when he does it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::HeaderMap;
use hyper::header::HOST;
use jiff::{SignedDuration, Timestamp as Instant};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::super::MasterSecret;
use super::super::secret::expand;

/// What signs tickets; the same for all replicas with one secret.
#[derive(Clone)]
pub(super) struct Tickets(hmac::Key);

/// Whom a ticket was given to, and until when.
#[derive(Deserialize, Serialize)]
struct Claims {
    name: Option<String>,
    until: i64,
}

impl Tickets {
    pub(super) fn under(master: &MasterSecret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &expand(&master.extracted(), &[b"tickets"])))
    }

    /// A ticket for somebody of that name, or for anybody.
    pub(super) fn give(&self, name: Option<String>, now: Instant) -> String {
        let until = (now + LIFETIME).as_second();
        let claims = serde_json::to_string(&Claims { name, until });
        let claims = URL_SAFE_NO_PAD.encode(claims.unwrap_or_default());
        let signature = hmac::sign(&self.0, claims.as_bytes());
        format!("{claims}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Who bears a ticket, if it is one of ours and still good: a name, or `None` for anybody.
    pub(super) fn bearer(&self, ticket: &str, now: Instant) -> Option<Option<String>> {
        let (claims, signature) = ticket.split_once('.').filter(|_| ticket.len() <= MAX_BYTES)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.0, claims.as_bytes(), &signature).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (now.as_second() < claims.until).then_some(claims.name)
    }
}

/// Where tickets are given, by the name under which the caller knows us.
pub(super) fn realm(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".:-_[]".contains(&b);
    let usual = !host.is_empty() && host.len() <= 255 && host.bytes().all(plain);
    usual.then(|| format!("https://{host}/token"))
}

/// Seconds for which a ticket is good.
pub(super) const SECONDS: u32 = 300;
const LIFETIME: SignedDuration = SignedDuration::from_secs(SECONDS as i64);
const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    fn tickets(byte: u8) -> Tickets {
        Tickets::under(&MasterSecret::new(Zeroizing::new([byte; 32])))
    }

    #[test]
    fn a_ticket_is_good_for_its_time_under_its_secret_and_unchanged() {
        let at = |second: i64| Instant::from_second(1_000_000_000 + second).expect("a time");
        let ours = tickets(1);
        for name in [None, Some("alice".to_owned())] {
            let ticket = ours.give(name.clone(), at(0));
            assert_eq!(ours.bearer(&ticket, at(299)), Some(name.clone()));
            assert_eq!(tickets(1).bearer(&ticket, at(1)), Some(name), "another replica");
            assert_eq!(ours.bearer(&ticket, at(300)), None);
            assert_eq!(tickets(2).bearer(&ticket, at(1)), None);
            for place in 0..ticket.len() {
                let mut other = ticket.clone().into_bytes();
                other[place] = if other[place] == b'A' { b'B' } else { b'A' };
                let other = String::from_utf8(other).expect("text");
                assert_eq!(ours.bearer(&other, at(1)), None, "{other}");
            }
        }
        for none in ["", ".", "a.b", &"a.".repeat(9_000)] {
            assert_eq!(ours.bearer(none, at(0)), None);
        }
    }

    #[test]
    fn only_a_plain_name_becomes_an_address() {
        for (host, expected) in [
            ("trust.test:4443", Some("https://trust.test:4443/token")),
            ("[::1]:4443", Some("https://[::1]:4443/token")),
            ("evil.test/x?", None),
            ("a\"b", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().expect("a header"));
            assert_eq!(realm(&headers).as_deref(), expected, "{host}");
        }
        assert_eq!(realm(&HeaderMap::new()), None);
    }
}
