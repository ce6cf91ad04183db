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
    /// The database is not there now; later it may be.
    #[error("the database cannot be reached")]
    Unreachable {
        /// What was tried last.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database holds tables that cannot be used.
    #[error("the database cannot be used: {problem}")]
    Unfit {
        /// What is wrong.
        problem: String,
    },
    /// The database takes two names for one, and the other one has a collection.
    #[error("{taken} is taken, and the database does not tell it from this name")]
    Taken {
        /// The name that is there.
        taken: String,
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
