//! The collections that a pin is for.

use std::fmt;

use super::Error;
use crate::image::{Name, with_lower_host};
use crate::tuf::Gun;

/// A collection, or the first components of collections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    text: String,
    reach: Reach,
}

/// How far a prefix reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// To what is below it.
    Below,
    /// To itself and what is below it.
    AndBelow,
    /// To itself.
    Exact,
}

impl Prefix {
    /// What a user types for an image or a registry: `web`, `reg.io/team`, `reg.io:5000`,
    /// `reg.io/team/*`. The first is one repository, in docker's full form.
    ///
    /// # Errors
    ///
    /// [`Error::Prefix`].
    pub fn of_images(text: &str) -> Result<Self, Error> {
        let refuse = || Error::Prefix { text: text.chars().take(80).collect() };
        if let Some(folder) = text.strip_suffix("/*").or_else(|| text.strip_suffix('/')) {
            return Ok(Self {
                text: folder_of_images(folder).ok_or_else(refuse)?,
                reach: Reach::Below,
            });
        }
        if is_registry(text) {
            return Ok(Self {
                text: folder_of_images(text).ok_or_else(refuse)?,
                reach: Reach::Below,
            });
        }
        let name: Name = text.parse().map_err(|_| refuse())?;
        Ok(Self { text: name.to_string(), reach: Reach::AndBelow })
    }

    /// A name as it is, with what is below it; `/*` at its end leaves out the name itself.
    ///
    /// # Errors
    ///
    /// [`Error::Prefix`].
    pub fn written(text: &str) -> Result<Self, Error> {
        match text.strip_suffix("/*").or_else(|| text.strip_suffix('/')) {
            Some(stem) => Self::new(stem, Reach::Below),
            None => Self::new(text, Reach::AndBelow),
        }
    }

    /// A name as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Prefix`] unless it could be the beginning of a collection's name.
    pub(super) fn new(text: &str, reach: Reach) -> Result<Self, Error> {
        let text =
            Gun::raw(text).map_err(|_| Error::Prefix { text: text.chars().take(80).collect() })?;
        Ok(Self { text: text.to_string(), reach })
    }

    /// Every collection.
    pub(super) fn everything() -> Self {
        Self { text: String::new(), reach: Reach::AndBelow }
    }

    /// Whether a collection is meant. Of both, the registry's host counts in small letters.
    pub fn covers(&self, gun: &Gun) -> bool {
        let (own, gun) = (with_lower_host(&self.text), with_lower_host(gun.as_str()));
        let Some(rest) = gun.strip_prefix(&*own) else { return false };
        let below = self.text.is_empty() || rest.starts_with('/');
        match self.reach {
            Reach::Exact => rest.is_empty(),
            Reach::AndBelow => rest.is_empty() || below,
            Reach::Below => below,
        }
    }

    /// Orders prefixes that cover the same collection: the greatest is the one to follow.
    pub(super) fn specificity(&self) -> usize {
        self.text.len()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text.as_str(), self.reach) {
            ("", _) => f.write_str("*"),
            (text, Reach::Below) => write!(f, "{text}/*"),
            (text, _) => f.write_str(text),
        }
    }
}

/// The full form of a registry or of the first components of repositories there.
fn folder_of_images(folder: &str) -> Option<String> {
    // Two components, so that docker's default for one of them stays away.
    let name: Name = format!("{folder}/x/x").parse().ok()?;
    name.as_str().strip_suffix("/x/x").map(str::to_owned)
}

/// A host alone. As an image it would be an odd name on docker's Hub, which nobody means here; but
/// `web:1` is rather an image with its tag than a host with its port.
fn is_registry(text: &str) -> bool {
    let host = text.split(':').next().unwrap_or_default();
    !text.contains('/') && (host == "localhost" || host.contains('.') || host.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_type() {
        for (text, expected) in [
            ("web", "docker.io/library/web"),
            ("team/web", "docker.io/team/web"),
            ("team/", "docker.io/team/*"),
            ("docker.io", "docker.io/*"),
            ("docker.io/library/*", "docker.io/library/*"),
            ("reg.io", "reg.io/*"),
            ("reg.io:5000/", "reg.io:5000/*"),
            ("reg.io/team", "reg.io/team"),
            ("localhost", "localhost/*"),
            ("[::1]:5000", "[::1]:5000/*"),
            ("registry:5000/", "registry:5000/*"),
        ] {
            assert_eq!(Prefix::of_images(text).expect(text).to_string(), expected, "{text}");
        }
        for text in [
            "",
            "/",
            "*",
            "reg.io/team*",
            "../x",
            "reg.io/Team",
            "web:1",
            "alpine:3.18",
            "a b",
            "-v",
        ] {
            assert!(Prefix::of_images(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_host_is_the_same_one_in_capitals() {
        for (text, gun, covered) in [
            ("REG.io", "reg.io/Web", true),
            ("REG.io:5000/*", "reg.io:5000/Web", true),
            ("reg.io/Team", "REG.IO/Team/web", true),
            ("Reg.io/Team", "rEG.io/Team", true),
            ("Reg.io/Team", "reg.io/team", false),
            ("REG.io", "reg.iox/web", false),
            ("Team/web", "team/web", false),
        ] {
            let prefix = Prefix::written(text).expect(text);
            assert_eq!(prefix.covers(&Gun::raw(gun).expect(gun)), covered, "{text} {gun}");
        }
        assert_eq!(Prefix::of_images("REG.io/team").expect("a name").to_string(), "reg.io/team");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["reg.io/team", "reg.io/team/*", "any-name", "Reg.io/Case"] {
            assert_eq!(Prefix::written(text).expect(text).to_string(), text);
        }
    }
}
