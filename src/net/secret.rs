//! Passwords and tokens.

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

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
    fn token_that_cannot_stand_in_a_header_is_refused() {
        for token in ["", "a b", "a\r\nX: y", "\u{e9}"] {
            assert!(bearer(&Secret::new(token.into())).is_none(), "{token:?}");
        }
    }
}
