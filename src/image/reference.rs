//! Image references: a repository with a tag, a digest, both or neither.

use std::{fmt, str::FromStr};

use super::{
    ImageDigest, Name,
    error::{Error, excerpt},
    name::split_domain,
};

/// What a user types for an image: `web`, `localhost:5000/team/web:1.2`, `web@sha256:…`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    name: Name,
    tag: Option<Tag>,
    digest: Option<ImageDigest>,
}

impl Reference {
    /// A reference made of its parts.
    pub fn new(name: Name, tag: Option<Tag>, digest: Option<ImageDigest>) -> Self {
        Self { name, tag, digest }
    }

    /// The repository.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The tag, if one was given.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one was given.
    pub fn digest(&self) -> Option<&ImageDigest> {
        self.digest.as_ref()
    }

    /// The given tag, or docker's default, `latest`.
    pub fn tag_or_latest(&self) -> Tag {
        self.tag.clone().unwrap_or_else(Tag::latest)
    }

    /// The reference with the shortest name that means the same: `web:1.2`.
    pub fn familiar(&self) -> String {
        self.render(self.name.familiar())
    }

    fn render(&self, name: &str) -> String {
        let tag = self.tag.iter().map(|tag| format!(":{tag}"));
        let digest = self.digest.iter().map(|digest| format!("@{digest}"));
        std::iter::once(name.to_owned()).chain(tag).chain(digest).collect()
    }
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        check_text(text)?;
        let (domain, rest) = split_domain(text);
        let (rest, digest) = split_at(rest, '@');
        let (path, tag) = split_at(rest, ':');
        Ok(Self {
            name: Name::new(&domain, path)?,
            tag: tag.map(str::parse).transpose()?,
            digest: digest.map(str::parse).transpose()?,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(self.name.as_str()))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The tag of an image, which is also the name of its target: `latest`, `1.2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag that docker supplies when none is given.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let inside = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-');
        let valid = text.len() <= MAX_TAG
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(inside);
        valid.then(|| Self(text.to_owned())).ok_or_else(|| Error::Tag { text: excerpt(text) })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_text(text: &str) -> Result<(), Error> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match text.len() {
        0 => Err(Error::Empty),
        64 if text.bytes().all(is_hex) => Err(Error::ImageId { text: text.to_owned() }),
        found if found > MAX_REFERENCE => Err(Error::TooLong { found, limit: MAX_REFERENCE }),
        _ => Ok(()),
    }
}

fn split_at(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `distribution/reference`, `TagRegexp`.
const MAX_TAG: usize = 128;
/// Longest host, path, tag and digest, with room for their separators.
const MAX_REFERENCE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parsed(text: &str) -> Reference {
        text.parse().expect(text)
    }

    #[test]
    fn parts_of_a_reference() {
        for (text, name, tag, has_digest) in [
            ("web", "docker.io/library/web", None, false),
            ("web:1.2", "docker.io/library/web", Some("1.2"), false),
            ("localhost:5000", "docker.io/library/localhost", Some("5000"), false),
            ("localhost:5000/web", "localhost:5000/web", None, false),
            ("a.com/b:C_d-E.0", "a.com/b", Some("C_d-E.0"), false),
            ("a.com/foo_bar.com:8080", "a.com/foo_bar.com", Some("8080"), false),
            ("xn--n3h.com/i:xn--n3h.com", "xn--n3h.com/i", Some("xn--n3h.com"), false),
            ("[::1]/b:2", "[::1]/b", Some("2"), false),
            ("web@DIGEST", "docker.io/library/web", None, true),
            ("a.com:5000/b:c@DIGEST", "a.com:5000/b", Some("c"), true),
            ("a/b:sha256-e3b0", "docker.io/a/b", Some("sha256-e3b0"), false),
        ] {
            let reference = parsed(&text.replace("DIGEST", DIGEST));
            assert_eq!(reference.name().as_str(), name);
            assert_eq!(reference.tag().map(Tag::as_str), tag);
            assert_eq!(reference.digest().is_some(), has_digest);
            assert_eq!(parsed(&reference.to_string()), reference);
            assert_eq!(parsed(&reference.familiar()), reference);
        }
    }

    #[test]
    fn malformed_references_are_refused() {
        let upper_case = DIGEST.to_uppercase().replace("SHA256", "sha256");
        for text in [
            "",
            ":tag",
            "@sha256:e3b0",
            "web:",
            "web@",
            "web:a:b",
            "web:a/b",
            "web:-a",
            "web:.a",
            "web:a b",
            "web:\u{e9}",
            "web@sha256",
            "web@sha256:e3b0",
            "web@md5:d41d8cd98f00b204",
            "web:a@",
            "web@DIGEST:a",
            "web@DIGEST@DIGEST",
            "web@DIGEST0",
            "-v",
            "--config=/x",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "web@UPPER",
            "web@sha512:DIGEST",
            "repo@SHA256:e3b0",
        ] {
            let text = text.replace("DIGEST", DIGEST).replace("UPPER", &upper_case);
            assert!(text.parse::<Reference>().is_err(), "{text:?} was accepted");
        }
    }

    proptest::proptest! {
        #[test]
        fn accepted_reference_reads_back(text in "\\PC{0,40}", near in "([a-zA-Z0-9]{1,3}|[-._:/@]){1,12}") {
            for text in [text, near] {
                if let Ok(reference) = text.parse::<Reference>() {
                    proptest::prop_assert_eq!(parsed(&reference.to_string()), reference.clone());
                    proptest::prop_assert_eq!(parsed(&reference.familiar()), reference);
                }
            }
        }
    }

    #[test]
    fn tag_of_128_bytes_is_the_longest() {
        assert!("a".repeat(128).parse::<Tag>().is_ok());
        assert!("a".repeat(129).parse::<Tag>().is_err());
    }

    #[test]
    fn missing_tag_means_latest() {
        assert_eq!(parsed("web").tag_or_latest().as_str(), "latest");
        assert_eq!(parsed("web:1").tag_or_latest().as_str(), "1");
    }

    #[test]
    fn errors_show_no_control_characters() {
        let error = "web:\u{1b}[31m\u{202e}".parse::<Reference>().expect_err("refused");
        assert!(error.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{error}");
    }

    #[test]
    fn name_check_is_linear() {
        let started = std::time::Instant::now();
        for text in ["a".repeat(1 << 20), "a-".repeat(1 << 19), "a/".repeat(1 << 19)] {
            assert!(text.parse::<Reference>().is_err());
            assert!(text.parse::<Tag>().is_err());
        }
        assert!(started.elapsed().as_millis() < 500);
    }
}
