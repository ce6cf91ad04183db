//! The registries behind the proxy, and which of them is meant.

use std::fmt;
use std::str::FromStr;

use url::form_urlencoded;

use crate::image::Name;

/// A registry as it stands in names of images: `registry.example.com:5000`, `docker.io`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upstream(String);

impl FromStr for Upstream {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A host is what makes a name one of that host, and not a path at docker's Hub.
        let name: Name = format!("{text}/a/b").parse().map_err(|_| FORM)?;
        match name.path() {
            "a/b" => Ok(Self(name.domain().to_owned())),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why no repository is meant.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Unmeant {
    /// No registry that is asked here.
    Registry(String),
    /// No name of a repository.
    Name(String),
}

/// The repository that a path and a query mean. containerd names the registry that it would ask
/// without us (`ns=registry.example.com`); others ask the only one there is.
pub(super) fn repository(
    upstreams: &[Upstream],
    path: &str,
    query: Option<&str>,
) -> Result<Name, Unmeant> {
    let mut named = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .filter(|(key, _)| key == "ns")
        .map(|(_, value)| value.into_owned());
    let upstream = match (named.next(), named.next(), upstreams) {
        (None, _, [only]) => only,
        (None, _, _) => {
            let all: Vec<String> = upstreams.iter().map(Upstream::to_string).collect();
            return Err(Unmeant::Registry(format!(
                "several registries are behind this proxy ({}): ?ns=REGISTRY says which is meant",
                all.join(", ")
            )));
        }
        (Some(_), Some(_), _) => return Err(Unmeant::Registry("more than one ns".to_owned())),
        (Some(ns), None, _) => {
            let meant = ns.parse::<Upstream>().ok();
            let found = upstreams.iter().find(|upstream| Some(*upstream) == meant.as_ref());
            found.ok_or_else(|| {
                let shown: String = ns.escape_debug().take(MOST_SHOWN).collect();
                Unmeant::Registry(format!("{shown} is no registry behind this proxy"))
            })?
        }
    };
    // With its host before it, nothing in the path is taken for one.
    format!("{upstream}/{path}")
        .parse()
        .map_err(|error: crate::image::Error| Unmeant::Name(error.to_string()))
}

const FORM: &str = "write HOST or HOST:PORT, as it stands in names of images";
/// Of what a stranger wrote, in characters.
const MOST_SHOWN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(texts: &[&str]) -> Vec<Upstream> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    #[test]
    fn hosts_of_registries() {
        for (text, expected) in [
            ("registry.example.com", "registry.example.com"),
            ("registry.example.com:5000", "registry.example.com:5000"),
            ("localhost", "localhost"),
            ("LOCALHOST:5000", "localhost:5000"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("[::1]:5000", "[::1]:5000"),
            ("docker.io", "docker.io"),
            ("index.docker.io", "docker.io"),
        ] {
            assert_eq!(text.parse::<Upstream>().expect(text).to_string(), expected);
        }
        for bad in ["", "registry", "https://a.com", "a.com/", "a.com/b", "a.com:x", "u@a.com"] {
            assert!(bad.parse::<Upstream>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_registry_that_is_meant() {
        let (one, two) = (upstreams(&["a.com"]), upstreams(&["a.com", "b.com:5000", "docker.io"]));
        let name = |upstreams, path, query| {
            repository(upstreams, path, query).map(|name| name.to_string())
        };
        for (upstreams, path, query, expected) in [
            (&one, "team/web", None, "a.com/team/web"),
            (&one, "team/web", Some("ns=a.com"), "a.com/team/web"),
            (&one, "b.com/web", None, "a.com/b.com/web"),
            (&two, "web", Some("x=y&ns=b.com%3A5000"), "b.com:5000/web"),
            (&two, "library/web", Some("ns=docker.io"), "docker.io/library/web"),
            (&two, "web", Some("ns=B.COM:5000"), "b.com:5000/web"),
            (&two, "web", Some("ns=docker.io"), "docker.io/library/web"),
        ] {
            assert_eq!(name(upstreams, path, query).as_deref(), Ok(expected));
        }
        for (upstreams, path, query) in [
            (&two, "web", None),
            (&two, "web", Some("ns=c.com")),
            (&two, "web", Some("ns=")),
            (&two, "web", Some("ns=a.com&ns=b.com:5000")),
            (&one, "web", Some("ns=b.com")),
            (&one, "web", Some("ns=a.com%00")),
            (&one, "", None),
            (&one, "..", None),
            (&one, "a/../b", None),
            (&one, "a%2fb", None),
            (&one, "WEB", None),
            (&one, "web:1", None),
            (&one, "web@sha256:00", None),
            (&one, "a//b", None),
        ] {
            assert!(name(upstreams, path, query).is_err(), "{path} {query:?}");
        }
    }
}
