//! `WWW-Authenticate`, RFC 9110 §11.6.1, as far as registries use it: Basic and Bearer.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a server wants to know who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password.
    Basic,
    /// A token from `realm`, for `service`.
    Bearer {
        realm: String,
        /// May be absent.
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge to follow. A server that knows tokens is not given a password.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, &'static str> {
        let values: Vec<_> = headers.get_all(WWW_AUTHENTICATE).iter().collect();
        if values.iter().map(|value| value.len()).sum::<usize>() > MAX_BYTES {
            return Err("it is too long");
        }
        let mut offers = Vec::new();
        for value in values {
            let text = value.to_str().map_err(|_| "it is not ASCII")?;
            offers.extend(Parser(text).offers().ok_or("it is malformed")?);
        }
        choose(offers)
    }
}

/// One scheme with its parameters, names in lower case.
struct Offer {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Offer {
    fn into_bearer(self) -> Result<Challenge, &'static str> {
        let mut names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        names.sort();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("it has a parameter twice");
        }
        let find = |wanted: &str| {
            let mut parameters = self.parameters.iter();
            parameters.find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        let realm = find("realm").ok_or("it names no realm")?;
        Ok(Challenge::Bearer { realm, service: find("service") })
    }
}

fn choose(offers: Vec<Offer>) -> Result<Challenge, &'static str> {
    let (mut basic, mut bearer) = (false, None);
    for offer in offers {
        match &*offer.scheme {
            "basic" => basic = true,
            "bearer" if bearer.is_some() => return Err("it offers two realms"),
            "bearer" => bearer = Some(offer),
            _ => {}
        }
    }
    match bearer {
        Some(offer) => offer.into_bearer(),
        None if basic => Ok(Challenge::Basic),
        None => Err("it offers neither Bearer nor Basic"),
    }
}

/// The text that is still to be read.
struct Parser<'a>(&'a str);

impl Parser<'_> {
    fn offers(&mut self) -> Option<Vec<Offer>> {
        let mut offers = Vec::new();
        self.skip_separators();
        while !self.0.is_empty() {
            offers.push(self.offer()?);
            self.skip_separators();
        }
        (offers.len() <= MAX_OFFERS).then_some(offers)
    }

    /// A scheme, and the `name=value` pairs after it up to the next scheme.
    fn offer(&mut self) -> Option<Offer> {
        let scheme = self.token()?.to_ascii_lowercase();
        let mut offer = Offer { scheme, parameters: Vec::new() };
        let spaced = self.0.starts_with([' ', '\t']);
        self.skip_spaces();
        if !spaced {
            return (self.0.is_empty() || self.0.starts_with(',')).then_some(offer);
        }
        while let Some(parameter) = self.parameter()? {
            offer.parameters.push(parameter);
            let before = self.0;
            self.skip_separators();
            let ended = self.0.is_empty();
            if !ended && !before.trim_start_matches([' ', '\t']).starts_with(',') {
                return None;
            }
        }
        Some(offer)
    }

    /// `Some(None)` if a scheme follows instead, or nothing.
    fn parameter(&mut self) -> Option<Option<(String, String)>> {
        let start = self.0;
        if start.is_empty() || start.starts_with(',') {
            return Some(None);
        }
        let name = self.token()?.to_ascii_lowercase();
        self.skip_spaces();
        let Some(rest) = self.0.strip_prefix('=') else {
            self.0 = start;
            return Some(None);
        };
        self.0 = rest;
        self.skip_spaces();
        let value = if self.0.starts_with('"') { self.quoted()? } else { self.token()?.to_owned() };
        Some(Some((name, value)))
    }

    fn token(&mut self) -> Option<&str> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let end = self.0.bytes().position(|byte| !is_token(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    fn quoted(&mut self) -> Option<String> {
        let mut letters = self.0.strip_prefix('"')?.chars();
        let mut value = String::new();
        loop {
            match letters.next()? {
                '"' => break,
                '\\' => value.push(letters.next()?),
                letter => value.push(letter),
            }
        }
        self.0 = letters.as_str();
        Some(value)
    }

    fn skip_spaces(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn skip_separators(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
    }
}

const MAX_BYTES: usize = 8 << 10;
const MAX_OFFERS: usize = 8;

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Result<Challenge, &'static str> {
        let value = |text: &&str| HeaderValue::from_bytes(text.as_bytes()).expect("a header value");
        Challenge::of(&values.iter().map(|text| (WWW_AUTHENTICATE, value(text))).collect())
    }

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) }
    }

    #[test]
    fn usual_challenges_are_read() {
        for (text, expected) in [
            (
                r#"Bearer realm="https://h/token",service="notary-server",scope="repository:a/b:push,pull""#,
                bearer("https://h/token", Some("notary-server")),
            ),
            (r#"bearer realm = "https://h", error="invalid_token""#, bearer("https://h", None)),
            (r#"Bearer service=s,realm=r"#, bearer("r", Some("s"))),
            (r#"Bearer realm="a\"b\\c""#, bearer(r#"a"b\c"#, None)),
            (r#"Bearer realm="a, Basic realm=b""#, bearer("a, Basic realm=b", None)),
            (r#"Basic realm="x""#, Challenge::Basic),
            ("Basic", Challenge::Basic),
            (r#"Basic realm="x", Bearer realm="y",service="z""#, bearer("y", Some("z"))),
            (r#"Negotiate, Basic realm="x""#, Challenge::Basic),
        ] {
            assert_eq!(read(&[text]), Ok(expected), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_challenge_is_read_or_refused(text in "[ -~]{0,80}", list in "([Bb]earer|Basic|[a-z]+=|\"[a-z]*\"|[ ,=\\\\\"])*") {
            let _ = (read(&[&text]), read(&[&list]));
        }

        #[test]
        fn quoted_realm_is_read_as_written(realm in "[ -~]{0,80}") {
            let quoted = realm.replace('\\', r"\\").replace('"', r#"\""#);
            let text = format!(r#"Bearer realm="{quoted}",service=s"#);
            proptest::prop_assert_eq!(read(&[&text]), Ok(bearer(&realm, Some("s"))));
        }
    }

    #[test]
    fn bearer_beats_basic_in_any_order() {
        let (basic, token) = (r#"Basic realm="x""#, r#"Bearer realm="y""#);
        assert_eq!(read(&[basic, token]), Ok(bearer("y", None)));
        assert_eq!(read(&[token, basic]), Ok(bearer("y", None)));
    }

    #[test]
    fn unusable_challenges_are_refused() {
        let long = format!(r#"Bearer realm="{}""#, "x".repeat(1 << 20));
        let many = "Basic,".repeat(9);
        for text in [
            "",
            "Negotiate",
            "Digest realm=\"x\"",
            "Bearer",
            "Bearer service=\"s\"",
            "Bearer realm=\"x",
            "Bearer realm=\"x\\",
            "Bearer realm=",
            "Bearer =x",
            "Bearer realm=\"x\" service=\"s\"",
            "Bearer realm=\"x\",realm=\"y\"",
            "Bearer realm=\"x\", Bearer realm=\"y\"",
            "\"",
            "=",
            "Bearer realm=\u{e9}",
            "Bearer;realm=x",
            &long,
            &many,
        ] {
            assert!(read(&[text]).is_err(), "{text}");
        }
        assert!(read(&[]).is_err());
    }
}
