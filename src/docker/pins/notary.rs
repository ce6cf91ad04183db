//! Notary's `trust_pinning` (Notary 0.7: `docs/reference/client-config.md`, `trustpin.go`).
//!
//! Differences, all of them refusals or narrower: prefixes end at whole components, names keep
//! their case, a CA file is looked for beside the configuration that names it, and what Notary
//! would ignore (a list that is no list, an unknown entry) is an error.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::file::read_bounded;
use super::{Error, Prefix, Reach, Rule, Speakers, longest};
use crate::docker::yaml;
use crate::tuf::{Gun, KeyId};

/// One `trust_pinning`.
#[derive(Clone, Debug, Default)]
pub(super) struct TrustPinning {
    pub(super) disable_tofu: bool,
    exact: Vec<Rule>,
    wildcard: Vec<Rule>,
    authorities: Vec<Rule>,
}

impl TrustPinning {
    /// The one rule that applies: certificates by name, by prefix, then authorities.
    pub(super) fn rule(&self, gun: &Gun) -> Option<&Rule> {
        let kinds = [&self.exact, &self.wildcard, &self.authorities];
        kinds.into_iter().find_map(|rules| longest(rules, gun))
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.exact.iter().chain(&self.wildcard).chain(&self.authorities)
    }
}

/// Reads the pins of a configuration of Notary's; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<TrustPinning>, Error> {
    let text = match read_bounded(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Unreadable { path: path.to_owned(), source }),
    };
    let reader = Reader { path };
    let file: Object<Value> = match path.extension().and_then(|it| it.to_str()) {
        Some("toml") => reader.toml(&text)?,
        Some("yaml" | "yml") => reader.yaml(&text)?,
        _ => reader.json(&text)?,
    };
    let pinning = file.0.into_iter().find(|(name, _)| name == "trust_pinning");
    pinning
        .map_or_else(|| Ok(TrustPinning::default()), |(_, value)| reader.pinning(value))
        .map(Some)
}

struct Reader<'p> {
    path: &'p Path,
}

impl Reader<'_> {
    fn pinning(&self, value: Value) -> Result<TrustPinning, Error> {
        let mut pinning = TrustPinning::default();
        let entries: Object<Value> = self.json(value.to_string().as_bytes())?;
        for (name, value) in entries.0 {
            match (&*name, value) {
                ("disable_tofu", Value::Bool(refused)) => pinning.disable_tofu = refused,
                ("certs", Value::Object(certs)) => self.certs(certs, &mut pinning)?,
                ("ca", Value::Object(files)) => self.authorities(files, &mut pinning)?,
                _ => return Err(self.refuse(format!("trust_pinning: {name} is not understood"))),
            }
        }
        Ok(pinning)
    }

    fn certs(
        &self,
        certs: serde_json::Map<String, Value>,
        to: &mut TrustPinning,
    ) -> Result<(), Error> {
        for (name, value) in certs {
            let speakers = Speakers::Keys(self.key_ids(&name, value)?);
            let (prefix, rules) = match name.strip_suffix('*') {
                Some("") => (Prefix::everything(), &mut to.wildcard),
                Some(stem) => (self.stem(stem)?, &mut to.wildcard),
                None => (self.prefix(&name, Reach::Exact)?, &mut to.exact),
            };
            rules.push(Rule { prefix, speakers, source: self.path.to_owned() });
        }
        Ok(())
    }

    fn authorities(
        &self,
        files: serde_json::Map<String, Value>,
        to: &mut TrustPinning,
    ) -> Result<(), Error> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        for (name, value) in files {
            let file = value.as_str().filter(|file| !file.is_empty());
            let file = file.ok_or_else(|| {
                self.refuse(format!("trust_pinning: ca of {name:?} names no file"))
            })?;
            let prefix = if name.is_empty() { Prefix::everything() } else { self.stem(&name)? };
            let speakers = Speakers::Authorities(folder.join(PathBuf::from(file)));
            to.authorities.push(Rule { prefix, speakers, source: self.path.to_owned() });
        }
        Ok(())
    }

    fn key_ids(&self, name: &str, value: Value) -> Result<Vec<KeyId>, Error> {
        let refuse =
            || self.refuse(format!("trust_pinning: certs of {name:?} is no list of key ids"));
        let ids = value.as_array().filter(|ids| !ids.is_empty()).ok_or_else(refuse)?;
        let id = |id: &Value| id.as_str().and_then(|id| id.parse().ok()).ok_or_else(refuse);
        ids.iter().map(id).collect()
    }

    /// `a/b` with what is below it, `a/b/` without itself.
    fn stem(&self, text: &str) -> Result<Prefix, Error> {
        match text.strip_suffix('/') {
            Some(stem) => self.prefix(stem, Reach::Below),
            None => self.prefix(text, Reach::AndBelow),
        }
    }

    fn prefix(&self, text: &str, reach: Reach) -> Result<Prefix, Error> {
        Prefix::new(text, reach)
            .map_err(|_| self.refuse(format!("trust_pinning: {text:?} is no name of a collection")))
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, text: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(text).map_err(|error| self.refuse(error.to_string()))
    }

    fn toml<T: for<'de> Deserialize<'de>>(&self, text: &[u8]) -> Result<T, Error> {
        toml::from_slice(text).map_err(|error| self.refuse(error.message().to_owned()))
    }

    fn yaml<T: for<'de> Deserialize<'de>>(&self, text: &[u8]) -> Result<T, Error> {
        let text = std::str::from_utf8(text).map_err(|error| self.refuse(error.to_string()))?;
        let document = yaml::document(text).map_err(|error| self.refuse(error.to_string()))?;
        serde_json::from_value(document).map_err(|error| self.refuse(error.to_string()))
    }

    fn refuse(&self, problem: String) -> Error {
        Error::Malformed { path: self.path.to_owned(), problem }
    }
}

/// An object whose names count in any case, as for Notary's reader, and come once.
struct Object<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    let name = name.to_lowercase();
                    if entries.iter().any(|(known, _)| *known == name) {
                        let problem = format!("{name:?} stands there twice");
                        return Err(serde::de::Error::custom(problem));
                    }
                    entries.push((name, value));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}
