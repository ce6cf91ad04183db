//! Passwords and tokens.

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::text::sanitised;

/// A password or token: wiped when dropped, never shown.
///
/// ```compile_fail
/// println!("{:?}", countersign::net::Secret::new("s3cret".to_owned()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the secret text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// What a request carried that nobody else may read, should the server repeat it.
#[derive(Clone, Default)]
pub(super) struct Sent(Vec<Secret>);

impl Sent {
    /// What stands in a request's `Authorization`, as it is and as it is meant, and this.
    pub(super) fn new(authorization: Option<&HeaderValue>, other: Option<&Secret>) -> Self {
        let value = authorization.and_then(|value| value.to_str().ok());
        let parts = value.and_then(|value| value.split_once(' '));
        let sent = parts.map(|(_, sent)| Secret::new(sent.to_owned()));
        let meant = parts.filter(|(scheme, _)| *scheme == "Basic").and_then(|(_, pair)| {
            let pair = Zeroizing::new(BASE64_STANDARD.decode(pair).ok()?);
            let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
            Some(Secret::new(password.to_owned()))
        });
        let all = [sent, meant, other.cloned()].into_iter().flatten();
        Self(all.filter(|secret| !secret.is_empty()).collect())
    }

    /// A server's words, fit to be shown.
    pub(super) fn kept_out_of(&self, words: &str) -> String {
        match self.0.iter().any(|secret| words.contains(secret.expose())) {
            true => WITHHELD.to_owned(),
            false => sanitised(words),
        }
    }
}

const WITHHELD: &str = "(it repeats what it was sent in confidence)";

/// `Authorization: Basic`, RFC 7617.
pub(super) fn basic(user: &str, password: &Secret) -> HeaderValue {
    let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
    let text = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())));
    sensitive(&text).expect("base64 is visible ASCII")
}

/// `Authorization: Bearer`, RFC 6750; `None` if the token cannot stand in a header.
pub(super) fn bearer(token: &Secret) -> Option<HeaderValue> {
    let visible = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    sensitive(&text).filter(|_| visible && !token.is_empty())
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_hidden_in_debug() {
        let header = basic("alice", &Secret::new("s3cret".into()));
        assert_eq!(header, "Basic YWxpY2U6czNjcmV0");
        assert_eq!(format!("{header:?}"), "Sensitive");
    }

    #[test]
    fn a_server_that_repeats_a_secret_is_not_quoted() {
        let password = Secret::new("s3cret".into());
        let basic = Sent::new(Some(&basic("alice", &password)), None);
        let token = Sent::new(bearer(&Secret::new("t0ken".into())).as_ref(), None);
        let form = Sent::new(None, Some(&Secret::new("r3fresh".into())));
        for (sent, said) in [
            (&basic, "you sent Basic YWxpY2U6czNjcmV0"),
            (&basic, "s3cret is wrong"),
            (&token, "no such token: t0ken"),
            (&form, "refresh_token=r3fresh expired"),
        ] {
            assert_eq!(sent.kept_out_of(said), WITHHELD, "{said}");
        }
        assert_eq!(basic.kept_out_of("alice may not\tpush"), "alice may not\\tpush");
        assert_eq!(Sent::default().kept_out_of("no"), "no");
        let empty = Sent::new(Some(&super::basic("alice", &Secret::new(String::new()))), None);
        assert_eq!(empty.kept_out_of("denied"), "denied");
    }

    #[test]
    fn token_that_cannot_stand_in_a_header_is_refused() {
        for token in ["", "a b", "a\r\nX: y", "\u{e9}"] {
            assert!(bearer(&Secret::new(token.into())).is_none(), "{token:?}");
        }
    }
}
