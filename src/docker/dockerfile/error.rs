//! Why the images of a Dockerfile cannot be told.

/// Why the images of a Dockerfile cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Longer than is read.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// A line whose images cannot be told.
    #[error("line {line}: {reason}")]
    Line {
        /// Which, from one.
        line: usize,
        /// Why.
        reason: String,
    },
}

impl Error {
    pub(super) fn at(line: usize, reason: impl Into<String>) -> Self {
        Self::Line { line, reason: reason.into() }
    }
}
