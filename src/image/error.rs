//! Why a text is no image reference.

/// A text that docker, or we, do not accept as the name of an image.
///
/// Texts are shown escaped and cut, so they can be printed as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing was given.
    #[error("empty image reference")]
    Empty,
    /// More bytes than any reference needs.
    #[error("image reference of {found} bytes, at most {limit} are accepted")]
    TooLong {
        /// Bytes given.
        found: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// The registry host or its port is not acceptable.
    #[error("invalid reference format: {text:?} is no registry host")]
    Domain {
        /// The host as given.
        text: String,
    },
    /// The repository has capital letters.
    #[error("invalid reference format: repository name ({text}) must be lowercase")]
    UpperCase {
        /// The repository as given.
        text: String,
    },
    /// The repository does not follow the grammar.
    #[error("invalid reference format: {text:?} is no repository name")]
    Path {
        /// The repository as given.
        text: String,
    },
    /// 64 hex digits, which docker keeps for image ids.
    #[error("invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")]
    ImageId {
        /// The text as given.
        text: String,
    },
    /// A tag is not `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
    #[error("invalid reference format: {text:?} is no tag")]
    Tag {
        /// The tag as given.
        text: String,
    },
    /// A digest is not `sha256:` and 64 lower-case hex digits.
    #[error("invalid reference format: {text:?} is no sha256 digest")]
    Digest {
        /// The digest as given.
        text: String,
    },
    /// A tag or digest where only a repository is meant.
    #[error("{text:?} has a tag or digest, a repository is expected")]
    NotBare {
        /// The reference as given.
        text: String,
    },
}

/// At most [`SHOWN`] characters of `text`, for an error.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

const SHOWN: usize = 80;
