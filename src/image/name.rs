//! Repository names: `domain/path` in docker's full form.
//!
//! Grammar: `distribution/reference`, `regexp.go`; defaults: `normalize.go`. Differences, all
//! refusals: a first component that looks like a host must be one, ports are at most 65535, and
//! capitals alone make none. A host is the same one in capitals (RFC 4343): it is kept without.

use std::{borrow::Cow, fmt, net::Ipv6Addr, str::FromStr};

use super::error::{Error, excerpt};

/// A repository: registry host and path, `docker.io/library/web`.
///
/// Its text is the collection name (GUN) that docker uses for a host in small letters, byte for byte:
/// a spelled-out port is kept. Docker keeps capitals in the host, too, so that one repository has as
/// many collections as its host has spellings, each with trust, pins and floors of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    text: String,
    domain_end: usize,
}

impl Name {
    /// The registry host with its port if one was given: `docker.io`, `localhost:5000`.
    pub fn domain(&self) -> &str {
        &self.text[..self.domain_end]
    }

    /// The repository inside the registry: `library/web`.
    pub fn path(&self) -> &str {
        self.text.get(self.domain_end.saturating_add(1)..).unwrap_or_default()
    }

    /// The full form, which is also docker's collection name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The shortest text that means this repository: `web` for `docker.io/library/web`.
    pub fn familiar(&self) -> &str {
        let path = self.path();
        let candidates = [path.strip_prefix(OFFICIAL).unwrap_or(path), path];
        let means_self = |short: &&str| short.parse::<Name>().is_ok_and(|name| name == *self);
        match self.domain() {
            HUB => candidates.into_iter().find(means_self).unwrap_or(&self.text),
            _ => &self.text,
        }
    }

    pub(super) fn new(domain: &str, path: &str) -> Result<Self, Error> {
        check_domain(domain)?;
        let official = domain == HUB && !path.contains('/');
        let path = if official { format!("{OFFICIAL}{path}") } else { path.to_owned() };
        check_path(&path)?;
        Ok(Self { text: format!("{domain}/{path}"), domain_end: domain.len() })
    }
}

impl FromStr for Name {
    type Err = Error;

    /// Reads a repository in any form that docker accepts; no tag, no digest.
    fn from_str(text: &str) -> Result<Self, Error> {
        let reference: super::Reference = text.parse()?;
        match (reference.tag(), reference.digest()) {
            (None, None) => Ok(reference.name().clone()),
            _ => Err(Error::NotBare { text: excerpt(text) }),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Parts a reference into registry host and the rest, with docker's defaults.
pub(super) fn split_domain(text: &str) -> (Cow<'_, str>, &str) {
    match text.split_once('/') {
        Some((first, rest)) if looks_like_host(first) => match lower(first) {
            host if host == OLD_HUB => (HUB.into(), rest),
            host => (host, rest),
        },
        _ => (HUB.into(), text),
    }
}

/// `name` with the registry host that it begins with, if it does, in small letters; `name` may be the
/// host alone. For names of collections that were not read as a [`Name`].
pub fn with_lower_host(name: &str) -> Cow<'_, str> {
    let (first, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    match lower(first) {
        Cow::Owned(host) if looks_like_host(first) => (host + rest).into(),
        _ => name.into(),
    }
}

/// Whether the first component of a name is its registry.
fn looks_like_host(first: &str) -> bool {
    first.eq_ignore_ascii_case("localhost") || first.contains(['.', ':'])
}

fn lower(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => text.to_ascii_lowercase().into(),
        false => text.into(),
    }
}

fn check_domain(domain: &str) -> Result<(), Error> {
    let valid = domain.len() <= MAX_DOMAIN && split_port(domain).is_some_and(is_host);
    valid.then_some(()).ok_or_else(|| Error::Domain { text: excerpt(domain) })
}

/// The host of `host[:port]`; `None` if the port is not a number up to 65535.
fn split_port(domain: &str) -> Option<&str> {
    let unbracketed = domain.rfind(']').and_then(|at| domain.get(at..)).unwrap_or(domain);
    let Some((_, port)) = unbracketed.split_once(':') else { return Some(domain) };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = domain.strip_suffix(port)?.strip_suffix(':')?;
    (digits && port.parse::<u16>().is_ok()).then_some(host)
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => !address.contains('.') && address.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    }
}

fn is_label(label: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    label.bytes().all(inside)
        && !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn check_path(path: &str) -> Result<(), Error> {
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::UpperCase { text: excerpt(path) });
    }
    let valid = path.len() <= MAX_PATH && path.split('/').all(is_component);
    valid.then_some(()).ok_or_else(|| Error::Path { text: excerpt(path) })
}

/// Runs of `[a-z0-9]` joined by `.`, `_`, `__` or any number of `-`.
fn is_component(component: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = component.bytes().next().is_some_and(is_alphanumeric)
        && component.bytes().next_back().is_some_and(is_alphanumeric);
    ends && component
        .split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
        .all(is_separator)
}

fn is_separator(between: &str) -> bool {
    matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
}

