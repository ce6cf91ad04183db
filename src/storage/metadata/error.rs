//! Why a store did not answer.

/// Why a store did not answer, or not store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something else was published since.
    #[error("something else was published meanwhile")]
    Conflict,
    /// The database cannot be opened.
    #[error("{}: {problem}", path.display())]
    Unusable {
        /// Where it is.
        path: std::path::PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The database failed.
    #[error("the database cannot {action}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database holds what was never put there.
    #[error("the database holds a {what} that is none")]
    Damaged {
        /// What was expected.
        what: &'static str,
    },
}
