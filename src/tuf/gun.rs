//! The name of a collection.

use std::fmt;

use super::Error;
use crate::image::Name;

/// A globally unique name: which collection of trust data is meant.
///
/// For images it is the normalised `domain/path` (`docker.io/library/alpine`), byte for byte as
/// docker computes it. It becomes a directory below the trust directory and a path on the trust
/// server, so a value of this type never holds an empty, `.` or `..` component, nor anything that a
/// URL or a shell would read as more than a letter of a name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Gun(String);

impl Gun {
    /// Takes a name verbatim, for collections that are not images.
    ///
    /// # Errors
    ///
    /// [`Error::Gun`] unless it is 1 to 255 bytes of printable ASCII in `/`-separated components,
    /// none of them empty, `.` or `..`, and none of the bytes in `\ % * ? # " < > &` or a space.
    pub fn raw(name: &str) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::Gun { gun: name.chars().take(80).collect(), reason });
        if name.is_empty() || name.len() > MAX_BYTES {
            return refuse("must have 1 to 255 bytes");
        }
        if !name.bytes().all(|b| b.is_ascii_graphic() && !REFUSED_BYTES.contains(&b)) {
            return refuse("holds a character that is not allowed in a collection name");
        }
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse("has an empty, '.' or '..' component");
        }
        if name.split('/').any(|part| part == "_trust") {
            return refuse("has the reserved component '_trust'");
        }
        Ok(Self(name.to_owned()))
    }

    /// Whether it is the one that the image of this very name has.
    pub fn is_of_image(&self) -> bool {
        self.0.parse::<Name>().is_ok_and(|name| Self::from(&name) == *self)
    }

    /// The name as written in URLs, certificates and key files.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Name> for Gun {
    fn from(name: &Name) -> Self {
        Self(name.to_string())
    }
}

impl fmt::Display for Gun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_BYTES: usize = 255;
const REFUSED_BYTES: &[u8] = b"\\%*?#\"<>&";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gun_table() {
        for good in
            ["docker.io/library/alpine", "127.0.0.1:5000/x", "[::1]:5000/x", "a", "v1.2/b_c"]
        {
            assert_eq!(Gun::raw(good).expect(good).as_str(), good);
        }
        let long = "a".repeat(256);
        for bad in [
            "",
            "/abs",
            "a//b",
            ".",
            "..",
            "a/../b",
            "../../../../tmp/x",
            "a\\..\\b",
            "%2e%2e",
            "a\0b",
            "a\nb",
            "a b",
            "é",
            "a/",
            "a*",
            "a/_trust/b",
            &long,
        ] {
            assert!(Gun::raw(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