const HUB: &str = "docker.io";
const OLD_HUB: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
/// `distribution/reference`: `RepositoryNameTotalLengthMax`.
const MAX_PATH: usize = 255;
/// The longest DNS name and a port.
const MAX_DOMAIN: usize = 253 + 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn full(text: &str) -> String {
        text.parse::<Name>().expect(text).to_string()
    }

    #[test]
    fn reference_normalisation_golden() {
        for (text, expected) in [
            ("alpine", "docker.io/library/alpine"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("library/alpine", "docker.io/library/alpine"),
            ("index.docker.io/library/alpine", "docker.io/library/alpine"),
            ("index.docker.io/alpine", "docker.io/library/alpine"),
            ("foo/bar", "docker.io/foo/bar"),
            ("docker.io/foo/bar", "docker.io/foo/bar"),
            ("myhost/x", "docker.io/myhost/x"),
            ("localhost/x", "localhost/x"),
            ("127.0.0.1:15002/x", "127.0.0.1:15002/x"),
            ("[::1]:5000/x", "[::1]:5000/x"),
            ("[2001:db8::1]/x", "[2001:db8::1]/x"),
            ("example.com:443/x", "example.com:443/x"),
            ("example.com/x/y/z", "example.com/x/y/z"),
            ("Registry.Example.com/x", "registry.example.com/x"),
            ("LOCALHOST:5000/x", "localhost:5000/x"),
            ("Localhost/x", "localhost/x"),
            ("[2001:DB8::1]/x", "[2001:db8::1]/x"),
            ("DOCKER.IO/x", "docker.io/library/x"),
            ("Index.Docker.io/x", "docker.io/library/x"),
            ("registry-1.docker.io/library/alpine", "registry-1.docker.io/library/alpine"),
            ("library/foo/bar", "docker.io/library/foo/bar"),
            ("store/foo/bar", "docker.io/store/foo/bar"),
            (
                "docker.io/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
                "docker.io/library/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
            ),
            ("a--b/c---d", "docker.io/a--b/c---d"),
            ("a__b/c.d_e", "docker.io/a__b/c.d_e"),
            ("xn--n3h.com/x", "xn--n3h.com/x"),
            ("a-b.c.com:080/x", "a-b.c.com:080/x"),
        ] {
            assert_eq!(full(text), expected);
            assert_eq!(full(expected), expected, "the full form is its own");
        }
    }

    #[test]
    fn domain_and_path_are_the_two_parts() {
        let name: Name = "[::1]:5000/team/app".parse().expect("valid");
        assert_eq!((name.domain(), name.path()), ("[::1]:5000", "team/app"));
    }

    #[test]
    fn familiar_form_means_the_same_repository() {
        for (text, familiar) in [
            ("docker.io/library/web", "web"),
            ("docker.io/team/web", "team/web"),
            ("docker.io/library/a/b", "library/a/b"),
            ("docker.io/localhost/x", "docker.io/localhost/x"),
            ("example.com/library/web", "example.com/library/web"),
        ] {
            let name: Name = text.parse().expect(text);
            assert_eq!(name.familiar(), familiar);
            assert_eq!(full(familiar), name.to_string());
        }
    }

    #[test]
    fn gun_table() {
        let long = format!("x/{}", "a".repeat(254));
        for text in [
            "",
            "/abs",
            "a//b",
            "a/",
            ".",
            "..",
            "a/../../b",
            "../../../../tmp/x",
            "a\\..\\b",
            "%2e%2e",
            "a\0b",
            "a\nb",
            "a b",
            "a/.b",
            "a/b.",
            "a..b",
            "a___b",
            "a._b",
            "_a",
            "a_",
            "a-",
            "-v",
            "--config=/x",
            "@file",
            "a?b",
            "a#b",
            "https://a.com/b",
            "a.com:/x",
            "a.com:port/x",
            "reg:0x50/x",
            "a.com:65536/x",
            "a.com:443:443/x",
            ":5000/x",
            "a@b.com/x",
            "user:pw@a.com/x",
            "[::1/x",
            "[::1]x/y",
            "[]/x",
            "[::ffff:1.2.3.4]/x",
            "[fe80::1%25eth0]/x",
            "a.com./x",
            ".a.com/x",
            "-a.com/x",
            "a-.com/x",
            "a..com/x",
            "foo_bar.com/x",
            "a.com/",
            &long,
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn reference_confusables() {
        for text in [
            "Docker.io/Library/x",
            "foo/BAR",
            "docker.io/Foo",
            "Foo/bar",
            "LOCALHOST:5000/X",
            "ex\u{430}mple.com/x",
            "\u{430}lpine",
            "alpin\u{e9}",
            "example\u{3002}com/x",
            "a\u{202e}b",
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?} was accepted");
        }
        for text in ["foo/BAR", "Foo/bar"] {
            assert!(matches!(text.parse::<Name>(), Err(Error::UpperCase { .. })), "{text}");
        }
        for text in ["DOCKER.IO/x", "Docker.io/library/x", "INDEX.DOCKER.IO/library/x"] {
            assert_eq!(full(text), full("x"), "{text}");
        }
    }

    #[test]
    fn hosts_of_other_names() {
        for (name, expected) in [
            ("REG.io/Up", "reg.io/Up"),
            ("REG.io:5000", "reg.io:5000"),
            ("LocalHost/x", "localhost/x"),
            ("Team/Up", "Team/Up"),
            ("team/Reg.io", "team/Reg.io"),
            ("Any-Name", "Any-Name"),
            ("", ""),
        ] {
            assert_eq!(with_lower_host(name), expected);
        }
    }

    #[test]
    fn path_of_255_bytes_is_the_longest() {
        let fits = format!("a.com/{}", "a".repeat(255));
        assert!(fits.parse::<Name>().is_ok());
        assert!(format!("{fits}a").parse::<Name>().is_err());
    }
}
